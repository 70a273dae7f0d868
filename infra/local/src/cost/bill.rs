//! A bill: items, each so much of something at its price.

use std::collections::BTreeMap;
use std::fmt::Write;

use rust_decimal::{Decimal, RoundingStrategy};

use super::prices::Prices;

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is for.
    pub name: String,
    /// So much.
    pub quantity: Decimal,
    /// Of what, in words.
    pub unit: String,
    /// The price's name.
    pub price: String,
    /// US dollars at the list price.
    pub usd: Decimal,
}

/// A bill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Its items.
    pub items: Vec<Item>,
}

impl Bill {
    /// Adds an item: `count` single things at the named price.
    ///
    /// # Errors
    /// If there is no such price, or the sum is beyond all numbers.
    pub(super) fn add(&mut self, prices: &Prices, name: &str, price: &str, count: Decimal) -> anyhow::Result<()> {
        let found = prices.of(price)?;
        let quantity = checked(count.checked_div(found.per.into()))?;
        let usd = checked(quantity.checked_mul(found.usd))?;
        let unit = found.unit.clone();
        self.items.push(Item { name: name.to_owned(), quantity, unit, price: price.to_owned(), usd });
        Ok(())
    }

    /// The sum in US dollars.
    #[must_use]
    pub fn usd(&self) -> Decimal {
        self.items.iter().map(|item| item.usd).sum()
    }

    /// The sum without what an account gets for nothing each month, if this is all that it has.
    ///
    /// # Errors
    /// If a price is not in the list.
    pub fn usd_after_free(&self, prices: &Prices) -> anyhow::Result<Decimal> {
        let mut quantities: BTreeMap<&str, Decimal> = BTreeMap::new();
        for item in &self.items {
            let sum = quantities.entry(&item.price).or_default();
            *sum = checked(sum.checked_add(item.quantity))?;
        }
        let mut usd = Decimal::ZERO;
        for (price, quantity) in quantities {
            let price = prices.of(price)?;
            let free = checked(Decimal::from(price.free).checked_div(price.per.into()))?;
            let left = checked(quantity.checked_sub(free))?.max(Decimal::ZERO);
            usd = checked(usd.checked_add(checked(left.checked_mul(price.usd))?))?;
        }
        Ok(usd)
    }

    /// The items as lines of a table in Markdown, which is also what is printed.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = "| item | quantity | unit | USD |\n|---|---:|---|---:|\n".to_owned();
        for Item { name, quantity, unit, usd, .. } in &self.items {
            let (quantity, usd) = (rounded(*quantity, 6), rounded(*usd, 6));
            // Writing to a String does not fail.
            let _ = writeln!(text, "| {name} | {quantity} | {unit} | {usd} |");
        }
        text
    }
}

/// A number with at most so many decimals, half up.
pub(super) fn rounded(number: Decimal, decimals: u32) -> Decimal {
    number.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero).normalize()
}

pub(super) fn checked(number: Option<Decimal>) -> anyhow::Result<Decimal> {
    number.ok_or_else(|| anyhow::anyhow!("a number of the bill is beyond all bounds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices() -> Prices {
        toml::from_str(
            r#"
region = "r"
date = "d"
[nothing]
[prices.call]
unit = "million calls"
usd = "0.40"
per = 1_000_000
free = 1_000_000
[prices.board]
unit = "board"
usd = "3"
per = 1
"#,
        )
        .unwrap()
    }

    #[test]
    fn an_item_is_quantity_times_price_and_what_is_free_is_free_once() {
        let (prices, mut bill) = (prices(), Bill::default());
        bill.add(&prices, "polls", "call", 657_000.into()).unwrap();
        bill.add(&prices, "messages", "call", 843_000.into()).unwrap();
        bill.add(&prices, "board", "board", 1.into()).unwrap();
        assert_eq!(bill.items[0].usd, "0.2628".parse().unwrap());
        assert_eq!(bill.usd(), "3.6".parse().unwrap());
        assert_eq!(bill.usd_after_free(&prices).unwrap(), "3.2".parse().unwrap());
        assert!(bill.add(&prices, "x", "unknown", 1.into()).is_err());
        assert_eq!(
            bill.table(),
            "| item | quantity | unit | USD |\n|---|---:|---|---:|\n\
             | polls | 0.657 | million calls | 0.2628 |\n\
             | messages | 0.843 | million calls | 0.3372 |\n\
             | board | 1 | board | 3 |\n"
        );
    }
}
