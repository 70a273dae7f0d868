//! Free courses: no processor, paid and granted at once.

use http::StatusCode;
use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn a_free_course_is_had_once() {
    let app = TestApp::start().await;
    app.sell("FREE", "0.00", "USD", Some(3)).await;
    let ada = app.user("ada");
    ada.order("FREE").await;
    ada.add("FREE").await.problem(409, "already_purchased");
    // A basket that was filled before is refused at checkout.
    let bob = app.user("bob");
    bob.add("FREE").await.expect(StatusCode::CREATED);
    let first = bob.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(bob.checkout("one").await.expect(StatusCode::CREATED).json, first.json);
    bob.checkout("two").await.problem(409, "empty_basket");
    app.settle().await;
    assert_eq!(super::available(&app, "FREE").await, json!(1));
    assert_eq!((app.enrolments("ada").await.len(), app.enrolments("bob").await.len()), (1, 1));
    app.finish().await;
}

#[tokio::test]
async fn limited_free_seats_end_with_the_last_one() {
    let app = TestApp::start().await;
    app.sell("FREE", "0.00", "USD", Some(1)).await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    bob.add("FREE").await.expect(StatusCode::CREATED);
    ada.order("FREE").await;
    bob.checkout("late").await.problem(409, "out_of_stock");
    app.user("eve").add("FREE").await.problem(409, "out_of_stock");
    app.settle().await;
    assert_eq!(app.enrolments("bob").await.len(), 0);
    assert_eq!(super::available(&app, "FREE").await, json!(0));
    app.finish().await;
}
