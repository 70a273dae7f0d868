//! Rows of offers and vouchers, and the counters of their uses.
//!
//! An offer's counter is a row of its own beside it, so that a checkout writes some bytes and not the whole offer: `taken`
//! uses and what was `given`. A voucher is small, and its counter is in its own row. A user's counters are among what the
//! user owns.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::catalog::Catalog;
use domain::id::OrderNumber;
use domain::offer::Offer;
use domain::selection::Selection;
use domain::text::{Slug, VoucherCode};
use domain::uses::{Counted, Counter, Move, VoucherNote};
use domain::voucher::Voucher;

use super::Op;
use crate::error::StoreError;
use crate::keys::{Keys, offer_sk, uses_sk};
use crate::row::{Row, SCHEMA, data, n, s};

fn offer_row(keys: Keys<'_>, offer: &Offer) -> Result<Row, StoreError> {
    let row = Row::new(keys.offer(&offer.id, offer.automatic), offer_sk(&offer.id), offer)?;
    Ok(row.version(offer.version).index(1, keys.offers(), offer.id.as_str()))
}

/// The counter of an offer's uses, which stays what it is; the uses so far must fit the limits.
fn offer_counter(keys: Keys<'_>, after: &Offer) -> Op {
    let counter = Op::update(
        keys.offer(&after.id, after.automatic),
        uses_sk(&after.id),
        "SET v = :v, taken = if_not_exists(taken, :zero), given = if_not_exists(given, :zero)",
    );
    let mut conditions = Vec::new();
    let mut counter = counter.value(":v", n(SCHEMA)).value(":zero", n(0));
    for (name, most) in
        [("taken", after.limits.max_uses.map(i64::from)), ("given", after.limits.max_discount.map(|most| most.minor()))]
    {
        if let Some(most) = most {
            conditions.push(format!("(attribute_not_exists({name}) OR {name} <= :{name})"));
            counter = counter.value(format!(":{name}"), n(most));
        }
    }
    if !conditions.is_empty() {
        counter = counter.when(conditions.join(" AND "));
    }
    counter
}

/// The offer, its counter, and the link of the catalog that it names.
pub(super) fn save_offer(keys: Keys<'_>, before: Option<&Offer>, after: &Offer) -> Result<Vec<Op>, StoreError> {
    let mut ops =
        vec![Op::replace(offer_row(keys, after)?, before.map(|offer| offer.version)), offer_counter(keys, after)];
    let had = before.and_then(|offer| offer.condition.products.catalog());
    let has = after.condition.products.catalog();
    match &after.condition.products {
        Selection::Catalog(catalog) if had == has => {
            let check = Op::check(keys.catalog(&catalog.id), "CATALOG", "version = :version");
            ops.push(check.value(":version", n(catalog.version)));
        }
        Selection::Catalog(catalog) => {
            let link = link(keys, &catalog.id, "ADD offers :set, link_changes :one", &after.id);
            ops.push(link.when("version = :version").value(":version", n(catalog.version)));
        }
        Selection::All | Selection::Skus(_) => {}
    }
    if let Some(catalog) = had.filter(|_| had != has) {
        ops.push(unlink(keys, catalog, &after.id));
    }
    Ok(ops)
}

fn link(keys: Keys<'_>, catalog: &Slug, expression: &str, offer: &Slug) -> Op {
    Op::update(keys.catalog(catalog), "CATALOG", expression)
        .value(":set", AttributeValue::Ss(vec![offer.to_string()]))
        .value(":one", n(1))
}

fn unlink(keys: Keys<'_>, catalog: &Slug, offer: &Slug) -> Op {
    link(keys, catalog, "ADD link_changes :one DELETE offers :set", offer).when("attribute_exists(pk)")
}

pub(super) fn refresh_offer(keys: Keys<'_>, offer: &Offer) -> Result<Op, StoreError> {
    Ok(Op::replace(offer_row(keys, offer)?, Some(offer.version.saturating_sub(1))))
}

pub(super) fn drop_offer(keys: Keys<'_>, offer: &Offer) -> Vec<Op> {
    let row = Op::delete(keys.offer(&offer.id, offer.automatic), offer_sk(&offer.id));
    let mut ops = vec![row.when("version = :version").value(":version", n(offer.version))];
    ops.extend(offer.condition.products.catalog().map(|catalog| unlink(keys, catalog, &offer.id)));
    ops
}

pub(super) fn check_offer(keys: Keys<'_>, offer: &Counted, version: u64) -> Result<Op, StoreError> {
    let Counted::Offer { id, automatic } = offer else { return Err(StoreError::Incomplete("offer")) };
    let check = Op::check(keys.offer(id, *automatic), offer_sk(id), "version = :version");
    Ok(check.value(":version", n(version)))
}

fn catalog_row(keys: Keys<'_>, catalog: &Catalog) -> Result<Row, StoreError> {
    let row = Row::new(keys.catalog(&catalog.id), "CATALOG", catalog)?;
    let mut row = row.version(catalog.version).index(1, keys.catalogs(), catalog.id.as_str());
    let links = &catalog.links;
    if links.changes > 0 {
        row.0.insert("link_changes".to_owned(), n(links.changes));
    }
    if !links.offers.is_empty() {
        let offers = links.offers.iter().map(ToString::to_string).collect();
        row.0.insert("offers".to_owned(), AttributeValue::Ss(offers));
    }
    Ok(row)
}

/// The catalog and the offer are new, so that neither can have been linked by anybody else.
pub(super) fn create_offer_of_catalog(keys: Keys<'_>, catalog: &Catalog, offer: &Offer) -> Result<Vec<Op>, StoreError> {
    let (catalog, row) = (catalog_row(keys, catalog)?, offer_row(keys, offer)?);
    Ok(vec![Op::create(catalog), Op::create(row), offer_counter(keys, offer)])
}

