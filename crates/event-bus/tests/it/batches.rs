use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use event_bus::{Batch, BatchFailure, Failure, ProcessingOrder, Received};

use crate::world::{Placed, Seen, World, eventually, header, start, tenant};

type Sizes = Arc<Mutex<Vec<usize>>>;

/// Notes each event and each batch's size, after `check` let the batch pass.
fn noting(
    seen: &Seen,
    sizes: &Sizes,
    check: impl Fn(&[Received<Placed>]) -> Result<(), BatchFailure> + Clone + Send + Sync + 'static,
) -> impl event_bus::BatchHandler {
    let (seen, sizes) = (seen.clone(), Arc::clone(sizes));
    Batch::of(move |batch: Vec<Received<Placed>>| {
        let (seen, sizes, check) = (seen.clone(), Arc::clone(&sizes), check.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let checked = check(&batch);
            let handled = match &checked {
                Ok(()) => batch.len(),
                Err(failed) => failed.handled().unwrap_or(0),
            };
            batch[..handled].iter().for_each(|event| seen.note(event));
            sizes.lock().unwrap().push(batch.len());
            checked
        }
    })
}

#[tokio::test]
async fn batches_keep_the_order_of_each_key_and_hold_many() {
    let world = World::with_partitions(2).await;
    for _ in 0..4 {
        let acme = tenant();
        for subject in 0..5 {
            world
                .publish(&acme, format!("{}{subject}", acme.id), 0..50)
                .await;
        }
    }
    let (seen, sizes) = (Seen::default(), Sizes::default());
    let handler = noting(&seen, &sizes, |_| Ok(()));
    let consumer = world.consumer("c").parallel(3);
    let consumer = start(consumer.batches(handler, 100, Duration::from_millis(5)));
    seen.reaches(1000).await;
    eventually(|| async { world.committed("c").await == 1000 }).await;
    consumer.stop().await;
    for (subject, _) in seen.all().iter().take(20) {
        assert_eq!(seen.numbers_of(subject), (0..50).collect::<Vec<_>>());
    }
    let sizes = sizes.lock().unwrap();
    assert!(sizes.iter().all(|size| *size <= 100));
    assert!(sizes.len() < 200, "{} batches of 1000 events", sizes.len());
}

#[tokio::test]
async fn ordered_by_tenant_a_batch_is_of_one_tenant() {
    let world = World::with_partitions(1).await;
    for _ in 0..10 {
        world.publish(&tenant(), "s", 0..20).await;
    }
    let (seen, sizes) = (Seen::default(), Sizes::default());
    let handler = noting(&seen, &sizes, |batch| {
        let of = |event: &Received<Placed>| event.envelope.tenant.clone();
        let is_one = batch.iter().all(|event| of(event) == of(&batch[0]));
        if is_one {
            Ok(())
        } else {
            Err(Failure::permanent("mixed").into())
        }
    });
    let consumer = world.consumer("c").order_by(ProcessingOrder::Tenant);
    let consumer = start(consumer.batches(handler, 50, Duration::ZERO));
    seen.reaches(200).await;
    consumer.stop().await;
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn the_one_that_fails_is_dead_lettered_and_the_rest_of_its_batch_goes_on() {
    for knows_who in [true, false] {
        let world = World::with_partitions(1).await;
        let acme = tenant();
        world.publish(&acme, "s", 0..100).await;
        let (seen, sizes) = (Seen::default(), Sizes::default());
        let handler = noting(&seen, &sizes, move |batch| {
            match batch.iter().position(|event| event.data.number == 42) {
                None => Ok(()),
                Some(at) if knows_who => Err(BatchFailure::after(at, Failure::permanent("42"))),
                Some(_) => Err(Failure::permanent("one of them is 42").into()),
            }
        });
        let consumer = start(
            world
                .consumer("c")
                .batches(handler, 64, Duration::from_millis(20)),
        );
        seen.reaches(99).await;
        eventually(|| async { world.committed("c").await == 100 }).await;
        consumer.stop().await;
        let expected: Vec<i64> = (0..100).filter(|number| *number != 42).collect();
        assert_eq!(seen.numbers_of("s"), expected, "in order, each once");
        let dead = world.dead_letters().await;
        assert_eq!(dead.len(), 1);
        assert_eq!(header(&dead[0], "dlq-original-offset"), "42");
    }
}
