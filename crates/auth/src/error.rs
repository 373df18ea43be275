//! Why a caller was not let in, and how that is answered over HTTP.

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use serde_json::json;

/// Why a caller was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The request carries no token: 401.
    #[error("a bearer token is needed")]
    Missing,
    /// The token is not one of ours; the reason is for its owner: 401.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
    /// The token was ours, and is over: 401.
    #[error("the token has expired")]
    Expired,
    /// The caller is known, and has another role: 403.
    #[error("this needs the role {needed}")]
    Forbidden {
        /// The role that may.
        needed: &'static str,
    },
    /// No key is known yet, because the user service could not be reached since the start: 503.
    #[error("the keys that check tokens are out of reach")]
    KeysUnavailable,
}

impl AuthError {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid(_) | Self::Expired => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::KeysUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The stable `type` of the problem document (RFC 9457).
    pub fn problem_type(self) -> &'static str {
        match self {
            Self::Missing | Self::Invalid(_) | Self::Expired => "/problems/unauthenticated",
            Self::Forbidden { .. } => "/problems/forbidden",
            Self::KeysUnavailable => "/problems/keys-unavailable",
        }
    }

    /// The `title` of the problem document.
    pub fn title(self) -> &'static str {
        match self {
            Self::Missing | Self::Invalid(_) | Self::Expired => "Not authenticated",
            Self::Forbidden { .. } => "Forbidden",
            Self::KeysUnavailable => "Temporarily unavailable",
        }
    }

    /// The `detail` of the problem document; safe to show to the caller.
    pub fn detail(self) -> String {
        self.to_string()
    }

    /// The header that belongs to the answer: how to authenticate, or when to come back.
    pub fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Missing => Some((
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"tenantry\""),
            )),
            Self::Invalid(_) | Self::Expired => Some((
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"tenantry\", error=\"invalid_token\""),
            )),
            Self::Forbidden { .. } => None,
            Self::KeysUnavailable => Some((RETRY_AFTER, HeaderValue::from_static("2"))),
        }
    }
}

impl ResponseError for AuthError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status());
        if let Some(header) = self.header() {
            answer.insert_header(header);
        }
        let body = json!({
            "type": self.problem_type(),
            "title": self.title(),
            "status": self.status().as_u16(),
            "detail": self.detail(),
        });
        answer
            .content_type("application/problem+json")
            .body(body.to_string())
    }
}
