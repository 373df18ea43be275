use std::sync::atomic::{AtomicUsize, Ordering};

use super::{super::ordering_key::KeyRegistry, *};

const SMTP: Dependency = Dependency::shared("smtp");
const DATABASE: Dependency = Dependency::of_tenant("database");

/// Long enough for any probe.
async fn a_while() {
    tokio::time::sleep(LONGEST_PROBE * 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_otherwise_shows_that_what_it_needs_is_back() {
    let scheduler = FairScheduler::new("t".to_owned(), 4);
    let (one, two) = (OrderingKey::new(b"1"), OrderingKey::new(b"2"));
    scheduler.acquire(&one).await.report_unavailable(SMTP);
    let probe = scheduler.acquire_probe(&one, SMTP).await;
    let waits = tokio::time::timeout(Duration::from_millis(1), scheduler.acquire(&two)).await;
    assert!(waits.is_err(), "nobody runs beside the probe");

    probe.report_success();
    assert!(scheduler.unavailable().is_empty());
    drop(scheduler.acquire(&two).await);
}

#[tokio::test(start_paused = true)]
async fn those_who_met_an_outage_probe_one_at_a_time_and_less_and_less_often() {
    let scheduler = FairScheduler::new("t".to_owned(), 8);
    let (running, most, probes) =
        <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    for name in 0..5u8 {
        let (scheduler, key) = (Arc::clone(&scheduler), OrderingKey::new(&[name]));
        let (running, most, probes) = (running.clone(), most.clone(), probes.clone());
        tokio::spawn(async move {
            loop {
                let permit = scheduler.acquire_probe(&key, SMTP).await;
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                probes.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                permit.report_unavailable(SMTP);
            }
        });
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
    let probes = probes.load(Ordering::SeqCst);
    assert!((10..25).contains(&probes), "{probes} probes in a minute");
    assert_eq!(scheduler.unavailable().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_one_key_lacks_holds_back_that_key_only() {
    let scheduler = FairScheduler::new("t".to_owned(), 2);
    let (down, up) = (OrderingKey::new(b"down"), OrderingKey::new(b"up"));
    scheduler.acquire(&down).await.report_unavailable(DATABASE);
    let waiter = {
        let (scheduler, down) = (Arc::clone(&scheduler), Arc::clone(&down));
        tokio::spawn(async move {
            scheduler
                .acquire_probe(&down, DATABASE)
                .await
                .report_success()
        })
    };
    tokio::task::yield_now().await;
    let held = tokio::time::timeout(Duration::from_millis(1), scheduler.acquire(&down)).await;
    assert!(held.is_err());
    drop(scheduler.acquire(&up).await);

    waiter.await.unwrap();
    drop(scheduler.acquire(&down).await);
}

#[tokio::test(start_paused = true)]
async fn when_all_who_met_it_are_gone_the_next_one_finds_out() {
    let scheduler = FairScheduler::new("t".to_owned(), 2);
    let (gone, next) = (OrderingKey::new(b"gone"), OrderingKey::new(b"next"));
    let met = scheduler.acquire_probe(&gone, SMTP);
    assert!(
        tokio::time::timeout(Duration::from_millis(1), met)
            .await
            .is_err()
    );
    a_while().await;
    drop(scheduler.acquire(&next).await);
    assert!(scheduler.unavailable().is_empty());
}

#[tokio::test(start_paused = true)]
async fn keys_take_turns_and_no_place_is_lost() {
    let scheduler = FairScheduler::new("t".to_owned(), 1);
    let first = scheduler.acquire(&OrderingKey::new(b"first")).await;
    let (mut keys, order) = (KeyRegistry::default(), Arc::new(Mutex::new(Vec::new())));
    for name in ["flood", "flood", "flood", "other"] {
        let key = keys.get(name.as_bytes());
        let (scheduler, order) = (Arc::clone(&scheduler), Arc::clone(&order));
        tokio::spawn(async move {
            let permit = scheduler.acquire(&key).await;
            order.lock().unwrap().push(name);
            permit.report_success();
        });
        tokio::task::yield_now().await;
    }
    drop(first);
    a_while().await;
    assert_eq!(*order.lock().unwrap(), ["flood", "other", "flood", "flood"]);
    assert_eq!(scheduler.lock().free, 1);
}
