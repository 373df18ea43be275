//! The bus against a real broker and registry: run through `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod batches;
mod broker;
mod contracts;
mod dead_letters;
mod examples;
mod failures;
mod fairness;
mod gate;
mod groups;
mod identity;
mod interop;
mod kills;
mod letters;
mod outages;
mod oversize;
mod parking;
mod policies;
mod private;
mod publishing;
mod replays;
mod said;
mod secured;
mod starts;
mod world;
