//! The landlord and the dead letters.

use auth::Caller;
use event_bus::Event;
use events::audit::ActionPerformed;
use serde_json::{Value, json};
use testkit::{Client, eventually};
use uuid::Uuid;

use crate::fixture::Fixture;

const LETTERS: &str = "/api/platform/dead-letters";
const GROUP: &str = "event-store-projector-consumer";

/// Puts an order on the log that the projector cannot take, and waits for its letter.
async fn dead_letter(house: &Fixture, landlord: &Client) -> (Uuid, String) {
    let (id, tenant) = (Uuid::now_v7(), Uuid::now_v7());
    let (event, key) = (id.to_string(), tenant.to_string());
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", event.as_str()),
        ("ce_type", "order.created"),
        ("ce_source", "/somebody"),
        ("ce_time", "2025-11-21T06:00:00Z"),
        ("ce_subject", "an order"),
        ("ce_tenantid", key.as_str()),
        ("ce_region", "eu"),
        ("content-type", "application/json"),
    ];
    let payload = br#"{"of":"another type"}"#;
    house
        .publish_raw("order.events", &key, &headers, payload)
        .await;
    let place = eventually("the letter", || async {
        let open = open(landlord, &key).await;
        open.first().map(|letter| text(letter, "place"))
    });
    (tenant, place.await)
}

/// The open letters of a tenant.
async fn open(landlord: &Client, tenant: &str) -> Vec<Value> {
    let page = landlord.get(&format!("{LETTERS}?tenant={tenant}")).await;
    page.expect(200)["data"].as_array().unwrap().clone()
}

