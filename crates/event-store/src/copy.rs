//! Rows in `PostgreSQL`'s binary COPY format.
//! Source: <https://www.postgresql.org/docs/15/sql-copy.html>, "Binary Format".

use time::OffsetDateTime;
use uuid::Uuid;

/// Microseconds from 1970 to `PostgreSQL`'s own epoch, 2000-01-01.
const EPOCH_2000: i128 = 946_684_800_000_000;

/// Rows being written.
pub(crate) struct CopyRows {
    bytes: Vec<u8>,
    columns: i16,
}

impl CopyRows {
    /// No rows yet, of so many columns.
    pub(crate) fn new(columns: i16) -> Self {
        let mut bytes = Vec::with_capacity(64 * 1024);
        bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
        bytes.extend_from_slice(&[0; 8]); // no flags, no header extension
        Self { bytes, columns }
    }

    /// Begins a row: its columns follow in order.
    pub(crate) fn row(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
        self
    }

    fn field(&mut self, parts: [&[u8]; 2]) -> &mut Self {
        let length = parts[0].len() + parts[1].len();
        let length = i32::try_from(length).expect("a record of the log is far below 2 GiB");
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(parts[0]);
        self.bytes.extend_from_slice(parts[1]);
        self
    }

    pub(crate) fn int4(&mut self, value: i32) -> &mut Self {
        self.field([&value.to_be_bytes(), &[]])
    }

    pub(crate) fn int8(&mut self, value: i64) -> &mut Self {
        self.field([&value.to_be_bytes(), &[]])
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.field([value.as_bytes(), &[]])
    }

    pub(crate) fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.field([value.as_bytes(), &[]])
    }

    pub(crate) fn optional_uuid(&mut self, value: Option<Uuid>) -> &mut Self {
        if let Some(value) = value {
            self.uuid(value)
        } else {
            self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
            self
        }
    }

    /// Cut to the microsecond, as sqlx does when it binds a time.
    pub(crate) fn timestamptz(&mut self, value: OffsetDateTime) -> &mut Self {
        let micros = value.unix_timestamp_nanos().div_euclid(1000) - EPOCH_2000;
        self.int8(i64::try_from(micros).expect("years of four digits fit"))
    }

    /// JSON text; the leading byte is the version of jsonb's own binary format.
    pub(crate) fn jsonb(&mut self, json: &[u8]) -> &mut Self {
        self.field([&[1], json])
    }

    /// The whole file.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.bytes
    }
}
