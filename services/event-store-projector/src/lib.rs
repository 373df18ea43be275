#![doc = include_str!("../README.md")]

mod app;
mod domain;
mod http;
mod projection;
mod use_cases;

pub use app::App;
