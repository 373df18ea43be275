//! Successful responses of handlers.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{
        StatusCode,
        header::{ETAG, LOCATION},
    },
};
use serde::Serialize;

/// A successful response: 200, 201 with a location, 202 for asynchronous work, or 204.
#[derive(Debug)]
pub struct Answer<T> {
    status: StatusCode,
    location: Option<String>,
    version: Option<i64>,
    body: Option<T>,
}

impl<T> Answer<T> {
    /// 200 with `body`.
    pub fn ok(body: T) -> Self {
        Self {
            status: StatusCode::OK,
            location: None,
            version: None,
            body: Some(body),
        }
    }

    /// 201: `body` was created at `location`.
    pub fn created(location: impl Into<String>, body: T) -> Self {
        Self {
            status: StatusCode::CREATED,
            location: Some(location.into()),
            ..Self::ok(body)
        }
    }

    /// 202: accepted, processing continues asynchronously; `location` shows its progress.
    pub fn accepted(location: impl Into<String>, body: T) -> Self {
        Self {
            status: StatusCode::ACCEPTED,
            ..Self::created(location, body)
        }
    }

    /// 204: done, without a body.
    #[must_use]
    pub fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            location: None,
            version: None,
            body: None,
        }
    }

    /// Sends the version as `ETag`, for a later `If-Match`.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }
}

impl<T: Serialize> Responder for Answer<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        if let Some(location) = self.location {
            answer.insert_header((LOCATION, location));
        }
        if let Some(version) = self.version {
            answer.insert_header((ETAG, format!("\"{version}\"")));
        }
        match self.body {
            Some(body) => answer.json(body),
            None => answer.finish(),
        }
    }
}
