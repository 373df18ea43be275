//! What a client said last about its broker.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::security::hint_for;

/// librdkafka tries for ever and tells the reason to a callback, while the caller sees a timeout. This keeps
/// the reason for the caller.
#[derive(Clone, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<Noted>>>);

#[derive(Clone)]
struct Noted {
    text: String,
    /// No waiting mends it.
    needs_action: bool,
}

impl Trouble {
    /// Keeps what librdkafka tells.
    pub(crate) fn note(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = code.and_then(hint_for);
        // "All brokers are down" follows each reason, and says less.
        let says_less = code == Some(RDKafkaErrorCode::AllBrokersDown) || known.is_none();
        if says_less && noted.as_ref().is_some_and(|noted| noted.needs_action) {
            return;
        }
        if code == Some(RDKafkaErrorCode::AllBrokersDown) && noted.is_some() {
            return;
        }
        *noted = Some(Noted {
            text: match known {
                Some(hint) => format!("{reason}; {hint}"),
                None => reason.to_owned(),
            },
            needs_action: known.is_some(),
        });
    }

    /// The broker works: what was said before is past.
    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether somebody must mend something before it can work.
    pub(crate) fn needs_action(&self) -> bool {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.as_ref().is_some_and(|noted| noted.needs_action)
    }

    /// `what`, with the reason where one was told.
    pub(crate) fn explain(&self, what: &str) -> String {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*noted {
            Some(noted) => format!("{what}: {}", noted.text),
            None => what.to_owned(),
        }
    }
}
