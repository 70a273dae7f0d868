//! Orders: an immutable snapshot of what was priced, and the state of its payment.
//!
//! Keeps I6 (no transition leaves a final state; expire and cancel leave `pending_payment` only) and I7 (lines are the
//! snapshot of the pricing). How much was paid and what was granted is derived from attempts, ledger and tasks by
//! [`OrderFile`], never stored twice.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::course_key::CourseKey;
use crate::entitlement::LineRef;
use crate::id::{AttemptId, BasketId, OrderNumber};
use crate::money::{Money, MoneyError, total};
use crate::owner::UserId;
use crate::part::Part;
use crate::places::Whereabouts;
use crate::pricing::{Applied, PricedLine, Pricing, Tax};
use crate::product::Kind;
use crate::quantity::Quantity;
use crate::text::{LegacyNumber, Mode, Note, Sku, Title, Username};
use crate::uses::Reservation;

pub use crate::order_file::{FulfillmentStatus, MoneyStatus, OrderFile};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum OrderState {
    /// Waiting for money until `pay_by`.
    PendingPayment {
        /// The moment from which it may be expired.
        pay_by: Timestamp,
    },
    /// Paid. Final.
    Paid {
        /// When the payment was recorded.
        at: Timestamp,
    },
    /// Given up before payment. Final.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// Not paid in time. A late payment can still pay it while capacity remains.
    Expired {
        /// When it was expired.
        at: Timestamp,
    },
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// The whole total was captured, or was nothing.
    Pay,
    /// The owner or staff gave it up, or a newer checkout replaced it.
    Cancel,
    /// Its time ran out.
    Expire,
    /// The processor needs longer (bank debits): wait until then.
    Extend {
        /// The new end.
        pay_by: Timestamp,
    },
}

/// A transition that the table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {state} cannot {event}")]
pub struct IllegalOrderEvent {
    /// The state's name.
    pub state: &'static str,
    /// The event's name.
    pub event: &'static str,
}

