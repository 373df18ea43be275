//! The bus against a real broker and registry: run through `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod batches;
mod contracts;
mod dead_letters;
mod failures;
mod fairness;
mod gate;
mod groups;
mod interop;
mod letters;
mod outages;
mod oversize;
mod policies;
mod private;
mod publishing;
mod replays;
mod starts;
mod world;
