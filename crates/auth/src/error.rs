//! Authentication and authorisation errors and their HTTP responses.

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use serde_json::json;

/// The error of authenticating or authorising a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The request has no token: 401.
    #[error("a bearer token is required")]
    Missing,
    /// The token is invalid, for the given reason: 401.
    #[error("the token is invalid: {0}")]
    Invalid(&'static str),
    /// The token has expired: 401.
    #[error("the token has expired")]
    Expired,
    /// The caller has another role: 403.
    #[error("the role {required} is required")]
    Forbidden {
        /// The required role.
        required: &'static str,
    },
    /// No public key is available, because the user service was not reachable since the start: 503.
    #[error("the public keys for verifying tokens are unavailable")]
    KeysUnavailable,
}

impl AuthError {
    /// Returns the HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid(_) | Self::Expired => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::KeysUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the stable `type` of the problem document (RFC 9457).
    pub fn problem_type(self) -> &'static str {
        match self {
            Self::Missing | Self::Invalid(_) | Self::Expired => "/problems/unauthenticated",
            Self::Forbidden { .. } => "/problems/forbidden",
            Self::KeysUnavailable => "/problems/keys-unavailable",
        }
    }

    /// Returns the `title` of the problem document.
    pub fn title(self) -> &'static str {
        match self {
            Self::Missing | Self::Invalid(_) | Self::Expired => "Not authenticated",
            Self::Forbidden { .. } => "Forbidden",
            Self::KeysUnavailable => "Temporarily unavailable",
        }
    }

    /// Returns the `detail` of the problem document, which contains nothing confidential.
    pub fn detail(self) -> String {
        self.to_string()
    }

    /// Returns the header of the response: `WWW-Authenticate` or `Retry-After`.
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
        let mut response = HttpResponse::build(self.status());
        if let Some(header) = self.header() {
            response.insert_header(header);
        }
        let body = json!({
            "type": self.problem_type(),
            "title": self.title(),
            "status": self.status().as_u16(),
            "detail": self.detail(),
        });
        response
            .content_type("application/problem+json")
            .body(body.to_string())
    }
}
