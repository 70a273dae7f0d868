//! Whatever is in a basket, in any currency and with any tax: what is shown is what is ordered, to the unit, and what the
//! processor is given to show adds up to what it is asked to charge (I7).

// True of every build of this file. It is how clippy learns that helpers outside `#[test]` are test code too.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::{Books, check};
use domain::basket::{Basket, BasketLine};
use domain::id::Ids;
use domain::money::{Currency, Money, total};
use domain::offer::{Condition, Limits, Offer};
use domain::owner::{Owner, UserId};
use domain::part::Part;
use domain::payment::{Flow, ProcessorName};
use domain::percent::Percent;
use domain::places::{Places, Whereabouts};
use domain::pricing::Reduction;
use domain::product::{Kind, Product};
use domain::promotion::Buyer;
use domain::selection::Selection;
use domain::start_checkout::{Checkout, CheckoutRefusal, Situation, decide};
use domain::stock::StockRecord;
use domain::uses::Level;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// Currencies of two, of no and of three decimals.
const CURRENCIES: [&str; 3] = ["USD", "JPY", "KWD"];

fn owner() -> UserId {
    UserId::from_digest([7; 16])
}

fn money(minor: i64, currency: Currency) -> Money {
    Money::from_minor(minor, currency).unwrap()
}

/// A seat; or, with parts, a bundle of so many seats or codes for one.
fn product(number: usize, kind: Kind, parts: usize, price: Money) -> Product {
    let seat = kind == Kind::Seat;
    let mut product = Product {
        sku: format!("S{number}").parse().unwrap(),
        kind,
        title: "A course".parse().unwrap(),
        course_key: seat.then(|| format!("course-v1:Test+S{number}+1").parse().unwrap()),
        mode: seat.then(|| "verified".parse().unwrap()),
        attributes: BTreeMap::new(),
        contains: Vec::new(),
        blocked_countries: BTreeSet::new(),
        published: true,
        stock: vec![StockRecord { number: 1, price, quantity: None, valid_from: None, valid_to: None }],
        version: 1,
        updated_at: NOW,
        levels: BTreeMap::new(),
        within: Default::default(),
    };
    let part = |part: usize| Part::of(&self::product(100 * (number + 1) + part, Kind::Seat, 0, price));
    product.contains = (0..parts).map(part).collect();
    product
}

/// A line: what is bought, of how many parts, for how many minor units, and how many.
type Bought = (Kind, usize, i64, u32);

fn lines() -> impl Strategy<Value = Vec<Bought>> {
    let kinds = prop_oneof![
        Just((Kind::Seat, 0, 1_u32)),
        (2..=3_usize).prop_map(|parts| (Kind::Bundle, parts, 1)),
        (1..=100_u32).prop_map(|units| (Kind::EnrollmentCode, 1, units)),
    ];
    vec((kinds, 0..300_000_i64).prop_map(|((kind, parts, units), price)| (kind, parts, price, units)), 1..7)
}

/// A benefit, the lines it is for, the most that it gives, and whether it stands alone.
type Gift = (Reduction, Option<BTreeSet<usize>>, Option<i64>, bool);

fn gifts(currency: Currency) -> impl Strategy<Value = Vec<Gift>> {
    let reductions = prop_oneof![
        (1..=1_000_000_u32)
            .prop_map(|p| Reduction::Percent(format!("{}.{:04}", p / 10_000, p % 10_000).parse().unwrap())),
        (1..200_000_i64).prop_map(move |minor| Reduction::Absolute(money(minor, currency))),
        (0..200_000_i64).prop_map(move |minor| Reduction::FixedPrice(money(minor, currency))),
        Just(Reduction::Free),
        Just(Reduction::Cheapest),
    ];
    let some_lines = option::of(proptest::collection::btree_set(0..6_usize, 1..4));
    vec((reductions, some_lines, option::of(1..50_000_i64), proptest::bool::weighted(0.2)), 0..5)
}

fn offer(number: usize, (benefit, skus, most, exclusive): &Gift, currency: Currency) -> Offer {
    let id = format!("offer-{number}");
    let chosen = |skus: &BTreeSet<usize>| skus.iter().map(|sku| format!("S{sku}").parse().unwrap()).collect();
    Offer {
        id: id.parse().unwrap(),
        name: id.parse().unwrap(),
        condition: Condition {
            products: skus.as_ref().map_or(Selection::All, |skus| Selection::Skus(chosen(skus))),
            min_quantity: None,
            min_value: None,
            whole: false,
            first_purchase: false,
            users: BTreeSet::new(),
            email_domains: BTreeSet::new(),
        },
        benefit: *benefit,
        limits: Limits { max_discount: most.map(|minor| money(minor, currency)), ..Limits::default() },
        starts_at: None,
        ends_at: None,
        priority: 0,
        exclusive: *exclusive,
        automatic: true,
        version: 1,
        updated_at: NOW,
        level: Level::default(),
    }
}

