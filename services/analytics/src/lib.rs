#![doc = include_str!("../README.md")]

pub mod app;
pub mod domain;
pub mod store;
pub mod use_cases;

mod consumers;
mod http;

pub use app::App;
