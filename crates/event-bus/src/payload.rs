//! Decoding payloads with schemas from the registry.

use serde::de::DeserializeOwned;

use crate::{
    DecodeError, Envelope, Failure, Registry, RegistryError,
    codec::{self, Format},
};

/// Reads a payload as `T`, with its writer's schema from memory or from the registry.
pub(crate) async fn decode<T: DeserializeOwned>(
    registry: &Registry,
    envelope: &Envelope,
    payload: &[u8],
) -> Result<T, Failure> {
    match Format::of(&envelope.data_content_type) {
        Some(Format::Json) => Ok(serde_json::from_slice(payload).map_err(codec::undecodable)?),
        Some(Format::Avro) => {
            let (id, datum) = codec::unframe(payload).map_err(Failure::permanent)?;
            let schema = registry.schema(id).await.map_err(|error| match error {
                RegistryError::Unavailable(_) => Failure::unavailable(error),
                error => Failure::permanent(DecodeError::Schema(error.into())),
            })?;
            codec::read(&schema, datum)
        }
        None => Err(Failure::permanent(DecodeError::ContentType(
            envelope.data_content_type.clone(),
        ))),
    }
}
