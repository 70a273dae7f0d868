//! The conditional writes of which plans are made: each with the condition on which it holds.

use jiff::Timestamp;

use super::{OutboxItem, Shift};
use crate::attempt::Attempt;
use crate::basket::Basket;
use crate::batch::Batch;
use crate::catalog::Catalog;
use crate::client_key::ClientKey;
use crate::coupon::Coupon;
use crate::course::Course;
use crate::entitlement::LineRef;
use crate::id::{BasketId, OrderNumber, OutboxId};
use crate::idempotency::IdempotencyRecord;
use crate::journal::{JournalEntry, LogEntry, ProcessorEventRecord};
use crate::ledger::LedgerEntry;
use crate::machine_client::MachineClient;
use crate::offer::Offer;
use crate::order::Order;
use crate::owner::{Owner, SubjectKey, UserId, UserSessionKey};
use crate::payment::ProcessorName;
use crate::product::Product;
use crate::refund::Refund;
use crate::task::Task;
use crate::text::{LegacyNumber, ProcessorRef, Sku, VoucherCode};
use crate::user::User;
use crate::user_session::UserSession;
use crate::uses::{Counted, Move, VoucherNote};
use crate::voucher::Voucher;

/// One conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Product as staff edited it. Conditions: absent, or at `before`'s version with enough units available, and in no
    /// other product since it was read.
    SaveProduct {
        /// As it was read.
        before: Option<Box<Product>>,
        /// As it shall be.
        after: Box<Product>,
    },
    /// The product is contained in another. Condition: at `version`, as which the other one carries it.
    LinkPart {
        /// The product.
        part: Sku,
        /// The version that was read.
        version: u64,
        /// What contains it.
        within: Sku,
    },
    /// The product is contained in another no more. Condition: it is there.
    UnlinkPart {
        /// The product.
        part: Sku,
        /// What contained it.
        within: Sku,
    },
    /// Course as staff edited it. Condition: absent, or at version `expect`.
    SaveCourse {
        /// As it shall be.
        course: Box<Course>,
        /// The version it was read at; `None` if it was absent.
        expect: Option<u64>,
    },
    /// Catalog as staff edited it. Condition: absent, or at version `expect`.
    SaveCatalog {
        /// As it shall be.
        catalog: Catalog,
        /// The version it was read at; `None` if it was absent.
        expect: Option<u64>,
    },
    /// Offer as staff edited it. Conditions: absent, or at `before`'s version; the uses so far fit its limits; the catalog
    /// that it names is still the one that it carries.
    SaveOffer {
        /// As it was read.
        before: Option<Box<Offer>>,
        /// As it shall be.
        after: Box<Offer>,
    },
    /// A new offer with a new catalog, which it names. Condition: both are absent.
    CreateOfferOfCatalog {
        /// The catalog, linked to the offer.
        catalog: Box<Catalog>,
        /// The offer.
        offer: Box<Offer>,
    },
    /// An offer whose catalog was edited. Condition: at the version before its own.
    RefreshOffer(Box<Offer>),
    /// Removes an offer; what was counted of it stays. Condition: at its version.
    DropOffer(Box<Offer>),
    /// Nothing is written. Condition: the offer is at `version`.
    CheckOffer {
        /// Which.
        offer: Counted,
        /// The version that was priced.
        version: u64,
    },
    /// Voucher as staff edited it. Conditions: absent, or at version `expect`; the uses so far fit its limit.
    SaveVoucher {
        /// As it shall be.
        voucher: Box<Voucher>,
        /// The version it was read at; `None` if it was absent.
        expect: Option<u64>,
    },
    /// Removes a voucher. Conditions: at its version; never used.
    DropVoucher(Box<Voucher>),
    /// A new coupon. Condition: absent.
    CreateCoupon(Box<Coupon>),
    /// The coupon. Condition: at the version before its own.
    SaveCoupon(Box<Coupon>),
    /// A new batch of codes. Condition: absent.
    CreateBatch(Box<Batch>),
    /// The batch of codes. Condition: at the version before its own.
    SaveBatch(Box<Batch>),
    /// Moves a counter of uses. Conditions: there is room; its voucher is at `version`, if one is given.
    MoveUses(Move),
    /// The order is listed with the code. No condition: the same again is the same.
    NoteUse {
        /// The code.
        code: VoucherCode,
        /// The order.
        note: VoucherNote,
    },
    /// The order is no more listed with the code.
    DropUse {
        /// The code.
        code: VoucherCode,
        /// The order.
        order: OrderNumber,
    },
    /// Removes a catalog. Conditions: at version `expect`; no offer names it.
    DropCatalog {
        /// As it was read.
        catalog: Catalog,
    },
    /// The owner's basket. Condition: absent, or at version `expect`.
    SaveBasket {
        /// As it shall be.
        basket: Box<Basket>,
        /// The version it was read at; `None` if it was absent.
        expect: Option<u64>,
    },
    /// Lets a frozen basket be open again. Condition: it is that basket at that version.
    ThawBasket {
        /// Whose.
        owner: Owner,
        /// Which.
        basket: BasketId,
        /// Its version while frozen.
        version: u64,
    },
    /// Moves units of a product, or only looks at it. Conditions: it is at `version`, if one is given, so that its price
    /// is the one that was shown; and each pile has what is taken from it, all shifts taken together.
    MoveStock {
        /// Of which product.
        sku: Sku,
        /// The version that was priced.
        version: Option<u64>,
        /// What moves; one write a product, since a transaction touches a row once.
        shifts: Vec<Shift>,
    },
    /// Nothing is written. Condition: the user does not own the product.
    CheckNotOwned {
        /// Who.
        owner: UserId,
        /// What.
        sku: Sku,
    },
    /// The user owns the product on account of lines. Condition: not yet on account of any of them; with `first`, not
    /// at all yet.
    Grant {
        /// Who.
        owner: UserId,
        /// What.
        sku: Sku,
        /// Why.
        lines: Vec<LineRef>,
        /// The place at the LMS that the line gives, as far as it can be told: another product that gives the same
        /// keeps it when this one is refunded.
        place: Option<String>,
        /// Whether it must be the first.
        first: bool,
    },
    /// The lines no longer give the product. Condition: each did.
    Ungrant {
        /// Who.
        owner: UserId,
        /// What.
        sku: Sku,
        /// Why not.
        lines: Vec<LineRef>,
    },
    /// A new order. Condition: absent.
    CreateOrder(Box<Order>),
    /// The order. Condition: at the version before its own.
    SaveOrder(Box<Order>),
    /// A new attempt. Condition: absent.
    CreateAttempt(OrderNumber, Box<Attempt>),
    /// The attempt. Condition: at the version before its own.
    SaveAttempt(OrderNumber, Box<Attempt>),
    /// A new task. Condition: absent.
    CreateTask(OrderNumber, Task),
    /// The task. Condition: at the version before its own.
    SaveTask(OrderNumber, Task),
    /// Nothing is written. Condition: the task is at its version: no other worker has taken it over.
    CheckTask(OrderNumber, Task),
    /// A new refund. Condition: absent.
    CreateRefund(OrderNumber, Box<Refund>),
    /// The refund. Condition: at the version before its own.
    SaveRefund(OrderNumber, Box<Refund>),
    /// A processor's event. Condition: absent, which is what makes every delivery after the first a no-op.
    RecordEvent(OrderNumber, ProcessorEventRecord),
    /// A way from a processor's object to the order. Condition: absent or the same.
    LinkReference {
        /// The order.
        order: OrderNumber,
        /// Whose object.
        processor: ProcessorName,
        /// The object.
        reference: ProcessorRef,
    },
    /// A payment that staff confirmed is of this order. Condition: it is of none yet.
    ClaimPayment {
        /// The order.
        order: OrderNumber,
        /// Whose payment.
        processor: ProcessorName,
        /// The payment.
        payment: ProcessorRef,
    },
    /// A number of another shop's is this order's. Condition: it is no order's yet.
    ClaimLegacy {
        /// The number there.
        legacy: LegacyNumber,
        /// The order.
        order: OrderNumber,
    },
    /// A ledger entry. Condition: no entry of the same cause.
    PostLedger(OrderNumber, LedgerEntry),
    /// A message owed. Condition: absent.
    Owe(OutboxItem),
    /// The message was sent again. Condition: still owed.
    Resend(OutboxItem),
    /// The message arrived. No condition but the key: settling twice is the same as once.
    Settle(OrderNumber, OutboxId),
    /// A line of the timeline. Condition: absent.
    Log(OrderNumber, LogEntry),
    /// A raw answer; under the order, or under `None` when no order could be told. Condition: absent.
    Journal(Option<OrderNumber>, JournalEntry),
    /// An idempotency record. Condition: absent or past its time.
    Remember {
        /// Whose key.
        owner: UserId,
        /// The record.
        record: IdempotencyRecord,
        /// The moment against which an old record's time is held.
        now: Timestamp,
    },
    /// Removes a basket. Condition: at version `expect`.
    DropBasket {
        /// Whose.
        owner: Owner,
        /// The version it was read at.
        expect: u64,
    },
    /// A new user. Condition: absent.
    CreateUser(Box<User>),
    /// The user. Condition: at the version before its own.
    SaveUser(Box<User>),
    /// A way from an issuer's `sub` to the user. Condition: absent or the same.
    LinkSubject {
        /// The issuer and its `sub`.
        key: SubjectKey,
        /// Who.
        user: UserId,
    },
    /// Removes such a way. Condition: absent or to that user.
    UnlinkSubject {
        /// The issuer and its `sub`.
        key: SubjectKey,
        /// Who.
        user: UserId,
    },
    /// A new signed-in session. Condition: absent.
    StartSession(Box<UserSession>),
    /// The session is over. No condition but the key: ending twice is the same as once.
    EndSession {
        /// Whose.
        user: UserId,
        /// Which.
        key: UserSessionKey,
    },
    /// A client application's key. Condition: absent, or at version `expect`.
    SaveClientKey {
        /// As it shall be.
        key: Box<ClientKey>,
        /// The version it was read at; `None` if it was absent.
        expect: Option<u64>,
    },
    /// A machine client. Condition: absent, or at version `expect`.
    SaveMachineClient {
        /// As it shall be.
        client: Box<MachineClient>,
        /// The version it was read at; `None` if it was absent.
        expect: Option<u64>,
    },
}

