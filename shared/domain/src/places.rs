//! Where a buyer is: which tax is due there, and what is not sold there.
//!
//! Two signals tell: the profile's country, and the one that the request came from. What either
//! blocks is blocked; the tax is that of the first of them that has one. Source of the rule: MIT Unified Ecommerce.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::percent::Percent;
use crate::product::Product;
use crate::text::BadText;

/// A country by its ISO 3166-1 alpha-2 code, in upper case. `XX` and `ZZ` stand for no country.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(String);

impl Country {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Country {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let code = text.to_ascii_uppercase();
        let good = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) && code != "XX" && code != "ZZ";
        let bad = BadText { kind: "country", rule: "two letters, as ISO 3166-1 has it" };
        if good { Ok(Self(code)) } else { Err(bad) }
    }
}

impl TryFrom<String> for Country {
    type Error = BadText;

    fn try_from(text: String) -> Result<Self, BadText> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> String {
        country.0
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The signals of where a buyer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// What the issuer of the user's claims says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Country>,
    /// Where the request came from, as the hop before us says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Country>,
}

impl Whereabouts {
    /// The countries that count, the profile's first.
    pub fn countries(&self) -> impl Iterator<Item = &Country> {
        self.profile.iter().chain(&self.request)
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// The rate of a country, written `DE=19`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountryRate {
    /// Where.
    pub country: Country,
    /// How much.
    pub rate: Percent,
}

impl FromStr for CountryRate {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = BadText { kind: "rate", rule: "a country and a percentage, such as DE=19" };
        let (country, rate) = text.split_once('=').ok_or_else(|| bad.clone())?;
        Ok(Self {
            country: country.trim().parse().map_err(|_| bad.clone())?,
            rate: rate.trim().parse().map_err(|_| bad)?,
        })
    }
}

/// A tax as prices are computed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxRule {
    /// The rate.
    pub rate: Percent,
    /// Whether prices have it in them already; otherwise it comes on top.
    pub included: bool,
}

impl TaxRule {
    /// A tax that comes on top of the price.
    #[must_use]
    pub fn on_top(rate: Percent) -> Self {
        Self { rate, included: false }
    }

    /// A tax that the price has in it.
    #[must_use]
    pub fn included(rate: Percent) -> Self {
        Self { rate, included: true }
    }
}

/// What a school says of places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The tax where no rate of a country holds.
    pub tax: Option<Percent>,
    /// The rates by country.
    pub rates: BTreeMap<Country, Percent>,
    /// Whether prices have the tax in them.
    pub tax_included: bool,
    /// Countries in which nothing is sold.
    pub blocked: BTreeSet<Country>,
}

impl Places {
    /// The tax that a buyer pays: the rate of the first of their countries that has one, else the school's own.
    #[must_use]
    pub fn tax(&self, at: &Whereabouts) -> Option<TaxRule> {
        let rate = at.countries().find_map(|country| self.rates.get(country)).copied().or(self.tax)?;
        Some(TaxRule { rate, included: self.tax_included })
    }

    /// Whether a product is not sold to a buyer: it, a part of it, or everything is blocked in one of their countries.
    #[must_use]
    pub fn block(&self, at: &Whereabouts, product: &Product) -> bool {
        at.countries().any(|country| self.blocked.contains(country) || product.is_blocked_in(country))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(profile: &str, request: &str) -> Whereabouts {
        Whereabouts { profile: profile.parse().ok(), request: request.parse().ok() }
    }

    #[test]
    fn a_country_is_two_letters_in_any_case() {
        for (text, good) in
            [("de", true), ("DE", true), ("XX", false), ("zz", false), ("T1", false), ("D", false), ("DEU", false)]
        {
            assert_eq!(text.parse::<Country>().is_ok(), good, "{text}");
        }
        for (text, good) in [("DE=19", true), ("de = 19.5", true), ("DE", false), ("DE=x", false), ("=19", false)] {
            assert_eq!(text.parse::<CountryRate>().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn the_first_country_with_a_rate_sets_the_tax() {
        let rates = ["DE=19", "CH=8.1", "GI=0"].map(|text| text.parse::<CountryRate>().unwrap());
        let rates = rates.into_iter().map(|CountryRate { country, rate }| (country, rate)).collect();
        let places = Places { rates, tax: "5".parse().ok(), ..Places::default() };
        for (profile, request, rate) in [
            ("DE", "CH", "19"),
            ("US", "CH", "8.1"),
            ("", "CH", "8.1"),
            ("US", "FR", "5"),
            ("", "", "5"),
            ("GI", "DE", "0"),
        ] {
            let tax = places.tax(&at(profile, request)).unwrap();
            assert_eq!((tax.rate, tax.included), (rate.parse().unwrap(), false), "{profile} {request}");
        }
        assert_eq!(Places::default().tax(&at("DE", "DE")), None);
    }
}
