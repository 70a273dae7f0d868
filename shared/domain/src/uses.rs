//! Uses of offers and vouchers, as conditional counters (I5).
//!
//! A checkout takes its uses in its own transaction, an order that ends unpaid gives them back in its own, and a payment
//! changes nothing: what is counted is what unpaid and paid orders have together. So a use is never sold twice, and an
//! abandoned checkout burns none. A refund gives nothing back: the code was used.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::OrderNumber;
use crate::money::Money;
use crate::offer::{Limits, Offer};
use crate::order::Order;
use crate::owner::UserId;
use crate::plan::Write;
use crate::text::{Slug, Username, VoucherCode};
use crate::voucher::{Usage, Voucher};

/// What is counted of an offer or a voucher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Orders that have it, unpaid ones included.
    pub taken: u32,
    /// What they were given by it, in minor units.
    pub given: i64,
}

/// What has uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// An offer.
    Offer {
        /// Which.
        id: Slug,
        /// Whether it needs no code.
        automatic: bool,
    },
    /// A code.
    Voucher(VoucherCode),
}

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Of everybody's uses.
    All(Counted),
    /// Of one user's.
    Of(UserId, Counted),
}

/// What a counter must have room for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// The most uses.
    pub max_uses: Option<u32>,
    /// The most that is given, in minor units.
    pub max_given: Option<i64>,
    /// The only user who may have uses.
    pub sole: Option<UserId>,
}

/// A move of a counter; several of one counter in one plan are added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which.
    pub of: Counter,
    /// The version that its voucher must have.
    pub version: Option<u64>,
    /// By how many uses; negative gives them back.
    pub uses: i32,
    /// By how much money, in minor units.
    pub given: i64,
    /// What there must be room for.
    pub room: Room,
    /// Whose use it is, where the counter counts for each user whether others have one.
    pub user: Option<UserId>,
}

impl Move {
    /// Adds another move of the same counter.
    pub(crate) fn add(&mut self, other: Self) {
        self.uses = self.uses.saturating_add(other.uses);
        self.given = self.given.saturating_add(other.given);
        self.version = self.version.or(other.version);
        self.user = self.user.take().or(other.user);
        let Room { max_uses, max_given, sole } = other.room;
        self.room.max_uses = self.room.max_uses.or(max_uses);
        self.room.max_given = self.room.max_given.or(max_given);
        self.room.sole = self.room.sole.take().or(sole);
    }
}

/// The use of one offer by one order, with all that is needed to take it again, or to give it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The offer.
    pub offer: Slug,
    /// Whether it needed no code.
    pub automatic: bool,
    /// Its version.
    pub offer_version: u64,
    /// Its limits.
    pub limits: Limits,
    /// The code that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherUse>,
    /// What it took off the order.
    pub given: Money,
}

/// The use of a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherUse {
    /// The code.
    pub code: VoucherCode,
    /// Its version.
    pub version: u64,
    /// How it counts.
    pub usage: Usage,
    /// How often in all.
    pub most: u32,
}

/// Whether what was priced must be what is in the table still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// For a new order: at the very version.
    Fresh,
    /// For an order that was priced before and is paid after its time: whatever became of the offer, if there is room and
    /// its codes are as they were. One that was ended or withdrawn since is not taken again.
    Late,
    /// For what was decided elsewhere, or is taken back: if there is room.
    Again,
}

impl Reservation {
    /// What an order needs that was given `given` by an offer.
    #[must_use]
    pub fn of(offer: &Offer, voucher: Option<&Voucher>, given: Money) -> Self {
        Self {
            offer: offer.id.clone(),
            automatic: offer.automatic,
            offer_version: offer.version,
            limits: offer.limits,
            voucher: voucher.map(|voucher| VoucherUse {
                code: voucher.code.clone(),
                version: voucher.version,
                usage: voucher.usage,
                most: voucher.most(),
            }),
            given,
        }
    }

    fn counted(&self) -> Counted {
        Counted::Offer { id: self.offer.clone(), automatic: self.automatic }
    }

    /// Its moves for `user`: forwards with 1, back with -1.
    fn moves(&self, user: &UserId, direction: i32, hold: Hold) -> Vec<Move> {
        let mut moves = Vec::new();
        let Limits { max_uses, max_uses_per_user, max_discount } = self.limits;
        // Money is counted where it is limited, and so in one currency.
        let given = max_discount.map_or(0, |_| self.given.minor().saturating_mul(direction.into()));
        let plain = |of, room| Move { of, version: None, uses: direction, given: 0, room, user: None };
        if max_uses.is_some() || max_discount.is_some() {
            let room = Room { max_uses, max_given: max_discount.map(Money::minor), sole: None };
            moves.push(Move { given, ..plain(Counter::All(self.counted()), room) });
        }
        if max_uses_per_user.is_some() {
            let room = Room { max_uses: max_uses_per_user, ..Room::default() };
            moves.push(plain(Counter::Of(user.clone(), self.counted()), room));
        }
        let Some(voucher) = &self.voucher else { return moves };
        let counted = Counted::Voucher(voucher.code.clone());
        let sole = (voucher.usage == Usage::MultiUsePerCustomer).then(|| user.clone());
        let room = Room { max_uses: Some(voucher.most), max_given: None, sole: sole.clone() };
        let version = (hold != Hold::Again && direction > 0).then_some(voucher.version);
        moves.push(Move { version, user: sole, ..plain(Counter::All(counted.clone()), room) });
        if voucher.usage == Usage::OncePerCustomer {
            let room = Room { max_uses: Some(1), ..Room::default() };
            moves.push(plain(Counter::Of(user.clone(), counted), room));
        }
        moves
    }
}

/// Every counter that an order moved, with its uses and what it was given: for the auditor.
#[must_use]
pub fn taken_by(order: &Order) -> Vec<(Counter, u32, i64)> {
    let moves = order.reservations.iter().flat_map(|reservation| reservation.moves(&order.owner, 1, Hold::Again));
    moves.map(|m| (m.of, m.uses.unsigned_abs(), m.given)).collect()
}

/// The writes by which an order takes its uses, and by which the codes name it.
pub(crate) fn take(order: &Order, hold: Hold, now: Timestamp) -> Vec<Write> {
    let mut writes = Vec::new();
    for reservation in &order.reservations {
        if hold == Hold::Fresh {
            let (offer, version) = (reservation.counted(), reservation.offer_version);
            writes.push(Write::CheckOffer { offer, version });
        }
        writes.extend(reservation.moves(&order.owner, 1, hold).into_iter().map(Write::MoveUses));
        if let Some(voucher) = &reservation.voucher {
            let note = VoucherNote {
                order: order.number.clone(),
                user: order.owner.clone(),
                username: order.username.clone(),
                at: now,
            };
            writes.push(Write::NoteUse { code: voucher.code.clone(), note });
        }
    }
    writes
}

/// The writes by which an order that ends unpaid gives its uses back.
pub(crate) fn give_back(order: &Order) -> Vec<Write> {
    let mut writes = Vec::new();
    for reservation in &order.reservations {
        writes.extend(reservation.moves(&order.owner, -1, Hold::Again).into_iter().map(Write::MoveUses));
        if let Some(voucher) = &reservation.voucher {
            writes.push(Write::DropUse { code: voucher.code.clone(), order: order.number.clone() });
        }
    }
    writes
}

/// One order that has a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherNote {
    /// The order.
    pub order: OrderNumber,
    /// Its owner.
    pub user: UserId,
    /// The owner's name.
    pub username: Username,
    /// Since when.
    pub at: Timestamp,
}
