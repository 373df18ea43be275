//! Whom to tell what, and how far they have been told. Nothing here knows of HTTP, SQL or Kafka.

mod amount;
mod audience;
mod cursor;
mod email;
mod letter;
mod notice;
mod order_news;
mod templates;

pub use amount::amount_text;
pub use audience::{Audience, Audiences, NoAudience};
pub use cursor::{BadCursor, Cursor, Reader};
pub use email::{About, AboutTenant, EmailId, EmailState, SendError, Verdict, after_failure};
pub use letter::{Letter, PasswordSecret, Purpose, Template};
pub use notice::{Message, Notice, NoticeId, tenant_created};
pub use order_news::{Buyer, Line, OrderNews, Step};
pub use templates::{Rendered, TemplateError, Templates};
