//! Use cases, one per file; HTTP handlers and event consumers call the same ones.

mod error;
mod list_packages;
mod list_payments;
mod open_payment_link;
mod read_subscription;
mod record_payment;
mod request_payment;
mod reverse_payment;
mod settle_payment;
mod start_subscription;

pub use error::BillingError;
pub use list_packages::list_packages;
pub use list_payments::list_payments;
pub use open_payment_link::{OpenedPayment, PaymentLink, open_payment_link};
pub use read_subscription::read_subscription;
pub use record_payment::record_payment;
pub use request_payment::request_payment;
pub use reverse_payment::reverse_payment;
pub use settle_payment::settle_payment;
pub use start_subscription::start_subscription;
