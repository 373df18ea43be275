//! Errors of the use cases as problems.

use actix_web::http::StatusCode;
use event_bus::{BusError, dlq::DeadLetterError};
use event_store::StoreError;
use service::Problem;

use crate::use_cases::{ReadError, TreatError};

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let detail = error.to_string();
        match error {
            ReadError::NotFound(what) => Self::not_found(what),
            ReadError::NameYourOrder => Self::invalid("aggregateId", detail),
            ReadError::NoBeginning(_) => Self::new(
                StatusCode::CONFLICT,
                "history-incomplete",
                "History incomplete",
                detail,
            ),
            ReadError::Store(StoreError::Database(error)) => {
                service::StoreError::from(error).into()
            }
            ReadError::Store(error) => Self::internal(&error),
        }
    }
}

impl From<TreatError> for Problem {
    fn from(error: TreatError) -> Self {
        match error {
            TreatError::Letters(DeadLetterError::NotFound(place)) => {
                Self::not_found(&format!("dead letter as {place}"))
            }
            TreatError::Letters(DeadLetterError::NotParked(place)) => {
                Self::not_found(&format!("parked sequence as {place}"))
            }
            TreatError::Letters(DeadLetterError::Invalid { field, rule }) => {
                Self::invalid(field, rule)
            }
            TreatError::Letters(DeadLetterError::Bus(
                error @ (BusError::Kafka(_) | BusError::Broker(_)),
            )) => {
                tracing::warn!(%error, "dead letters not reached");
                Self::unavailable("Kafka does not answer at the moment", 2)
            }
            TreatError::Letters(DeadLetterError::Bus(error)) => Self::internal(&error),
            TreatError::Store(error) => error.into(),
            TreatError::Untold { command, cause } => {
                tracing::error!(%command, %cause, "letters were treated and the audit not told");
                let told = format!(
                    "the letters were treated, and their audit events could not be stored; the acts of command {command} say what became of each"
                );
                Self::unavailable(told, 2)
            }
        }
    }
}
