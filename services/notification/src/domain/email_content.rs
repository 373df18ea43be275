//! The kinds of e-mails, and the values that each template is rendered with.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use strum::{Display, EnumIter, IntoStaticStr};
use time::OffsetDateTime;

/// The e-mail templates. Events, files and metrics use their names in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum EmailTemplate {
    /// Sent to a new user.
    Welcome,
    /// Sent to an invited user: a link to set the first password.
    Invitation,
    /// Sent to a user who forgot their password: a link to set a new one.
    PasswordReset,
    /// Sent to a new tenant's admin: the first steps.
    SetupGuide,
    /// Sent to a buyer: the payment link.
    OrderPlaced,
    /// Sent to a buyer: the order is complete.
    OrderCompleted,
    /// Sent to a buyer: the order was not paid in time.
    OrderExpired,
}

impl EmailTemplate {
    /// The template's name, as `order_placed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why a user may set a password without the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TokenPurpose {
    /// The user forgot the password.
    PasswordReset,
    /// The user was invited and has no password yet.
    Invitation,
}

/// A single-use token with which the recipient of an e-mail can set a password.
#[derive(Clone, Debug)]
pub struct PasswordToken {
    /// The secret value.
    pub value: SecretString,
    /// When it expires.
    pub expires_at: OffsetDateTime,
}

impl Serialize for PasswordToken {
    /// Serializes the variables that templates use: `value`, `query` and `expires_at`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Variables<'a> {
            value: &'a str,
            query: String,
            expires_at: String,
        }
        let value = self.value.expose_secret();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", value)
            .finish();
        Variables {
            value,
            query,
            expires_at: format_minute(self.expires_at),
        }
        .serialize(serializer)
    }
}

/// Formats a time as `2026-11-21 02:45 UTC`.
fn format_minute(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    let (date, hour, minute) = (time.date(), time.hour(), time.minute());
    format!("{date} {hour:02}:{minute:02} UTC")
}

/// The values of an e-mail's template.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum EmailContent {
    /// [`EmailTemplate::Welcome`].
    Welcome {
        /// The user's name.
        name: String,
        /// The code of the tenant that the user administers.
        tenant_code: Option<String>,
    },
    /// [`EmailTemplate::Invitation`].
    Invitation {
        /// The user's name.
        name: String,
        /// The code of the tenant that the user will administer.
        tenant_code: Option<String>,
        /// The token of the link.
        token: PasswordToken,
    },
    /// [`EmailTemplate::PasswordReset`].
    PasswordReset {
        /// The token of the link.
        token: PasswordToken,
    },
    /// [`EmailTemplate::SetupGuide`].
    SetupGuide {
        /// The tenant's name.
        tenant_name: String,
        /// The tenant's code.
        tenant_code: String,
        /// The booked package.
        package: String,
    },
    /// [`EmailTemplate::OrderPlaced`].
    OrderPlaced {
        /// The order's id.
        order_id: String,
        /// The seller's tenant code.
        tenant_code: String,
        /// The formatted total.
        total: String,
        /// The URL at which the buyer pays.
        payment_link: String,
    },
    /// [`EmailTemplate::OrderCompleted`].
    OrderCompleted {
        /// The order's id.
        order_id: String,
        /// The seller's tenant code.
        tenant_code: String,
        /// The formatted total.
        total: String,
        /// The transaction that completed the order.
        transaction_id: String,
    },
    /// [`EmailTemplate::OrderExpired`].
    OrderExpired {
        /// The order's id.
        order_id: String,
        /// The seller's tenant code.
        tenant_code: String,
        /// The formatted total.
        total: String,
    },
}

impl EmailContent {
    /// The template that these values belong to.
    #[must_use]
    pub fn template(&self) -> EmailTemplate {
        match self {
            Self::Welcome { .. } => EmailTemplate::Welcome,
            Self::Invitation { .. } => EmailTemplate::Invitation,
            Self::PasswordReset { .. } => EmailTemplate::PasswordReset,
            Self::SetupGuide { .. } => EmailTemplate::SetupGuide,
            Self::OrderPlaced { .. } => EmailTemplate::OrderPlaced,
            Self::OrderCompleted { .. } => EmailTemplate::OrderCompleted,
            Self::OrderExpired { .. } => EmailTemplate::OrderExpired,
        }
    }
}