fn checkout(shown: Option<Money>) -> Checkout {
    Checkout {
        owner: owner(),
        username: "ada".parse().unwrap(),
        email: None,
        processor: ProcessorName::Stripe,
        pay_within: domain::start_checkout::PAY_WITHIN,
        flow: Flow::HostedPage,
        return_url: "https://shop.example/o".to_owned(),
        key: "key".to_owned(),
        fingerprint: "f".to_owned(),
        seen: None,
        shown,
        at: Whereabouts::default(),
    }
}

/// A tax in hundredths of a percent, and whether prices have it in them.
type Taxed = Option<(u32, bool)>;

/// Everything that there is to be priced.
fn cases() -> impl Strategy<Value = (Currency, Vec<Bought>, Vec<Gift>, Taxed)> {
    (0..CURRENCIES.len(), lines(), option::of((0..3_000_u32, any::<bool>()))).prop_flat_map(|(which, lines, tax)| {
        let currency: Currency = CURRENCIES[which].parse().unwrap();
        gifts(currency).prop_map(move |gifts| (currency, lines.clone(), gifts, tax))
    })
}

proptest! {
    #[test]
    fn what_is_shown_is_what_is_ordered_and_its_lines_add_up((currency, lines, gifts, tax) in cases()) {
        let mut ids = Ids::new(NOW, 1);
        let mut basket = Basket::empty(ids.make(), Owner::User(owner()), 0, NOW);
        // Processors charge dinars in tens of fils, so that is how they are priced. Offers know nothing of it.
        let step = if currency.exponent() == 3 { 10 } else { 1 };
        let line = |(number, (kind, parts, price, units)): (usize, &Bought)| BasketLine {
            product: product(number, *kind, *parts, money(*price / step * step, currency)),
            quantity: (*units).try_into().unwrap(),
        };
        basket.lines = lines.iter().enumerate().map(line).collect();
        let offers: Vec<Offer> = gifts.iter().enumerate().map(|(n, gift)| offer(n, gift, currency)).collect();
        let rate: Option<Percent> = tax.map(|(t, _)| format!("{}.{:02}", t / 100, t % 100).parse().unwrap());
        let tax_included = tax.is_some_and(|(_, included)| included);
        let places = Places { tax: rate, tax_included, ..Places::default() };
        let tax = places.tax(&Whereabouts::default());
        let buyer = checkout(None).buyer(&Buyer::default());
        let shown = basket.priced(&offers, &buyer, tax, NOW).unwrap().pricing.unwrap();

        let situation = Situation { basket: Some(&basket), replaced: None, automatic: &offers, buyer: &buyer, places: &places };
        let decided = decide(&situation, &checkout(Some(shown.total)), NOW, &mut ids);
        let (file, _) = decided.unwrap();
        let order = &file.order;
        prop_assert_eq!(&order.pricing().unwrap(), &shown);
        prop_assert_eq!((order.total, order.total.currency()), (shown.total, currency));
        // What the processor shows: a title and a total for each line.
        prop_assert_eq!(total(currency, order.lines.iter().map(|line| line.total)), Ok(order.total));
        for line in &order.lines {
            let net = line.unit_price.times(line.quantity.get()).unwrap().minus(line.discount).unwrap();
            prop_assert!(!net.is_negative() && !line.total.is_negative());
            prop_assert_eq!(line.total.minor() % step, 0, "{} cannot be charged", line.total);
            let on_top = line.tax.map_or(Money::zero(currency), |tax| tax.on_top());
            prop_assert_eq!(net.plus(on_top), Ok(line.total));
            prop_assert_eq!(line.tax.is_some(), rate.is_some() && !net.is_zero());
            if let Some(tax) = line.tax {
                prop_assert_eq!((Some(tax.rate), tax.included), (rate, tax_included));
                let price = if tax_included { tax.base.plus(tax.amount) } else { Ok(tax.base) };
                prop_assert_eq!(price, Ok(net));
                // Either way it is the rate of the base, to less than a unit: of ten fils where those are charged.
                let (exact, unit) = (tax.base.decimal() * tax.rate.fraction(), money(step, currency).decimal());
                prop_assert!((exact - tax.amount.decimal()).abs() < unit);
            }
        }
        // The auditor says the same of it; what it needs beside is not there before it is paid.
        let books = Books { orders: vec![file.clone()], ..Books::default() };
        let amounts: Vec<_> = check(&books).into_iter().filter(|violation| violation.invariant == "I7").collect();
        prop_assert!(amounts.is_empty(), "{:?}", amounts);
        // A unit more or less than was shown is not ordered.
        let other = shown.total.plus(money(1, currency)).unwrap();
        let refused = decide(&situation, &checkout(Some(other)), NOW, &mut ids).map(|(file, _)| file.order.total);
        prop_assert_eq!(refused, Err(CheckoutRefusal::PriceChanged(shown.total)));
    }
}
