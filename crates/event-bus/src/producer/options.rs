//! What a caller may choose for an event it publishes by itself.

use crate::{OutboundRecord, PublishError};

/// Headers the bus writes itself; a caller's header under such a name would be read as the bus's.
const RESERVED: [&str; 2] = ["ce_", "dlq-"];

/// Choices for an event published with [`crate::Producer::publish_with`]. Without any, the key is the tenant's id (the
/// subject for the platform's events), which decides the partition.
#[derive(Clone, Debug, Default)]
pub struct SendOptions {
    pub(super) key: Option<String>,
    pub(super) partition: Option<i32>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

impl SendOptions {
    /// Nothing chosen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another key: events of equal keys stay in order. Only for events of the platform, since a tenant's are told
    /// apart by their key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// This partition, whatever the key. Events of one key that are put on several partitions have no order.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// One more header beside the envelope's; names may repeat.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Puts the choices into the record, as far as they are its own.
    ///
    /// # Errors
    /// [`PublishError::Refused`] names the choice that may not be made.
    pub(super) fn apply(&self, record: &mut OutboundRecord) -> Result<(), PublishError> {
        if let Some(key) = &self.key {
            let tenant = record.envelope.tenant.as_ref();
            if tenant.is_some_and(|tenant| tenant.id.to_string() != *key) {
                return Err(PublishError::Refused(format!(
                    "key {key:?}: a tenant's event has its tenant's id as key; choose no key"
                )));
            }
            if key.is_empty() {
                return Err(PublishError::Refused(
                    "key: it is empty; choose none, or one with text".to_owned(),
                ));
            }
            record.envelope.partition_key.clone_from(key);
        }
        if let Some(partition) = self.partition.filter(|partition| *partition < 0) {
            return Err(PublishError::Refused(format!(
                "partition {partition}: partitions are counted from 0"
            )));
        }
        for (name, _) in &self.headers {
            let reserved = RESERVED.iter().any(|prefix| name.starts_with(prefix))
                || name.eq_ignore_ascii_case("content-type");
            if reserved || name.is_empty() || name.contains('\0') {
                return Err(PublishError::Refused(format!(
                    "header {name:?}: choose a name that is not empty, has no zero byte, is not content-type and \
                     does not begin with ce_ or dlq-"
                )));
            }
        }
        Ok(())
    }
}
