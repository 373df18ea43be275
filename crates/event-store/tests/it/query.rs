//! Finding events.

use event_store::Filter;
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::world::{MORNING, append, event, of_tenant, with_store};

#[tokio::test]
async fn each_filter_finds_its_events_and_no_others() {
    with_store(async |store| {
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        let events: Vec<_> = (1..=9)
            .flat_map(|version| {
                [
                    of_tenant(&event("a", version, json!({})), one),
                    of_tenant(&event("b", version, json!({})), other),
                ]
            })
            .collect();
        append(store, &events, &[]).await.unwrap();
        let correlation = events[5].envelope().correlation_id;

        let cases = [
            (Filter::default(), 18),
            (
                Filter {
                    tenant_id: Some(one),
                    ..Filter::default()
                },
                9,
            ),
            (
                Filter {
                    event_type: Some("thing.step_1".into()),
                    ..Filter::default()
                },
                6,
            ),
            (
                Filter {
                    aggregate_type: Some("thing".into()),
                    ..Filter::default()
                },
                18,
            ),
            (
                Filter {
                    aggregate_type: Some("thing".into()),
                    aggregate_id: Some("b".into()),
                    ..Filter::default()
                },
                9,
            ),
            (
                Filter {
                    aggregate_type: Some("other".into()),
                    ..Filter::default()
                },
                0,
            ),
            (
                Filter {
                    correlation_id: Some(correlation),
                    ..Filter::default()
                },
                1,
            ),
            (
                Filter {
                    from: Some(MORNING + Duration::minutes(8)),
                    ..Filter::default()
                },
                4,
            ),
            (
                Filter {
                    to: Some(MORNING + Duration::minutes(8)),
                    ..Filter::default()
                },
                14,
            ),
            (
                Filter {
                    tenant_id: Some(one),
                    event_type: Some("thing.step_0".into()),
                    ..Filter::default()
                },
                3,
            ),
        ];
        for (filter, expected) in cases {
            let found = store.query(&filter, 100).await.unwrap();
            assert_eq!(found.events.len(), expected, "{filter:?}");
            assert_eq!(found.next, None);
        }

        let by_sql: i64 = sqlx::query_scalar("SELECT count(*) FROM get_tenant_events($1)")
            .bind(one)
            .fetch_one(store.pool())
            .await
            .unwrap();
        assert_eq!(by_sql, 9);
    })
    .await;
}

#[tokio::test]
async fn pages_join_without_gap_or_overlap() {
    with_store(async |store| {
        let events: Vec<_> = (1..=23)
            .map(|version| event("a", version, json!({})))
            .collect();
        append(store, &events, &[]).await.unwrap();

        let mut seen = Vec::new();
        let mut filter = Filter::default();
        loop {
            let page = store.query(&filter, 5).await.unwrap();
            seen.extend(page.events.iter().map(|stored| stored.envelope.sequence));
            let Some(next) = page.next else { break };
            filter.after = Some(next);
        }

        assert_eq!(seen, (1..=23).collect::<Vec<u64>>());
    })
    .await;
}
