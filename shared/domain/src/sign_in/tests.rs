//! Baskets merged at every sign-in that can happen.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::basket::MERGED_REST;
use crate::money::Money;
use crate::owner::{SessionKey, UserId, UserSessionKey};
use crate::product::Kind;
use crate::promotion::tests::{offer, percent, voucher};
use crate::stock::{StockLevel, StockRecord};
use crate::user_session::{SessionOrigin, ends_at};
use crate::voucher::{Entered, Usage};

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn user() -> UserId {
    UserId::from_digest([1; 16])
}

fn anonymous() -> Owner {
    Owner::Session(SessionKey::from_digest([2; 16]))
}

fn session() -> UserSession {
    UserSession {
        key: UserSessionKey::from_digest([3; 16]),
        user: user(),
        realm: "api.example".to_owned(),
        origin: SessionOrigin::Login,
        upgraded_from: Some(SessionKey::from_digest([2; 16])),
        agent: None,
        started_at: now(),
        ends_at: ends_at(now()),
    }
}

fn product(sku: &str, kind: Kind, currency: &str, left: Option<u32>) -> Product {
    let price = Money::parse("10", currency.parse().unwrap()).unwrap();
    let level = |available| (1, StockLevel { available, held: 0, sold: 0 });
    Product {
        sku: sku.parse().unwrap(),
        kind,
        title: "A course".parse().unwrap(),
        course_key: None,
        mode: None,
        attributes: BTreeMap::new(),
        contains: Vec::new(),
        blocked_countries: Default::default(),
        published: true,
        stock: vec![StockRecord { number: 1, price, quantity: left, valid_from: None, valid_to: None }],
        version: 1,
        updated_at: now(),
        levels: left.into_iter().map(level).collect(),
        within: Default::default(),
    }
}

fn seat(sku: &str) -> Product {
    product(sku, Kind::Seat, "USD", None)
}

fn basket(owner: Owner, products: &[Product]) -> Basket {
    let line = |product: &Product| BasketLine { product: product.clone(), quantity: Quantity::ONE };
    let lines = products.iter().map(line).collect();
    Basket { lines, ..Basket::empty(Ids::new(now(), 5).make(), owner, 3, now()) }
}

fn own(products: &[Product]) -> Basket {
    basket(Owner::User(user()), products)
}

fn theirs(products: &[Product]) -> Basket {
    basket(anonymous(), products)
}

/// Signs in with the products as the anonymous basket has them.
fn sign_in(own: Option<&Basket>, anonymous: Option<&Basket>, owned: &[&str]) -> SignedIn {
    let lines = anonymous.iter().flat_map(|basket| &basket.lines);
    let products: Vec<Product> = lines.map(|line| line.product.clone()).collect();
    let owned = owned.iter().map(|sku| sku.parse().unwrap()).collect();
    let sign_in = SignIn { session: session(), own, anonymous, products: &products, owned: &owned };
    decide(sign_in, now(), &mut Ids::new(now(), 9))
}

fn skus(basket: Option<&Basket>) -> Vec<&str> {
    basket.iter().flat_map(|basket| &basket.lines).map(|line| line.product.sku.as_str()).collect()
}

/// The baskets that a plan saves, with the versions it expects.
fn saved<'a>(plan: &'a Plan) -> Vec<(&'a Basket, Option<u64>)> {
    let saved = |write: &'a Write| {
        let Write::SaveBasket { basket, expect } = write else { return None };
        Some((&**basket, *expect))
    };
    plan.writes.iter().filter_map(saved).collect()
}

#[test]
fn the_anonymous_basket_goes_into_the_users_and_is_left_empty() {
    let (own, anonymous) = (own(&[seat("A")]), theirs(&[seat("A"), seat("B")]));
    let signed_in = sign_in(Some(&own), Some(&anonymous), &[]);
    let merged = signed_in.basket.as_ref().unwrap();
    assert_eq!((skus(Some(merged)), &signed_in.notes), (vec!["A", "B"], &vec![]));
    assert!(merged.lines.iter().all(|line| line.quantity == Quantity::ONE));
    assert_eq!((&merged.id, merged.version), (&own.id, 4));
    let left = Basket {
        status: BasketStatus::Merged { at: now() },
        lines: Vec::new(),
        version: 4,
        touched_at: now(),
        ..anonymous
    };
    assert_eq!(signed_in.plan.writes.first(), Some(&Write::StartSession(Box::new(session()))));
    assert_eq!(saved(&signed_in.plan), [(&left, Some(3)), (merged, Some(3))]);
}

#[test]
fn a_user_without_a_basket_gets_one() {
    let signed_in = sign_in(None, Some(&theirs(&[seat("A")])), &[]);
    let merged = signed_in.basket.as_ref().unwrap();
    assert_eq!((&merged.owner, merged.version), (&Owner::User(user()), 1));
    assert_eq!(saved(&signed_in.plan).last(), Some(&(merged, None)));
}

