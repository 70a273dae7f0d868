//! What it cost when somebody last looked: growth by more than a tenth is not passed over in silence.

use anyhow::{Context, ensure};
use rust_decimal::Decimal;

use super::Report;
use super::bill::{checked, rounded};
use crate::template;

/// Where it is kept.
pub const BASELINE: &str = "infra/prices/baseline.toml";

/// What it cost, in US dollars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// A thousand orders.
    pub thousand_orders: Decimal,
    /// An idle month.
    pub idle_month: Decimal,
}

impl Baseline {
    /// Reads it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read() -> anyhow::Result<Self> {
        Self::parse(&template::read(BASELINE)?).context(BASELINE)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse()?;
        let usd = |name: &str| -> anyhow::Result<Decimal> {
            Ok(table.get(name).and_then(toml::Value::as_str).with_context(|| format!("no {name}"))?.parse()?)
        };
        Ok(Self { thousand_orders: usd("thousand_orders")?, idle_month: usd("idle_month")? })
    }

    /// What a report comes to.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        Self { thousand_orders: rounded(report.orders.usd(), 4), idle_month: rounded(report.idle.usd(), 4) }
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { thousand_orders, idle_month } = self;
        format!(
            "# What Bursar cost when somebody last looked, in US dollars. `UPDATE_EXPECT=1 cargo test -p tests cost` writes it.\n\
             thousand_orders = \"{thousand_orders}\"\nidle_month = \"{idle_month}\"\n"
        )
    }

    /// Compares a report with it.
    ///
    /// # Errors
    /// If something has grown by more than a tenth.
    pub fn check(&self, report: &Report) -> anyhow::Result<()> {
        let now = Self::of(report);
        for (what, was, is) in [
            ("a thousand orders", self.thousand_orders, now.thousand_orders),
            ("an idle month", self.idle_month, now.idle_month),
        ] {
            let most = checked(was.checked_mul(Decimal::new(11, 1)))?;
            ensure!(is <= most, "{what} cost ${was} and now cost ${is}: look why, then write {BASELINE} anew");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let baseline = Baseline { thousand_orders: Decimal::new(812, 4), idle_month: Decimal::new(425, 2) };
        assert_eq!(Baseline::parse(&baseline.text()).unwrap(), baseline);
        assert!(Baseline::parse("idle_month = \"1\"").is_err());
    }
}
