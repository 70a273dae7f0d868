//! Stock records: what a product costs, when, and how many there are.
//!
//! A product has one record, or several with validity windows (scheduled prices). Each record has its own number,
//! which never changes while its window stays the same, so that units held or sold under it stay counted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::money::Money;

/// A price, with the window in which it holds and the number of places sold at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRecord {
    /// The record's number within its product.
    pub number: u32,
    /// The price of one unit, tax excluded.
    pub price: Money,
    /// How many units may ever be sold under this record; `None` is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    /// The first moment at which it holds; `None` is always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// The moment at which it ends; `None` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Timestamp>,
}

impl StockRecord {
    /// Whether the record holds at `now`: `valid_from ≤ now < valid_to`.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.valid_from.is_none_or(|from| from <= now) && self.valid_to.is_none_or(|to| now < to)
    }
}

/// The record in force at `now`: of those that hold, the one that began last; of equals, the one with the higher
/// number.
#[must_use]
pub fn in_force(records: &[StockRecord], now: Timestamp) -> Option<&StockRecord> {
    records.iter().filter(|record| record.holds_at(now)).max_by_key(|record| (record.valid_from, record.number))
}

/// How the limited units of one record stand. `available + held + sold` is the record's quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// Units that can still be bought.
    pub available: u32,
    /// Units held for orders that are not paid yet.
    pub held: u32,
    /// Units of paid orders.
    pub sold: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u32, from: Option<i64>, to: Option<i64>) -> StockRecord {
        let at = |second| Timestamp::from_second(second).unwrap();
        StockRecord {
            number,
            price: Money::parse("1", "USD".parse().unwrap()).unwrap(),
            quantity: None,
            valid_from: from.map(at),
            valid_to: to.map(at),
        }
    }

    #[test]
    fn the_record_that_began_last_is_in_force_and_ends_on_the_second() {
        let records = [record(1, None, None), record(2, Some(100), Some(200)), record(3, Some(150), Some(160))];
        for (second, number) in [(0, 1), (99, 1), (100, 2), (150, 3), (159, 3), (160, 2), (199, 2), (200, 1)] {
            let found = in_force(&records, Timestamp::from_second(second).unwrap()).map(|r| r.number);
            assert_eq!(found, Some(number), "at {second}");
        }
        assert_eq!(in_force(&[record(1, Some(10), None)], Timestamp::UNIX_EPOCH), None);
    }
}