impl Write {
    /// The write's name: what a failed condition is reported as.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SaveProduct { .. } => "save_product",
            Self::LinkPart { .. } => "link_part",
            Self::UnlinkPart { .. } => "unlink_part",
            Self::SaveCourse { .. } => "save_course",
            Self::SaveCatalog { .. } => "save_catalog",
            Self::DropCatalog { .. } => "drop_catalog",
            Self::SaveOffer { .. } => "save_offer",
            Self::CreateOfferOfCatalog { .. } => "create_offer_of_catalog",
            Self::RefreshOffer(_) => "refresh_offer",
            Self::DropOffer(_) => "drop_offer",
            Self::CheckOffer { .. } => "check_offer",
            Self::SaveVoucher { .. } => "save_voucher",
            Self::DropVoucher(_) => "drop_voucher",
            Self::CreateCoupon(_) => "create_coupon",
            Self::SaveCoupon(_) => "save_coupon",
            Self::CreateBatch(_) => "create_batch",
            Self::SaveBatch(_) => "save_batch",
            Self::MoveUses(_) => "move_uses",
            Self::NoteUse { .. } => "note_use",
            Self::DropUse { .. } => "drop_use",
            Self::SaveBasket { .. } => "save_basket",
            Self::ThawBasket { .. } => "thaw_basket",
            Self::MoveStock { .. } => "move_stock",
            Self::CheckNotOwned { .. } => "check_not_owned",
            Self::Grant { .. } => "grant",
            Self::Ungrant { .. } => "ungrant",
            Self::CreateOrder(_) => "create_order",
            Self::SaveOrder(_) => "save_order",
            Self::CreateAttempt(..) => "create_attempt",
            Self::SaveAttempt(..) => "save_attempt",
            Self::CreateTask(..) => "create_task",
            Self::SaveTask(..) => "save_task",
            Self::CheckTask(..) => "check_task",
            Self::CreateRefund(..) => "create_refund",
            Self::SaveRefund(..) => "save_refund",
            Self::RecordEvent(..) => "record_event",
            Self::LinkReference { .. } => "link_reference",
            Self::ClaimPayment { .. } => "claim_payment",
            Self::ClaimLegacy { .. } => "claim_legacy",
            Self::PostLedger(..) => "post_ledger",
            Self::Owe(_) => "owe",
            Self::Resend(_) => "resend",
            Self::Settle(..) => "settle",
            Self::Log(..) => "log",
            Self::Journal(..) => "journal",
            Self::Remember { .. } => "remember",
            Self::DropBasket { .. } => "drop_basket",
            Self::CreateUser(_) => "create_user",
            Self::SaveUser(_) => "save_user",
            Self::LinkSubject { .. } => "link_subject",
            Self::UnlinkSubject { .. } => "unlink_subject",
            Self::StartSession(_) => "start_session",
            Self::EndSession { .. } => "end_session",
            Self::SaveClientKey { .. } => "save_client_key",
            Self::SaveMachineClient { .. } => "save_machine_client",
        }
    }
}
