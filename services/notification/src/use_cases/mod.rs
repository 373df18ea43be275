//! Use cases, one per file; HTTP handlers, event consumers and jobs call the same ones.

mod error;
mod list_notices;
mod post_notice;
mod read_notice;
mod request_email;
mod send_emails;
mod send_password_link;
mod send_setup_guide;
mod tell_landlord;
mod tell_of_order;
mod welcome_user;

pub use error::NotificationError;
pub use list_notices::list_notices;
pub use read_notice::read_notice;
pub(crate) use send_emails::EmailDelivery;
pub(crate) use send_password_link::send_password_link;
pub(crate) use send_setup_guide::{SetUp, send_setup_guide};
pub(crate) use tell_landlord::tell_landlord;
pub(crate) use tell_of_order::tell_of_order;
pub(crate) use welcome_user::{NewUser, welcome_user};
