//! Errors as RFC 9457 problem documents, decided in one place.

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
    },
};
use auth::AuthError;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{StoreError, scope::IdempotencyError};

/// An invalid field of the request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// Its path, such as `items[0].quantity`.
    pub field: String,
    /// What is wrong and what is expected.
    pub message: String,
}

/// An error response. `type` is stable, so that clients can rely on it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable URI reference of the problem type, such as `/problems/out-of-stock`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Summary of the problem type.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened in this case and what can be done.
    pub detail: String,
    /// The invalid fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The request's correlation id, to be quoted to support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    #[serde(skip)]
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.kind, self.detail)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// A problem of this type; `detail` is shown to the caller.
    pub fn new(
        status: StatusCode,
        kind: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("/problems/{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            correlation_id: None,
            header: None,
        }
    }

    /// 400: a field is invalid.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let detail = if field.is_empty() {
            message.clone()
        } else {
            format!("{field}: {message}")
        };
        let mut problem = Self::new(
            StatusCode::BAD_REQUEST,
            "invalid-input",
            "The request is not valid",
            detail,
        );
        problem.errors = vec![FieldError { field, message }];
        problem
    }

    /// 404: the resource does not exist, or this caller may not know of it.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Not found",
            format!("there is no such {what}"),
        )
    }

    /// 403: the caller is authenticated but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", detail)
    }

    /// 409: the current state does not allow the operation.
    pub fn conflict(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, "Conflict", detail)
    }

    /// 503: try again in `seconds`.
    pub fn unavailable(detail: impl Into<String>, seconds: u32) -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Temporarily unavailable",
            detail,
        );
        problem.header = Some(Box::new((RETRY_AFTER, HeaderValue::from(seconds))));
        problem
    }

    /// 500: an internal error. The cause is logged; the caller sees a fixed text and the correlation id.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            "something went wrong on our side; quote the correlation id to support",
        )
    }

    /// The problem for any error of a handler, an extractor or actix itself.
    pub(super) fn of(error: &actix_web::Error) -> Self {
        if let Some(problem) = error.as_error::<Self>() {
            return problem.clone();
        }
        if let Some(refused) = error.as_error::<AuthError>() {
            return (*refused).into();
        }
        Self::of_status(error.as_response_error().status_code(), error.to_string())
    }

    /// A problem with only a status, such as 404 for a path without a route.
    pub(super) fn of_status(status: StatusCode, detail: String) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let kind = title.to_ascii_lowercase().replace(' ', "-");
        if status.is_server_error() {
            return Self::internal(&detail);
        }
        Self::new(status, &kind, title, detail)
    }

    pub(super) fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::build(status);
        if let Some(header) = &self.header {
            answer.insert_header((**header).clone());
        }
        answer
            .insert_header((CONTENT_TYPE, "application/problem+json"))
            .json(self)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let kind = error.problem_type().trim_start_matches("/problems/");
        let mut problem = Self::new(error.status(), kind, error.title(), error.detail());
        problem.header = error.header().map(Box::new);
        problem
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "database is unavailable");
                Self::unavailable(
                    "the data is unavailable at the moment; nothing was changed",
                    2,
                )
            }
            StoreError::Conflict => Self::conflict(
                "conflict",
                "a concurrent request changed the same data; nothing was changed, try again",
            ),
            StoreError::Event(_) | StoreError::Rejected(_) | StoreError::Corrupt { .. } => {
                Self::internal(&error)
            }
        }
    }
}

impl From<IdempotencyError> for Problem {
    fn from(error: IdempotencyError) -> Self {
        let detail = error.to_string();
        match error {
            IdempotencyError::Reused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "Idempotency key reused",
                detail,
            ),
            IdempotencyError::InProgress => {
                let mut problem = Self::conflict("request-in-progress", detail);
                problem.header = Some(Box::new((RETRY_AFTER, HeaderValue::from(1))));
                problem
            }
            IdempotencyError::Store(error) => error.into(),
        }
    }
}