impl OrderState {
    /// The state's name on the wire and in keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PendingPayment { .. } => "pending_payment",
            Self::Paid { .. } => "paid",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired { .. } => "expired",
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalOrderEvent`] for every pair that the table does not list.
    pub fn apply(self, event: OrderEvent, now: Timestamp) -> Result<Self, IllegalOrderEvent> {
        match (self, event) {
            (Self::PendingPayment { .. } | Self::Expired { .. }, OrderEvent::Pay) => Ok(Self::Paid { at: now }),
            (Self::PendingPayment { .. }, OrderEvent::Cancel) => Ok(Self::Cancelled { at: now }),
            (Self::PendingPayment { .. }, OrderEvent::Expire) => Ok(Self::Expired { at: now }),
            (Self::PendingPayment { .. }, OrderEvent::Extend { pay_by }) => Ok(Self::PendingPayment { pay_by }),
            (
                Self::Paid { .. } | Self::Cancelled { .. } | Self::Expired { .. },
                OrderEvent::Pay | OrderEvent::Cancel | OrderEvent::Expire | OrderEvent::Extend { .. },
            ) => Err(IllegalOrderEvent { state: self.name(), event: event.name() }),
        }
    }
}

impl OrderEvent {
    fn name(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Extend { .. } => "extend",
        }
    }
}

/// One line of an order: what was priced, with all that fulfilment needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// 1 for the first line.
    pub number: u32,
    /// What was bought.
    pub sku: Sku,
    /// Its title at that time.
    pub title: Title,
    /// Its kind.
    pub kind: Kind,
    /// The course run, of a seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course_key: Option<CourseKey>,
    /// The mode in which to enrol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The course's UUID, of an entitlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course_uuid: Option<String>,
    /// Who gives the credit, of a seat in that mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_provider: Option<String>,
    /// What a bundle or an enrolment code is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// How many.
    pub quantity: Quantity,
    /// The list price of one unit.
    pub unit_price: Money,
    /// The benefits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<Applied>,
    /// Their sum.
    pub discount: Money,
    /// The tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Tax>,
    /// What the line costs.
    pub total: Money,
    /// The limited stock record whose units the line holds or has bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<u32>,
}

impl OrderLine {
    /// What the line sells, parts apart.
    #[must_use]
    pub fn itself(&self) -> Part {
        Part {
            sku: self.sku.clone(),
            title: self.title.clone(),
            kind: self.kind,
            course_key: self.course_key.clone(),
            mode: self.mode.clone(),
            course_uuid: self.course_uuid.clone(),
            credit_provider: self.credit_provider.clone(),
            blocked_countries: BTreeSet::new(),
        }
    }

    /// The numbers of what is to be done for the line: 0 for the line as a whole, and of a bundle 1 for its first part.
    #[must_use]
    pub fn errands(&self) -> Vec<u32> {
        let parts = if self.kind == Kind::Bundle { self.parts.len() } else { 0 };
        if parts == 0 { vec![0] } else { (1..).take(parts).collect() }
    }

    /// What one of [`OrderLine::errands`] gives.
    #[must_use]
    pub fn part(&self, number: u32) -> Option<Part> {
        match usize::try_from(number).ok()?.checked_sub(1) {
            Some(place) => self.parts.get(place).cloned(),
            None => Some(self.itself()),
        }
    }

    /// The line as entitlements name it.
    #[must_use]
    pub fn reference(&self, order: &OrderNumber) -> LineRef {
        LineRef { order: order.clone(), line: self.number }
    }

    /// The line's part of the pricing.
    ///
    /// # Errors
    /// [`MoneyError`] for a line whose list price cannot be represented.
    pub fn priced(&self) -> Result<PricedLine, MoneyError> {
        Ok(PricedLine {
            sku: self.sku.clone(),
            quantity: self.quantity,
            unit_price: self.unit_price,
            list: self.unit_price.times(self.quantity.get())?,
            applied: self.applied.clone(),
            discount: self.discount,
            tax: self.tax,
            total: self.total,
        })
    }
}

/// That staff placed an order for a learner, who pays nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manual {
    /// Who did.
    pub by: UserId,
    /// Why. Shown to staff, never logged.
    pub reason: Note,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub number: OrderNumber,
    /// Who bought.
    pub owner: UserId,
    /// The buyer's name at the LMS, by which places are granted.
    pub username: Username,
    /// The buyer's address, for the processor's receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where it stands.
    pub state: OrderState,
    /// The basket that it was made of.
    pub basket: BasketId,
    /// That basket's version while frozen for this order.
    pub basket_version: u64,
    /// The snapshot of the pricing.
    pub lines: Vec<OrderLine>,
    /// What is to be paid.
    pub total: Money,
    /// The uses of offers and codes that it has while it is not ended unpaid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<Reservation>,
    /// That it was placed by staff, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<Manual>,
    /// What it was called in the shop that it was imported from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_as: Option<LegacyNumber>,
    /// The one attempt that may be paid now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptId>,
    /// Where the buyer was, as far as it was known: what the tax rests on.
    #[serde(default, skip_serializing_if = "Whereabouts::is_unknown")]
    pub at: Whereabouts,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Counts up with every change.
    pub version: u64,
}

impl Order {
    /// The order after `event`, with its version counted up.
    ///
    /// # Errors
    /// [`IllegalOrderEvent`].
    pub fn after(&self, event: OrderEvent, now: Timestamp) -> Result<Self, IllegalOrderEvent> {
        let state = self.state.apply(event, now)?;
        Ok(Self { state, version: self.version.saturating_add(1), ..self.clone() })
    }

    /// The same order with its version counted up: for decisions that must not be taken side by side with others.
    #[must_use]
    pub fn touched(&self) -> Self {
        Self { version: self.version.saturating_add(1), ..self.clone() }
    }

    /// The pricing of which the lines are the snapshot.
    ///
    /// # Errors
    /// [`MoneyError`] for rows that do not add up to representable sums.
    pub fn pricing(&self) -> Result<Pricing, MoneyError> {
        let lines = self.lines.iter().map(OrderLine::priced).collect::<Result<Vec<_>, _>>()?;
        let currency = self.total.currency();
        Ok(Pricing {
            subtotal: total(currency, lines.iter().map(|line| line.list))?,
            discount: total(currency, lines.iter().map(|line| line.discount))?,
            tax: total(currency, lines.iter().filter_map(|line| line.tax).map(|tax| tax.amount))?,
            total: total(currency, lines.iter().map(|line| line.total))?,
            lines,
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_state_and_event_matrix() {
        let at = Timestamp::UNIX_EPOCH;
        let states = [
            OrderState::PendingPayment { pay_by: at },
            OrderState::Paid { at },
            OrderState::Cancelled { at },
            OrderState::Expired { at },
        ];
        let events = [OrderEvent::Pay, OrderEvent::Cancel, OrderEvent::Expire, OrderEvent::Extend { pay_by: at }];
        let mut matrix = String::new();
        for state in states {
            for event in events {
                let after = state.apply(event, at).map_or("-", OrderState::name);
                matrix.push_str(&format!("{:16} {:7} {after}\n", state.name(), event.name()));
            }
        }
        expect![[r#"
            pending_payment  pay     paid
            pending_payment  cancel  cancelled
            pending_payment  expire  expired
            pending_payment  extend  pending_payment
            paid             pay     -
            paid             cancel  -
            paid             expire  -
            paid             extend  -
            cancelled        pay     -
            cancelled        cancel  -
            cancelled        expire  -
            cancelled        extend  -
            expired          pay     paid
            expired          cancel  -
            expired          expire  -
            expired          extend  -
        "#]]
        .assert_eq(&matrix);
    }
}
