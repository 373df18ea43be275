//! An HTTP client for the API.

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A client of one service, with or without a token.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

/// A complete HTTP response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body as JSON, or null if it is not JSON.
    pub body: Value,
    request: String,
    text: String,
}

impl Reply {
    /// Returns the body, or an error if the status is different.
    pub fn expect(self, status: u16) -> Result<Value> {
        if self.status.as_u16() == status {
            return Ok(self.body);
        }
        bail!(
            "{} returned {} instead of {status}: {}",
            self.request,
            self.status,
            self.text
        )
    }
}

impl Client {
    /// Creates a client without a token.
    pub fn anonymous(base: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(std::time::Duration::from_secs(15))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            base: base.to_owned(),
            token: None,
            headers: Vec::new(),
        })
    }

    /// Returns a client with a token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Returns a client of another service with the same token.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// Returns a client with an additional header.
    #[must_use]
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self {
            headers,
            ..self.clone()
        }
    }

    /// Returns the token, if any.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.send(Method::GET, path, None).await
    }

    /// Sends a POST request.
    pub async fn post(&self, path: &str, body: Value) -> Result<Reply> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Sends a request.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Reply> {
        let request = format!("{method} {path}");
        let mut call = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            call = call.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        if let Some(body) = body {
            call = call.json(&body);
        }
        let response = call
            .send()
            .await
            .with_context(|| format!("no response to {request}"))?;
        let status = response.status();
        let text = response
            .text()
            .await
            .with_context(|| format!("incomplete response to {request}"))?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Reply {
            status,
            body,
            request,
            text,
        })
    }
}

/// Returns a string field of a body.
pub fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str> {
    body[field]
        .as_str()
        .with_context(|| format!("the response has no {field}: {body}"))
}

/// Returns an integer of a body by its JSON pointer.
pub fn number(body: &Value, pointer: &str) -> Result<i64> {
    let found = body.pointer(pointer).and_then(Value::as_i64);
    found.with_context(|| format!("the response has no {pointer}: {body}"))
}
