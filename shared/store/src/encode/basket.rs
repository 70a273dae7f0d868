//! Rows of a shopper: the basket, what is owned, and remembered requests.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::basket::{Basket, BasketStatus};
use domain::entitlement::LineRef;
use domain::id::{BasketId, OrderNumber};
use domain::idempotency::IdempotencyRecord;
use domain::owner::{Owner, UserId};
use domain::text::Sku;
use domain::uses::Reservation;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Op;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{Row, data, n, s};

/// What a frozen basket has in an attribute of its own, `frozen`, so that it can be opened by whoever has not read it. Its
/// object is that of the open one.
#[derive(Serialize, Deserialize)]
pub(crate) struct Frozen {
    pub(crate) order: OrderNumber,
    pub(crate) held: Vec<Reservation>,
}

pub(super) fn save(keys: Keys<'_>, basket: &Basket, expect: Option<u64>) -> Result<Op, StoreError> {
    let row = match &basket.status {
        BasketStatus::Frozen { order } => {
            let open = BasketStatus::Open { replaces: None };
            let open = Basket { status: open, held: Vec::new(), ..basket.clone() };
            let frozen = Frozen { order: order.clone(), held: basket.held.clone() };
            Row::new(keys.basket(&basket.owner), "BASKET", &open)?.with("frozen", data(&frozen)?)
        }
        BasketStatus::Open { .. } | BasketStatus::Merged { .. } => {
            Row::new(keys.basket(&basket.owner), "BASKET", basket)?
        }
    };
    let row = row.with("basket", s(basket.id.as_str())).version(basket.version);
    Ok(Op::replace(row.expires(basket.drop_at()), expect))
}

/// Opens a frozen basket again, whatever is in it.
pub(super) fn thaw(keys: Keys<'_>, owner: &Owner, basket: &BasketId, version: u64) -> Op {
    Op::update(keys.basket(owner), "BASKET", "SET version = :next REMOVE #frozen")
        .when("version = :version AND #basket = :basket")
        .name("#frozen", "frozen")
        .name("#basket", "basket")
        .value(":version", n(version))
        .value(":next", n(version.saturating_add(1)))
        .value(":basket", s(basket.as_str()))
}

pub(super) fn remove(keys: Keys<'_>, owner: &Owner, expect: u64) -> Op {
    Op::delete(keys.basket(owner), "BASKET").when("version = :version").value(":version", n(expect))
}

fn sk(sku: &Sku) -> String {
    format!("SKU#{sku}")
}

pub(super) fn check_not_owned(keys: Keys<'_>, owner: &UserId, sku: &Sku) -> Op {
    // A string set that loses its last member is gone, so "no lines" and "never owned" are the same.
    Op::check(keys.owned(owner), sk(sku), "attribute_not_exists(#lines)").name("#lines", "lines")
}

pub(super) fn grant(
    keys: Keys<'_>,
    owner: &UserId,
    sku: &Sku,
    (lines, place, first): (&[LineRef], Option<&str>, bool),
) -> Op {
    let update = Op::update(keys.owned(owner), sk(sku), "SET v = :v, #place = :place ADD #lines :set")
        .name("#lines", "lines")
        .name("#place", "place")
        .value(":v", n(crate::row::SCHEMA))
        .value(":place", s(place.unwrap_or_default()))
        .value(":set", set(lines));
    if first {
        return update.when("attribute_not_exists(#lines)");
    }
    let none_yet = each(lines, |name| format!("NOT contains(#lines, {name})"));
    with(lines, update.when(format!("attribute_not_exists(#lines) OR ({none_yet})")))
}

pub(super) fn ungrant(keys: Keys<'_>, owner: &UserId, sku: &Sku, lines: &[LineRef]) -> Op {
    let update = Op::update(keys.owned(owner), sk(sku), "DELETE #lines :set")
        .when(each(lines, |name| format!("contains(#lines, {name})")))
        .name("#lines", "lines")
        .value(":set", set(lines));
    with(lines, update)
}

fn set(lines: &[LineRef]) -> AttributeValue {
    AttributeValue::Ss(lines.iter().map(LineRef::key).collect())
}

/// A condition on every line, by the names that [`with`] gives them.
fn each(lines: &[LineRef], condition: impl Fn(String) -> String) -> String {
    (0..lines.len()).map(|n| condition(format!(":line{n}"))).collect::<Vec<_>>().join(" AND ")
}

fn with(lines: &[LineRef], op: Op) -> Op {
    lines.iter().enumerate().fold(op, |op, (n, line)| op.value(format!(":line{n}"), s(line.key())))
}

pub(super) fn remember(
    keys: Keys<'_>,
    owner: &UserId,
    record: &IdempotencyRecord,
    now: Timestamp,
) -> Result<Op, StoreError> {
    let row = Row::new(keys.idempotency(owner), record.key.as_str(), record)?.expires(record.forget_at);
    Ok(Op::create(row).when("attribute_not_exists(pk) OR expires_at <= :now").value(":now", n(now.as_second())))
}