#[test]
fn without_anything_to_merge_the_anonymous_session_ends_all_the_same() {
    let merged = |at| Some(Basket { status: BasketStatus::Merged { at }, ..theirs(&[]) });
    let own = own(&[seat("A")]);
    for (anonymous, expect) in [
        (None, Some(None)),
        (Some(theirs(&[])), Some(Some(3))),
        (merged(now() - MERGED_REST), Some(Some(3))),
        (merged(now()), None),
    ] {
        let signed_in = sign_in(Some(&own), anonymous.as_ref(), &[]);
        assert_eq!((signed_in.basket.as_ref(), signed_in.notes.len()), (Some(&own), 0));
        assert_eq!(signed_in.plan.writes.first(), Some(&Write::StartSession(Box::new(session()))));
        let left = saved(&signed_in.plan);
        let wanted: Vec<_> = expect.into_iter().collect();
        assert_eq!(left.iter().map(|(_, expect)| *expect).collect::<Vec<_>>(), wanted, "{anonymous:?}");
        assert!(left.iter().all(|(basket, _)| basket.rests(now()) && basket.is_blank()), "{left:?}");
    }
}

#[test]
fn what_cannot_be_merged_is_said() {
    let sku = || "X".parse::<Sku>().unwrap();
    let hidden = Product { published: false, ..seat("X") };
    let dollars = own(&[seat("A")]);
    let names: Vec<String> = (0..20).map(|n| format!("S{n}")).collect();
    let full = own(&names.iter().map(|name| seat(name)).collect::<Vec<_>>());
    for (own, line, owned, note) in [
        (None, hidden, [].as_slice(), MergeNote::NotAvailable(sku())),
        (None, product("X", Kind::EnrollmentCode, "USD", None), &[], MergeNote::NotAvailable(sku())),
        (None, product("X", Kind::Seat, "USD", Some(0)), &[], MergeNote::SoldOut(sku())),
        (None, seat("X"), &["X"], MergeNote::AlreadyPurchased(sku())),
        (Some(&dollars), product("X", Kind::Seat, "EUR", None), &[], MergeNote::CurrencyMismatch(sku())),
        (Some(&full), seat("X"), &[], MergeNote::BasketFull(sku())),
    ] {
        let anonymous = theirs(&[line]);
        let signed_in = sign_in(own, Some(&anonymous), owned);
        // The user's basket is as it was, and not written; the anonymous one is handed over all the same.
        assert_eq!((signed_in.basket.as_ref(), saved(&signed_in.plan).len()), (own, 1), "{note:?}");
        assert_eq!(signed_in.notes, [note]);
    }
    let gone = theirs(&[seat("X")]);
    let nothing =
        SignIn { session: session(), own: None, anonymous: Some(&gone), products: &[], owned: &BTreeSet::new() };
    assert_eq!(decide(nothing, now(), &mut Ids::new(now(), 9)).notes, [MergeNote::NotAvailable(sku())]);
}

#[test]
fn a_seat_that_the_user_is_paying_for_stays_frozen_though_it_is_sold_out() {
    let last = product("A", Kind::Seat, "USD", Some(0));
    let mut own = own(std::slice::from_ref(&last));
    own.status = BasketStatus::Frozen { order: Ids::new(now(), 7).make() };
    let anonymous = theirs(&[last]);
    let signed_in = sign_in(Some(&own), Some(&anonymous), &[]);
    assert_eq!((signed_in.basket.as_ref(), signed_in.notes), (Some(&own), vec![]));
    assert_eq!(saved(&signed_in.plan).len(), 1);
}

#[test]
fn a_frozen_basket_that_gains_something_becomes_a_new_one() {
    let order = || Ids::new(now(), 7).make();
    let own = Basket { status: BasketStatus::Frozen { order: order() }, ..own(&[seat("A")]) };
    let anonymous = theirs(&[seat("B")]);
    let merged = sign_in(Some(&own), Some(&anonymous), &[]).basket.unwrap();
    assert_eq!(merged.status, BasketStatus::Open { replaces: Some(order()) });
    assert_ne!(merged.id, own.id);
    assert_eq!(skus(Some(&merged)), ["A", "B"]);
}

fn entered(code: &str) -> Entered {
    voucher(code, &offer("tenth", percent("10")), Usage::MultiUse)
}

#[test]
fn codes_are_united() {
    let with = |basket: Basket, codes: &[&str]| Basket {
        vouchers: codes.iter().map(|code| entered(code)).collect(),
        ..basket
    };
    let own = with(own(&[seat("A")]), &["ONE", "TWO"]);
    let anonymous = with(theirs(&[]), &["TWO", "THREE"]);
    let merged = sign_in(Some(&own), Some(&anonymous), &[]).basket.unwrap();
    assert_eq!(merged.vouchers.iter().map(|e| e.voucher.code.as_str()).collect::<Vec<_>>(), ["ONE", "TWO", "THREE"]);
}

