//! The key layout. Every partition key begins with the tenant, and no key holds personal data.
//!
//! | row | pk | sk | index |
//! |---|---|---|---|
//! | product | `PRODUCT#<sku>` | `PRODUCT` | gsi1 `PRODUCTS#PUBLIC` or `#HIDDEN` / `<kind>#<sku>`; gsi3 `COURSE#<key>` / `PRODUCT#<sku>` |
//! | title token | `TOKEN#<first two letters>` | `<token>#<sku>` | |
//! | course | `COURSE#<key>` | `COURSE` | gsi1 `COURSES` / `<key>`; gsi3 `COURSE#<key>` / `COURSE` |
//! | catalog | `CATALOG#<id>` | `CATALOG` | gsi1 `CATALOGS` / `<id>` |
//! | offer | `OFFERS#AUTO`, or `OFFER#<id>` if a code opens it | `OFFER#<id>` | gsi1 `OFFERS` / `<id>` |
//! | an offer's uses | the same | `USES#<id>` | |
//! | voucher with its uses | `VOUCHER#<code>` | `VOUCHER` | gsi1 `VOUCHERS` / `<code>` |
//! | an order with a code | `VOUCHER#<code>` | `USE#<number>` | |
//! | batch of codes | `BATCH#<id>` | `BATCH` | gsi1 `BATCHES` / `<id>`; gsi2 due |
//! | coupon | `COUPON#<id>` | `COUPON` | gsi1 `COUPONS` / `<id>` |
//! | basket | `BASKET#<owner>` | `BASKET`; while it is paid for with `frozen` | |
//! | entitlement | `OWNED#<user>` | `SKU#<sku>` | |
//! | a user's uses | `OWNED#<user>` | `USES#AUTO#<offer>`, `USES#OFFER#<offer>` or `USES#CODE#<code>` | |
//! | idempotency | `IDEM#<user>` | `<route>:<key>` | |
//! | order | `ORDER#<number>` | `ORDER` | gsi1 `OWNER#<user>` / `<number>`; gsi2 due; gsi3 `ORDERS#<state>` / `<number>` |
//! | of an order | `ORDER#<number>` | `PAY#` `TASK#<line>` (`#<part>`) `EVENT#` `LEDGER#` `REFUND#` `OUT#` `TIMELINE#` | gsi2 due; of refunds gsi3 `REFUNDS#<state>` / `<refund>` |
//! | way to a refund | `REFUND#<refund>` | `REFUND` | |
//! | reference | `ORDER#<number>` | `XREF#<processor>#<object>` | gsi3 `REF#<processor>#<object>` / `ORDER` |
//! | payment by hand | `PAYMENT#<processor>#<payment>` | `PAYMENT` | |
//! | imported number | `LEGACY#<number>` | `ORDER` | |
//! | journal | `JOURNAL#<number>` or `JOURNAL#UNMATCHED` | `<entry>` | |
//! | user | `USER#<user>` | `USER` | |
//! | signed-in session | `USER#<user>` | `SESSION#<session>` | |
//! | subject | `SUBJECT#<subject>` | `SUBJECT` | |
//! | client key | `CLIENT#<id>` | `CLIENT` | gsi1 `CLIENTS` / `<id>` |
//! | machine client | `MACHINE#<id>` | `MACHINE` | gsi1 `MACHINES` / `<id>` |
//! | rate | `RATE#<throttle>#<caller>#<window>` | `RATE` | |
//!
//! `gsi2` is `DUE#<shard>` / `<when>#<sk>`: sparse, and sharded by order so that no partition is hot.

use domain::course_key::CourseKey;
use domain::id::{BatchId, ClientId, MachineClientId, OrderNumber, RefundId};
use domain::owner::{Owner, SubjectKey, UserId, UserSessionKey};
use domain::payment::ProcessorName;
use domain::text::{LegacyNumber, ProcessorRef, Sku, Slug, Tenant, VoucherCode};
use jiff::Timestamp;

/// How many partitions the due index has per tenant.
pub(crate) const DUE_SHARDS: u32 = 8;

/// Builds the keys of one tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys<'a>(pub(crate) &'a Tenant);

