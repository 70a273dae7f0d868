//! Units of stock. They live in the product's row beside its data, so that selling never touches what staff edited:
//! `avail_<record>`, `held_<record>`, `sold_<record>`.

use std::collections::BTreeMap;

use domain::plan::{Pile, Shift};
use domain::text::Sku;

use super::Op;
use crate::keys::Keys;
use crate::row::n;

pub(crate) const SK: &str = "PRODUCT";

fn attribute(record: u32, pile: Pile) -> String {
    let name = match pile {
        Pile::Available => "avail",
        Pile::Held => "held",
        Pile::Sold => "sold",
    };
    format!("{name}_{record}")
}

/// One update of the product's row with the net of all shifts; a check where nothing moves.
pub(super) fn move_stock(keys: Keys<'_>, sku: &Sku, version: Option<u64>, shifts: &[Shift]) -> Vec<Op> {
    let mut net: BTreeMap<(u32, Pile), i64> = BTreeMap::new();
    for shift in shifts {
        let count = i64::from(shift.count);
        let from = net.entry((shift.record, shift.from)).or_default();
        *from = from.saturating_sub(count);
        let to = net.entry((shift.record, shift.to)).or_default();
        *to = to.saturating_add(count);
    }
    net.retain(|_, change| *change != 0);
    let mut conditions: Vec<String> = version.iter().map(|_| "version = :version".to_owned()).collect();
    let mut sets = Vec::new();
    let mut values = Vec::new();
    for (i, ((record, pile), change)) in net.iter().enumerate() {
        let attribute = attribute(*record, *pile);
        sets.push(format!("{attribute} = {attribute} + :c{i}"));
        values.push((format!(":c{i}"), n(change)));
        if *change < 0 {
            conditions.push(format!("{attribute} >= :m{i}"));
            values.push((format!(":m{i}"), n(change.unsigned_abs())));
        }
    }
    let condition = conditions.join(" AND ");
    let op = match (sets.is_empty(), version) {
        (true, None) => return Vec::new(),
        (true, Some(_)) => Op::check(keys.product(sku), SK, &condition),
        (false, _) => Op::update(keys.product(sku), SK, format!("SET {}", sets.join(", "))).when(condition),
    };
    let op = version.map_or(op.clone(), |version| op.value(":version", n(version)));
    vec![values.into_iter().fold(op, |op, (name, value)| op.value(name, value))]
}
