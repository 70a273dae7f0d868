//! Calls counted against a throttle.

use domain::throttle::{Rate, Throttle};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use crate::table::{Table, now};

#[tokio::test]
async fn calls_are_counted_by_throttle_caller_and_window_in_one_call_each() {
    let table = Table::new().await;
    let (_, end) = Throttle::LOGIN.window_of(now());
    let next = now() + SignedDuration::from_mins(1);
    for (throttle, caller, at, used) in [
        (&Throttle::LOGIN, "a1", now(), 1),
        (&Throttle::LOGIN, "a1", now(), 2),
        (&Throttle::LOGIN, "b2", now(), 1),
        (&Throttle::TOKEN, "a1", now(), 1),
        (&Throttle::LOGIN, "a1", next, 1),
        (&Throttle::LOGIN, "a1", now(), 3),
    ] {
        let resets_at = if at == next { Timestamp::from_second(end.as_second() + 60).unwrap() } else { end };
        let (rate, calls) = table.calls(table.store.count(throttle, caller, at)).await;
        assert_eq!(rate.unwrap(), Rate { limit: throttle.limit, used, resets_at });
        assert_eq!(calls, ["UpdateItem"]);
    }
    let elsewhere = table.store.for_tenant("other".parse().unwrap());
    assert_eq!(elsewhere.count(&Throttle::LOGIN, "a1", now()).await.unwrap().used, 1);
}

#[tokio::test]
async fn calls_at_once_are_counted_each() {
    let table = Table::new().await;
    let counted = try_join_all((0..24).map(|_| table.store.count(&Throttle::VOUCHER, "a1", now()))).await.unwrap();
    let mut used: Vec<u32> = counted.iter().map(|rate| rate.used).collect();
    used.sort_unstable();
    assert_eq!(used, (1..=24).collect::<Vec<_>>());
    assert_eq!(counted.iter().filter(|rate| rate.is_exceeded()).count(), 14);
}
