//! Products: what can be sold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::course_key::CourseKey;
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
            Self::Seat | Self::Entitlement => true,
            Self::EnrollmentCode | Self::Bundle => false,
        }
    }

    /// Whether an order of it can be fulfilled. Enrolment codes and bundles are kept as data until their fulfilment
    /// exists, and cannot be put in a basket before.
    #[must_use]
    pub fn is_sellable(self) -> bool {
        self.is_personal()
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
    pub course_key: Option<CourseKey>,
    /// The mode in which the LMS enrols.
    pub mode: Option<Mode>,
    /// Further facts by name, such as `course_uuid` of an entitlement.
    pub attributes: BTreeMap<String, serde_json::Value>,
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
            Some(record) if self.published && self.kind.is_sellable() => match record.quantity {
                None => Availability::Unlimited,
                Some(quantity) => {
                    Availability::Limited(self.levels.get(&record.number).map_or(quantity, |level| level.available))
                }
            },
            _ => Availability::NotForSale,
        }
    }

    /// The course's UUID at the LMS, which an entitlement needs.
    #[must_use]
    pub fn course_uuid(&self) -> Option<&str> {
        self.attributes.get("course_uuid").and_then(serde_json::Value::as_str)
    }
}
