//! Products: what can be sold.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::course_key::CourseKey;
use crate::part::Part;
use crate::places::Country;
use crate::stock::{StockLevel, StockRecord, in_force};
use crate::text::{Mode, Sku, Title};

/// What kind of thing a product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A place in a course run, in one mode.
    Seat,
    /// The right to a place in any run of a course.
    Entitlement,
    /// Codes that others redeem for places.
    EnrollmentCode,
    /// Several products sold as one.
    Bundle,
}

impl Kind {
    /// Every kind, in the order in which products are listed.
    pub const ALL: [Self; 4] = [Self::Bundle, Self::EnrollmentCode, Self::Entitlement, Self::Seat];

    /// The kind's name in keys and on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seat => "seat",
            Self::Entitlement => "entitlement",
            Self::EnrollmentCode => "enrollment_code",
            Self::Bundle => "bundle",
        }
    }

    /// Whether one learner can hold only one of it, so that its quantity stays at one and it is not bought twice.
    #[must_use]
    pub fn is_personal(self) -> bool {
        match self {
            Self::Seat | Self::Entitlement | Self::Bundle => true,
            Self::EnrollmentCode => false,
        }
    }

    /// Whether it is a place by itself, and so can be part of others.
    #[must_use]
    pub fn is_place(self) -> bool {
        match self {
            Self::Seat | Self::Entitlement => true,
            Self::EnrollmentCode | Self::Bundle => false,
        }
    }
}

/// A sellable thing, named by its SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name within the tenant.
    pub sku: Sku,
    /// What it is.
    pub kind: Kind,
    /// What people read.
    pub title: Title,
    /// The course run of a seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course_key: Option<CourseKey>,
    /// The mode in which the LMS enrols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Further facts by name, such as `course_uuid` of an entitlement.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// What it is made of, of a bundle or an enrolment code, as it was when either was saved last.
    #[serde(default)]
    pub contains: Vec<Part>,
    /// Countries in which it is not sold.
    #[serde(default)]
    pub blocked_countries: BTreeSet<Country>,
    /// Whether anonymous readers see it and anyone can buy it.
    pub published: bool,
    /// Prices and quantities.
    pub stock: Vec<StockRecord>,
    /// Counts up with every staff edit, never with a sale.
    pub version: u64,
    /// The last staff edit.
    pub updated_at: Timestamp,
    /// How limited records stand, by record number. Not part of the edited product: sales change them.
    #[serde(skip)]
    pub levels: BTreeMap<u32, StockLevel>,
    /// The products that contain it. Not part of the edited product either: saving one of those changes them.
    #[serde(skip)]
    pub within: Within,
}

/// The bundles and enrolment codes that contain a product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// Which.
    pub skus: BTreeSet<Sku>,
    /// How often one was added or taken away.
    pub changes: u32,
}

/// How many units of a product can be bought now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// As many as wanted.
    Unlimited,
    /// This many; may be 0.
    Limited(u32),
    /// No stock record holds now, or the product is not published.
    NotForSale,
}

impl Product {
    /// The stock record in force at `now`.
    #[must_use]
    pub fn offer_at(&self, now: Timestamp) -> Option<&StockRecord> {
        in_force(&self.stock, now)
    }

    /// How many units can be bought at `now`.
    #[must_use]
    pub fn availability(&self, now: Timestamp) -> Availability {
        match self.offer_at(now) {
            Some(record) if self.published && self.is_complete() => match record.quantity {
                None => Availability::Unlimited,
                Some(quantity) => {
                    Availability::Limited(self.levels.get(&record.number).map_or(quantity, |level| level.available))
                }
            },
            _ => Availability::NotForSale,
        }
    }

    /// Whether it is known what an order of it gives: bundles and codes of before they had parts do not say.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.kind.is_place() || !self.contains.is_empty()
    }

    /// Whether it, or a part of it, is not sold in a country.
    #[must_use]
    pub fn is_blocked_in(&self, country: &Country) -> bool {
        self.blocked_countries.contains(country)
            || self.contains.iter().any(|part| part.blocked_countries.contains(country))
    }

    /// How much of a basket it takes: as much as the places that it gives.
    #[must_use]
    pub fn weight(&self) -> usize {
        if self.kind == Kind::Bundle { self.contains.len().max(1) } else { 1 }
    }

    /// Who gives the credit, of a seat in that mode.
    #[must_use]
    pub fn credit_provider(&self) -> Option<&str> {
        self.attributes.get("credit_provider").and_then(serde_json::Value::as_str)
    }

    /// The course's UUID at the LMS, which an entitlement needs.
    #[must_use]
    pub fn course_uuid(&self) -> Option<&str> {
        self.attributes.get("course_uuid").and_then(serde_json::Value::as_str)
    }
}