#[test]
fn a_note_has_a_code_and_a_sentence() {
    let note = MergeNote::Reduced { sku: "X".parse().unwrap(), quantity: 3 };
    assert_eq!((note.code(), note.sku().as_str()), ("quantity_reduced", "X"));
    assert_eq!(note.to_string(), "only 3 of X can be bought; the basket holds that many");
}

/// A product in any state; what never changes of it follows from its number.
fn any_product() -> impl Strategy<Value = Product> {
    let left = prop::option::of(0_u32..4);
    (0_usize..30, left, prop::bool::weighted(0.9)).prop_map(|(n, left, published)| {
        let kind = [Kind::Seat, Kind::Seat, Kind::Entitlement, Kind::EnrollmentCode][n % 4];
        let currency = if n % 7 == 0 { "EUR" } else { "USD" };
        Product { published, ..product(&format!("S{n}"), kind, currency, left) }
    })
}

fn any_basket(owner: Owner) -> impl Strategy<Value = Basket> {
    let line = (any_product(), 1_u32..=Quantity::MAX);
    (vec(line, 0..20), vec("[A-D]", 0..4)).prop_map(move |(lines, codes)| {
        let mut found = basket(owner.clone(), &[]);
        for (product, quantity) in lines {
            let quantity = if product.kind.is_personal() { Quantity::ONE } else { quantity.try_into().unwrap() };
            place(&mut found, BasketLine { product, quantity });
        }
        found.vouchers = codes.iter().map(|code| entered(code)).collect();
        found.vouchers.dedup();
        found
    })
}

proptest! {
    #[test]
    fn each_line_is_merged_or_spoken_of_and_the_users_own_are_kept(
        own in prop::option::of(any_basket(Owner::User(user()))),
        anonymous in any_basket(anonymous()),
        owned in vec(0_u32..30, 0..5),
    ) {
        let owned: Vec<String> = owned.iter().map(|n| format!("S{n}")).collect();
        let owned: Vec<&str> = owned.iter().map(String::as_str).collect();
        let signed_in = sign_in(own.as_ref(), Some(&anonymous), &owned);
        let merged = signed_in.basket.clone();
        let quantity = |basket: Option<&Basket>, sku: &Sku| {
            basket.and_then(|basket| basket.line(sku)).map_or(0, |line| line.quantity.get())
        };
        for line in &anonymous.lines {
            let sku = &line.product.sku;
            let (had, has) = (quantity(own.as_ref(), sku), quantity(merged.as_ref(), sku));
            let whole = if line.product.kind.is_personal() { 1 } else { had + line.quantity.get() };
            let spoken_of = signed_in.notes.iter().any(|note| note.sku() == sku);
            prop_assert!(has == whole || spoken_of, "{} of {sku}: {had} became {has}", line.quantity.get());
        }
        for line in own.iter().flat_map(|basket| &basket.lines) {
            prop_assert!(quantity(merged.as_ref(), &line.product.sku) >= line.quantity.get(), "a merge took away");
        }
        for line in merged.iter().flat_map(|basket| &basket.lines) {
            prop_assert!(!line.product.kind.is_personal() || line.quantity == Quantity::ONE);
            let had = quantity(own.as_ref(), &line.product.sku);
            if let (true, Availability::Limited(left)) = (had == 0, line.product.availability(now())) {
                prop_assert!(line.quantity.get() <= left, "beyond the stock");
            }
        }
        for code in own.iter().chain([&anonymous]).flat_map(|basket| &basket.vouchers) {
            let kept = merged.iter().flat_map(|basket| &basket.vouchers).filter(|found| *found == code);
            prop_assert!(kept.count() >= 1, "a code was lost");
        }
    }

    #[test]
    fn merging_twice_is_the_same_as_once(
        own in prop::option::of(any_basket(Owner::User(user()))),
        anonymous in any_basket(anonymous()),
    ) {
        let first = sign_in(own.as_ref(), Some(&anonymous), &[]);
        let of_anonymous = saved(&first.plan).into_iter().find(|(basket, _)| basket.owner == anonymous.owner);
        let left = of_anonymous.map_or(anonymous.clone(), |(basket, _)| basket.clone());
        let second = sign_in(first.basket.as_ref(), Some(&left), &[]);
        prop_assert_eq!(&second.basket, &first.basket);
        prop_assert_eq!((second.notes.len(), second.plan.writes.len()), (0, 1));
    }

    #[test]
    fn quantities_add_up_to_the_stock_and_no_further(own in 1_u32..=100, more in 1_u32..=100, left in 0_u32..250) {
        let quantity = |units| Quantity::try_from(units).unwrap();
        let sum = quantity(own).plus_up_to(quantity(more), left).get();
        prop_assert_eq!(sum, (own + more).min(left).min(Quantity::MAX).max(own));
        prop_assert_eq!(quantity(more).at_most(left).map_or(0, Quantity::get), more.min(left));
    }
}
