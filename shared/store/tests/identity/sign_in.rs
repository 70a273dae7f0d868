//! Signing in and out, with the baskets of before.

use std::collections::BTreeMap;

use domain::basket::{Basket, BasketLine, BasketStatus, SESSION_BASKET};
use domain::entitlement::LineRef;
use domain::id::Ids;
use domain::money::Money;
use domain::owner::{Owner, SessionKey};
use domain::plan::Write;
use domain::product::{Kind, Product};
use domain::quantity::Quantity;
use domain::sign_in::{MergeNote, SignIn, SignedIn};
use domain::stock::{StockLevel, StockRecord};
use domain::user_session::UserSession;
use domain::{sign_in, sign_out};
use jiff::Timestamp;
use store::SignInView;

use crate::caller::session;
use crate::table::{Table, ada, now};

fn anonymous() -> SessionKey {
    SessionKey::from_digest([7; 16])
}

fn product(sku: &str, left: u32) -> Product {
    let price = Money::parse("10", "USD".parse().unwrap()).unwrap();
    Product {
        sku: sku.parse().unwrap(),
        kind: Kind::Seat,
        title: "A course".parse().unwrap(),
        course_key: None,
        mode: None,
        attributes: BTreeMap::new(),
        contains: Vec::new(),
        blocked_countries: Default::default(),
        published: true,
        stock: vec![StockRecord { number: 1, price, quantity: Some(left), valid_from: None, valid_to: None }],
        version: 1,
        updated_at: now(),
        levels: BTreeMap::from([(1, StockLevel { available: left, held: 0, sold: 0 })]),
        within: Default::default(),
    }
}

fn save_product(product: Product) -> Write {
    Write::SaveProduct { before: None, after: Box::new(product) }
}

fn basket(owner: Owner, skus: &[&str]) -> Basket {
    let line = |sku: &&str| BasketLine { product: product(sku, 1), quantity: Quantity::ONE };
    let lines = skus.iter().map(line).collect();
    Basket { lines, ..Basket::empty(Ids::new(now(), 5).make(), owner, 3, now()) }
}

fn save(basket: &Basket) -> Write {
    Write::SaveBasket { basket: Box::new(basket.clone()), expect: None }
}

fn upgraded(secret: u8) -> UserSession {
    UserSession { upgraded_from: Some(anonymous()), ..session(ada(), secret) }
}

/// The session's sign-in as it is decided on what was read.
fn decide(view: &SignInView, session: UserSession) -> SignedIn {
    let sign_in = SignIn {
        session,
        own: view.own.as_ref(),
        anonymous: view.anonymous.as_ref(),
        products: &view.products,
        owned: &view.owned,
    };
    sign_in::decide(sign_in, now(), &mut Ids::new(now(), 9))
}

/// A table with products A to D, of which D is sold out and C is the user's, and with both baskets.
async fn shop() -> Table {
    let table = Table::new().await;
    let line = LineRef { order: Ids::new(now(), 6).make(), line: 1 };
    let grant = Write::Grant { owner: ada(), sku: "C".parse().unwrap(), lines: vec![line], place: None, first: true };
    let products = [("A", 1), ("B", 1), ("C", 1), ("D", 0)].map(|(sku, left)| save_product(product(sku, left)));
    let baskets =
        [save(&basket(Owner::User(ada()), &["A"])), save(&basket(Owner::Session(anonymous()), &["A", "B", "C", "D"]))];
    table.write([products.as_slice(), &baskets, &[grant]].concat()).await;
    table
}

