//! The `dlq` commands.

use serde_json::Value;
use uuid::Uuid;

use crate::Tool;

/// Creates topics with two dead letters, produced as JSON.
fn tool_with_letters() -> (Tool, String) {
    let tool = Tool::new();
    for topic in ["order.events", "audit.events"] {
        tool.out(&["topics", "create", topic, "--partitions", "1"], "");
    }
    let (id, tenant) = (Uuid::now_v7(), Uuid::now_v7());
    let event = format!(
        r#"{{"specversion":"1.0","id":"{id}","type":"order.paid","source":"/x","time":"2026-01-01T00:00:00Z","subject":"s","tenantid":"{tenant}","region":"eu","data":{{"amount":5}}}}"#
    );
    let input = format!("{event}\n{tenant}\tnot an \u{1b}[31mevent\n");
    tool.out(&["produce", "order.events.dlq"], &input);
    (tool, tenant.to_string())
}

impl Tool {
    pub fn json(&self, arguments: &[&str]) -> Value {
        let out = self.out(&[arguments, &["--json"]].concat(), "");
        serde_json::from_str(&out).expect("json")
    }

    pub fn code(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments, "");
        let error = String::from_utf8(output.stderr).expect("text");
        (output.status.code().expect("a code"), error)
    }
}

#[test]
fn letters_are_listed_shown_replayed_and_discarded() {
    let (tool, tenant) = tool_with_letters();
    let list = tool.out(&["dlq", "list"], "");
    assert_eq!(list.lines().count(), 3, "{list}");
    let of_type = tool.json(&["dlq", "list", "--type", "order.paid", "--tenant", &tenant]);
    assert_eq!(of_type["letters"].as_array().unwrap().len(), 1);
    assert_eq!(of_type["letters"][0]["place"], "order.events.dlq/0/0");
    let (event, garbage) = ("order.events.dlq/0/0", "order.events.dlq/0/1");
    let shown = tool.out(&["dlq", "show", event], "");
    assert!(shown.contains(r#"payload      {"amount":5}"#), "{shown}");
    let raw = tool.out(&["dlq", "show", garbage], "");
    assert!(
        raw.contains("specversion is missing") && !raw.contains('\u{1b}'),
        "{raw}"
    );

    let to = ["--to-group", "mailer", "--by", "ann"];
    let replay = [&["dlq", "replay", event][..], &to].concat();
    let planned = tool.out(&[&replay[..], &["--dry-run"]].concat(), "");
    assert!(planned.contains("would be replayed"), "{planned}");
    assert!(
        tool.json(&["dlq", "acts"])["acts"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let done = tool.json(&replay);
    assert_eq!(done["letters"][0]["outcome"], "done");
    assert_eq!(done["letters"][0]["group"], "mailer");
    let consumed = ["consume", "order.events", "--from-beginning", "--until-end"];
    assert!(tool.out(&consumed, "").contains(r#"payload  {"amount":5}"#));
    let discard = [
        "dlq",
        "discard",
        "--class",
        "none such",
        "--by",
        "ann",
        "--reason",
        "old",
        "--yes",
    ];
    assert_eq!(tool.json(&discard)["letters"].as_array().unwrap().len(), 0);
    tool.out(
        &[
            "dlq",
            "discard",
            garbage,
            "--by",
            "ben",
            "--reason",
            "test data",
        ],
        "",
    );

    assert_eq!(
        tool.out(&["dlq", "list"], "").lines().count(),
        1,
        "nothing is open"
    );
    let all = tool.out(&["dlq", "list", "--state", "all"], "");
    assert!(
        all.contains("replayed") && all.contains("discarded"),
        "{all}"
    );
    let acts = tool.out(&["dlq", "acts"], "");
    assert!(
        acts.contains("replaying") && acts.contains("ann") && acts.contains("test data"),
        "{acts}"
    );
    let dead = tool.out(
        &[
            "consume",
            "order.events.dlq",
            "--from-beginning",
            "--until-end",
        ],
        "",
    );
    assert!(dead.contains("act discarded on 0/1 by ben"), "{dead}");
    let audit = ["consume", "audit.events", "--from-beginning", "--until-end"];
    let told = tool.out(&audit, "");
    assert_eq!(told.matches("audit.action.performed").count(), 2, "{told}");
    assert!(told.contains("dead_letter.replayed") && told.contains("dead_letter.discarded"));
    assert!(told.contains(event) && told.contains(garbage) && told.contains(&tenant));
}

#[test]
fn the_exit_code_tells_errors_usage_and_incomplete_apart() {
    let (tool, _) = tool_with_letters();
    let by = ["--by", "ann"];
    let cases: [(&[&str], i32, &str); 8] = [
        (&["dlq", "replay"], 1, "no letters selected"),
        (&["dlq", "replay", "--all", "--all-groups"], 1, "--yes"),
        (
            &["dlq", "replay", "--all", "order.events.dlq/0/0"],
            1,
            "only one of the three",
        ),
        (
            &["dlq", "replay", "order.events/0/0"],
            2,
            "order.events.dlq/3/17",
        ),
        (
            &["dlq", "replay", "order.events.dlq/0/9", "--to-group", "c"],
            1,
            "no dead letter at",
        ),
        // These letters have no group that failed.
        (
            &["dlq", "replay", "--all", "--yes"],
            3,
            "2 of 2 letters not replayed",
        ),
        (&["dlq", "discard", "--all", "--yes"], 2, "--reason"),
        (
            &["dlq", "list", "--topic", "nothing"],
            1,
            "there is no topic nothing.dlq",
        ),
    ];
    for (arguments, code, message) in cases {
        let asked = match arguments[1] {
            "list" => arguments.to_vec(),
            _ => [arguments, &by].concat(),
        };
        let (found, error) = tool.code(&asked);
        assert_eq!(found, code, "{arguments:?}: {error}");
        assert!(error.contains(message), "{arguments:?}: {error}");
    }
    assert_eq!(tool.out(&["dlq", "list"], "").lines().count(), 3);
}

#[test]
fn rate_and_limit_are_respected() {
    let (tool, _) = tool_with_letters();
    let limited = [
        "dlq",
        "replay",
        "--all",
        "--yes",
        "--by",
        "ann",
        "--all-groups",
        "--limit",
        "1",
        "--rate",
        "5",
    ];
    let first = tool.json(&limited);
    assert_eq!(first["letters"].as_array().unwrap().len(), 1);
    assert_eq!(first["next"], "order.events.dlq/0/0");
    let second = tool.json(&limited);
    assert_eq!(
        second["letters"][0]["letter"]["place"],
        "order.events.dlq/0/1"
    );
    assert_eq!(tool.out(&["dlq", "list"], "").lines().count(), 1);
    assert_eq!(second["letters"][0]["group"], Value::Null);
}
