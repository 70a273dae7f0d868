//! Payments as every processor is understood here: what we ask for, and what we are told.
//!
//! A processor's own events and statuses are normalised by the `payments` crate into [`ProcessorEvent`]; nothing of a
//! processor's vocabulary reaches an order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AttemptId, OrderNumber, RefundId};
use crate::money::Money;
use crate::text::ProcessorRef;

/// A payment processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessorName {
    /// Stripe: Checkout Sessions and PaymentIntents.
    Stripe,
    /// No processor, but staff: the learner transfers the money to the school's account, and staff confirm that it came.
    BankTransfer,
    /// Whatever a shop that was given up was paid by: nobody can be asked any more.
    Imported,
    /// No processor: the total was nothing.
    None,
}

impl ProcessorName {
    /// The name in keys, paths and on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::BankTransfer => "bank_transfer",
            Self::Imported => "imported",
            Self::None => "none",
        }
    }

    /// Whether people do what a processor does elsewhere: there is nothing to call.
    #[must_use]
    pub fn is_by_hand(self) -> bool {
        match self {
            Self::BankTransfer | Self::Imported => true,
            Self::Stripe | Self::None => false,
        }
    }
}

/// How the learner hands over the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// On a page of the processor's, to which the browser is sent.
    HostedPage,
    /// On our page, by a secret that the processor's own script uses.
    ClientSecret,
}

/// An account to which money is transferred, and what the payer writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whose it is.
    pub holder: String,
    /// Its number, such as an IBAN.
    pub number: String,
    /// Where it is: the bank's name or its BIC.
    pub bank: Option<String>,
    /// What else the payer must know.
    pub instructions: Option<String>,
    /// What the payer writes, so that the order is found: its number.
    pub reference: String,
}

/// What the browser does next in order to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NextStep {
    /// Go to `url`.
    Redirect {
        /// The processor's page.
        url: String,
    },
    /// Post `fields` to `url`.
    Form {
        /// The processor's address.
        url: String,
        /// Form fields, signature included.
        fields: BTreeMap<String, String>,
    },
    /// Confirm with the processor's script.
    ClientSecret {
        /// The secret; it opens this one payment.
        client_secret: String,
    },
    /// Transfer the money at one's bank.
    Transfer(Account),
    /// Nothing: the order is paid.
    None,
}

/// What a processor is asked to charge. Amounts and names come from the order alone, never from the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRequest {
    /// The order.
    pub order: OrderNumber,
    /// The attempt; with the order it makes the idempotency key.
    pub attempt: AttemptId,
    /// How the learner pays.
    pub flow: Flow,
    /// What to charge: the order's total.
    pub total: Money,
    /// What the page shows: a title and an amount for each line; the amounts add up to `total`.
    pub lines: Vec<(String, Money)>,
    /// Where the browser goes after paying.
    pub return_url: String,
    /// Where the browser goes after giving up.
    pub cancel_url: String,
    /// When the session must end.
    pub expires_at: Timestamp,
    /// The learner's address for the processor's receipt.
    pub email: Option<String>,
}

/// A payment session that a processor opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedSession {
    /// The processor's name for it.
    pub reference: ProcessorRef,
    /// What the browser does next.
    pub next: NextStep,
    /// The processor's answer as it came, for the journal.
    pub raw: String,
}

/// What became of a session that we asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// It can no longer be paid.
    Closed,
    /// It was paid already, or is being paid.
    Paid,
}

/// How a refund stands at the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStanding {
    /// On its way.
    Pending,
    /// The learner has the money, or will without further doing.
    Succeeded,
    /// It will not happen.
    Failed,
}

/// A processor's answer to a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundAnswer {
    /// The processor's name for the refund.
    pub reference: ProcessorRef,
    /// How it stands.
    pub standing: RefundStanding,
    /// The answer as it came, for the journal.
    pub raw: String,
}

/// Something that a processor told us, verified and normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorEvent {
    /// Who says it.
    pub processor: ProcessorName,
    /// The processor's id of the event: the same event is applied once.
    pub event: ProcessorRef,
    /// The processor's own type, for the timeline.
    pub event_type: String,
    /// When it happened at the processor.
    pub occurred_at: Timestamp,
    /// The order that we named in the metadata, if it came back.
    pub order: Option<OrderNumber>,
    /// The attempt that we named in the metadata, if it came back.
    pub attempt: Option<AttemptId>,
    /// The session, if the event speaks of one.
    pub session: Option<ProcessorRef>,
    /// The payment: what money is counted by. Two events about one payment are one payment.
    pub payment: Option<ProcessorRef>,
    /// What happened.
    pub fact: Fact,
}

/// A refund that came to nothing after all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRefund {
    /// The refund of ours that it was, if our metadata came back.
    pub refund: Option<RefundId>,
    /// The processor's name for it.
    pub reference: ProcessorRef,
    /// How much, if it can be read.
    pub amount: Option<Money>,
    /// The processor's reason code.
    pub reason: String,
}

/// What happened, in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The money is captured.
    Captured {
        /// How much; compared with the order's total.
        amount: Money,
    },
    /// The learner did his part; the money comes later (bank debits).
    Processing,
    /// One try was declined; the session stays open for another.
    Declined {
        /// The processor's reason code.
        reason: String,
    },
    /// The attempt failed for good.
    Failed {
        /// The processor's reason code.
        reason: String,
    },
    /// The session ended unpaid.
    SessionExpired,
    /// Money went back; `total` is the sum of all refunds of this payment so far.
    Refunded {
        /// All that was refunded up to now.
        total: Money,
    },
    /// Money that was said to go back did not arrive, and is the shop's again.
    RefundFailed(FailedRefund),
    /// The learner's bank disputes the payment.
    Disputed {
        /// The processor's status word.
        status: String,
        /// The disputed amount.
        amount: Option<Money>,
    },
    /// Money moved, but how much cannot be read: a human must look.
    Unreadable {
        /// What the processor said about the amount.
        said: String,
    },
    /// Nothing that concerns an order.
    Irrelevant,
}

/// What a refund asks of a processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// Our refund, from which the idempotency key is made.
    pub refund: RefundId,
    /// The order, for the processor's metadata.
    pub order: OrderNumber,
    /// The payment to give back from.
    pub payment: ProcessorRef,
    /// How much.
    pub amount: Money,
}
