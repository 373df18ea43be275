//! The `dlq parked` commands.

use std::{borrow::Cow, env};

use event_bus::{BusSettings, EventSchemas, Producer, RawRecord};
use uuid::Uuid;

use crate::Tool;

impl Tool {
    /// Publishes a record with headers and without an event.
    fn publish(&self, topic: &str, key: &str, headers: &[(&'static str, String)]) {
        let setting = |name| env::var(name).expect("run through `make test`");
        let mut settings =
            BusSettings::new(setting("TENANTRY_KAFKA"), setting("TENANTRY_REGISTRY"));
        settings.topic_prefix.clone_from(&self.prefix);
        let headers = headers.iter();
        let record = RawRecord {
            topic: topic.to_owned(),
            partition: Some(0),
            key: Some(key.as_bytes().to_vec()),
            value: Some(b"an event".to_vec()),
            headers: headers
                .map(|(name, value)| (Cow::Borrowed(*name), Some(value.clone().into_bytes())))
                .collect(),
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sent = runtime.block_on(async {
            let producer = Producer::new(&settings, EventSchemas::new()).expect("a producer");
            producer.publish_raw(record).await
        });
        sent.expect("published");
    }
}

/// Creates topics with a parked sequence of two records of the group `mailer`.
fn tool_with_parked() -> (Tool, String) {
    let tool = Tool::new();
    for topic in ["order.events", "audit.events", "order.events.mailer.parked"] {
        tool.out(&["topics", "create", topic, "--partitions", "1"], "");
    }
    let tenant = Uuid::now_v7().to_string();
    for (offset, class, error) in [
        (7, "permanent", "no \u{1b}[31mluck"),
        (8, "parked", "waits"),
    ] {
        let told = [
            ("dlq-park-sequence", format!("{tenant}/order-1")),
            ("dlq-park-event", Uuid::now_v7().to_string()),
            ("dlq-original-topic", "order.events".to_owned()),
            ("dlq-original-partition", "0".to_owned()),
            ("dlq-original-offset", offset.to_string()),
            ("dlq-group", "mailer".to_owned()),
            ("dlq-error-class", class.to_owned()),
            ("dlq-error", error.to_owned()),
        ];
        tool.publish("order.events.mailer.parked", &tenant, &told);
    }
    let place = format!("order.events.mailer.parked/0/{tenant}/order-1");
    (tool, place)
}

#[test]
fn a_parked_sequence_is_listed_shown_and_released_without_its_head() {
    let (tool, place) = tool_with_parked();
    let list = tool.out(&["dlq", "parked", "list", "--group", "mailer"], "");
    assert!(
        list.contains(&place) && list.contains("no \\u{1b}[31mluck") && !list.contains('\u{1b}'),
        "{list}"
    );
    let others = tool.out(&["dlq", "parked", "list", "--group", "other"], "");
    assert_eq!(others.lines().count(), 1);
    let listed = tool.json(&["dlq", "parked", "list", "--topic", "order.events"]);
    assert_eq!(listed["sequences"][0]["place"], place.as_str());
    assert_eq!(listed["sequences"][0]["records"], 2);
    assert_eq!(listed["sequences"][0]["isReleasing"], false);
    let shown = tool.out(&["dlq", "parked", "show", &place, "--limit", "1"], "");
    assert!(
        shown.contains("order.events/0/7") && shown.contains("and 1 more"),
        "{shown}"
    );

    let discard = [
        "dlq",
        "parked",
        "discard-head",
        &place,
        "--by",
        "ann",
        "--reason",
        "test data",
    ];
    let planned = tool.out(&[&discard[..], &["--dry-run"]].concat(), "");
    assert!(planned.contains("would be without its head"), "{planned}");
    let (code, error) = tool.code(&[&discard[..], &["--head", "1"]].concat());
    assert!(
        code == 3 && error.contains("1 of 1 sequences not"),
        "{error}"
    );
    tool.out(&[&discard[..], &["--head", "0"]].concat(), "");
    let (code, error) = tool.code(&["dlq", "parked", "release", "--by", "ann"]);
    assert!(
        code == 1 && error.contains("no sequences selected"),
        "{error}"
    );
    let all = ["dlq", "parked", "release", "--all", "--by", "ann"];
    let (code, error) = tool.code(&all);
    assert!(
        code == 1
            && error.contains(
                "release 1 sequences: standard input is not a terminal, confirm with --yes"
            ),
        "{error}"
    );
    let released = tool.json(&[&all[..], &["--yes", "--reason", "fixed"]].concat());
    assert_eq!(released["sequences"][0]["outcome"], "done");
    let (code, error) = tool.code(&["dlq", "parked", "release", &place, "--by", "ann"]);
    assert!(
        code == 3 && error.contains("1 of 1 sequences not released"),
        "{error}"
    );

    let shown = tool.out(&["dlq", "parked", "show", &place], "");
    assert!(
        shown.contains("discard 0") && shown.contains("test data"),
        "{shown}"
    );
    assert!(
        shown.contains("release") && shown.contains("fixed"),
        "{shown}"
    );
    let audit = ["consume", "audit.events", "--from-beginning", "--until-end"];
    let told = tool.out(&audit, "");
    assert!(told.contains("parked_sequence.head_discarded"), "{told}");
    assert!(
        told.contains("parked_sequence.released") && told.contains(&place),
        "{told}"
    );
    let (code, error) = tool.code(&["dlq", "parked", "show", "order.events.mailer.parked/0/-/x"]);
    assert!(
        code == 1 && error.contains("nothing is parked of"),
        "{error}"
    );
    let (code, error) = tool.code(&["dlq", "parked", "show", "order.events/0"]);
    assert!(
        code == 2 && error.contains("TOPIC.GROUP.parked/PARTITION/SEQUENCE"),
        "{error}"
    );
}
