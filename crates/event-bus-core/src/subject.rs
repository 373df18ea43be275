//! What a schema is called in the registry.

use serde::{Deserialize, Serialize};

use crate::AvroSchema;

/// How the subject of a schema is named: the strategies of Confluent's serialisers, by their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectNaming {
    /// `<topic>-<record>`: a topic may carry several types, and each is compatible with itself.
    #[default]
    TopicRecordName,
    /// `<record>`: a type is one type on all topics.
    RecordName,
    /// `<topic>-value`: a topic carries one type.
    TopicName,
}

impl SubjectNaming {
    /// The subject of a record's schema on a topic, named as the broker does, with any prefix.
    pub fn subject(self, topic: &str, schema: &AvroSchema) -> String {
        match self {
            Self::TopicRecordName => format!("{topic}-{}", schema.full_name()),
            Self::RecordName => schema.full_name().to_owned(),
            Self::TopicName => format!("{topic}-value"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_strategy_names_its_subject_and_is_read_from_configuration() {
        let schema = r#"{"type":"record","name":"Paid","namespace":"shop","fields":[]}"#;
        let schema = AvroSchema::parse(schema).unwrap();
        for (name, subject) in [
            ("topic_record_name", "eu.orders-shop.Paid"),
            ("record_name", "shop.Paid"),
            ("topic_name", "eu.orders-value"),
        ] {
            let naming: SubjectNaming = serde_json::from_value(name.into()).unwrap();
            assert_eq!(naming.subject("eu.orders", &schema), subject);
        }
        assert_eq!(SubjectNaming::default(), SubjectNaming::TopicRecordName);
    }
}
