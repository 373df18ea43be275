//! What is appended stays, once, together with its offset.

use event_store::{NewEvent, StoreError, Unstorable, append_batch};
use serde_json::json;

use crate::world::{append, count, envelope, event, offset, place, step, thing, with_store};

#[tokio::test]
async fn what_is_appended_is_loaded_unchanged_and_in_order() {
    with_store(async |store| {
        let events: Vec<_> = (1..=50)
            .map(|version| {
                event(
                    "a",
                    version,
                    json!({"n": version, "text": "Grüße \"\\u0000\" \n", "none": null}),
                )
            })
            .collect();
        let appended = append(store, &events, &[step(None, 50)]).await.unwrap();
        assert_eq!((appended.inserted, appended.known), (50, 0));

        let loaded = store.load(thing("a"), 1).await.unwrap();

        assert_eq!(loaded.len(), 50);
        for (stored, sent) in loaded.iter().zip(&events) {
            assert_eq!(&stored.envelope, sent.envelope());
            assert_eq!(&stored.place, sent.place());
            assert_eq!(stored.payload["text"], "Grüße \"\\u0000\" \n");
        }
        assert!(loaded.is_sorted_by_key(|stored| stored.position));
        assert_eq!(store.load(thing("a"), 48).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_batch_appended_twice_changes_nothing() {
    with_store(async |store| {
        let events: Vec<_> = (1..=10)
            .map(|version| event("a", version, json!({})))
            .collect();
        append(store, &events, &[step(None, 10)]).await.unwrap();

        let again = append(store, &events, &[step(Some(10), 20)]).await.unwrap();

        assert_eq!((again.inserted, again.known), (0, 10));
        assert!(again.refused.is_empty());
        assert_eq!(count(store).await, 10);
    })
    .await;
}

#[tokio::test]
async fn an_event_twice_in_one_batch_is_stored_once() {
    with_store(async |store| {
        let one = event("a", 1, json!({}));
        let appended = append(store, &[one.clone(), one], &[]).await.unwrap();
        assert_eq!((appended.inserted, appended.known), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn of_two_events_with_the_same_version_the_second_is_named() {
    with_store(async |store| {
        let (first, second) = (event("a", 1, json!({})), event("a", 1, json!({})));
        append(store, std::slice::from_ref(&first), &[])
            .await
            .unwrap();

        let appended = append(store, &[first, second.clone()], &[]).await.unwrap();

        assert_eq!(appended.refused, [second.envelope().id]);
        assert_eq!((appended.inserted, appended.known), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn events_without_a_version_do_not_exclude_each_other() {
    with_store(async |store| {
        let events = [
            event("a", 0, json!({})),
            event("a", 0, json!({})),
            event("a", 1, json!({})),
        ];
        assert_eq!(append(store, &events, &[]).await.unwrap().inserted, 3);
    })
    .await;
}

#[tokio::test]
async fn rows_and_offsets_never_disagree() {
    with_store(async |store| {
        append(store, &[event("a", 1, json!({}))], &[step(None, 1)])
            .await
            .unwrap();

        // A reader that was overtaken: neither its rows nor its offset stay.
        for stale in [None, Some(0), Some(2)] {
            let late = append(store, &[event("a", 2, json!({}))], &[step(stale, 5)]).await;
            assert!(
                matches!(late, Err(StoreError::OffsetMoved { .. })),
                "{stale:?}: {late:?}"
            );
            assert_eq!((count(store).await, offset(store).await), (1, Some(1)));
        }
        // A crash before the commit.
        let mut tx = store.pool().begin().await.unwrap();
        append_batch(&mut tx, &[event("a", 2, json!({}))], &[step(Some(1), 2)])
            .await
            .unwrap();
        drop(tx);
        assert_eq!((count(store).await, offset(store).await), (1, Some(1)));

        append(store, &[event("a", 2, json!({}))], &[step(Some(1), 2)])
            .await
            .unwrap();
        assert_eq!((count(store).await, offset(store).await), (2, Some(2)));
    })
    .await;
}

#[tokio::test]
async fn of_two_readers_of_one_partition_one_commits() {
    with_store(async |store| {
        let batches = [[event("a", 1, json!({}))], [event("a", 2, json!({}))]];
        let steps = [step(None, 1)];
        let (one, two) = tokio::join!(
            append(store, &batches[0], &steps),
            append(store, &batches[1], &steps)
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!((count(store).await, offset(store).await), (1, Some(1)));
    })
    .await;
}

#[tokio::test]
async fn history_cannot_be_changed() {
    with_store(async |store| {
        append(store, &[event("a", 1, json!({}))], &[])
            .await
            .unwrap();
        for statement in [
            "UPDATE event_store SET payload = '{}'",
            "UPDATE event_store SET version = version WHERE false",
            "DELETE FROM event_store",
            "TRUNCATE event_store",
        ] {
            let error = sqlx::raw_sql(statement)
                .execute(store.pool())
                .await
                .unwrap_err();
            assert!(
                error.to_string().contains("append-only"),
                "{statement}: {error}"
            );
        }
        assert_eq!(count(store).await, 1);
    })
    .await;
}

#[tokio::test]
async fn installing_again_changes_nothing() {
    with_store(async |store| {
        append(store, &[event("a", 1, json!({}))], &[step(None, 1)])
            .await
            .unwrap();
        let installs = tokio::join!(store.install(), store.install(), store.install());
        assert!(matches!(installs, (Ok(()), Ok(()), Ok(()))), "{installs:?}");
        assert_eq!((count(store).await, offset(store).await), (1, Some(1)));
    })
    .await;
}

#[test]
fn what_postgres_would_refuse_is_refused_before() {
    let unstorable = |payload| NewEvent::new(envelope("a", 1), payload, place()).unwrap_err();
    assert_eq!(unstorable(json!([1])), Unstorable::NotAnObject);
    assert_eq!(
        unstorable(json!({"deep": [{"text": "a\0b"}]})),
        Unstorable::Nul
    );

    let mut long = envelope("a", 1);
    long.subject = "x".repeat(501);
    assert_eq!(
        NewEvent::new(long, json!({}), place()).unwrap_err(),
        Unstorable::TooLong("subject")
    );
    let mut far = envelope("a", 1);
    far.sequence = u64::MAX;
    assert_eq!(
        NewEvent::new(far, json!({}), place()).unwrap_err(),
        Unstorable::Sequence
    );
}

#[tokio::test]
async fn the_longest_storable_event_is_stored() {
    with_store(async |store| {
        let mut envelope = envelope("a", 1);
        envelope.subject = "ü".repeat(250);
        envelope.event_type = "t".repeat(200);
        envelope.aggregate = "a".repeat(200);
        let event =
            NewEvent::new(envelope, json!({"text": "x".repeat(2_000_000)}), place()).unwrap();
        assert_eq!(append(store, &[event], &[]).await.unwrap().inserted, 1);
    })
    .await;
}
