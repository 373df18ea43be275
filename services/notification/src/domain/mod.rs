//! E-mails, notifications and the live feed: types, state machines, decisions. Free of actix, sea-orm, sqlx and rdkafka.

mod amount;
mod audience;
mod cursor;
mod email;
mod email_content;
mod notification;
mod order_update;
mod renderer;

pub use amount::amount_text;
pub use audience::{Audience, Audiences, ParseAudienceError};
pub use cursor::{Cursor, FeedReader, ParseCursorError};
pub use email::{
    EmailId, EmailReferences, EmailState, RetryDecision, SendError, TenantSummary, retry_decision,
};
pub use email_content::{EmailContent, EmailTemplate, PasswordToken, TokenPurpose};
pub use notification::{FeedMessage, Notification, NotificationId, tenant_created};
pub use order_update::{Buyer, OrderLine, OrderStep, OrderUpdate};
pub use renderer::{EmailRenderer, RenderError, RenderedEmail};
