//! States: the library and the SQL functions say the same, with snapshots and without.

use event_bus::Envelope;
use event_store::{At, EventStore, Fold, FoldError, Merge, StoreError};
use proptest::{
    prelude::{Strategy, any},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use time::Duration;

use crate::world::{MORNING, append, event, thing, with_store};

/// Counts; and refuses one kind of event.
#[derive(Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Sum(i64);

impl Fold for Sum {
    const NAME: &'static str = "sum/1";

    fn apply(&mut self, _: &str, payload: &Value, _: &Envelope) -> Result<(), FoldError> {
        self.0 += payload["n"].as_i64().ok_or("n is missing")?;
        Ok(())
    }
}

async fn sum(store: &EventStore, at: At) -> Option<(i64, u64)> {
    let rebuilt = store.rebuild::<Sum>(thing("a"), at).await.unwrap();
    rebuilt.map(|found| (found.state.0, found.version))
}

async fn snapshots(store: &EventStore) -> Vec<i64> {
    sqlx::query_scalar("SELECT version FROM event_snapshots ORDER BY version")
        .fetch_all(store.pool())
        .await
        .unwrap()
}

async fn in_sql(
    store: &EventStore,
    version: Option<i64>,
    as_of: Option<time::OffsetDateTime>,
) -> Option<Value> {
    sqlx::query_scalar("SELECT rebuild_aggregate_state('thing', 'a', $1, $2)")
        .bind(version)
        .bind(as_of)
        .fetch_one(store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_state_is_rebuilt_now_at_a_version_and_as_of_a_time() {
    with_store(async |store| {
        assert_eq!(sum(store, At::Now).await, None);
        let events: Vec<_> = (1..=12).map(|n| event("a", n, json!({"n": n}))).collect();
        append(store, &events, &[]).await.unwrap();

        for round in ["without snapshots", "with snapshots"] {
            assert_eq!(sum(store, At::Now).await, Some((78, 12)), "{round}");
            assert_eq!(sum(store, At::Version(4)).await, Some((10, 4)), "{round}");
            assert_eq!(sum(store, At::Version(10)).await, Some((55, 10)), "{round}");
            assert_eq!(sum(store, At::Version(99)).await, Some((78, 12)), "{round}");
            let minute = |n| At::Time(MORNING + Duration::minutes(n));
            assert_eq!(sum(store, minute(0)).await, None, "{round}");
            assert_eq!(sum(store, minute(7)).await, Some((28, 7)), "{round}");
            assert_eq!(sum(store, minute(700)).await, Some((78, 12)), "{round}");
        }
        let last = store
            .rebuild::<Sum>(thing("a"), At::Version(5))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&last.last_event, events[4].envelope());
    })
    .await;
}

#[tokio::test]
async fn snapshots_are_kept_used_and_dispensable() {
    with_store(async |store| {
        let events: Vec<_> = (1..=12).map(|n| event("a", n, json!({"n": n}))).collect();
        append(store, &events, &[]).await.unwrap();
        assert_eq!(sum(store, At::Version(7)).await, Some((28, 7)));
        assert_eq!(sum(store, At::Now).await, Some((78, 12)));
        assert_eq!(snapshots(store).await, [5, 10]);

        // That it is used shows when it is wrong; another fold does not see it; without it all is well.
        sqlx::raw_sql("UPDATE event_snapshots SET state = '1000'")
            .execute(store.pool())
            .await
            .unwrap();
        assert_eq!(sum(store, At::Now).await, Some((1023, 12)));
        let merged = store
            .rebuild::<Merge>(thing("a"), At::Now)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(merged.state.0["n"], 12);
        sqlx::raw_sql("UPDATE event_snapshots SET state = '\"unreadable\"'")
            .execute(store.pool())
            .await
            .unwrap();
        assert_eq!(sum(store, At::Now).await, Some((78, 12)));
        sqlx::raw_sql("TRUNCATE event_snapshots")
            .execute(store.pool())
            .await
            .unwrap();
        assert_eq!(sum(store, At::Now).await, Some((78, 12)));
    })
    .await;
}

#[tokio::test]
async fn a_history_with_a_hole_says_so_and_is_not_kept() {
    with_store(async |store| {
        let events: Vec<_> = (1..=12).map(|n| event("a", n, json!({"n": n}))).collect();
        let mut holed = events.clone();
        let missing = holed.remove(2);
        append(store, &holed, &[]).await.unwrap();

        let rebuilt = store
            .rebuild::<Sum>(thing("a"), At::Now)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (rebuilt.complete, rebuilt.version, rebuilt.state.0),
            (false, 12, 75)
        );
        assert_eq!(in_sql(store, None, None).await.unwrap()["complete"], false);
        assert!(snapshots(store).await.is_empty());

        append(store, &[missing], &[]).await.unwrap(); // replayed from the dead letters
        let rebuilt = store
            .rebuild::<Sum>(thing("a"), At::Now)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (rebuilt.complete, rebuilt.version, rebuilt.state.0),
            (true, 12, 78)
        );
    })
    .await;
}

#[tokio::test]
async fn an_event_that_does_not_fold_is_named() {
    with_store(async |store| {
        append(store, &[event("a", 1, json!({"m": 1}))], &[])
            .await
            .unwrap();
        let error = store.rebuild::<Sum>(thing("a"), At::Now).await.unwrap_err();
        assert!(matches!(error, StoreError::Fold { .. }), "{error}");
    })
    .await;
}

/// Random histories; at every version and time, library and SQL agree.
#[tokio::test]
async fn the_sql_functions_agree_with_the_library() {
    let fields = proptest::collection::btree_map("[a-d]", any::<Option<i32>>(), 0..4);
    let histories = proptest::collection::vec(fields, 1..14);
    let mut runner = TestRunner::deterministic();
    for _ in 0..4 {
        let history = histories.new_tree(&mut runner).unwrap().current();
        with_store(async |store| {
            let events: Vec<_> = (1..)
                .zip(&history)
                .map(|(n, fields)| event("a", n, json!(fields)))
                .collect();
            append(store, &events, &[]).await.unwrap();
            append(store, &[event("a", 0, json!({"a": "unversioned"}))], &[])
                .await
                .unwrap();
            for version in 0..=i64::try_from(history.len()).unwrap() + 1 {
                let at = u64::try_from(version).unwrap();
                let moment = MORNING + Duration::minutes(version);
                agree(
                    store,
                    At::Version(at),
                    in_sql(store, Some(version), None).await,
                )
                .await;
                agree(
                    store,
                    At::Time(moment),
                    in_sql(store, None, Some(moment)).await,
                )
                .await;
                let from_snapshot: Option<Value> =
                    sqlx::query_scalar("SELECT rebuild_from_snapshot('thing', 'a', $1)")
                        .bind(version)
                        .fetch_one(store.pool())
                        .await
                        .unwrap();
                agree(store, At::Version(at), from_snapshot).await;
            }
        })
        .await;
    }
}

async fn agree(store: &EventStore, at: At, sql: Option<Value>) {
    let library = store.rebuild::<Merge>(thing("a"), at).await.unwrap();
    let library = library.map(|found| {
        json!({
            "aggregateType": "thing",
            "aggregateId": "a",
            "version": found.version,
            "lastEventType": found.last_event.event_type,
            "complete": found.complete,
            "state": found.state,
        })
    });
    assert_eq!(library, sql, "{at:?}");
}
