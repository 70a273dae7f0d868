//! Rows of the catalog: products with their title tokens, courses, named groups.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::catalog::Catalog;
use domain::course::Course;
use domain::product::Product;
use domain::text::Sku;

use super::{Op, stock};
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{Row, SCHEMA, data, n, s};
use crate::search::tokens;

/// The row of a product that is contained in another: it must be as it was read.
pub(super) fn link_part(keys: Keys<'_>, part: &Sku, version: u64, within: &Sku) -> Op {
    let op = within_op(keys, part, within, "ADD part_of :set, part_of_changes :one");
    op.when("version = :version").value(":version", n(version))
}

pub(super) fn unlink_part(keys: Keys<'_>, part: &Sku, within: &Sku) -> Op {
    within_op(keys, part, within, "ADD part_of_changes :one DELETE part_of :set").when("attribute_exists(pk)")
}

fn within_op(keys: Keys<'_>, part: &Sku, within: &Sku, expression: &str) -> Op {
    Op::update(keys.product(part), stock::SK, expression)
        .value(":set", AttributeValue::Ss(vec![within.to_string()]))
        .value(":one", n(1))
}

/// The product's row, and the token rows by which its title is found.
pub(super) fn save_product(keys: Keys<'_>, before: Option<&Product>, after: &Product) -> Result<Vec<Op>, StoreError> {
    let mut ops = vec![product_row(keys, before, after)?];
    let found_by = |product: Option<&Product>| -> BTreeSet<String> {
        product.map(|product| tokens(product.title.as_str())).unwrap_or_default()
    };
    let (had, has) = (found_by(before), found_by(Some(after)));
    for token in has.difference(&had) {
        let row = Row::new(keys.token(token), format!("{token}#{}", after.sku), &after.sku)?;
        ops.push(Op::new(super::Action::Put(row.0)));
    }
    for token in had.difference(&has) {
        ops.push(Op::delete(keys.token(token), format!("{token}#{}", after.sku)));
    }
    Ok(ops)
}

/// Updates the row in place, so that units sold meanwhile stay counted: quantities change by their difference.
fn product_row(keys: Keys<'_>, before: Option<&Product>, after: &Product) -> Result<Op, StoreError> {
    let mut set = vec![
        "v = :v".to_owned(),
        "version = :next".to_owned(),
        "#d = :data".to_owned(),
        "gsi1pk = :list".to_owned(),
        "gsi1sk = :sort".to_owned(),
    ];
    let mut conditions = Vec::new();
    let mut values = vec![
        (":v".to_owned(), n(SCHEMA)),
        (":next".to_owned(), n(after.version)),
        (":data".to_owned(), data(after)?),
        (":list".to_owned(), s(keys.products(after.published))),
        (":sort".to_owned(), s(format!("{}#{}", after.kind.name(), after.sku))),
    ];
    match before {
        Some(before) => {
            conditions.push("version = :version".to_owned());
            values.push((":version".to_owned(), n(before.version)));
            // What contains it is brought up to date with it, so all of that must have been read.
            match before.within.changes {
                0 => conditions.push("attribute_not_exists(part_of_changes)".to_owned()),
                changes => {
                    conditions.push("part_of_changes = :within".to_owned());
                    values.push((":within".to_owned(), n(changes)));
                }
            }
        }
        None => conditions.push(super::ABSENT.to_owned()),
    }
    for (record, level) in &after.levels {
        let had = before.and_then(|before| before.levels.get(record));
        match had {
            None => {
                set.push(format!("avail_{record} = :a{record}, held_{record} = :zero, sold_{record} = :zero"));
                values.push((format!(":a{record}"), n(level.available)));
                values.push((":zero".to_owned(), n(0)));
            }
            Some(had) if had.available != level.available => {
                let more = i64::from(level.available).saturating_sub(i64::from(had.available));
                set.push(format!("avail_{record} = avail_{record} + :a{record}"));
                conditions.push(format!("avail_{record} >= :f{record}"));
                values.push((format!(":a{record}"), n(more)));
                values.push((format!(":f{record}"), n(more.saturating_neg().max(0))));
            }
            Some(_) => {}
        }
    }
    let mut remove = "";
    match &after.course_key {
        Some(key) => {
            set.push("gsi3pk = :course, gsi3sk = :member".to_owned());
            values.push((":course".to_owned(), s(keys.course(key))));
            values.push((":member".to_owned(), s(format!("PRODUCT#{}", after.sku))));
        }
        None => remove = " REMOVE gsi3pk, gsi3sk",
    }
    let expression = format!("SET {}{remove}", set.join(", "));
    let op = Op::update(keys.product(&after.sku), stock::SK, expression).when(conditions.join(" AND "));
    Ok(values.into_iter().fold(op.name("#d", "data"), |op, (name, value)| op.value(name, value)))
}

pub(super) fn save_course(keys: Keys<'_>, course: &Course, expect: Option<u64>) -> Result<Op, StoreError> {
    let row = Row::new(keys.course(&course.key), "COURSE", course)?
        .version(course.version)
        .index(1, keys.courses(), course.key.as_str())
        .index(3, keys.course(&course.key), "COURSE");
    Ok(Op::replace(row, expect))
}

pub(super) fn drop_catalog(keys: Keys<'_>, catalog: &Catalog) -> Op {
    // A set that loses its last member is gone.
    Op::delete(keys.catalog(&catalog.id), "CATALOG")
        .when("version = :version AND attribute_not_exists(offers)")
        .value(":version", n(catalog.version))
}
