//! Events exchanged with other people's libraries: the `CloudEvents` SDK of Python, and Confluent's Avro (de)serialiser.
//!
//! `scripts/install test` installs them; the programs are in `interop/`.

use std::{env, path::Path, process::Stdio, time::Duration};

use event_bus::{
    ContentMode, Envelope, EventParts, OutboundRecord, Producer, RawRecord, Record,
    log_reader::{LogReader, ReadFrom, ReadUntil},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{io::AsyncWriteExt, process::Command};
use uuid::Uuid;

use crate::world::{Placed, Seen, World, parts, run, tenant};

/// Runs one of the programs on the topic; what it printed, line by line.
async fn python(world: &World, program: &str, arguments: &[&str], input: &[Value]) -> Vec<Value> {
    let variable = "TENANTRY_INTEROP_PYTHON";
    let interpreter = env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run through `make test`"));
    assert!(
        Path::new(&interpreter).exists(),
        "{interpreter} is missing: run `scripts/install test`"
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/interop");
    let mut child = Command::new(interpreter)
        .arg(folder.join(program))
        .arg(world.settings.prefixed("order.events"))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python starts");
    let lines: Vec<String> = input.iter().map(|line| format!("{line}\n")).collect();
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(lines.concat().as_bytes()).await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output());
    let output = output.await.expect("python ends in time").unwrap();
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn tail(world: &World) -> Vec<Record> {
    let timeout = Duration::from_secs(10);
    let mut tail = LogReader::open(
        &world.settings,
        "order.events",
        ReadFrom::Beginning,
        ReadUntil::End,
        timeout,
    )
    .await
    .unwrap();
    let mut events = Vec::new();
    while let Some(logged) = tail.next().await {
        events.extend(logged.unwrap().events().unwrap());
    }
    events
}

fn in_mode(world: &World, mode: ContentMode) -> Producer {
    let mut settings = world.settings.clone();
    settings.content_mode = mode;
    let schemas = event_bus::EventSchemas::new().with::<Placed>();
    Producer::new(&settings, schemas).unwrap()
}

/// What Python says of an event is what we said of it.
fn assert_understood(read: &Value, envelope: &Envelope, data: &Value) {
    assert_eq!(&read["data"], data);
    let said = &read["attributes"];
    let ours = serde_json::to_value(envelope).unwrap();
    for (name, value) in ours.as_object().unwrap() {
        if name == "time" {
            // Python prints its own form of it, cut to the microsecond.
            let theirs = said["time"].as_str().unwrap().replace(' ', "T");
            let theirs = OffsetDateTime::parse(&theirs, &Rfc3339).unwrap();
            assert_eq!(theirs.unix_timestamp(), envelope.time.unix_timestamp());
        } else {
            assert_eq!(&said[name], value, "{name}");
        }
    }
    assert_eq!(
        said.as_object().unwrap().len(),
        ours.as_object().unwrap().len()
    );
}

#[tokio::test]
async fn python_understands_what_we_publish() {
    let world = World::with_partitions(1).await;
    let acme = tenant();
    let mut sent = Vec::new();
    for (number, mode) in [(1, ContentMode::Binary), (2, ContentMode::Structured)] {
        let parts = parts(&acme, format!("order-{number} ü")).sequence(3);
        let record = OutboundRecord::of(parts, &Placed { number }).unwrap();
        let envelope = record.envelope.clone();
        let results = in_mode(&world, mode).publish_batch(&[record]).await;
        assert!(results[0].is_ok(), "{results:?}");
        sent.push((envelope, json!({"number": number})));

        let mut json = OutboundRecord::of(
            EventParts::new("/it", "json").tenant(acme.clone()),
            &Placed { number },
        )
        .unwrap()
        .envelope;
        json.data_content_type = "application/json".to_owned();
        let payload = json!({"shop": "Grüße", "lines": [1.5, null]});
        let bytes = payload.to_string().into_bytes();
        let record = RawRecord::of("order.events", &json, Some(bytes), mode).unwrap();
        in_mode(&world, mode).publish_raw(record).await.unwrap();
        sent.push((json, payload));
    }

    let read = python(&world, "read.py", &["4"], &[]).await;

    assert_eq!(read.len(), 4);
    for (read, (envelope, data)) in read.iter().zip(&sent) {
        assert_understood(read, envelope, data);
    }
}

#[tokio::test]
async fn we_handle_what_python_publishes() {
    let world = World::with_partitions(1).await;
    let (acme, seen) = (tenant(), Seen::default());
    let event = |mode: &str, number: i64, avro: bool| {
        let attributes = json!({
            "id": format!("python-{number}"), "type": "order.placed", "source": "urn:python:shop",
            "subject": format!("order-{number}"), "tenantid": acme.id, "region": acme.region,
            "partitionkey": acme.id,
        });
        let mut event = json!({"mode": mode, "attributes": attributes});
        let payload = json!({"number": number});
        if avro {
            event["attributes"]["datacontenttype"] = "application/avro".into();
            event["avro"] = payload;
        } else {
            event["data"] = payload;
        }
        event
    };
    let events = [
        event("binary", 1, true),
        event("structured", 2, true),
        event("binary", 3, false),
        event("structured", 4, false),
    ];
    let consumer = run(world.consumer("mailer"), seen.handler());

    python(&world, "write.py", &[], &events).await;

    seen.reaches(4).await;
    consumer.stop().await;
    let mut all = seen.all();
    all.sort();
    let expected = [1, 2, 3, 4].map(|number| (format!("order-{number}"), number));
    assert_eq!(all, expected);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn events_of_others_keep_their_names_and_extensions() {
    let world = World::with_partitions(1).await;
    let attributes = json!({
        "id": "A234-1234-1234", "type": "com.example.someevent/v2", "source": "/mycontext",
        "comexampleextension1": "value", "comexampleothervalue": 5, "correlationid": "txn-1",
        "time": "2026-01-02T03:04:05.678901+00:00",
    });
    let lines = ["binary", "structured"]
        .map(|mode| json!({"mode": mode, "attributes": attributes, "data": {"a": "ü"}}));
    let bare = json!({"mode": "binary", "data": {},
        "attributes": {"id": Uuid::nil(), "type": "t", "source": "s"}});
    let before = OffsetDateTime::now_utc() - Duration::from_secs(1);

    python(
        &world,
        "write.py",
        &[],
        &[lines[0].clone(), lines[1].clone(), bare],
    )
    .await;

    let events = tail(&world).await;
    let [binary, structured, bare] = events.as_slice() else {
        panic!("{} events", events.len());
    };
    assert_eq!(binary.envelope.id, structured.envelope.id);
    for event in [binary, structured] {
        let envelope = &event.envelope;
        assert_eq!(envelope.id_text(), "A234-1234-1234");
        assert_eq!(envelope.event_type, "com.example.someevent/v2");
        assert_eq!(envelope.extensions["comexampleextension1"].text(), "value");
        assert_eq!(envelope.extensions["comexampleothervalue"].text(), "5");
        let stated = "2026-01-02T03:04:05.678901Z";
        assert_eq!(
            envelope.time,
            OffsetDateTime::parse(stated, &Rfc3339).unwrap()
        );
        assert_eq!(event.decode_json().await.unwrap(), json!({"a": "ü"}));
    }
    let bare = &bare.envelope;
    assert!(bare.subject.is_empty() && bare.tenant.is_none());

    // The SDK puts a time on everything. Without one, the log's counts.
    let untimed = {
        let headers = binary.envelope.to_headers();
        let headers = headers.iter().filter(|(name, _)| name != "ce_time");
        let headers = headers.map(|(name, value)| (name.as_ref(), value.as_bytes()));
        Envelope::from_record(headers, None, None).unwrap().envelope
    };
    let record = RawRecord::of("order.events", &untimed, None, ContentMode::Binary).unwrap();
    world.producer().publish_raw(record).await.unwrap();
    let events = tail(&world).await;
    let last = &events.last().unwrap().envelope;
    assert!(!last.states_time() && last.time >= before);
}
