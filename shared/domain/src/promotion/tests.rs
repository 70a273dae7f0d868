//! Every condition, benefit and way of stacking as a table; and what holds for every basket and every set of offers.

use std::collections::BTreeSet;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::catalog::{Catalog, Links};
use crate::id::Ids;
use crate::pricing::Reduction;
use crate::product::Kind;
use crate::selection::CatalogQuery;
use crate::stock::StockRecord;
use crate::uses::Level;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn money(text: &str) -> Money {
    let (amount, currency) = text.split_once(' ').unwrap_or((text, "USD"));
    Money::parse(amount, currency.parse().unwrap()).unwrap()
}

/// A seat of a course of its own.
fn product(sku: &str, price: Money) -> Product {
    Product {
        sku: sku.parse().unwrap(),
        kind: Kind::Seat,
        title: format!("Course {sku}").parse().unwrap(),
        course_key: Some(format!("course-v1:Org+{sku}+1").parse().unwrap()),
        mode: Some("verified".parse().unwrap()),
        attributes: BTreeMap::new(),
        contains: Vec::new(),
        blocked_countries: Default::default(),
        published: true,
        stock: vec![StockRecord { number: 1, price, quantity: None, valid_from: None, valid_to: None }],
        version: 1,
        updated_at: NOW,
        levels: BTreeMap::new(),
        within: Default::default(),
    }
}

/// An automatic offer for everything.
pub(crate) fn offer(id: &str, benefit: Reduction) -> Offer {
    Offer {
        id: id.parse().unwrap(),
        name: id.parse().unwrap(),
        condition: Condition {
            products: Selection::All,
            min_quantity: None,
            min_value: None,
            whole: false,
            first_purchase: false,
            users: BTreeSet::new(),
            email_domains: BTreeSet::new(),
        },
        benefit,
        limits: Limits::default(),
        starts_at: None,
        ends_at: None,
        priority: 0,
        exclusive: false,
        automatic: true,
        version: 1,
        updated_at: NOW,
        level: Level::default(),
    }
}

pub(crate) fn percent(text: &str) -> Reduction {
    Reduction::Percent(text.parse().unwrap())
}

/// A code in a basket.
pub(crate) fn voucher(code: &str, offer: &Offer, usage: Usage) -> Entered {
    let voucher = Voucher {
        code: code.parse().unwrap(),
        usage,
        offer: offer.id.clone(),
        max_uses: None,
        starts_at: None,
        ends_at: None,
        email_domains: BTreeSet::new(),
        origin: None,
        version: 1,
        updated_at: NOW,
        level: Level::default(),
        holder: None,
    };
    Entered { voucher, offer: Offer { automatic: false, ..offer.clone() } }
}

fn ada() -> Buyer {
    let id = UserId::from_digest([7; 16]);
    Buyer {
        id: Some(id),
        username: Some("ada".parse().unwrap()),
        email: Some("ada@school.example".to_owned()),
        ..Buyer::default()
    }
}

/// What a basket costs, and by which offers: `A*2=10` is two of A at 10 each.
fn priced(basket: &str, promotions: Promotions<'_>, tax: Option<&str>) -> Choice {
    let products: Vec<(Product, u32)> = basket
        .split_whitespace()
        .map(|line| line.split_once('=').unwrap())
        .map(|(left, price)| {
            let (sku, units) = left.split_once('*').unwrap_or((left, "1"));
            let (amount, currency) = price.split_once(':').unwrap_or((price, "USD"));
            (product(sku, money(&format!("{amount} {currency}"))), units.parse().unwrap())
        })
        .collect();
    let item = |(product, units): &(Product, u32)| Item {
        sku: product.sku.clone(),
        quantity: (*units).try_into().unwrap(),
        unit_price: product.stock[0].price,
    };
    let lines: Vec<Line<'_>> = products.iter().map(|line| (&line.0, item(line))).collect();
    let currency = lines[0].1.unit_price.currency();
    choose(currency, &lines, promotions, tax.map(|text| TaxRule::on_top(text.parse().unwrap())), NOW).unwrap()
}

fn row(name: &str, basket: &str, choice: &Choice) -> String {
    let steps = choice.reservations.iter().map(|r| format!("{} {}", r.offer, r.given)).collect::<Vec<_>>();
    format!("{name} | {basket} | {} | {}\n", choice.pricing.total, steps.join(", "))
}

