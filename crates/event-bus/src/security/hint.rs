//! What to do about a refusal, in the words of whoever runs the broker.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The mend for errors that no waiting mends.
pub(crate) fn hint_for(code: RDKafkaErrorCode) -> Option<&'static str> {
    Some(match code {
        RDKafkaErrorCode::TopicAuthorizationFailed => {
            "grant the principal DESCRIBE and WRITE on the topic to publish, READ to consume; \
             a consumer also needs WRITE on the topic's .dlq"
        }
        RDKafkaErrorCode::GroupAuthorizationFailed => {
            "grant the principal READ on the consumer group"
        }
        RDKafkaErrorCode::ClusterAuthorizationFailed => {
            "grant the principal IDEMPOTENT_WRITE on the cluster to publish, CREATE to make topics"
        }
        RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => {
            "check user and password (or client id and secret) of security.sasl, and that the \
             broker knows them"
        }
        RDKafkaErrorCode::UnsupportedSASLMechanism => {
            "set security.sasl.mechanism to one the listener offers"
        }
        RDKafkaErrorCode::SSL => {
            "check that security.tls.ca holds the authority that signed the broker's certificate, \
             and that the certificate names the host in bootstrap"
        }
        _ => return None,
    })
}

/// The error, and what to do about it where that is known.
pub(crate) fn with_hint(error: &KafkaError) -> String {
    match error.rdkafka_error_code().and_then(hint_for) {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
