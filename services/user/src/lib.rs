#![doc = include_str!("../README.md")]

pub mod app;
pub mod domain;
pub mod settings;

mod consumers;
mod http;
mod password_hasher;
mod store;
mod tenants;
mod use_cases;

pub use app::App;