#[test]
fn every_benefit_in_three_currencies() {
    let mut table = String::new();
    for (name, benefit) in [
        ("percent 15", percent("15")),
        ("percent 100", percent("100")),
        ("percent 33.3333", percent("33.3333")),
        ("absolute 5", Reduction::Absolute(money("5"))),
        ("absolute 500", Reduction::Absolute(money("500"))),
        ("fixed 12", Reduction::FixedPrice(money("12"))),
        ("fixed 500", Reduction::FixedPrice(money("500"))),
        ("free", Reduction::Free),
        ("cheapest", Reduction::Cheapest),
    ] {
        for basket in ["A=10", "A*3=9.99 B=20", "A*3=999:JPY", "A*3=9.999:KWD B=0:KWD"] {
            let offers = [offer("it", benefit)];
            let choice = priced(basket, Promotions { automatic: &offers, ..Promotions::default() }, None);
            table.push_str(&row(name, basket, &choice));
        }
    }
    expect![[r#"
        percent 15 | A=10 | 8.50 USD | it 1.50 USD
        percent 15 | A*3=9.99 B=20 | 42.47 USD | it 7.50 USD
        percent 15 | A*3=999:JPY | 2547 JPY | it 450 JPY
        percent 15 | A*3=9.999:KWD B=0:KWD | 25.497 KWD | it 4.500 KWD
        percent 100 | A=10 | 0.00 USD | it 10.00 USD
        percent 100 | A*3=9.99 B=20 | 0.00 USD | it 49.97 USD
        percent 100 | A*3=999:JPY | 0 JPY | it 2997 JPY
        percent 100 | A*3=9.999:KWD B=0:KWD | 0.000 KWD | it 29.997 KWD
        percent 33.3333 | A=10 | 6.67 USD | it 3.33 USD
        percent 33.3333 | A*3=9.99 B=20 | 33.31 USD | it 16.66 USD
        percent 33.3333 | A*3=999:JPY | 1998 JPY | it 999 JPY
        percent 33.3333 | A*3=9.999:KWD B=0:KWD | 19.998 KWD | it 9.999 KWD
        absolute 5 | A=10 | 5.00 USD | it 5.00 USD
        absolute 5 | A*3=9.99 B=20 | 44.97 USD | it 5.00 USD
        absolute 5 | A*3=999:JPY | 2997 JPY | 
        absolute 5 | A*3=9.999:KWD B=0:KWD | 29.997 KWD | 
        absolute 500 | A=10 | 0.00 USD | it 10.00 USD
        absolute 500 | A*3=9.99 B=20 | 0.00 USD | it 49.97 USD
        absolute 500 | A*3=999:JPY | 2997 JPY | 
        absolute 500 | A*3=9.999:KWD B=0:KWD | 29.997 KWD | 
        fixed 12 | A=10 | 10.00 USD | 
        fixed 12 | A*3=9.99 B=20 | 12.00 USD | it 37.97 USD
        fixed 12 | A*3=999:JPY | 2997 JPY | 
        fixed 12 | A*3=9.999:KWD B=0:KWD | 29.997 KWD | 
        fixed 500 | A=10 | 10.00 USD | 
        fixed 500 | A*3=9.99 B=20 | 49.97 USD | 
        fixed 500 | A*3=999:JPY | 2997 JPY | 
        fixed 500 | A*3=9.999:KWD B=0:KWD | 29.997 KWD | 
        free | A=10 | 0.00 USD | it 10.00 USD
        free | A*3=9.99 B=20 | 0.00 USD | it 49.97 USD
        free | A*3=999:JPY | 0 JPY | it 2997 JPY
        free | A*3=9.999:KWD B=0:KWD | 0.000 KWD | it 29.997 KWD
        cheapest | A=10 | 0.00 USD | it 10.00 USD
        cheapest | A*3=9.99 B=20 | 39.98 USD | it 9.99 USD
        cheapest | A*3=999:JPY | 1998 JPY | it 999 JPY
        cheapest | A*3=9.999:KWD B=0:KWD | 19.998 KWD | it 9.999 KWD
    "#]]
    .assert_eq(&table);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table, read in one go")]
fn every_condition_that_holds_and_that_does_not() {
    let mut table = String::new();
    let skus = |names: &[&str]| Selection::Skus(names.iter().map(|sku| sku.parse().unwrap()).collect());
    let catalog = |query: CatalogQuery| {
        let (id, title) = ("cat".parse().unwrap(), "Cat".parse().unwrap());
        let skus = BTreeSet::from(["Z".parse().unwrap()]);
        Selection::Catalog(Box::new(Catalog {
            id,
            title,
            skus,
            query: Some(query),
            version: 1,
            links: Links::default(),
        }))
    };
    type Edit = Box<dyn Fn(&mut Offer)>;
    let cases: Vec<(&str, Edit)> = vec![
        ("all", Box::new(|_| {})),
        ("sku B", Box::new(move |o| o.condition.products = skus(&["B"]))),
        ("sku C", Box::new(move |o| o.condition.products = skus(&["C"]))),
        ("two units", Box::new(|o| o.condition.min_quantity = Some(2))),
        ("four units", Box::new(|o| o.condition.min_quantity = Some(4))),
        ("worth 30", Box::new(|o| o.condition.min_value = Some(money("30")))),
        ("worth 30.01", Box::new(|o| o.condition.min_value = Some(money("30.01")))),
        ("worth 1 EUR", Box::new(|o| o.condition.min_value = Some(money("1 EUR")))),
        (
            "whole A B",
            Box::new(move |o| {
                o.condition.products = skus(&["A", "B"]);
                o.condition.whole = true;
            }),
        ),
        (
            "whole A C",
            Box::new(move |o| {
                o.condition.products = skus(&["A", "C"]);
                o.condition.whole = true;
            }),
        ),
        (
            "of Org's",
            Box::new(move |o| {
                o.condition.products = catalog(CatalogQuery { org: Some("Org".to_owned()), ..CatalogQuery::default() });
            }),
        ),
        (
            "of +B+",
            Box::new(move |o| {
                let key_pattern = Some("*+B+*".to_owned());
                o.condition.products = catalog(CatalogQuery { key_pattern, ..CatalogQuery::default() });
            }),
        ),
        (
            "titled a",
            Box::new(move |o| {
                let title_words = BTreeSet::from(["a".to_owned()]);
                o.condition.products = catalog(CatalogQuery { title_words, ..CatalogQuery::default() });
            }),
        ),
        ("for ada", Box::new(|o| o.condition.users = BTreeSet::from(["ada".parse().unwrap()]))),
        ("for bob", Box::new(|o| o.condition.users = BTreeSet::from(["bob".parse().unwrap()]))),
        (
            "for school.example",
            Box::new(|o| {
                o.condition.email_domains = BTreeSet::from(["school.example".parse().unwrap()]);
            }),
        ),
        (
            "for other.example or ada",
            Box::new(|o| {
                o.condition.email_domains = BTreeSet::from(["other.example".parse().unwrap()]);
                o.condition.users = BTreeSet::from(["ada".parse().unwrap()]);
            }),
        ),
        ("first purchase", Box::new(|o| o.condition.first_purchase = true)),
        ("not yet", Box::new(|o| o.starts_at = Some("1970-01-01T00:00:01Z".parse().unwrap()))),
        ("from now", Box::new(|o| o.starts_at = Some(NOW))),
        ("until now", Box::new(|o| o.ends_at = Some(NOW))),
        (
            "one use left",
            Box::new(|o| {
                o.limits.max_uses = Some(3);
                o.level.taken = 2;
            }),
        ),
        (
            "no use left",
            Box::new(|o| {
                o.limits.max_uses = Some(3);
                o.level.taken = 3;
            }),
        ),
        (
            "1.50 left to give",
            Box::new(|o| {
                o.limits.max_discount = Some(money("100"));
                o.level.given = 9_850;
            }),
        ),
        (
            "nothing left to give",
            Box::new(|o| {
                o.limits.max_discount = Some(money("100"));
                o.level.given = 10_000;
            }),
        ),
        ("once each", Box::new(|o| o.limits.max_uses_per_user = Some(1))),
    ];
    for (name, edit) in &cases {
        let mut it = offer("it", percent("10"));
        edit(&mut it);
        let counted = Counted::Offer { id: it.id.clone(), automatic: true };
        let back = Buyer { bought: true, uses: BTreeMap::from([(counted, 1)]), ..ada() };
        let offers = [it];
        for (who, buyer) in [("nobody", Buyer::default()), ("ada", ada()), ("ada again", back)] {
            let promotions = Promotions { automatic: &offers, buyer: Some(&buyer), ..Promotions::default() };
            let choice = priced("A=10 B=20", promotions, None);
            table.push_str(&format!("{name} | {who} | {}\n", choice.pricing.discount));
        }
    }
    expect![[r#"
        all | nobody | 3.00 USD
        all | ada | 3.00 USD
        all | ada again | 3.00 USD
        sku B | nobody | 2.00 USD
        sku B | ada | 2.00 USD
        sku B | ada again | 2.00 USD
        sku C | nobody | 0.00 USD
        sku C | ada | 0.00 USD
        sku C | ada again | 0.00 USD
        two units | nobody | 3.00 USD
        two units | ada | 3.00 USD
        two units | ada again | 3.00 USD
        four units | nobody | 0.00 USD
        four units | ada | 0.00 USD
        four units | ada again | 0.00 USD
        worth 30 | nobody | 3.00 USD
        worth 30 | ada | 3.00 USD
        worth 30 | ada again | 3.00 USD
        worth 30.01 | nobody | 0.00 USD
        worth 30.01 | ada | 0.00 USD
        worth 30.01 | ada again | 0.00 USD
        worth 1 EUR | nobody | 0.00 USD
        worth 1 EUR | ada | 0.00 USD
        worth 1 EUR | ada again | 0.00 USD
        whole A B | nobody | 3.00 USD
        whole A B | ada | 3.00 USD
        whole A B | ada again | 3.00 USD
        whole A C | nobody | 0.00 USD
        whole A C | ada | 0.00 USD
        whole A C | ada again | 0.00 USD
        of Org's | nobody | 3.00 USD
        of Org's | ada | 3.00 USD
        of Org's | ada again | 3.00 USD
        of +B+ | nobody | 2.00 USD
        of +B+ | ada | 2.00 USD
        of +B+ | ada again | 2.00 USD
        titled a | nobody | 1.00 USD
        titled a | ada | 1.00 USD
        titled a | ada again | 1.00 USD
        for ada | nobody | 0.00 USD
        for ada | ada | 3.00 USD
        for ada | ada again | 3.00 USD
        for bob | nobody | 0.00 USD
        for bob | ada | 0.00 USD
        for bob | ada again | 0.00 USD
        for school.example | nobody | 0.00 USD
        for school.example | ada | 3.00 USD
        for school.example | ada again | 3.00 USD
        for other.example or ada | nobody | 0.00 USD
        for other.example or ada | ada | 3.00 USD
        for other.example or ada | ada again | 3.00 USD
        first purchase | nobody | 3.00 USD
        first purchase | ada | 3.00 USD
        first purchase | ada again | 0.00 USD
        not yet | nobody | 0.00 USD
        not yet | ada | 0.00 USD
        not yet | ada again | 0.00 USD
        from now | nobody | 3.00 USD
        from now | ada | 3.00 USD
        from now | ada again | 3.00 USD
        until now | nobody | 0.00 USD
        until now | ada | 0.00 USD
        until now | ada again | 0.00 USD
        one use left | nobody | 3.00 USD
        one use left | ada | 3.00 USD
        one use left | ada again | 3.00 USD
        no use left | nobody | 0.00 USD
        no use left | ada | 0.00 USD
        no use left | ada again | 0.00 USD
        1.50 left to give | nobody | 1.50 USD
        1.50 left to give | ada | 1.50 USD
        1.50 left to give | ada again | 1.50 USD
        nothing left to give | nobody | 0.00 USD
        nothing left to give | ada | 0.00 USD
        nothing left to give | ada again | 0.00 USD
        once each | nobody | 3.00 USD
        once each | ada | 3.00 USD
        once each | ada again | 0.00 USD
    "#]]
    .assert_eq(&table);
}

#[test]
fn every_way_of_stacking() {
    let at = |mut offer: Offer, priority: u16, exclusive: bool| {
        (offer.priority, offer.exclusive) = (priority, exclusive);
        offer
    };
    let ten = || offer("ten-percent", percent("10"));
    let five = || offer("five-off", Reduction::Absolute(money("5")));
    let half = || offer("half", percent("50"));
    let fixed = || offer("for-20", Reduction::FixedPrice(money("20")));
    let mut table = String::new();
    for (name, offers) in [
        ("by id", vec![ten(), five()]),
        ("by priority", vec![at(ten(), 5, false), five()]),
        ("an exclusive one that is better", vec![ten(), five(), at(half(), 0, true)]),
        ("an exclusive one that is worse", vec![half(), five(), at(ten(), 9, true)]),
        ("of two exclusive ones the better", vec![at(ten(), 9, true), at(half(), 0, true)]),
        ("of equal ones those that combine", vec![half(), at(offer("other-half", percent("50")), 9, true)]),
        ("a fixed price last", vec![at(ten(), 1, false), fixed()]),
        ("a fixed price first", vec![ten(), at(fixed(), 1, false)]),
        ("four at the most", (1..=6).map(|i| offer(&format!("p{i}"), percent("10"))).collect()),
        ("what takes nothing off is no use", vec![at(offer("all", Reduction::Free), 1, false), ten()]),
    ] {
        fn promotions(automatic: &[Offer]) -> Promotions<'_> {
            Promotions { automatic, ..Promotions::default() }
        }
        let choice = priced("A=10 B=30", promotions(&offers), Some("7.5"));
        table.push_str(&row(name, "A=10 B=30", &choice));
        let backwards: Vec<Offer> = offers.iter().rev().cloned().collect();
        assert_eq!(priced("A=10 B=30", promotions(&backwards), Some("7.5")), choice, "{name}");
    }
    expect![[r#"
        by id | A=10 B=30 | 33.85 USD | five-off 5.00 USD, ten-percent 3.51 USD
        by priority | A=10 B=30 | 33.32 USD | ten-percent 4.00 USD, five-off 5.00 USD
        an exclusive one that is better | A=10 B=30 | 21.51 USD | half 20.00 USD
        an exclusive one that is worse | A=10 B=30 | 18.80 USD | five-off 5.00 USD, half 17.51 USD
        of two exclusive ones the better | A=10 B=30 | 21.51 USD | half 20.00 USD
        of equal ones those that combine | A=10 B=30 | 21.51 USD | half 20.00 USD
        a fixed price last | A=10 B=30 | 21.51 USD | ten-percent 4.00 USD, for-20 16.00 USD
        a fixed price first | A=10 B=30 | 19.35 USD | for-20 20.00 USD, ten-percent 2.00 USD
        four at the most | A=10 B=30 | 28.21 USD | p1 4.00 USD, p2 3.60 USD, p3 3.24 USD, p4 2.92 USD
        what takes nothing off is no use | A=10 B=30 | 0.00 USD | all 40.00 USD
    "#]]
    .assert_eq(&table);
}

#[test]
fn every_usage_of_a_code() {
    let mut table = String::new();
    let tenth = offer("tenth", percent("10"));
    for usage in [Usage::SingleUse, Usage::OncePerCustomer, Usage::MultiUse, Usage::MultiUsePerCustomer] {
        for (state, taken, mine) in [("fresh", 0, false), ("used by another", 1, false), ("used by ada", 1, true)] {
            let mut entered = voucher("CODE", &tenth, usage);
            entered.voucher.level.taken = taken;
            let mut buyer = ada();
            if taken > 0 {
                entered.voucher.holder = if mine { buyer.id.clone() } else { Some(UserId::from_digest([9; 16])) };
            }
            if mine {
                buyer.uses.insert(Counted::Voucher("CODE".parse().unwrap()), 1);
            }
            let basket = basket_of(&[("A", "10")]);
            let fit = fits(&basket, &entered, &buyer, NOW).map_or_else(|misfit| misfit.to_string(), |()| "fits".into());
            // A basket whose own unpaid order has the use still has it.
            let own =
                Basket { held: vec![Reservation::of(&entered.offer, Some(&entered.voucher), money("1"))], ..basket };
            let held = fits(&own, &entered, &buyer, NOW).is_ok();
            table.push_str(&format!("{usage:?} | {state} | {fit} | by its own order: {held}\n"));
        }
    }
    expect![[r#"
        SingleUse | fresh | fits | by its own order: true
        SingleUse | used by another | it is used up | by its own order: true
        SingleUse | used by ada | it is used up | by its own order: true
        OncePerCustomer | fresh | fits | by its own order: true
        OncePerCustomer | used by another | fits | by its own order: true
        OncePerCustomer | used by ada | it is used up | by its own order: true
        MultiUse | fresh | fits | by its own order: true
        MultiUse | used by another | fits | by its own order: true
        MultiUse | used by ada | fits | by its own order: true
        MultiUsePerCustomer | fresh | fits | by its own order: true
        MultiUsePerCustomer | used by another | it is not for this buyer | by its own order: true
        MultiUsePerCustomer | used by ada | fits | by its own order: true
    "#]]
    .assert_eq(&table);
}

fn basket_of(lines: &[(&str, &str)]) -> Basket {
    use crate::basket::BasketLine;
    use crate::owner::Owner;
    let mut ids = Ids::new(NOW, 1);
    let mut basket = Basket::empty(ids.make(), Owner::User(UserId::from_digest([7; 16])), 0, NOW);
    let line = |(sku, price): &(&str, &str)| BasketLine {
        product: product(sku, money(price)),
        quantity: 1.try_into().unwrap(),
    };
    basket.lines = lines.iter().map(line).collect();
    basket
}

#[test]
fn a_code_is_judged_by_itself_and_the_reason_is_told() {
    let check = |edit: &dyn Fn(&mut Entered), lines: &[(&str, &str)], said: &str| {
        let mut entered = voucher("CODE", &offer("tenth", percent("10")), Usage::MultiUse);
        edit(&mut entered);
        let fit = fits(&basket_of(lines), &entered, &ada(), NOW);
        assert_eq!(fit.map_or_else(|misfit| misfit.to_string(), |()| "fits".to_owned()), said);
    };
    let a = [("A", "10")];
    check(&|_| {}, &a, "fits");
    check(&|_| {}, &[], "fits");
    check(&|e| e.voucher.ends_at = Some(NOW), &a, "it is not in force now");
    check(&|e| e.offer.ends_at = Some(NOW), &[], "it is not in force now");
    check(
        &|e| e.voucher.email_domains = BTreeSet::from(["x.example".parse().unwrap()]),
        &a,
        "it is not for this buyer",
    );
    check(&|e| e.offer.condition.min_quantity = Some(2), &a, "what is in the basket does not meet its condition");
    check(
        &|e| e.offer.benefit = Reduction::Absolute(money("1 EUR")),
        &a,
        "what is in the basket does not meet its condition",
    );
    check(&|e| (e.offer.limits.max_uses, e.offer.level.taken) = (Some(1), 1), &a, "it is used up");
    check(&|_| {}, &[("FREE", "0")], "what is in the basket does not meet its condition");
}

#[test]
fn two_codes_of_one_offer_count_once() {
    let tenth = offer("tenth", percent("10"));
    let entered = [voucher("ONE", &tenth, Usage::SingleUse), voucher("TWO", &tenth, Usage::SingleUse)];
    let choice = priced("A=10", Promotions { entered: &entered, ..Promotions::default() }, None);
    assert_eq!(choice.pricing.total, money("9"));
    assert_eq!(choice.idle, ["TWO".parse().unwrap()]);
    assert_eq!(choice.reservations.len(), 1);
}

fn reductions() -> impl Strategy<Value = Reduction> {
    let minor = |m| Money::from_minor(m, "USD".parse().unwrap()).unwrap();
    prop_oneof![
        (1..=1_000_000_u32).prop_map(|p| percent(&format!("{}.{:04}", p / 10_000, p % 10_000))),
        (1..50_000_i64).prop_map(move |m| Reduction::Absolute(minor(m))),
        (0..50_000_i64).prop_map(move |m| Reduction::FixedPrice(minor(m))),
        Just(Reduction::Free),
        Just(Reduction::Cheapest),
    ]
}

prop_compose! {
    fn any_offer(number: usize)(
        benefit in reductions(),
        skus in proptest::option::of(proptest::collection::btree_set("[A-F]", 1..4)),
        priority in 0..5_u16,
        exclusive in proptest::bool::weighted(0.2),
        min_quantity in proptest::option::weighted(0.3, 1..6_u32),
        money in proptest::option::weighted(0.3, (1..5_000_i64, 0..4_000_i64)),
    ) -> Offer {
        let mut it = offer(&format!("offer-{number}"), benefit);
        if let Some(skus) = skus {
            it.condition.products = Selection::Skus(skus.iter().map(|sku| sku.parse().unwrap()).collect());
        }
        (it.priority, it.exclusive, it.condition.min_quantity) = (priority, exclusive, min_quantity);
        if let Some((most, given)) = money {
            it.limits.max_discount = Some(Money::from_minor(most, "USD".parse().unwrap()).unwrap());
            it.level.given = given;
        }
        it
    }
}

fn offers() -> impl Strategy<Value = Vec<Offer>> {
    (any_offer(1), any_offer(2), any_offer(3), any_offer(4), any_offer(5), 0..=5_usize)
        .prop_map(|(a, b, c, d, e, count)| [a, b, c, d, e].into_iter().take(count).collect())
}

proptest! {
    #[test]
    fn a_price_never_rises_is_never_negative_and_adds_up_in_any_order(
        prices in proptest::collection::btree_map("[A-F]", (0..30_000_i64, 1..5_u32), 1..6),
        offers in offers(),
        tax in proptest::option::of(0..2_500_u32),
        shuffle in any::<u64>(),
    ) {
        let usd: Currency = "USD".parse().unwrap();
        let products: Vec<Product> =
            prices.iter().map(|(sku, (minor, _))| product(sku, Money::from_minor(*minor, usd).unwrap())).collect();
        let lines: Vec<Line<'_>> = products.iter().map(|product| {
            let quantity = prices[product.sku.as_str()].1.try_into().unwrap();
            (product, Item { sku: product.sku.clone(), quantity, unit_price: product.stock[0].price })
        }).collect();
        let rate = |t: u32| format!("{}.{:02}", t / 100, t % 100).parse().unwrap();
        let tax = tax.map(|t| TaxRule { rate: rate(t), included: t % 2 == 1 });
        let promotions = Promotions { automatic: &offers, ..Promotions::default() };
        let choice = choose(usd, &lines, promotions, tax, NOW).unwrap();
        let Choice { pricing, reservations, .. } = &choice;

        let plain = choose(usd, &lines, Promotions::default(), tax, NOW).unwrap();
        prop_assert!(pricing.total.minor() <= plain.pricing.total.minor());
        for line in &pricing.lines {
            prop_assert!(!line.total.is_negative() && line.discount.minor() <= line.list.minor());
            let steps = total(usd, line.applied.iter().map(|applied| applied.amount)).unwrap();
            prop_assert_eq!(steps, line.discount);
        }
        prop_assert_eq!(total(usd, pricing.lines.iter().map(|line| line.total)).unwrap(), pricing.total);
        prop_assert_eq!(total(usd, reservations.iter().map(|r| r.given)).unwrap(), pricing.discount);
        for reservation in reservations {
            let it = offers.iter().find(|offer| offer.id == reservation.offer).unwrap();
            if let Some(most) = it.limits.max_discount {
                prop_assert!(it.level.given + reservation.given.minor() <= most.minor());
            }
            prop_assert!(!it.exclusive || reservations.len() == 1);
        }
        for alone in offers.iter().filter(|offer| offer.exclusive) {
            let alone = [alone.clone()];
            let only = choose(usd, &lines, Promotions { automatic: &alone, ..Promotions::default() }, tax, NOW).unwrap();
            prop_assert!(only.pricing.discount.minor() <= pricing.discount.minor());
        }

        let mut turned = lines.clone();
        let by = usize::try_from(shuffle % 7).unwrap() % turned.len();
        turned.rotate_left(by);
        if shuffle % 2 == 0 {
            turned.reverse();
        }
        let again = choose(usd, &turned, promotions, tax, NOW).unwrap();
        prop_assert_eq!(&again.reservations, reservations);
        prop_assert_eq!(again.pricing.total, pricing.total);
        let find = |sku: &Sku| again.pricing.lines.iter().find(|line| line.sku == *sku);
        prop_assert!(pricing.lines.iter().all(|line| find(&line.sku) == Some(line)));
    }
}
