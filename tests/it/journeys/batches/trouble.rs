//! What comes between: changes, other workers, codes in the way, an offer that is gone, other schools.

use http::StatusCode;
use local::dev_keys::{Learner, OTHER_CLIENT_KEY, token};
use serde_json::{Value, json};

use super::super::offers::{offer, percent};
use super::{AT_ONCE, LEASE_OVER_S, batch, codes, lines, progress, read, shop};

#[tokio::test]
async fn a_change_while_codes_are_made_reaches_those_that_are_there_and_those_that_come() {
    let app = shop().await;
    let url = batch(&app, 1_200, json!({"usage": "multi_use", "max_uses": 5})).await;
    assert_eq!(progress(&app, &url).await.1, AT_ONCE);
    let changed = app.staff().patch(&url, &json!({"max_uses": 7})).await.expect(StatusCode::ACCEPTED);
    // As much as is done at once is just what is there.
    assert_eq!(
        (&changed["state"], &changed["made"], &changed["revision"]),
        (&json!("running"), &json!(540), &Value::Null)
    );
    app.cloud.clock.advance(jiff::SignedDuration::from_secs(LEASE_OVER_S));
    // Another change finds it half way.
    let second = app.staff().patch(&url, &json!({"ends_at": "2100-01-01T00:00:00Z"})).await;
    assert_eq!(second.expect(StatusCode::ACCEPTED)["made"], 540);
    app.advance(LEASE_OVER_S).await;
    assert_eq!(progress(&app, &url).await, (json!("done"), 1_200, 0));
    let (lines, _) = lines(&app, &url, 500).await;
    assert_eq!(lines.len(), 1_200);
    assert!(lines.iter().all(|line| line[3] == "7" && line[5] == "2100-01-01T00:00:00Z"));
    app.finish().await;
}

