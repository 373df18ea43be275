//! A moment as events carry it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A moment in UTC, to the microsecond: the same precision as in `PostgreSQL` and in Avro's
/// `timestamp-micros`, so that a time survives every copy of it unchanged.
///
/// Written as microseconds since 1970 in every format, because serde cannot tell Avro from JSON; read
/// from that number or from RFC 3339, which is how the event store shows it to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// This moment.
    pub fn now() -> Self {
        OffsetDateTime::now_utc().into()
    }

    /// The moment so many microseconds after 1970 began; `None` beyond the year 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
            .ok()
            .map(Self)
    }

    /// Microseconds since 1970 began.
    ///
    /// # Panics
    /// Never: years of four digits fit.
    pub fn micros(self) -> i64 {
        let micros = self.0.unix_timestamp_nanos().div_euclid(1000);
        i64::try_from(micros).expect("a year of four digits fits 64 bits of microseconds")
    }

    /// The moment as a date and time in UTC.
    pub fn time(self) -> OffsetDateTime {
        self.0
    }
}

impl From<OffsetDateTime> for Timestamp {
    /// Drops what is finer than a microsecond.
    fn from(time: OffsetDateTime) -> Self {
        let micros = time.microsecond() * 1000;
        let time = time
            .to_offset(UtcOffset::UTC)
            .replace_nanosecond(micros)
            .expect("microseconds of a second are below a thousand million nanoseconds");
        Self(time)
    }
}

impl From<Timestamp> for OffsetDateTime {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.format(&Rfc3339).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.micros())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("microseconds since 1970, or a time of RFC 3339")
    }

    fn visit_i64<E: de::Error>(self, micros: i64) -> Result<Timestamp, E> {
        Timestamp::from_micros(micros).ok_or_else(|| E::custom("the time is out of range"))
    }

    fn visit_u64<E: de::Error>(self, micros: u64) -> Result<Timestamp, E> {
        let micros = i64::try_from(micros).map_err(E::custom)?;
        self.visit_i64(micros)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(Timestamp::from)
            .map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_cut_to_the_microsecond_and_survives_json() {
        let nanos = OffsetDateTime::from_unix_timestamp_nanos(1_763_689_692_123_456_789).unwrap();
        let timestamp = Timestamp::from(nanos);

        assert_eq!(timestamp.to_string(), "2025-11-21T01:48:12.123456Z");
        assert_eq!(timestamp.micros(), 1_763_689_692_123_456);
        let number = serde_json::to_string(&timestamp).unwrap();
        assert_eq!(
            serde_json::from_str::<Timestamp>(&number).unwrap(),
            timestamp
        );
        let text = format!("\"{timestamp}\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), timestamp);
    }

    #[test]
    fn times_before_1970_are_cut_downwards_too() {
        let timestamp = Timestamp::from_micros(-1).unwrap();
        assert_eq!(timestamp.micros(), -1);
        assert_eq!(timestamp.to_string(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn a_time_out_of_range_is_refused() {
        assert!(serde_json::from_str::<Timestamp>("9223372036854775807").is_err());
        assert!(serde_json::from_str::<Timestamp>("18446744073709551615").is_err());
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }
}
