//! Units of stock. They live in the product's row beside its data, so that selling never touches what staff edited:
//! `avail_<record>`, `held_<record>`, `sold_<record>`.

use domain::plan::Units;
use domain::text::Sku;

use super::Op;
use crate::keys::Keys;
use crate::row::n;

pub(crate) const SK: &str = "PRODUCT";

pub(super) fn check_product(keys: Keys<'_>, sku: &Sku, version: u64) -> Op {
    Op::check(keys.product(sku), SK, "version = :version").value(":version", n(version))
}

fn shift(keys: Keys<'_>, units: &Units, from: &str, to: &str) -> Op {
    Op::update(keys.product(&units.sku), SK, "SET #from = #from - :count, #to = #to + :count")
        .when("#from >= :count")
        .name("#from", format!("{from}_{}", units.record))
        .name("#to", format!("{to}_{}", units.record))
        .value(":count", n(units.count))
}

pub(super) fn hold(keys: Keys<'_>, units: &Units, version: u64) -> Op {
    shift(keys, units, "avail", "held").when("#from >= :count AND version = :version").value(":version", n(version))
}

pub(super) fn sell_held(keys: Keys<'_>, units: &Units) -> Op {
    shift(keys, units, "held", "sold")
}

pub(super) fn release_held(keys: Keys<'_>, units: &Units) -> Op {
    shift(keys, units, "held", "avail")
}

pub(super) fn sell_available(keys: Keys<'_>, units: &Units) -> Op {
    shift(keys, units, "avail", "sold")
}
