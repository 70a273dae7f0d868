//! The files of `infra/prices`: what AWS asks, how long things take, and what it came to when it was last looked at.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};

use crate::template;

/// The price list in force. A newer one gets a file of its own.
const PRICES: &str = "infra/prices/us-east-1-2026-11.toml";
/// The durations in force.
const DURATIONS: &str = "infra/prices/durations-2026-11.toml";

/// A price list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The region.
    pub region: String,
    /// When it was read.
    pub date: String,
    /// What costs something, by its name here.
    pub prices: BTreeMap<String, Price>,
    /// Types of resources that cost nothing by being there, and why.
    pub nothing: BTreeMap<String, String>,
}

/// A price.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What it is the price of, in words.
    pub unit: String,
    /// US dollars.
    #[serde(deserialize_with = "decimal")]
    pub usd: Decimal,
    /// For so many.
    pub per: u32,
    /// So many of which are free each month, for ever.
    #[serde(default)]
    pub free: u32,
}

/// How long invocations take, and what they send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// When it was measured.
    pub date: String,
    /// Microseconds of CPU per invocation, by function.
    pub cpu_us: BTreeMap<String, u32>,
    /// Milliseconds of one round trip, by whom it goes to.
    pub wait_ms: BTreeMap<String, u32>,
    /// The start of an instance.
    pub start: Start,
    /// Lambda's polling of a queue.
    pub poll: Poll,
    /// Bytes beside those that are counted.
    pub wire: Wire,
}

/// The start of an instance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// One in so many invocations starts one.
    pub one_in: u32,
    /// Milliseconds.
    pub init_ms: u32,
    /// Secrets that need not be there.
    pub without: BTreeSet<String>,
}

/// Lambda's polling of a queue.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// Pollers at once.
    pub pollers: u32,
    /// Seconds that each poll waits.
    pub wait_s: u32,
}

/// Bytes beside those that are counted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// With each answer.
    pub head_bytes: u32,
    /// With each call to a processor or an LMS.
    pub call_bytes: u32,
    /// With each line of a log.
    pub line_bytes: u32,
}

impl Prices {
    /// Reads the list in force.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read() -> anyhow::Result<Self> {
        toml::from_str(&template::read(PRICES)?).context(PRICES)
    }

    /// A price by its name.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(&self, name: &str) -> anyhow::Result<&Price> {
        self.prices.get(name).with_context(|| format!("{PRICES} has no price {name}"))
    }
}

impl Durations {
    /// Reads the file in force.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read() -> anyhow::Result<Self> {
        toml::from_str(&template::read(DURATIONS)?).context(DURATIONS)
    }
}

/// A decimal number written as text, so that no float comes near a price.
fn decimal<'de, D: Deserializer<'de>>(of: D) -> Result<Decimal, D::Error> {
    String::deserialize(of)?.parse().map_err(serde::de::Error::custom)
}
