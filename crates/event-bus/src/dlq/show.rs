//! One letter with everything that is known of it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::{
    FailureClass,
    dlq::{
        DeadLetterAdmin, DeadLetterError, DeadLetterLocation,
        audit::Act,
        letter::{DeadLetter, DeadLetterState},
        reader::{Reader, Span},
    },
    log_reader::LogRecord,
};

/// Acts shown of one letter.
const MAX_ACTS: usize = 100;
/// Bytes of a value that are shown raw.
const MAX_RAW: usize = 4096;

/// A letter, its payload and what was done with it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownLetter {
    /// The letter.
    pub letter: DeadLetter,
    /// The event's headers as text, the letter's own left out.
    pub headers: Vec<(String, String)>,
    /// The payload as JSON, if it can be decoded.
    pub payload: Option<Value>,
    /// Why it cannot be.
    pub undecoded: Option<String>,
    /// The value's first 4,096 bytes as text with escapes, where it is not decoded.
    pub raw: Option<String>,
    /// What was done with it, oldest first; at most 100.
    pub acts: Vec<Act>,
}

pub(super) async fn show(
    house: &DeadLetterAdmin,
    place: &DeadLetterLocation,
) -> Result<ShownLetter, DeadLetterError> {
    let reader = house.reader()?;
    let (logged, acts) = find(&reader, place).await?;
    let state = acts.1;
    let letter = DeadLetter::of(&place.topic, &logged, state);
    let whole = if letter.value_omitted {
        crate::dlq::source::whole(&reader, &letter, &logged).await?
    } else {
        Some(logged)
    };
    let mut shown = ShownLetter {
        letter,
        headers: Vec::new(),
        payload: None,
        undecoded: None,
        raw: None,
        acts: acts.0,
    };
    let Some(whole) = whole else {
        let gone =
            "the letter was too large to be kept whole, and the original is no longer in the log";
        shown.undecoded = Some(gone.to_owned());
        return Ok(shown);
    };
    shown.headers = own_headers(&whole);
    match &whole.event {
        Ok(record) => {
            // Of a letter without its headers the original knows the event.
            let envelope = &record.envelope;
            shown
                .letter
                .event_type
                .get_or_insert_with(|| envelope.event_type.clone());
            shown
                .letter
                .envelope
                .get_or_insert_with(|| Arc::clone(envelope));
            match record.decode_json().await {
                Ok(payload) => shown.payload = Some(payload),
                Err(failure) => {
                    let away = match failure.class() {
                        FailureClass::Unavailable => " (try again: the registry is away)",
                        FailureClass::Transient | FailureClass::Permanent => "",
                    };
                    shown.undecoded = Some(format!("{}{away}", failure.story()));
                }
            }
        }
        Err(error) => shown.undecoded = Some(error.to_string()),
    }
    if shown.payload.is_none() {
        shown.raw = whole.value.as_deref().map(raw);
    }
    Ok(shown)
}

/// The letter's record, its acts, and the state they leave it in.
async fn find(
    reader: &Reader,
    place: &DeadLetterLocation,
) -> Result<(LogRecord, (Vec<Act>, DeadLetterState)), DeadLetterError> {
    let none = || DeadLetterError::NotFound(place.clone());
    let topic = place.topic.as_str();
    if place.partition >= reader.partitions(topic).await? {
        return Err(none());
    }
    let (low, end) = reader.marks(topic, place.partition).await?;
    if !(low..end).contains(&place.offset) {
        return Err(none());
    }
    let mut span = Span::new(topic, place.partition, place.offset, end);
    let (mut letter, mut acts, mut states) =
        (None, Vec::new(), crate::dlq::audit::States::default());
    loop {
        let piece = reader.piece(&mut span).await?;
        if piece.is_empty() {
            break;
        }
        for logged in piece {
            match Act::of(topic, &logged) {
                None if logged.offset == place.offset => letter = Some(logged),
                Some(act) if act.letter.as_ref() == Some(place) => {
                    states.note(&act);
                    if acts.len() < MAX_ACTS {
                        acts.push(act);
                    }
                }
                _ => {}
            }
        }
    }
    let letter = letter.ok_or_else(none)?;
    Ok((letter, (acts, states.of(place.offset))))
}

fn own_headers(logged: &LogRecord) -> Vec<(String, String)> {
    let own = logged
        .headers
        .iter()
        .filter(|(name, _)| !name.starts_with(crate::log_format::headers::PREFIX));
    own.map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()))
        .collect()
}

fn raw(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(MAX_RAW)];
    let more = if cut.len() < bytes.len() { "…" } else { "" };
    format!("{}{more}", cut.escape_ascii())
}