impl Keys<'_> {
    fn of(self, rest: impl std::fmt::Display) -> String {
        format!("T#{}#{rest}", self.0)
    }

    pub(crate) fn product(self, sku: &Sku) -> String {
        self.of(format_args!("PRODUCT#{sku}"))
    }

    pub(crate) fn products(self, published: bool) -> String {
        self.of(if published { "PRODUCTS#PUBLIC" } else { "PRODUCTS#HIDDEN" })
    }

    pub(crate) fn token(self, token: &str) -> String {
        let first: String = token.chars().take(2).collect();
        self.of(format_args!("TOKEN#{first}"))
    }

    pub(crate) fn course(self, key: &CourseKey) -> String {
        self.of(format_args!("COURSE#{key}"))
    }

    pub(crate) fn courses(self) -> String {
        self.of("COURSES")
    }

    pub(crate) fn catalog(self, id: &Slug) -> String {
        self.of(format_args!("CATALOG#{id}"))
    }

    pub(crate) fn catalogs(self) -> String {
        self.of("CATALOGS")
    }

    /// The partition of an offer: all that need no code lie together, since each basket reads them.
    pub(crate) fn offer(self, id: &Slug, automatic: bool) -> String {
        if automatic { self.automatic_offers() } else { self.of(format_args!("OFFER#{id}")) }
    }

    pub(crate) fn automatic_offers(self) -> String {
        self.of("OFFERS#AUTO")
    }

    pub(crate) fn offers(self) -> String {
        self.of("OFFERS")
    }

    pub(crate) fn voucher(self, code: &VoucherCode) -> String {
        self.of(format_args!("VOUCHER#{code}"))
    }

    pub(crate) fn vouchers(self) -> String {
        self.of("VOUCHERS")
    }

    pub(crate) fn batch(self, id: &BatchId) -> String {
        self.of(format_args!("BATCH#{id}"))
    }

    pub(crate) fn batches(self) -> String {
        self.of("BATCHES")
    }

    pub(crate) fn coupon(self, id: &Slug) -> String {
        self.of(format_args!("COUPON#{id}"))
    }

    pub(crate) fn coupons(self) -> String {
        self.of("COUPONS")
    }

    pub(crate) fn basket(self, owner: &Owner) -> String {
        self.of(format_args!("BASKET#{}", owner.key()))
    }

    pub(crate) fn owned(self, user: &UserId) -> String {
        self.of(format_args!("OWNED#{user}"))
    }

    pub(crate) fn idempotency(self, user: &UserId) -> String {
        self.of(format_args!("IDEM#{user}"))
    }

    pub(crate) fn order(self, number: &OrderNumber) -> String {
        self.of(format_args!("ORDER#{number}"))
    }

    pub(crate) fn orders_of(self, user: &UserId) -> String {
        self.of(format_args!("OWNER#{user}"))
    }

    pub(crate) fn orders_in(self, state: &str) -> String {
        self.of(format_args!("ORDERS#{state}"))
    }

    /// The row that tells which order a refund is of.
    pub(crate) fn refund(self, id: &RefundId) -> String {
        self.of(format_args!("REFUND#{id}"))
    }

    pub(crate) fn refunds_in(self, state: &str) -> String {
        self.of(format_args!("REFUNDS#{state}"))
    }

    pub(crate) fn reference(self, processor: ProcessorName, reference: &ProcessorRef) -> String {
        self.of(format_args!("REF#{}#{reference}", processor.name()))
    }

    /// The row that tells which order a payment is of that staff confirmed.
    pub(crate) fn payment(self, processor: ProcessorName, payment: &ProcessorRef) -> String {
        self.of(format_args!("PAYMENT#{}#{payment}", processor.name()))
    }

    /// The row that tells which order a number of another shop's is.
    pub(crate) fn legacy(self, number: &LegacyNumber) -> String {
        self.of(format_args!("LEGACY#{number}"))
    }

    pub(crate) fn journal(self, order: Option<&OrderNumber>) -> String {
        self.of(format_args!("JOURNAL#{}", order.map_or("UNMATCHED", OrderNumber::as_str)))
    }

    /// The partition of a user and of its sessions.
    pub(crate) fn user(self, user: &UserId) -> String {
        self.of(format_args!("USER#{user}"))
    }

    pub(crate) fn subject(self, subject: &SubjectKey) -> String {
        self.of(format_args!("SUBJECT#{subject}"))
    }

    pub(crate) fn client(self, id: &ClientId) -> String {
        self.of(format_args!("CLIENT#{id}"))
    }

    pub(crate) fn clients(self) -> String {
        self.of("CLIENTS")
    }

    pub(crate) fn machine(self, id: &MachineClientId) -> String {
        self.of(format_args!("MACHINE#{id}"))
    }

    pub(crate) fn machines(self) -> String {
        self.of("MACHINES")
    }

    /// A partition for each caller and window, so that counting makes none of them hot.
    pub(crate) fn rate(self, throttle: &str, caller: &str, window: Timestamp) -> String {
        self.of(format_args!("RATE#{throttle}#{caller}#{}", window.as_second()))
    }

    /// A row that is never written.
    pub(crate) fn health(self) -> String {
        self.of("HEALTH")
    }

    pub(crate) fn due(self, shard: u32) -> String {
        self.of(format_args!("DUE#{shard}"))
    }

    /// The due shard of an order or a batch: an id's last characters are random, so they spread evenly.
    pub(crate) fn due_of(self, id: &str) -> String {
        let sum: u32 = id.bytes().map(u32::from).sum();
        self.due(sum.checked_rem(DUE_SHARDS).unwrap_or(0))
    }
}

/// The sort key of a signed-in session.
pub(crate) fn session(key: &UserSessionKey) -> String {
    format!("{SESSION}{key}")
}

/// The sort key of an offer.
pub(crate) fn offer_sk(id: &Slug) -> String {
    format!("OFFER#{id}")
}

/// The sort key of an offer's uses.
pub(crate) fn uses_sk(id: &Slug) -> String {
    format!("USES#{id}")
}

/// What the sort keys of signed-in sessions begin with.
pub(crate) const SESSION: &str = "SESSION#";
/// Before the id of an entry of an order's timeline. It sorts after all that an order is read with, and is read only where
/// it is shown.
pub(crate) const TIMELINE: &str = "TIMELINE#";

/// A moment as it stands in keys: RFC 3339 with exactly three decimals, so that text order is time order.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}
