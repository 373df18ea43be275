//! Reading by `serde_avro_fast`, for programs that may depend on a crate under the LGPL.

use std::io::BufRead as _;

use serde::de::DeserializeOwned;
use serde_avro_fast::{
    Schema,
    de::{DeserializerConfig, DeserializerState, read::SliceRead},
};

use super::de::MAX_ELEMENTS;

pub(super) struct FastReader(Schema);

impl FastReader {
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        json.parse().map(Self).map_err(|error| format!("{error}"))
    }

    /// Reads a datum and leaves in `rest` what comes after it.
    pub(super) fn read<T: DeserializeOwned>(&self, rest: &mut &[u8]) -> Result<T, String> {
        let mut config = DeserializerConfig::new(&self.0);
        config.max_seq_size = MAX_ELEMENTS;
        let mut state = DeserializerState::with_config(SliceRead::new(rest), config);
        let value = T::deserialize(state.deserializer()).map_err(|error| error.to_string())?;
        let mut reader = state.into_reader();
        let left = reader.fill_buf().map_or(0, <[u8]>::len);
        *rest = &rest[rest.len() - left..];
        Ok(value)
    }
}
