//! What can be done: one verb a file. HTTP and consumers are two doors to the same verbs.

mod end_payment;
mod error;
mod list_packages;
mod list_payments;
mod open_link;
mod read_subscription;
mod record_payment;
mod request_payment;
mod settle_payment;
mod start_subscription;

pub use end_payment::end_payment;
pub use error::BillingError;
pub use list_packages::list_packages;
pub use list_payments::list_payments;
pub use open_link::{Link, Opened, open_link};
pub use read_subscription::read_subscription;
pub use record_payment::record_payment;
pub use request_payment::request_payment;
pub use settle_payment::settle_payment;
pub use start_subscription::start_subscription;
