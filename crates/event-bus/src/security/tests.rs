use super::*;

fn scram() -> Security {
    Security {
        tls: Some(Tls::default()),
        sasl: Some(Sasl::ScramSha512(Login {
            user: "orders".to_owned(),
            password: "hunter2".into(),
        })),
    }
}

fn oauth() -> OAuthClient {
    OAuthClient {
        token_endpoint: "https://id.example/token".to_owned(),
        client_id: "orders".to_owned(),
        client_secret: "hunter2".into(),
        scope: Some("kafka".to_owned()),
        ca: None,
    }
}

fn configured(security: &Security) -> ClientConfig {
    let mut config = ClientConfig::new();
    security.configure(&mut config);
    config
}

#[test]
fn the_protocol_follows_from_what_is_set() {
    let (tls, sasl) = (scram().tls, scram().sasl);
    for (tls, sasl, protocol) in [
        (None, None, None),
        (tls.clone(), None, Some("ssl")),
        (None, sasl.clone(), Some("sasl_plaintext")),
        (tls, sasl, Some("sasl_ssl")),
    ] {
        let config = configured(&Security { tls, sasl });
        assert_eq!(config.get("security.protocol"), protocol);
    }
}

#[test]
fn scram_and_oauthbearer_are_said_in_librdkafkas_words() {
    let config = configured(&scram());
    assert_eq!(config.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
    assert_eq!(config.get("sasl.username"), Some("orders"));
    assert_eq!(config.get("sasl.password"), Some("hunter2"));

    let config = configured(&Security {
        tls: None,
        sasl: Some(Sasl::OAuthBearer(oauth())),
    });
    assert_eq!(config.get("sasl.oauthbearer.method"), Some("oidc"));
    assert_eq!(config.get("sasl.oauthbearer.scope"), Some("kafka"));
}

#[test]
fn secrets_are_never_shown() {
    let shown = format!("{:?} {:?}", scram(), oauth());
    assert!(
        shown.contains("orders") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn it_is_read_from_a_file_and_unknown_names_are_refused() {
    let text = r#"{"sasl": {"mechanism": "oauthbearer", "token_endpoint": "https://id.example/token",
        "client_id": "orders", "client_secret": "hunter2"}}"#;
    let security: Security = serde_json::from_str(text).unwrap();
    assert!(matches!(security.sasl, Some(Sasl::OAuthBearer(_))));

    let text = r#"{"sasl": {"mechanism": "scram-sha-512", "username": "orders", "password": "x"}}"#;
    let error = serde_json::from_str::<Security>(text).unwrap_err();
    assert!(error.to_string().contains("username"), "{error}");
    let text = r#"{"sasl": {"mechanism": "scram", "user": "orders", "password": "x"}}"#;
    let error = serde_json::from_str::<Security>(text).unwrap_err();
    assert!(error.to_string().contains("scram-sha-512"), "{error}");
}

#[test]
fn what_is_wrong_is_named_with_its_mend() {
    let mut no_password = scram();
    no_password.sasl = Some(Sasl::Plain(Login {
        user: "orders".to_owned(),
        password: "".into(),
    }));
    let mut no_ca = scram();
    no_ca.tls = Some(Tls {
        ca: Some("/nowhere/ca.pem".into()),
        client: None,
    });
    let mut no_url = oauth();
    no_url.token_endpoint = "id.example".to_owned();
    let no_url = Security {
        tls: None,
        sasl: Some(Sasl::OAuthBearer(no_url)),
    };
    for (security, named) in [
        (no_password, "security.sasl.password"),
        (no_ca, "security.tls.ca: /nowhere/ca.pem"),
        (no_url, "token_endpoint"),
    ] {
        let error = security.check().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    assert!(scram().check().is_ok());
}

#[test]
fn a_reason_is_kept_until_the_broker_works_again() {
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};
    let trouble = Trouble::default();
    let note = |code, reason| trouble.note(&KafkaError::Global(code), reason);

    note(
        RDKafkaErrorCode::BrokerTransportFailure,
        "connection refused",
    );
    note(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
    assert_eq!(trouble.explain("late"), "late: connection refused");
    note(RDKafkaErrorCode::Authentication, "invalid credentials");
    note(RDKafkaErrorCode::BrokerTransportFailure, "disconnected");
    assert!(trouble.needs_action());
    let said = trouble.explain("late");
    assert!(said.contains("invalid credentials; check user"), "{said}");

    trouble.clear();
    assert_eq!(trouble.explain("late"), "late");
}
