//! Integration tests of the command line against Kafka; run them with `make test`.

mod dlq;
mod parked;

use std::{
    env,
    io::Write,
    process::{Command, Output, Stdio},
};

use uuid::Uuid;

/// Runs the tool with a unique prefix.
struct Tool {
    prefix: String,
}

impl Tool {
    fn new() -> Self {
        let unset = "TENANTRY_KAFKA is not set: run the tests with `make test`";
        env::var("TENANTRY_KAFKA").expect(unset);
        Self {
            prefix: format!("ctl{}.", Uuid::now_v7().simple()),
        }
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenantryctl"))
            .args(arguments)
            .env("TENANTRY_TOPIC_PREFIX", &self.prefix)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool starts");
        let mut stdin = child.stdin.take().expect("piped");
        // A tool that does not read its input may have exited.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("the tool ends")
    }

    fn out(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }
}

#[test]
fn applying_the_topics_file_is_idempotent() {
    let tool = Tool::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../kafka/topics.toml");
    let first = tool.out(&["topics", "apply", "--file", file], "");
    assert!(
        first.contains("created  order.events\n") && first.contains("created  order.events.dlq\n")
    );
    let second = tool.out(&["topics", "apply", "--file", file], "");
    assert!(!second.contains("created") && second.contains("existed  order.events\n"));
    let list = tool.out(&["topics", "list"], "");
    assert!(list.contains("order.events.dlq"), "{list}");
    let described = tool.out(&["topics", "describe", "order.events"], "");
    assert!(
        described.contains("retention.ms") && described.contains("PARTITION"),
        "{described}"
    );
}

#[test]
fn produced_records_are_consumed_including_invalid_ones() {
    let tool = Tool::new();
    tool.out(
        &["topics", "create", "order.events", "--partitions", "1"],
        "",
    );
    let (id, tenant) = (Uuid::now_v7(), Uuid::now_v7());
    let event = format!(
        r#"{{"specversion":"1.0","id":"{id}","type":"order.paid","source":"/x","time":"2026-01-01T00:00:00Z","subject":"s","tenantid":"{tenant}","region":"eu","data":{{"amount":5}}}}"#
    );
    let input = format!("{event}\nkey\tnot an \u{1b}[31mevent\n");
    tool.out(&["produce", "order.events"], &input);

    let shown = tool.out(
        &["consume", "order.events", "--from-beginning", "--until-end"],
        "",
    );

    assert!(
        shown.contains(&id.to_string()) && shown.contains(r#"payload  {"amount":5}"#),
        "{shown}"
    );
    assert!(
        shown.contains("not an event: attribute specversion is missing"),
        "{shown}"
    );
    assert!(
        !shown.contains('\u{1b}'),
        "no escape sequence reaches the terminal"
    );
    let groups = tool.out(&["groups"], "");
    assert!(groups.starts_with("GROUP"), "{groups}");
}

#[test]
fn errors_are_one_line_with_a_failing_exit_code() {
    let tool = Tool::new();
    let cases: [(&[&str], &str, &str); 4] = [
        (
            &["topics", "list", "--kafka", "127.0.0.1:1", "--timeout", "1"],
            "",
            "does not respond",
        ),
        (
            &["topics", "describe", "nothing"],
            "",
            "there is no topic nothing",
        ),
        (&["consume", "nothing"], "", "there is no topic nothing"),
        (
            &["topics", "apply", "--file", "/nowhere.toml"],
            "",
            "/nowhere.toml",
        ),
    ];
    for (arguments, input, message) in cases {
        let output = tool.run(arguments, input);
        let error = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success(), "{arguments:?}");
        assert!(
            error.contains(message) && error.trim_end().lines().count() == 1,
            "{error}"
        );
    }
}

#[test]
fn an_invalid_access_file_is_reported_with_its_path_and_field() {
    let tool = Tool::new();
    let path = env::temp_dir().join(format!("{}access.toml", tool.prefix));
    let path = path.to_str().expect("text");
    for (text, named) in [
        ("[security.sasl]\nmechanism = \"scram\"", "scram-sha-512"),
        ("[security.tls]\nca = \"/nowhere.pem\"", "/nowhere.pem"),
        ("[secrity]", "secrity"),
    ] {
        std::fs::write(path, text).expect("written");
        let refused = tool.run(&["topics", "list", "--access", path], "");
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{text}");
        assert!(
            message.contains(path) && message.contains(named),
            "{message}"
        );
    }
    std::fs::write(path, "[extra]\n\"client.rack\" = \"a\"").expect("written");
    assert!(
        tool.run(&["topics", "list", "--access", path], "")
            .status
            .success()
    );
    std::fs::remove_file(path).expect("ours");
}
