//! A client of a schema registry that speaks the Confluent API, with a cache.

mod access;
mod error;

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, get_all_subjects, get_schema_by_id, post_schema},
    schema_registry_common::{SchemaType, SuppliedSchema},
};

use crate::{AvroSchema, RegistryAccess};

pub use error::RegistryError;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Schemas kept in memory, by id and by subject.
const CAPACITY: u64 = 4096;
/// A schema larger than this is refused.
const MAX_SCHEMA: usize = 1 << 20;

/// Registers schemas and finds them by id.
///
/// What the registry answered is kept: an id and its schema never change. Callers that ask for the same at the same time
/// share one request, and its error if it fails; an error is not kept.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    settings: SrSettings,
    /// Ids by subject and schema.
    ids: Cache<(String, String), u32>,
    schemas: Cache<u32, Arc<AvroSchema>>,
}

impl Registry {
    /// A client of the registry at `url`, or at several addresses separated by commas, which are tried in this order. Nothing
    /// is asked yet.
    ///
    /// # Errors
    /// When an address is not a URL, as a sentence.
    pub fn new(url: &str) -> Result<Self, String> {
        Self::open(url, &RegistryAccess::default())
    }

    /// A client of a registry that wants a login or has a certificate of its own authority.
    ///
    /// # Errors
    /// When an address is not a URL or the authorities' file does not read, as a sentence.
    pub fn open(url: &str, access: &RegistryAccess) -> Result<Self, String> {
        Ok(Self(Arc::new(Inner {
            settings: access::settings(url, access)?,
            ids: Cache::new(CAPACITY),
            schemas: Cache::new(CAPACITY),
        })))
    }

    /// The id of this schema under this subject, registered if it is new.
    pub async fn id(&self, subject: &str, schema: &AvroSchema) -> Result<u32, RegistryError> {
        let key = (subject.to_owned(), schema.json().to_owned());
        if let Some(id) = self.0.ids.get(&key).await {
            return Ok(id);
        }
        let id = self
            .0
            .ids
            .try_get_with(key, self.0.register(subject, schema));
        Box::pin(id).await.map_err(Arc::unwrap_or_clone)
    }

    /// The schema with this id.
    pub async fn schema(&self, id: u32) -> Result<Arc<AvroSchema>, RegistryError> {
        if let Some(schema) = self.0.schemas.get(&id).await {
            return Ok(schema);
        }
        // Boxed, so that a schema in memory costs its caller no room for a request.
        let schema = Box::pin(self.0.schemas.try_get_with(id, self.0.fetch(id)));
        schema.await.map_err(Arc::unwrap_or_clone)
    }

    /// Whether a schema with this id is in memory.
    pub(crate) fn is_kept(&self, id: u32) -> bool {
        self.0.schemas.contains_key(&id)
    }

    /// Keeps a schema as if the registry had been asked for it.
    pub(crate) async fn keep(&self, id: u32, schema: Arc<AvroSchema>) {
        self.0.schemas.insert(id, schema).await;
    }

    /// Whether the registry answers.
    pub async fn health(&self) -> Result<(), RegistryError> {
        match get_all_subjects(&self.0.settings).await {
            Ok(_subjects) => Ok(()),
            Err(error) => Err(RegistryError::of_registration(&error)),
        }
    }
}

impl Inner {
    async fn register(&self, subject: &str, schema: &AvroSchema) -> Result<u32, RegistryError> {
        let (name, json) = (schema.full_name().to_owned(), schema.json().to_owned());
        let schema = SuppliedSchema::new(Some(name), SchemaType::Avro, json);
        match post_schema(&self.settings, subject.to_owned(), schema).await {
            Ok(registered) => Ok(registered.id),
            Err(error) => Err(RegistryError::of_registration(&error)),
        }
    }

    async fn fetch(&self, id: u32) -> Result<Arc<AvroSchema>, RegistryError> {
        let stored = get_schema_by_id(id, &self.settings)
            .await
            .map_err(|error| RegistryError::of_lookup(id, &error))?;
        if stored.schema.len() > MAX_SCHEMA {
            return Err(RegistryError::Refused(format!("schema {id} is too large")));
        }
        let schema = AvroSchema::parse(&stored.schema)
            .map_err(|error| RegistryError::Refused(format!("schema {id}: {error}")))?;
        Ok(Arc::new(schema))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A registry that knows schema 7, after it has failed so many times, and the requests it got.
    async fn failing(times: usize) -> (Registry, Arc<AtomicUsize>) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let registry = format!("http://{}", server.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = server.accept().await.unwrap();
                let _read = socket.read(&mut [0; 4096]).await;
                let body = r#"{"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[]}"}"#;
                let status = match counter.fetch_add(1, Ordering::SeqCst) {
                    request if request < times => "503 Service Unavailable",
                    _ => "200 OK",
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _written = socket.write_all(answer.as_bytes()).await;
            }
        });
        (Registry::new(&registry).unwrap(), requests)
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_request_and_later_ones_need_none() {
        let (registry, requests) = failing(0).await;
        let answers = join_all((0..50).map(|_| registry.schema(7))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert!(registry.schema(7).await.is_ok() && registry.is_kept(7));
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_error_is_shared_and_not_kept() {
        let (registry, requests) = failing(1).await;
        let answers = join_all((0..50).map(|_| registry.schema(7))).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(requests.load(Ordering::SeqCst), 1);
        assert!(registry.schema(7).await.is_ok());
    }
}
