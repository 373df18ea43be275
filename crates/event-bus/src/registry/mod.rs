//! A client of a schema registry that speaks the Confluent API.

mod access;
mod flight;

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use reqwest::{Client, Response, StatusCode, Url};
use serde::{Deserialize, Serialize};

use crate::{AvroSchema, RegistryAccess, registry::flight::SingleFlight};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Schemas kept in memory, by id and by subject.
const CAPACITY: usize = 4096;
/// A schema larger than this is refused.
const MAX_SCHEMA: usize = 1 << 20;

/// Why the registry gave no answer, or which.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegistryError {
    /// It cannot be reached, or is out of order: try later.
    #[error("schema registry unavailable: {0}")]
    Unavailable(String),
    /// It says no, and will say no again: incompatible or invalid schema.
    #[error("schema registry refused: {0}")]
    Refused(String),
    /// It does not know this id.
    #[error("schema registry knows no schema {0}")]
    UnknownId(u32),
}

/// Registers schemas and finds them by id; each is asked for once.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    http: Client,
    base: Url,
    ids: SingleFlight<(String, String), u32, RegistryError>,
    schemas: SingleFlight<u32, Arc<AvroSchema>, RegistryError>,
}

#[derive(Serialize)]
struct NewVersion<'a> {
    schema: &'a str,
    #[serde(rename = "schemaType")]
    schema_type: &'static str,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Stored {
    schema: String,
}

impl Registry {
    /// A client of the registry at `url`. Nothing is asked yet.
    ///
    /// # Errors
    /// When the URL is none, as a sentence.
    pub fn new(url: &str) -> Result<Self, String> {
        Self::open(url, &RegistryAccess::default())
    }

    /// A client of a registry that wants a login or has a certificate of its own authority.
    ///
    /// # Errors
    /// When the URL is none or the authorities' file does not read, as a sentence.
    pub fn open(url: &str, access: &RegistryAccess) -> Result<Self, String> {
        let base = Url::parse(url)
            .ok()
            .filter(|base| !base.cannot_be_a_base())
            .ok_or_else(|| format!("registry url {url:?} is not a url"))?;
        let http = access::client(access)?
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| format!("no http client for the registry: {error}"))?;
        Ok(Self(Arc::new(Inner {
            http,
            base,
            ids: SingleFlight::new(CAPACITY),
            schemas: SingleFlight::new(CAPACITY),
        })))
    }

    /// The id of this schema under this subject, registered if it is new.
    pub async fn id(&self, subject: &str, schema: &AvroSchema) -> Result<u32, RegistryError> {
        let key = (subject.to_owned(), schema.json().to_owned());
        let inner = Arc::clone(&self.0);
        let (subject, json) = key.clone();
        let load = move || async move { inner.register(&subject, &json).await }.boxed();
        self.0.ids.get(&key, load).await
    }

    /// The schema with this id.
    pub async fn schema(&self, id: u32) -> Result<Arc<AvroSchema>, RegistryError> {
        let inner = Arc::clone(&self.0);
        let load = move || async move { inner.fetch(id).await }.boxed();
        self.0.schemas.get(&id, load).await
    }

    /// The schema with this id, if it is in memory.
    pub(crate) fn cached(&self, id: u32) -> Option<Arc<AvroSchema>> {
        self.0.schemas.ready(&id)
    }

    /// Keeps a schema as if the registry had been asked for it.
    pub(crate) async fn keep(&self, id: u32, schema: Arc<AvroSchema>) {
        let load = move || async move { Ok(schema) }.boxed();
        // Loading what is there already cannot fail.
        let _kept = self.0.schemas.get(&id, load).await;
    }

    /// Whether the registry answers.
    pub async fn health(&self) -> Result<(), RegistryError> {
        let response = self.0.http.get(self.0.url(&["subjects"])?).send().await;
        checked(response).await.map(drop)
    }
}

impl Inner {
    fn url(&self, path: &[&str]) -> Result<Url, RegistryError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| RegistryError::Unavailable("the url has no path".to_owned()))?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }

    async fn register(&self, subject: &str, json: &str) -> Result<u32, RegistryError> {
        let url = self.url(&["subjects", subject, "versions"])?;
        let body = NewVersion {
            schema: json,
            schema_type: "AVRO",
        };
        let response = checked(self.http.post(url).json(&body).send().await).await?;
        let registered: Registered = response.json().await.map_err(unavailable)?;
        Ok(registered.id)
    }

    async fn fetch(&self, id: u32) -> Result<Arc<AvroSchema>, RegistryError> {
        let url = self.url(&["schemas", "ids", &id.to_string()])?;
        let response = self.http.get(url).send().await;
        if let Ok(response) = &response
            && response.status() == StatusCode::NOT_FOUND
        {
            return Err(RegistryError::UnknownId(id));
        }
        let stored: Stored = checked(response).await?.json().await.map_err(unavailable)?;
        if stored.schema.len() > MAX_SCHEMA {
            return Err(RegistryError::Refused(format!("schema {id} is too large")));
        }
        let schema = AvroSchema::parse(&stored.schema)
            .map_err(|error| RegistryError::Refused(format!("schema {id}: {error}")))?;
        Ok(Arc::new(schema))
    }
}

async fn checked(response: reqwest::Result<Response>) -> Result<Response, RegistryError> {
    let response = response.map_err(unavailable)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body: String = response
        .text()
        .await
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect();
    let said = format!("{status} {body}");
    match status {
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => {
            Err(RegistryError::Refused(said))
        }
        _ => Err(RegistryError::Unavailable(said)),
    }
}

#[allow(clippy::needless_pass_by_value)] // the shape `map_err` wants
fn unavailable(error: reqwest::Error) -> RegistryError {
    let mut said = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    RegistryError::Unavailable(said)
}
