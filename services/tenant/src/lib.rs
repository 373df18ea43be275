#![doc = include_str!("../README.md")]

mod app;
mod consumers;
pub mod domain;
mod http;
pub mod settings;
mod store;
mod use_cases;

pub use app::App;
