#![doc = include_str!("../README.md")]

mod catalogue;
mod timestamp;

pub use catalogue::{Catalogue, asyncapi, find, released, topics};
pub use generated::*;
pub use timestamp::Timestamp;

#[allow(clippy::pedantic, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/events.rs"));
}
