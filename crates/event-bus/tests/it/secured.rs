//! A broker that lets in only whom it knows: TLS, SCRAM, OAUTHBEARER, access lists.

use std::time::Duration;

use event_bus::Event as _;
use event_bus::{
    BusSettings, EventSchemas, Failure, Login, OAuthClient, Producer, PublishError, Received,
    Router, Sasl, Security, Tls,
    admin::{Admin, TopicSpec},
    dlq::{DeadLetterAdmin, DeadLetterFilter},
    log_reader::{LogReader, ReadFrom, ReadUntil},
};

use crate::{
    broker::{Broker, Doors},
    identity::{Authority, TokenEndpoint},
    said::said,
    world::{Placed, Seen, World, eventually, header, parts, run, tenant},
};

const PATIENCE: Duration = Duration::from_secs(10);

/// TLS on every door, and nobody may do anything who was not granted it.
const LOCKS: &str = "\
ssl.keystore.type=PEM
ssl.keystore.location=@HOME@/server.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.oauth.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
listener.name.oauth.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.oauth.oauthbearer.sasl.oauthbearer.jwks.endpoint.url=file://@HOME@/keys.json
listener.name.oauth.oauthbearer.sasl.oauthbearer.expected.audience=kafka
";

/// A broker with both doors, the topics, and rights for `User:orders` and the group `mailer` alone.
async fn locked(authority: &Authority, tokens: &TokenEndpoint) -> (Broker, World) {
    let broker = Broker::with(Doors {
        listeners: vec![("SCRAM", "SASL_SSL"), ("OAUTH", "SASL_SSL")],
        settings: LOCKS.to_owned(),
        users: vec![("orders", "right"), ("stranger", "right")],
        java: vec![
            "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://@HOME@/keys.json".to_owned(),
        ],
        files: vec![
            ("server.pem", authority.server()),
            ("keys.json", tokens.keys.clone()),
        ],
    })
    .await;
    let world = World::of(broker.settings("INSIDE"));
    let topics = [TopicSpec::new(Placed::TOPIC, 2)];
    world
        .admin
        .create_topics(&topics)
        .await
        .expect("topics can be made");
    let name = |name: &str| world.settings.prefixed(name);
    let (topic, letters, group) = (
        name("order.events"),
        name("order.events.dlq"),
        name("mailer"),
    );
    let inside = broker.at("INSIDE");
    let to_all = [
        "--bootstrap-server",
        &inside,
        "--add",
        "--allow-principal",
        "User:orders",
    ];
    let grants: [&[&str]; 2] = [
        &["--producer", "--topic", &topic, "--topic", &letters],
        &["--consumer", "--topic", &topic, "--group", &group],
    ];
    for grant in grants {
        broker.tool(
            "org.apache.kafka.tools.AclCommand",
            &[&to_all[..], grant].concat(),
        );
    }
    (broker, world)
}

fn scram(broker: &Broker, authority: &Authority, user: &str, password: &str) -> BusSettings {
    let mut settings = broker.settings("SCRAM");
    settings.security = Security {
        tls: Some(Tls {
            ca: Some(authority.file.clone()),
            client: None,
        }),
        sasl: Some(Sasl::ScramSha512(Login {
            user: user.to_owned(),
            password: password.into(),
        })),
    };
    settings
}

fn producer(settings: &BusSettings) -> Producer {
    let deadline = Duration::from_secs(3);
    Producer::with_deadline(settings, EventSchemas::new().with::<Placed>(), deadline)
        .expect("a producer")
}

async fn refusal(settings: &BusSettings) -> String {
    let published = producer(settings)
        .publish(parts(&tenant(), "s"), &Placed { number: 1 })
        .await;
    let error = published.expect_err("nobody let it in");
    // It stays with the publisher until somebody mends it.
    assert!(matches!(error, PublishError::Unavailable(_)), "{error}");
    error.to_string()
}

/// Publishes three events, one of them poison, and sees two handled and one put aside.
async fn works(settings: &BusSettings, inside: &World) {
    let outside = World::of(settings.clone());
    let letters = inside.dead_letters().await.len();
    let producer = producer(settings);
    producer.ping(PATIENCE).await.expect("it is let in");
    for number in 0..3 {
        let event = Placed { number };
        let published = producer.publish(parts(&tenant(), "s"), &event).await;
        published.expect("it may publish");
    }
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            seen.note(&event);
            async move {
                match event.data.number {
                    1 => Err(Failure::permanent("poison")),
                    _ => Ok(()),
                }
            }
        })
    };
    let consumer = run(outside.consumer("mailer"), handler);
    seen.reaches(3).await;
    eventually(|| async { inside.dead_letters().await.len() > letters }).await;
    consumer.stop().await;
    let all = inside.dead_letters().await;
    assert_eq!(header(&all[letters], "dlq-error"), "poison");
}

