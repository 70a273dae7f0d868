//! Baskets changed in every way that the API offers.

use std::collections::BTreeMap;

use super::*;
use crate::money::Money;
use crate::owner::SessionKey;
use crate::product::Kind;
use crate::stock::{StockLevel, StockRecord};

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn owner() -> Owner {
    Owner::Session(SessionKey::from_digest([7; 16]))
}

fn seat(sku: &str, price: &str, currency: &str) -> Product {
    let price = Money::parse(price, currency.parse().unwrap()).unwrap();
    Product {
        sku: sku.parse().unwrap(),
        kind: Kind::Seat,
        title: "A course".parse().unwrap(),
        course_key: Some("course-v1:a+b+c".parse().unwrap()),
        mode: Some("verified".parse().unwrap()),
        attributes: BTreeMap::new(),
        contains: Vec::new(),
        blocked_countries: Default::default(),
        published: true,
        stock: vec![StockRecord { number: 1, price, quantity: None, valid_from: None, valid_to: None }],
        version: 1,
        updated_at: now(),
        levels: BTreeMap::new(),
        within: Default::default(),
    }
}

fn limited(sku: &str, available: u32) -> Product {
    let mut product = seat(sku, "10", "USD");
    product.stock[0].quantity = Some(10);
    product.levels.insert(1, StockLevel { available, held: 10 - available, sold: 0 });
    product
}

fn addition(product: Product) -> Change {
    Change::Add(vec![Addition { product, quantity: 3.try_into().unwrap(), owned: false }])
}

fn change(basket: Option<&Basket>, change: Change) -> Result<Basket, BasketRefusal> {
    let mut ids = Ids::new(now(), basket.map_or(1, |basket| u128::from(basket.version) + 2));
    decide(basket, &owner(), change, None, (now(), &mut ids)).map(|(basket, _)| basket)
}

#[test]
fn a_seat_stays_at_one_however_often_it_is_added() {
    let once = change(None, addition(seat("A", "10", "USD"))).unwrap();
    let twice = change(Some(&once), addition(seat("A", "10", "USD"))).unwrap();
    assert_eq!(twice.lines.iter().map(|line| line.quantity.get()).collect::<Vec<_>>(), [1]);
    assert_eq!((once.version, twice.version), (1, 2));
}

#[test]
fn what_cannot_be_bought_is_refused_by_name() {
    let sku = || "A".parse::<Sku>().unwrap();
    let mut hidden = seat("A", "10", "USD");
    hidden.published = false;
    let dollars = change(None, addition(seat("B", "10", "USD"))).unwrap();
    let owned = Addition { product: seat("A", "10", "USD"), quantity: Quantity::ONE, owned: true };
    for (basket, wish, refusal) in [
        (None, addition(hidden), BasketRefusal::NotAvailable(sku())),
        (None, addition(limited("A", 0)), BasketRefusal::OutOfStock(sku())),
        (Some(&dollars), addition(seat("A", "10", "EUR")), BasketRefusal::CurrencyMismatch(sku())),
        (None, Change::Add(vec![owned]), BasketRefusal::AlreadyPurchased(sku())),
        (None, Change::Remove(sku()), BasketRefusal::NoSuchLine(sku())),
    ] {
        assert_eq!(change(basket, wish), Err(refusal));
    }
}

#[test]
fn a_batch_is_all_or_none() {
    let items = [seat("A", "1", "USD"), limited("B", 0)];
    let batch = items.map(|product| Addition { product, quantity: Quantity::ONE, owned: false });
    assert_eq!(change(None, Change::Add(batch.to_vec())), Err(BasketRefusal::OutOfStock("B".parse().unwrap())));
}

#[test]
fn the_twenty_first_product_is_refused() {
    let mut basket = change(None, addition(seat("S0", "1", "USD"))).unwrap();
    for n in 1..MAX_LINES {
        basket = change(Some(&basket), addition(seat(&format!("S{n}"), "1", "USD"))).unwrap();
    }
    assert_eq!(change(Some(&basket), addition(seat("X", "1", "USD"))), Err(BasketRefusal::Full));
}

#[test]
fn a_change_of_a_frozen_basket_makes_a_new_one_that_replaces_the_order() {
    let mut basket = change(None, addition(seat("A", "10", "USD"))).unwrap();
    let order = Ids::new(now(), 9).make();
    basket.status = BasketStatus::Frozen { order };
    let BasketStatus::Frozen { order } = basket.status.clone() else { unreachable!() };
    let edited = change(Some(&basket), addition(seat("B", "5", "USD"))).unwrap();
    assert_ne!(edited.id, basket.id);
    assert_eq!(edited.status, BasketStatus::Open { replaces: Some(order) });
    assert_eq!(edited.lines.len(), 2);
}

#[test]
fn a_stale_version_is_refused() {
    let basket = change(None, addition(seat("A", "10", "USD"))).unwrap();
    let mut ids = Ids::new(now(), 1);
    let result = decide(Some(&basket), &owner(), Change::Clear, Some(7), (now(), &mut ids));
    assert_eq!(result, Err(BasketRefusal::VersionMismatch));
}

#[test]
fn a_merged_basket_rests_and_then_begins_anew_on_its_versions() {
    let at = |seconds: i64| Timestamp::from_second(1_795_000_000 - seconds).unwrap();
    let open = change(None, addition(seat("A", "10", "USD"))).unwrap();
    let merged = |seconds| Basket {
        status: BasketStatus::Merged { at: at(seconds) },
        lines: Vec::new(),
        version: 8,
        ..open.clone()
    };
    for wish in [addition(seat("B", "10", "USD")), Change::Remove("A".parse().unwrap()), Change::Clear] {
        assert_eq!(change(Some(&merged(299)), wish), Err(BasketRefusal::SessionEnded));
    }
    let anew = change(Some(&merged(300)), addition(seat("B", "10", "USD"))).unwrap();
    assert_eq!((&anew.status, anew.version), (&BasketStatus::Open { replaces: None }, 9));
    assert_ne!(anew.id, open.id);
}
