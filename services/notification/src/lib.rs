#![doc = include_str!("../README.md")]

pub mod app;
pub mod domain;
pub mod settings;
pub mod store;
pub mod use_cases;

mod consumers;
mod http;
mod live;
mod mailer;
mod metrics;
mod user_client;

pub use app::App;
