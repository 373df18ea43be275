//! Use cases, one per file; HTTP handlers, event consumers and jobs call the same ones.

mod deliver_emails;
mod error;
mod list_notifications;
mod mark_notification_read;
mod notify_of_order;
mod notify_platform;
mod post_notification;
mod request_email;
mod send_password_link;
mod send_setup_guide;
mod send_welcome;

pub(crate) use deliver_emails::EmailDelivery;
pub use error::NotificationError;
pub use list_notifications::list_notifications;
pub use mark_notification_read::mark_notification_read;
pub(crate) use notify_of_order::notify_of_order;
pub(crate) use notify_platform::notify_platform;
pub(crate) use send_password_link::send_password_link;
pub(crate) use send_setup_guide::{NewTenant, send_setup_guide};
pub(crate) use send_welcome::{NewUser, send_welcome};
