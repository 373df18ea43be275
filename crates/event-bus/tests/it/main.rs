//! The bus against a real broker and registry: run through `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod batches;
mod dead_letters;
mod failures;
mod fairness;
mod groups;
mod letters;
mod oversize;
mod parking;
mod policies;
mod publishing;
mod starts;
mod world;