#[tokio::test]
async fn a_sign_in_reads_in_two_calls_and_writes_in_one() {
    let table = shop().await;
    let (view, calls) = table.calls(table.store.read_sign_in(&ada(), Some(&anonymous()), now())).await;
    let view = view.unwrap();
    assert_eq!(calls, ["BatchGetItem", "BatchGetItem"]);
    assert_eq!((view.products.len(), view.owned.iter().map(|sku| sku.as_str()).collect()), (4, vec!["C"]));
    let SignedIn { basket, notes, plan } = decide(&view, upgraded(1));
    let of = |sku: &str| sku.parse().unwrap();
    assert_eq!(notes, [MergeNote::AlreadyPurchased(of("C")), MergeNote::SoldOut(of("D"))]);
    let (refused, calls) = table.calls(table.refused(&plan)).await;
    assert_eq!((refused, calls), (vec![], vec!["TransactWriteItems".to_owned()]));
    // Running it again, as it was decided or anew, merges nothing more.
    assert_eq!(table.refused(&plan).await, ["start_session", "save_basket", "save_basket"]);
    let (again, calls) = table.calls(table.store.read_sign_in(&ada(), Some(&anonymous()), now())).await;
    let again = again.unwrap();
    assert_eq!(calls, ["BatchGetItem"]);
    assert_eq!(again.anonymous.as_ref().map(|basket| &basket.status), Some(&BasketStatus::Merged { at: now() }));
    let lines = |basket: &Basket| basket.lines.iter().map(|line| line.product.sku.to_string()).collect::<Vec<_>>();
    assert_eq!(again.own.as_ref().map(lines), basket.as_ref().map(lines));
    assert_eq!(again.own.as_ref().map(lines), Some(vec!["A".to_owned(), "B".to_owned()]));
    let second = decide(&again, upgraded(2));
    assert_eq!((second.notes.len(), second.plan.writes.len()), (0, 1));
}

#[tokio::test]
async fn a_basket_that_changed_meanwhile_is_not_merged_as_it_was() {
    for owner in [Owner::User(ada()), Owner::Session(anonymous())] {
        let table = shop().await;
        let view = table.store.read_sign_in(&ada(), Some(&anonymous()), now()).await.unwrap();
        let changed = Basket { version: 4, ..basket(owner, &["B"]) };
        table.write([Write::SaveBasket { basket: Box::new(changed), expect: Some(3) }]).await;
        let plan = decide(&view, upgraded(1)).plan;
        assert_eq!(table.refused(&plan).await, ["save_basket"]);
        assert_eq!(table.store.list_sessions(&ada()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_outlived_its_time_is_empty_and_without_a_session_one_call_does() {
    let table = shop().await;
    let later = now() + SESSION_BASKET;
    let (view, calls) = table.calls(table.store.read_sign_in(&ada(), Some(&anonymous()), later)).await;
    let view = view.unwrap();
    assert_eq!(
        (view.anonymous.map(|basket| basket.is_blank()), view.own.map(|basket| basket.lines.len())),
        (Some(true), Some(1))
    );
    assert_eq!(calls, ["BatchGetItem"]);
    let (view, calls) = table.calls(table.store.read_sign_in(&ada(), None, now())).await;
    assert_eq!((view.unwrap().anonymous, calls.len()), (None, 1));
}

#[tokio::test]
async fn a_sign_out_ends_the_session_and_frees_the_anonymous_one() {
    let table = shop().await;
    let view = table.store.read_sign_in(&ada(), Some(&anonymous()), now()).await.unwrap();
    let plan = decide(&view, upgraded(1)).plan;
    table.write(plan.writes).await;
    let merged = table.store.read_anonymous_basket(&anonymous()).await.unwrap();
    let plan = sign_out::decide(&upgraded(1), merged.as_ref());
    assert_eq!(table.refused(&plan).await, [""; 0]);
    assert_eq!(table.store.read_anonymous_basket(&anonymous()).await.unwrap(), None);
    assert_eq!(table.store.list_sessions(&ada()).await.unwrap(), []);
    // A device that began anew meanwhile keeps its new basket.
    table.write([save(&basket(Owner::Session(anonymous()), &["B"]))]).await;
    let stale = Write::DropBasket { owner: Owner::Session(anonymous()), expect: 4 };
    assert_eq!(table.refused(&domain::plan::Plan::of(stale)).await, ["drop_basket"]);
}

#[tokio::test]
async fn the_auditor_reads_past_the_rows_of_callers() {
    let table = shop().await;
    let view = table.store.read_sign_in(&ada(), Some(&anonymous()), now()).await.unwrap();
    let plan = decide(&view, upgraded(1)).plan;
    table.write(plan.writes).await;
    table.store.count(&domain::throttle::Throttle::LOGIN, "a1", Timestamp::UNIX_EPOCH).await.unwrap();
    let books = table.store.read_books().await.unwrap();
    assert_eq!((books.products.len(), books.entitlements.len(), books.orders.len()), (4, 1, 0));
}
