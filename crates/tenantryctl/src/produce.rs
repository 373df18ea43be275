//! `tenantryctl produce`

use std::io::{self, BufRead};

use anyhow::{Context, bail};
use clap::Args;
use event_bus::{Envelope, EventSchemas, Producer, RawRecord};

use crate::Bus;

/// The long help text of `produce`.
pub const HELP: &str = "\
Publish records to a topic, one per line of standard input.

A line is one of
  {\"specversion\":\"1.0\", …}   a CloudEvent as a JSON object (structured mode) with id, type and source, and for a
                              tenant's event also tenantid and region. Its key is partitionkey, else tenantid, else
                              subject. Validated before it is sent.
  KEY<TAB>VALUE               key and value, unchanged; a JSON value gets the content type application/json
  VALUE                       a value without a key

Each record is acknowledged by all replicas before the next line is read. The command stops at the first error.";

#[derive(Args)]
pub struct Produce {
    /// The topic
    name: String,
}

impl Produce {
    pub async fn run(self, bus: &Bus) -> anyhow::Result<()> {
        if bus.admin.describe(&self.name).await?.is_none() {
            bail!("there is no topic {}", self.name);
        }
        let producer = Producer::with_deadline(&bus.settings, EventSchemas::new(), bus.timeout)?;
        let mut sent = 0;
        for (index, line) in io::stdin().lock().lines().enumerate() {
            let number = index + 1;
            let line = line.with_context(|| format!("line {number}"))?;
            if line.trim().is_empty() {
                continue;
            }
            let record = record(&self.name, &line).with_context(|| format!("line {number}"))?;
            producer
                .publish_raw(record)
                .await
                .with_context(|| format!("line {number}"))?;
            sent += 1;
        }
        eprintln!("{sent} sent");
        Ok(())
    }
}

/// Parses a line.
fn record(topic: &str, line: &str) -> anyhow::Result<RawRecord> {
    if let Ok(serde_json::Value::Object(event)) = serde_json::from_str(line)
        && event.contains_key("specversion")
    {
        return cloud_event(topic, line, &event);
    }
    let (key, value) = match line.split_once('\t') {
        Some((key, value)) => (Some(key.as_bytes().to_vec()), value),
        None => (None, line),
    };
    let is_json = serde_json::from_str::<serde_json::Value>(value).is_ok();
    let content_type = is_json.then(|| content_type("application/json"));
    Ok(RawRecord {
        topic: topic.to_owned(),
        partition: None,
        key,
        value: Some(value.as_bytes().to_vec()),
        headers: content_type.into_iter().collect(),
    })
}

fn cloud_event(
    topic: &str,
    line: &str,
    event: &serde_json::Map<String, serde_json::Value>,
) -> anyhow::Result<RawRecord> {
    let text = |name| event.get(name).and_then(serde_json::Value::as_str);
    let key = text("partitionkey")
        .or(text("tenantid"))
        .or(text("subject"));
    let key = key.map(|key| key.as_bytes().to_vec());
    let headers = vec![content_type("application/cloudevents+json; charset=utf-8")];
    let value = line.as_bytes().to_vec();
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_deref().unwrap_or_default()));
    Envelope::from_record(pairs, key.as_deref(), Some(value.clone().into()))?;
    Ok(RawRecord {
        topic: topic.to_owned(),
        partition: None,
        key,
        value: Some(value),
        headers,
    })
}

type Header = (std::borrow::Cow<'static, str>, Option<Vec<u8>>);

fn content_type(value: &str) -> Header {
    ("content-type".into(), Some(value.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_separates_key_and_value() {
        let sent = record("t", "k\t{\"a\":1}").unwrap();
        assert_eq!(sent.key.as_deref(), Some(&b"k"[..]));
        assert_eq!(sent.value.as_deref(), Some(&b"{\"a\":1}"[..]));
        assert_eq!(sent.headers, [content_type("application/json")]);
        assert!(record("t", "plain").unwrap().key.is_none());
    }

    #[test]
    fn a_cloud_event_is_validated_and_keyed_by_its_tenant() {
        let event = |time: &str| {
            format!(
                r#"{{"specversion":"1.0","id":"018f3c6e-0000-7000-8000-000000000001","type":"a.b","source":"/x","time":"{time}",
                "subject":"s","tenantid":"018f3c6e-0000-7000-8000-000000000002","region":"eu","data":{{}}}}"#
            )
        };
        let sent = record("t", &event("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(sent.key.unwrap(), b"018f3c6e-0000-7000-8000-000000000002");
        let minimal = r#"{"specversion":"1.0","id":"1","type":"a","source":"/x"}"#;
        assert_eq!(record("t", minimal).unwrap().key, None);
        let error = record("t", &event("yesterday")).unwrap_err();
        assert!(error.to_string().contains("time"), "{error}");
    }
}