/// Puts the catalog with the links that it was read with: a link made meanwhile refuses it.
pub(super) fn save_catalog(keys: Keys<'_>, catalog: &Catalog, expect: Option<u64>) -> Result<Op, StoreError> {
    let (row, links) = (catalog_row(keys, catalog)?, &catalog.links);
    if links.changes == 0 {
        let op = Op::replace(row, expect);
        return Ok(match expect {
            Some(_) => op.when("version = :expect AND attribute_not_exists(link_changes)"),
            None => op,
        });
    }
    let op = Op::replace(row, expect).when("version = :expect AND link_changes = :changes");
    Ok(op.value(":changes", n(links.changes)))
}

/// Updates the row in place, so that uses made meanwhile stay counted.
pub(super) fn save_voucher(keys: Keys<'_>, voucher: &Voucher, expect: Option<u64>) -> Result<Op, StoreError> {
    let expression = "SET v = :v, version = :next, #d = :data, gsi1pk = :list, gsi1sk = :code, \
                      taken = if_not_exists(taken, :zero)";
    let op = Op::update(keys.voucher(&voucher.code), VOUCHER, expression)
        .name("#d", "data")
        .value(":v", n(SCHEMA))
        .value(":next", n(voucher.version))
        .value(":data", data(voucher)?)
        .value(":list", s(keys.vouchers()))
        .value(":code", s(voucher.code.as_str()))
        .value(":zero", n(0));
    Ok(match expect {
        Some(version) => op
            .when("version = :version AND taken <= :most")
            .value(":version", n(version))
            .value(":most", n(voucher.most())),
        None => op.when(super::ABSENT),
    })
}

/// The sort key of a voucher's own row.
pub(crate) const VOUCHER: &str = "VOUCHER";

pub(super) fn drop_voucher(keys: Keys<'_>, voucher: &Voucher) -> Op {
    Op::delete(keys.voucher(&voucher.code), VOUCHER)
        .when("version = :version AND taken = :zero")
        .value(":version", n(voucher.version))
        .value(":zero", n(0))
}

/// The key of a counter.
fn counter(keys: Keys<'_>, of: &Counter) -> (String, String) {
    match of {
        Counter::All(Counted::Offer { id, automatic }) => (keys.offer(id, *automatic), uses_sk(id)),
        Counter::All(Counted::Voucher(code)) => (keys.voucher(code), VOUCHER.to_owned()),
        Counter::Of(user, Counted::Offer { id, automatic }) => {
            let of = if *automatic { "AUTO" } else { "OFFER" };
            (keys.owned(user), format!("USES#{of}#{id}"))
        }
        Counter::Of(user, Counted::Voucher(code)) => (keys.owned(user), format!("USES#CODE#{code}")),
    }
}

/// One update of a counter; a check of its voucher's version where nothing moves, and nothing where nothing is asked.
pub(super) fn move_uses(keys: Keys<'_>, moved: &Move) -> Vec<Op> {
    let (pk, sk) = counter(keys, &moved.of);
    let mut conditions: Vec<String> = moved.version.iter().map(|_| "version = :version".to_owned()).collect();
    let mut values: Vec<(&str, AttributeValue)> = moved.version.iter().map(|v| (":version", n(v))).collect();
    if moved.uses == 0 && moved.given == 0 {
        let check = Op::check(pk, sk, "version = :version");
        return moved.version.map(|version| check.value(":version", n(version))).into_iter().collect();
    }
    let mut adds = vec!["taken :uses".to_owned(), "given :given".to_owned()];
    values.extend([(":uses", n(moved.uses)), (":given", n(moved.given))]);
    if let Some(most) = moved.room.max_uses.filter(|_| moved.uses > 0) {
        conditions.push("(attribute_not_exists(taken) OR taken <= :uses_left)".to_owned());
        values.push((":uses_left", n(i64::from(most).saturating_sub(moved.uses.into()))));
    }
    if let Counter::All(Counted::Voucher(_)) = &moved.of
        && moved.uses > 0
    {
        // A code that was removed is not made again by its counter.
        conditions.push("attribute_exists(version)".to_owned());
    }
    if let Some(most) = moved.room.max_given.filter(|_| moved.given > 0) {
        conditions.push("(attribute_not_exists(given) OR given <= :money_left)".to_owned());
        values.push((":money_left", n(most.saturating_sub(moved.given))));
    }
    if let Some(user) = &moved.user {
        adds.push(format!("by_{user} :uses"));
        if moved.room.sole.is_some() && moved.uses > 0 {
            conditions.push(format!("(taken = :zero OR taken = by_{user})"));
            values.push((":zero", n(0)));
        }
    }
    let op = Op::update(pk, sk, format!("ADD {}", adds.join(", ")));
    let op = if conditions.is_empty() { op } else { op.when(conditions.join(" AND ")) };
    vec![values.into_iter().fold(op, |op, (name, value)| op.value(name, value))]
}

pub(super) fn note_use(keys: Keys<'_>, code: &VoucherCode, note: &VoucherNote) -> Result<Op, StoreError> {
    let row = Row::new(keys.voucher(code), format!("{USE}{}", note.order), note)?;
    Ok(Op::new(super::Action::Put(row.0)))
}

/// What the sort keys of a voucher's uses begin with.
pub(crate) const USE: &str = "USE#";

pub(super) fn drop_use(keys: Keys<'_>, code: &VoucherCode, order: &OrderNumber) -> Op {
    Op::delete(keys.voucher(code), format!("{USE}{order}"))
}
