use std::sync::atomic::{AtomicUsize, Ordering};

use super::{super::key::Keys, *};

const SMTP: Dependency = Dependency::shared("smtp");
const DATABASE: Dependency = Dependency::of_tenant("database");

/// Long enough for any probe.
async fn a_while() {
    tokio::time::sleep(LONGEST_PROBE * 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_otherwise_shows_that_what_it_needs_is_back() {
    let turns = Turns::new("t".to_owned(), 4);
    let (one, two) = (Key::new(b"1"), Key::new(b"2"));
    turns.turn(&one).await.met(SMTP);
    let probe = turns.turn_of_probe(&one, SMTP).await;
    let waits = tokio::time::timeout(Duration::from_millis(1), turns.turn(&two)).await;
    assert!(waits.is_err(), "nobody runs beside the probe");

    probe.answered();
    assert!(turns.away().is_empty());
    drop(turns.turn(&two).await);
}

#[tokio::test(start_paused = true)]
async fn those_who_met_an_outage_probe_one_at_a_time_and_less_and_less_often() {
    let turns = Turns::new("t".to_owned(), 8);
    let (running, most, probes) =
        <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    for name in 0..5u8 {
        let (turns, key) = (Arc::clone(&turns), Key::new(&[name]));
        let (running, most, probes) = (running.clone(), most.clone(), probes.clone());
        tokio::spawn(async move {
            loop {
                let place = turns.turn_of_probe(&key, SMTP).await;
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                probes.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                place.met(SMTP);
            }
        });
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
    let probes = probes.load(Ordering::SeqCst);
    assert!((10..25).contains(&probes), "{probes} probes in a minute");
    assert_eq!(turns.away().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_one_key_lacks_holds_back_that_key_only() {
    let turns = Turns::new("t".to_owned(), 2);
    let (down, up) = (Key::new(b"down"), Key::new(b"up"));
    turns.turn(&down).await.met(DATABASE);
    let waiter = {
        let (turns, down) = (Arc::clone(&turns), Arc::clone(&down));
        tokio::spawn(async move { turns.turn_of_probe(&down, DATABASE).await.answered() })
    };
    tokio::task::yield_now().await;
    let held = tokio::time::timeout(Duration::from_millis(1), turns.turn(&down)).await;
    assert!(held.is_err());
    drop(turns.turn(&up).await);

    waiter.await.unwrap();
    drop(turns.turn(&down).await);
}

#[tokio::test(start_paused = true)]
async fn when_all_who_met_it_are_gone_the_next_one_finds_out() {
    let turns = Turns::new("t".to_owned(), 2);
    let (gone, next) = (Key::new(b"gone"), Key::new(b"next"));
    let met = turns.turn_of_probe(&gone, SMTP);
    assert!(
        tokio::time::timeout(Duration::from_millis(1), met)
            .await
            .is_err()
    );
    a_while().await;
    drop(turns.turn(&next).await);
    assert!(turns.away().is_empty());
}

#[tokio::test(start_paused = true)]
async fn keys_take_turns_and_no_place_is_lost() {
    let turns = Turns::new("t".to_owned(), 1);
    let first = turns.turn(&Key::new(b"first")).await;
    let (mut keys, order) = (Keys::default(), Arc::new(Mutex::new(Vec::new())));
    for name in ["flood", "flood", "flood", "other"] {
        let key = keys.get(name.as_bytes());
        let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
        tokio::spawn(async move {
            let place = turns.turn(&key).await;
            order.lock().unwrap().push(name);
            place.answered();
        });
        tokio::task::yield_now().await;
    }
    drop(first);
    a_while().await;
    assert_eq!(*order.lock().unwrap(), ["flood", "other", "flood", "flood"]);
    assert_eq!(turns.lock().free, 1);
}