#[tokio::test]
async fn two_changes_of_many_codes_are_both_carried_through() {
    let app = shop().await;
    let url = batch(&app, 1_200, json!({"usage": "multi_use", "max_uses": 5})).await;
    app.advance(LEASE_OVER_S).await;
    let first = app.staff().patch(&url, &json!({"max_uses": 7})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&first["state"], &first["revision"]), (&json!("running"), &json!({"done": 540, "of": 1200})));
    let second = app.staff().patch(&url, &json!({"starts_at": "2026-01-01T00:00:00Z"})).await;
    assert_eq!(second.expect(StatusCode::ACCEPTED)["revision"], json!({"done": 540, "of": 1200}));
    app.advance(LEASE_OVER_S).await;
    assert_eq!(progress(&app, &url).await, (json!("done"), 1_200, 0));
    let (lines, _) = lines(&app, &url, 10_000).await;
    assert!(lines.iter().all(|line| line[3] == "7" && line[4] == "2026-01-01T00:00:00Z"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_at_once_make_nothing_twice_and_leave_nothing_out() {
    let app = shop().await;
    let url = batch(&app, 1_500, json!({})).await;
    app.cloud.clock.advance(jiff::SignedDuration::from_secs(LEASE_OVER_S));
    let (a, b, c) = tokio::join!(app.cloud.sweep(), app.cloud.sweep(), app.cloud.sweep());
    let slices: usize = [a, b, c].into_iter().map(Result::unwrap).sum();
    // 960 codes were left, 90 a slice; a slice that another did is not counted.
    app.check().await;
    app.advance(LEASE_OVER_S).await;
    assert_eq!(progress(&app, &url).await, (json!("done"), 1_500, 0));
    assert!(slices <= 11, "{slices}");
    assert_eq!(codes(&app, &url).await.len(), 1_500);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_comes_through_while_the_janitor_is_at_it() {
    let app = shop().await;
    let url = batch(&app, 1_500, json!({"usage": "multi_use", "max_uses": 5})).await;
    app.cloud.clock.advance(jiff::SignedDuration::from_secs(LEASE_OVER_S));
    let (staff, patch) = (app.staff(), json!({"max_uses": 7}));
    let (swept, changed) = tokio::join!(app.cloud.sweep(), staff.patch(&url, &patch));
    swept.unwrap();
    changed.expect(StatusCode::ACCEPTED);
    app.check().await;
    app.advance(LEASE_OVER_S).await;
    assert_eq!(progress(&app, &url).await, (json!("done"), 1_500, 0));
    assert!(lines(&app, &url, 10_000).await.0.iter().all(|line| line[3] == "7"));
    app.finish().await;
}

#[tokio::test]
async fn a_worker_that_is_out_of_time_leaves_the_rest_to_the_next() {
    let app = shop().await;
    let (one, two) = (batch(&app, 1_500, json!({})).await, batch(&app, 1_501, json!({})).await);
    app.cloud.clock.advance(jiff::SignedDuration::from_secs(LEASE_OVER_S));
    let janitor = app.cloud.janitor();
    let ids = [&one, &two].map(|url| url.rsplit('/').next().unwrap().parse().unwrap());
    let looks = std::cell::Cell::new(0_u32);
    let is_over = || looks.replace(looks.get() + 1) >= 14;
    let (slices, left) = store::work_batches(&janitor.store, ids.to_vec(), || app.cloud.clock.now(), is_over).await;
    assert!(left > 0 && slices < 22, "{slices} {left}");
    // Both had their turn: a long one keeps no other waiting.
    assert!(progress(&app, &one).await.1 > AT_ONCE && progress(&app, &two).await.1 > AT_ONCE);
    app.check().await;
    app.advance(LEASE_OVER_S).await;
    assert_eq!((progress(&app, &one).await.1, progress(&app, &two).await.1), (1_500, 1_501));
    app.finish().await;
}

#[tokio::test]
async fn a_code_in_the_way_stops_the_batch_until_it_is_gone() {
    let app = shop().await;
    let url = batch(&app, 1_000, json!({"prefix": "A"})).await;
    let id = url.rsplit('/').next().unwrap().parse().unwrap();
    let made = app.cloud.janitor().store.read_batch(&id).await.unwrap().unwrap();
    let code = made.codes(600..601).remove(0);
    let body = json!({"code": code.as_str(), "usage": "single_use", "offer": "fifth"});
    app.staff().post("/api/v1/vouchers", &body).await.expect(StatusCode::CREATED);
    app.advance(LEASE_OVER_S).await;
    let stopped = read(&app, &url).await;
    let seen = ["state", "failure", "made"].map(|name| stopped[name].clone());
    assert_eq!(json!(seen), json!(["failed", "code_taken", 540]));
    assert_eq!(codes(&app, &url).await.len(), 540);
    app.advance(LEASE_OVER_S).await;
    app.check().await;
    app.staff().delete(&format!("/api/v1/vouchers/{code}")).await.expect(StatusCode::NO_CONTENT);
    let resumed = app.staff().patch(&url, &json!({})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&resumed["state"], &resumed["made"]), (&json!("done"), &json!(1_000)));
    app.finish().await;
}

#[tokio::test]
async fn an_offer_that_is_removed_stops_the_batch_until_it_is_back() {
    let app = shop().await;
    let url = batch(&app, 1_000, json!({})).await;
    app.staff().delete("/api/v1/offers/fifth").await.expect(StatusCode::NO_CONTENT);
    app.advance(LEASE_OVER_S).await;
    let stopped = read(&app, &url).await;
    let seen = ["state", "failure", "made"].map(|name| stopped[name].clone());
    assert_eq!(json!(seen), json!(["failed", "offer_gone", 540]));
    let refused = app.staff().patch(&url, &json!({})).await;
    refused.problem(422, "invalid_fields");
    assert_eq!(refused["errors"][0]["pointer"], "/offer");
    offer(&app, "fifth", percent("20"), json!({})).await;
    app.staff().patch(&url, &json!({})).await.expect(StatusCode::ACCEPTED);
    app.advance(LEASE_OVER_S).await;
    assert_eq!(progress(&app, &url).await, (json!("done"), 1_000, 0));
    app.finish().await;
}

#[tokio::test]
async fn another_schools_batch_does_not_exist_and_neither_do_its_codes() {
    let app = shop().await;
    let url = batch(&app, 2, json!({})).await;
    let boss = Learner { username: "boss".to_owned(), staff: true, other_tenant: true, ..Learner::default() };
    let boss = token(&boss, app.cloud.clock.issuer_now()).expect("a token");
    let boss = app.anonymous().with("Authorization", &format!("JWT {boss}")).with("X-Client-Key", OTHER_CLIENT_KEY);
    for path in [url.clone(), format!("{url}/codes")] {
        boss.get(&path).await.problem(404, "unknown_batch");
        app.user("ada").get(&path).await.problem(403, "forbidden");
        app.anonymous().get(&path).await.problem(401, "unauthorized");
    }
    boss.patch(&url, &json!({})).await.problem(404, "unknown_batch");
    assert_eq!(boss.get("/api/v1/vouchers/batches").await["items"], json!([]));
    let nothing = "/api/v1/vouchers/batches/bat_01jz0000000000000000000001";
    app.staff().get(nothing).await.problem(404, "unknown_batch");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_are_used_while_they_are_changed() {
    let app = shop().await;
    let url = batch(&app, 90, json!({"usage": "multi_use", "max_uses": 50})).await;
    let all = codes(&app, &url).await;
    let mut learners = Vec::new();
    for n in 0..10 {
        let learner = app.user(&format!("learner-{n}"));
        learner.add("PY").await.expect(StatusCode::CREATED);
        learner.post("/api/v1/basket/vouchers", &json!({"code": all[n % 3]})).await.expect(StatusCode::CREATED);
        learners.push(learner);
    }
    let staff = app.staff();
    let fewer = json!({"max_uses": 40});
    let (checkouts, changed) = tokio::join!(
        futures::future::join_all(learners.iter().map(|learner| learner.checkout("one"))),
        staff.patch(&url, &fewer)
    );
    let changed = changed.expect(StatusCode::ACCEPTED);
    // Who is told that the code changed under them may go on.
    for (learner, first) in learners.iter().zip(checkouts) {
        if first.status != StatusCode::CREATED {
            assert!([409, 503].contains(&first.status.as_u16()), "{}", first.text);
            learner.checkout("one").await.expect(StatusCode::CREATED);
        }
    }
    app.check().await;
    app.advance(LEASE_OVER_S).await;
    let batch = read(&app, &url).await;
    assert_eq!((&batch["state"], &batch["refused"]), (&json!("done"), &json!(0)), "{}", changed.text);
    assert!(lines(&app, &url, 90).await.0.iter().all(|line| line[3] == "40"));
    app.finish().await;
}
