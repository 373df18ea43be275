#![doc = include_str!("../README.md")]

pub mod app;
pub mod domain;
pub mod settings;

mod consumers;
mod http;
mod passwords;
mod store;
mod tenants;
mod use_cases;

pub use app::App;
