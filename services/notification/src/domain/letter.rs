//! What e-mails there are, and what each needs to know.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use strum::{Display, EnumIter, IntoStaticStr};
use time::OffsetDateTime;

/// The templates, by the names that events and files carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Template {
    /// To a new user.
    Welcome,
    /// To an invited user: set a first password.
    Invitation,
    /// To a user who forgot theirs.
    PasswordReset,
    /// To a new tenant's admin.
    SetupGuide,
    /// To a buyer: how to pay.
    OrderPlaced,
    /// To a buyer: it is complete.
    OrderCompleted,
    /// To a buyer: it was not paid in time.
    OrderExpired,
}

impl Template {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why somebody may set a password without the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Purpose {
    /// They forgot it.
    PasswordReset,
    /// They were invited and have none yet.
    Invitation,
}

/// What lets the reader of an e-mail set a password, once.
#[derive(Clone, Debug)]
pub struct PasswordSecret {
    /// The secret.
    pub token: SecretString,
    /// When it stops working.
    pub expires_at: OffsetDateTime,
}

impl Serialize for PasswordSecret {
    /// As templates see it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            token: &'a str,
            query: String,
            expires_at: String,
        }
        let token = self.token.expose_secret();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .finish();
        Shown {
            token,
            query,
            expires_at: minute(self.expires_at),
        }
        .serialize(serializer)
    }
}

/// `2026-11-21 02:45 UTC`.
pub(super) fn minute(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    let (date, hour, minute) = (time.date(), time.hour(), time.minute());
    format!("{date} {hour:02}:{minute:02} UTC")
}

/// An e-mail to be: a template and what it is filled with.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Letter {
    /// [`Template::Welcome`].
    Welcome {
        /// The user's name.
        name: String,
        /// The tenant they administer.
        tenant_code: Option<String>,
    },
    /// [`Template::Invitation`].
    Invitation {
        /// The user's name.
        name: String,
        /// The tenant they are to administer.
        tenant_code: Option<String>,
        /// What lets them in.
        secret: PasswordSecret,
    },
    /// [`Template::PasswordReset`].
    PasswordReset {
        /// What lets them in.
        secret: PasswordSecret,
    },
    /// [`Template::SetupGuide`].
    SetupGuide {
        /// The tenant's name.
        tenant_name: String,
        /// Its code.
        tenant_code: String,
        /// What it pays for.
        package: String,
    },
    /// [`Template::OrderPlaced`].
    OrderPlaced {
        /// The order.
        order_id: String,
        /// The seller.
        tenant_code: String,
        /// What it costs, for people.
        total: String,
        /// Where it is paid.
        payment_link: String,
    },
    /// [`Template::OrderCompleted`].
    OrderCompleted {
        /// The order.
        order_id: String,
        /// The seller.
        tenant_code: String,
        /// What it cost, for people.
        total: String,
        /// What it was completed with.
        transaction_id: String,
    },
    /// [`Template::OrderExpired`].
    OrderExpired {
        /// The order.
        order_id: String,
        /// The seller.
        tenant_code: String,
        /// What it would have cost, for people.
        total: String,
    },
}

impl Letter {
    /// The template it fills.
    #[must_use]
    pub fn template(&self) -> Template {
        match self {
            Self::Welcome { .. } => Template::Welcome,
            Self::Invitation { .. } => Template::Invitation,
            Self::PasswordReset { .. } => Template::PasswordReset,
            Self::SetupGuide { .. } => Template::SetupGuide,
            Self::OrderPlaced { .. } => Template::OrderPlaced,
            Self::OrderCompleted { .. } => Template::OrderCompleted,
            Self::OrderExpired { .. } => Template::OrderExpired,
        }
    }
}
