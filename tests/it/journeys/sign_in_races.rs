//! Signing in while other requests of the same visitor are under way: what was answered 201 is in a basket that the
//! learner sees, and nothing is merged twice.

use http::StatusCode;
use tests::{Answer, Client, TestApp};
use tokio::task::JoinSet;

use super::sign_in::{go_on, log_in, skus, token_of};

/// How often a race is run: it can end either way.
const RACES: usize = 8;

async fn shop(products: usize) -> TestApp {
    let app = TestApp::start().await;
    for number in 0..products {
        app.sell(&format!("S{number}"), "1.00", "USD", None).await;
    }
    app
}

/// Adds products and signs in, all at once: which adds were taken, and the logins.
async fn race(visitor: &Client, products: usize, tokens: Vec<String>) -> (Vec<String>, Vec<Answer>) {
    let mut adds = JoinSet::new();
    let mut logins = JoinSet::new();
    for number in 0..products {
        let (visitor, sku) = (visitor.clone(), format!("S{number}"));
        adds.spawn(async move {
            let answer = visitor.add(&sku).await;
            (sku, answer)
        });
    }
    for token in tokens {
        let visitor = visitor.clone();
        logins.spawn(async move { visitor.post("/api/v1/login", &serde_json::json!({"token": token})).await });
    }
    let logins = logins.join_all().await;
    let mut taken = Vec::new();
    for (sku, answer) in adds.join_all().await {
        if answer.status == StatusCode::CREATED {
            taken.push(sku);
        } else {
            answer.problem(401, "session_ended");
        }
    }
    taken.sort();
    (taken, logins)
}

/// Races adds against logins of `username`, from a visitor who has `before` in the basket.
async fn check(before: usize, logins: usize) {
    let app = shop(12).await;
    for run in 0..RACES {
        let visitor = app.session(&format!("visitor-{run}"));
        let username = format!("ada-{run}");
        let first: Vec<String> = (10..10 + before).map(|number| format!("S{number}")).collect();
        for sku in &first {
            visitor.add(sku).await.expect(StatusCode::CREATED);
        }
        let (taken, logins) = race(&visitor, 4, vec![token_of(&app, &username); logins]).await;
        let mut wanted = [first, taken].concat();
        wanted.sort();
        for login in logins {
            let login = login.expect(StatusCode::OK);
            assert_eq!(login["messages"], serde_json::json!([]));
            let mut seen = skus(&go_on(&app, &login)).await;
            seen.sort();
            assert_eq!(seen, wanted, "run {run}");
        }
        assert_eq!(skus(&visitor).await, Vec::<String>::new(), "run {run}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_added_during_a_login_is_merged_or_refused() {
    check(2, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_added_first_during_a_login_is_merged_or_refused() {
    check(0, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_at_once_merge_once() {
    check(2, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_users_who_sign_in_on_one_device_at_once_one_gets_the_basket() {
    let app = shop(4).await;
    for run in 0..RACES {
        let visitor = app.session(&format!("visitor-{run}"));
        visitor.add("S3").await.expect(StatusCode::CREATED);
        let tokens = ["ada", "eve"].map(|name| token_of(&app, &format!("{name}-{run}")));
        let (taken, logins) = race(&visitor, 3, tokens.to_vec()).await;
        let mut seen = Vec::new();
        for login in logins {
            seen.push(skus(&go_on(&app, &login.expect(StatusCode::OK))).await);
        }
        let held: Vec<_> = seen.iter().filter(|skus| !skus.is_empty()).collect();
        let [held] = held[..] else { panic!("run {run}: {seen:?}") };
        let mut held = held.clone();
        held.sort();
        assert_eq!(held, [taken, vec!["S3".to_owned()]].concat(), "run {run}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_at_once_of_a_user_never_seen_are_of_one_user() {
    let app = shop(0).await;
    let mut logins = JoinSet::new();
    for number in 0..8 {
        let (visitor, token) = (app.session(&number.to_string()), token_of(&app, "ada"));
        logins.spawn(async move { visitor.post("/api/v1/login", &serde_json::json!({"token": token})).await });
    }
    for login in logins.join_all().await {
        login.expect(StatusCode::OK);
    }
    let ada = log_in(&app, &app.session("last"), "ada").await.expect(StatusCode::OK);
    let sessions = go_on(&app, &ada).get("/api/v1/sessions").await.expect(StatusCode::OK);
    assert_eq!(sessions["items"].as_array().map(Vec::len), Some(9));
    app.finish().await;
}
