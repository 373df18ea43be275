//! Use cases, one per file; HTTP handlers and event consumers call the same ones.

mod cancel_order;
mod complete_order;
mod create_order;
mod create_product;
mod delete_product;
mod error;
mod expire_orders;
mod list_own_orders;
mod pay_order;
mod read_catalogue;
mod read_order;
mod request_payment;
mod stock;
mod update_product;

pub use cancel_order::cancel_order;
pub use complete_order::complete_order;
pub use create_order::{PlaceOrder, create_order};
pub use create_product::create_product;
pub use delete_product::delete_product;
pub use error::OrderError;
pub use expire_orders::OrderDeadlines;
pub use list_own_orders::{OwnOrders, list_own_orders};
pub use pay_order::{mark_paid, receive_payment};
pub use read_catalogue::{Search, find_product, list_products};
pub use read_order::read_order;
pub use request_payment::request_payment;
pub use update_product::update_product;