/// The audit's events, once there are that many in the store.
async fn audit_tells(landlord: &Client, count: usize) -> Vec<Value> {
    let path = format!("/api/events?type={}", ActionPerformed::TYPE);
    eventually("the acts in the event store", || async {
        let events = landlord.get(&path).await.expect(200);
        let events = events["data"].as_array().unwrap().clone();
        (events.len() >= count).then_some(events)
    })
    .await
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_letter_is_listed_shown_replayed_and_given_up_and_the_audit_knows() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let (admin, token) = house.world.identity().platform_admin();
    let landlord = Fixture::stranger(&app).with_token(token);
    let (tenant, place) = dead_letter(&house, &landlord).await;
    let tenant_id = tenant.to_string();

    let shown = landlord
        .get(&format!("{LETTERS}/{place}"))
        .await
        .expect(200);
    assert_eq!(shown["payload"], json!({"of": "another type"}));
    assert_eq!(shown["letter"]["group"], GROUP);
    assert_eq!(shown["letter"]["class"], "undecodable");
    assert_eq!(shown["letter"]["envelope"]["type"], "order.created");
    let path = format!("{LETTERS}/replay");
    let plan = json!({"filter": {"tenant": tenant, "class": "undecodable"}, "dryRun": true});
    let planned = landlord.post(&path, plan).await.expect(200);
    assert_eq!(
        (&planned["done"], &planned["dryRun"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(open(&landlord, &tenant_id).await.len(), 1);
    assert_eq!(
        house.world.record_count("audit.events").await,
        0,
        "a dry run is no act"
    );

    let keyed = landlord.header("Idempotency-Key", "once");
    let body = json!({"letters": [place], "reason": "mended"});
    let done = keyed.post(&path, body.clone()).await.expect(200);
    assert_eq!(done["done"], 1, "{done}");
    assert_eq!(done["letters"][0]["group"], GROUP);
    let repeated = keyed.post(&path, body).await.expect(200);
    assert_eq!(repeated, done, "the same key, the same answer");

    // It still does not read: a second letter, with its first round told.
    let again = eventually("the second letter", || async {
        let open = open(&landlord, &tenant_id).await;
        open.first()
            .filter(|letter| letter["place"] != json!(place))
            .cloned()
    })
    .await;
    assert_eq!(again["envelope"]["id"], shown["letter"]["envelope"]["id"]);
    assert_eq!(again["replays"], 1);
    assert_eq!(again["trail"][0]["letter"], json!(place));
    assert_eq!(again["trail"][0]["by"], json!(admin.email));
    let discard = json!({"filter": {"tenant": tenant}, "reason": "hopeless"});
    let given_up = landlord
        .post(&format!("{LETTERS}/discard"), discard)
        .await
        .expect(200);
    assert_eq!(given_up["done"], 1);
    assert!(open(&landlord, &tenant_id).await.is_empty());
    let all = landlord
        .get(&format!("{LETTERS}?tenant={tenant}&state=all&per_page=1"))
        .await
        .expect(200);
    assert_eq!(all["data"][0]["state"], "replayed");
    let next = format!(
        "{LETTERS}?tenant={tenant}&state=all&cursor={}",
        text(&all["meta"], "next")
    );
    assert_eq!(
        landlord.get(&next).await.expect(200)["data"][0]["state"],
        "discarded"
    );
    let acts = landlord
        .get(&format!("{LETTERS}/acts?topic=order.events"))
        .await
        .expect(200);
    let kinds: Vec<String> = acts["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| text(act, "act"))
        .collect();
    assert_eq!(kinds, ["replaying", "replayed", "discarded"]);

    // The audit: each command announced, and each letter.
    let told = audit_tells(&landlord, 4).await;
    let mut actions: Vec<String> = told
        .iter()
        .map(|event| text(&event["data"], "action"))
        .collect();
    actions.sort_unstable();
    let expected = ["discarded", "discarding", "replayed", "replaying"];
    assert_eq!(actions, expected.map(|act| format!("dead_letter.{act}")));
    let actor = json!(admin.user_id);
    assert!(told.iter().all(|event| event["data"]["actorId"] == actor));
    let of_letter = told
        .iter()
        .find(|event| event["data"]["resourceId"] == json!(place));
    assert_eq!(of_letter.unwrap()["data"]["tenantId"], json!(tenant));
    app.stop().await;
}

#[tokio::test]
async fn a_replay_for_another_group_is_passed_over_by_the_projector() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let landlord = house.landlord(&app);
    let (tenant, place) = dead_letter(&house, &landlord).await;
    let before = house.offsets().await;

    let body = json!({"letters": [place], "toGroup": "order-payment-consumer"});
    landlord
        .post(&format!("{LETTERS}/replay"), body)
        .await
        .expect(200);

    // The replayed record, and two on the audit's topic.
    eventually("the projector to be behind it", || async {
        (house.offsets().await == before + 3).then_some(())
    })
    .await;
    assert!(
        open(&landlord, &tenant.to_string()).await.is_empty(),
        "it was read"
    );
    app.stop().await;
}

#[tokio::test]
async fn only_the_landlord_gets_in() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let acme = house.tenant().await;
    let identity = house.world.identity();
    let customer = Caller::customer(auth::UserId::generate(), "ann@example.org");
    let tokens = [
        ("admin", identity.admin_of(&acme).1),
        ("customer", identity.token(&customer)),
        ("service", identity.service("order").1),
    ];
    let reads = [
        LETTERS.to_owned(),
        format!("{LETTERS}/acts"),
        format!("{LETTERS}/order.events.dlq/0/0"),
    ];
    let writes = ["replay", "discard"].map(|verb| format!("{LETTERS}/{verb}"));
    let stranger = Fixture::stranger(&app);
    let body = json!({"filter": {}, "reason": "mine"});
    for path in &reads {
        assert_eq!(stranger.get(path).await.status, 401, "{path}");
    }
    for path in &writes {
        assert_eq!(
            stranger.post(path, body.clone()).await.status,
            401,
            "{path}"
        );
    }
    for (who, token) in tokens {
        let client = stranger.with_token(token);
        for path in &reads {
            assert_eq!(client.get(path).await.status, 403, "{who} {path}");
        }
        for path in &writes {
            assert_eq!(
                client.post(path, body.clone()).await.status,
                403,
                "{who} {path}"
            );
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_named_and_what_is_not_there_is_not_found() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let landlord = house.landlord(&app);
    for path in [
        "order.events.dlq/0/0",
        "order.events.dlq/99/0",
        "nothing.dlq/0/0",
        "order.events/0/0",
        "order.events.dlq/x/0",
    ] {
        let reply = landlord.get(&format!("{LETTERS}/{path}")).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
    }
    let place = json!(["order.events.dlq/0/0"]);
    let replays = [
        (json!({}), "letters"),
        (json!({"letters": []}), "letters"),
        (json!({"letters": place, "filter": {}}), "letters"),
        (json!({"letters": ["order.events/0/0"]}), "letters"),
        (json!({"filter": {"tpye": "x"}}), "filter.tpye"),
        (json!({"filter": {}, "limit": 501}), "limit"),
        (json!({"filter": {}, "rate": 1}), "rate"),
        (json!({"filter": {}, "rate": 0}), "rate"),
        (
            json!({"filter": {}, "toGroup": "a", "allGroups": true}),
            "toGroup",
        ),
        (json!({"filter": {"topic": "nothing"}}), "topic"),
        (json!({"filter": {}, "reason": " "}), "reason"),
    ];
    for (body, field) in replays {
        let reply = landlord
            .post(&format!("{LETTERS}/replay"), body.clone())
            .await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
        let named = text(&reply.body["errors"][0], "field");
        assert!(named.starts_with(field), "{body}: {}", reply.text);
    }
    let discard = format!("{LETTERS}/discard");
    let unreasoned = landlord.post(&discard, json!({"filter": {}})).await;
    assert_eq!(
        (
            unreasoned.status.as_u16(),
            text(&unreasoned.body["errors"][0], "field")
        ),
        (400, "reason".to_owned())
    );
    let missing = landlord
        .post(&discard, json!({"letters": place, "reason": "old"}))
        .await;
    assert_eq!(missing.status, 404, "{}", missing.text);
    for query in [
        "per_page=501",
        "state=lost",
        "cursor=here",
        "from=yesterday",
    ] {
        let reply = landlord.get(&format!("{LETTERS}?{query}")).await;
        assert_eq!(reply.status, 400, "{query}: {}", reply.text);
    }
    let api = landlord.get("/api/docs/openapi.json").await.expect(200);
    for path in [
        "",
        "/acts",
        "/replay",
        "/discard",
        "/{topic}/{partition}/{offset}",
    ] {
        assert!(
            api["paths"][format!("{LETTERS}{path}")].is_object(),
            "{path}"
        );
    }
    app.stop().await;
}
