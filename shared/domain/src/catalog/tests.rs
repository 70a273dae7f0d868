//! Staff edits: stock numbers, quantities, and the rules of each kind.

use super::*;
use crate::stock::StockLevel;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn usd(amount: &str) -> Money {
    Money::parse(amount, "USD".parse().unwrap()).unwrap()
}

fn window(amount: &str, quantity: Option<u32>, from: Option<i64>) -> StockDraft {
    let valid_from = from.map(|second| Timestamp::from_second(second).unwrap());
    StockDraft { price: usd(amount), quantity, valid_from, valid_to: None }
}

fn draft(stock: Vec<StockDraft>) -> ProductDraft {
    ProductDraft {
        sku: "A".parse().unwrap(),
        kind: Kind::Seat,
        title: "A course".parse().unwrap(),
        course_key: Some("course-v1:a+b+c".parse().unwrap()),
        mode: Some("verified".parse().unwrap()),
        attributes: BTreeMap::new(),
        contains: Vec::new(),
        blocked_countries: Default::default(),
        published: true,
        stock: Some(stock),
    }
}

#[test]
fn a_window_keeps_its_number_and_its_units_when_its_price_changes() {
    let (mut product, _) = save_product(None, draft(vec![window("10", Some(5), None)]), &[], now()).unwrap();
    assert_eq!(product.levels[&1], StockLevel { available: 5, held: 0, sold: 0 });
    product.levels.insert(1, StockLevel { available: 2, held: 1, sold: 2 });
    let edit = draft(vec![window("8", Some(5), Some(1_796_000_000)), window("12", Some(7), None)]);
    let (edited, _) = save_product(Some(product), edit, &[], now()).unwrap();
    assert_eq!(edited.stock.iter().map(|record| record.number).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(edited.levels[&1], StockLevel { available: 4, held: 1, sold: 2 });
    assert_eq!((edited.version, edited.offer_at(now()).map(|record| record.price)), (2, Some(usd("12"))));
}

#[test]
fn a_quantity_below_what_is_taken_is_refused() {
    let (mut product, _) = save_product(None, draft(vec![window("10", Some(5), None)]), &[], now()).unwrap();
    product.levels.insert(1, StockLevel { available: 2, held: 1, sold: 2 });
    let refused = save_product(Some(product), draft(vec![window("10", Some(2), None)]), &[], now());
    let rule = "quantity is below the units that are held or sold already";
    assert_eq!(refused, Err(CatalogRefusal::Invalid { field: "/stock", rule }));
}

#[test]
fn each_kind_has_its_rules() {
    for (change, field) in [
        ((|d: &mut ProductDraft| d.course_key = None) as fn(&mut ProductDraft), "/course_key"),
        (|d| d.mode = None, "/mode"),
        (|d| d.kind = Kind::Entitlement, "/attributes/course_uuid"),
        (|d| d.stock = Some(vec![window("1", None, None), window("2", None, None)]), "/stock"),
        (|d| d.stock = Some(vec![window("-1", None, None)]), "/stock"),
    ] {
        let mut draft = draft(vec![]);
        change(&mut draft);
        match save_product(None, draft, &[], now()) {
            Err(CatalogRefusal::Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn a_seat_that_a_course_no_longer_names_is_hidden() {
    let (seat, _) = save_product(None, draft(vec![window("10", None, None)]), &[], now()).unwrap();
    let mut other = draft(vec![window("20", None, None)]);
    other.sku = "B".parse().unwrap();
    let course = CourseDraft {
        key: "course-v1:a+b+c".parse().unwrap(),
        title: "A course".parse().unwrap(),
        org: "a".to_owned(),
        start: None,
        end: None,
        seats: vec![other],
    };
    let before = CourseFile { products: vec![seat], ..CourseFile::default() };
    let (course, _, plan) = save_course(before, course, None, now()).unwrap();
    assert_eq!(course.seats, ["B".parse().unwrap()]);
    let published = plan.writes.iter().filter_map(|write| {
        if let Write::SaveProduct { after, .. } = write {
            Some((after.sku.as_str().to_owned(), after.published))
        } else {
            None
        }
    });
    assert_eq!(published.collect::<Vec<_>>(), [("B".to_owned(), true), ("A".to_owned(), false)]);
}
