//! HTTP as one person speaks it.

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A person, or a stranger, at one service.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body as JSON; null where it is none.
    pub body: Value,
    request: String,
    text: String,
}

impl Reply {
    /// The body, if the status is this one.
    pub fn expect(self, status: u16) -> Result<Value> {
        if self.status.as_u16() == status {
            return Ok(self.body);
        }
        bail!(
            "{} answered {} instead of {status}: {}",
            self.request,
            self.status,
            self.text
        )
    }
}

impl Api {
    /// A stranger at `base`.
    pub fn stranger(base: &str) -> Result<Self> {
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

    /// The same with a token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same person at another service.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self {
            headers,
            ..self.clone()
        }
    }

    /// The token, if there is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.send(Method::GET, path, None).await
    }

    /// Writes.
    pub async fn post(&self, path: &str, body: Value) -> Result<Reply> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Any call.
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
        let answer = call
            .send()
            .await
            .with_context(|| format!("{request} was not answered"))?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .with_context(|| format!("{request} was not answered to its end"))?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Reply {
            status,
            body,
            request,
            text,
        })
    }
}

/// A string field of a body.
pub fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str> {
    body[field]
        .as_str()
        .with_context(|| format!("the answer has no {field}: {body}"))
}

/// A whole number of a body, by its JSON pointer.
pub fn number(body: &Value, pointer: &str) -> Result<i64> {
    let found = body.pointer(pointer).and_then(Value::as_i64);
    found.with_context(|| format!("the answer has no {pointer}: {body}"))
}