#[tokio::test]
async fn over_scram_and_tls_whoever_is_granted_it_works_and_others_learn_what_to_mend() {
    let (authority, other) = (Authority::new(), Authority::new());
    let tokens = TokenEndpoint::start("orders", "right", 60).await;
    let (broker, inside) = locked(&authority, &tokens).await;

    works(&scram(&broker, &authority, "orders", "right"), &inside).await;

    // Known, but granted nothing.
    let stranger = scram(&broker, &authority, "stranger", "right");
    let error = refusal(&stranger).await;
    assert!(
        error.contains("grant the principal DESCRIBE and WRITE on the topic"),
        "{error}"
    );
    let group = "nobody-granted-this-group";
    let consumer = run(
        World::of(stranger.clone()).consumer(group),
        Seen::default().handler(),
    );
    eventually(|| async { said(&[group, "grant the principal"]) }).await;
    consumer.stop().await;
    let made = Admin::new(&stranger, PATIENCE)
        .create_topics(&[TopicSpec::new("mine", 1)])
        .await;
    let error = made.expect_err("it may not").to_string();
    assert!(error.contains("grant the principal"), "{error}");

    // A wrong password is told at once by whoever asks, and by the deadline by whoever publishes.
    let mistaken = scram(&broker, &authority, "orders", "wrong");
    let error = refusal(&mistaken).await;
    assert!(error.contains("check user and password"), "{error}");
    let asked = Admin::new(&mistaken, PATIENCE).topics().await;
    let error = asked.expect_err("it is not let in").to_string();
    assert!(error.contains("check user and password"), "{error}");
    let opened = LogReader::open(
        &mistaken,
        Placed::TOPIC,
        ReadFrom::Beginning,
        ReadUntil::End,
        PATIENCE,
    )
    .await;
    let error = opened.err().expect("it is not let in").to_string();
    assert!(error.contains("check user and password"), "{error}");
    let letters = DeadLetterAdmin::new(&mistaken, PATIENCE).expect("nothing is asked yet");
    let listed = letters.list(&DeadLetterFilter::default(), None, 10).await;
    let error = listed.expect_err("it is not let in").to_string();
    assert!(error.contains("check user and password"), "{error}");
    let group = "with-a-wrong-password";
    let consumer = run(
        World::of(mistaken).consumer(group),
        Seen::default().handler(),
    );
    eventually(|| async { said(&[group, "check user and password"]) }).await;
    consumer.stop().await;

    // A broker whose certificate another authority signed is not trusted.
    let deceived = scram(&broker, &other, "orders", "right");
    let error = refusal(&deceived).await;
    assert!(error.contains("security.tls.ca"), "{error}");
}

#[tokio::test]
async fn over_oauthbearer_tokens_are_fetched_and_renewed() {
    let authority = Authority::new();
    let tokens = TokenEndpoint::start("orders", "right", 5).await;
    let (broker, inside) = locked(&authority, &tokens).await;
    let client = |secret: &str| {
        let mut settings = scram(&broker, &authority, "", "");
        settings.bootstrap = broker.at("OAUTH");
        settings.security.sasl = Some(Sasl::OAuthBearer(OAuthClient {
            token_endpoint: tokens.url.clone(),
            client_id: "orders".to_owned(),
            client_secret: secret.into(),
            scope: Some("kafka".to_owned()),
            ca: None,
        }));
        settings
    };

    works(&client("right"), &inside).await;

    let producer = producer(&client("right"));
    producer.ping(PATIENCE).await.expect("it is let in");
    let before = tokens.given();
    eventually(|| async { tokens.given() > before }).await;
    let topics = Admin::new(&client("right"), PATIENCE).topics().await;
    assert_eq!(
        topics.expect("it may ask").len(),
        2,
        "administration has a token too"
    );

    let error = refusal(&client("wrong")).await;
    assert!(error.contains("client id and secret"), "{error}");
}
