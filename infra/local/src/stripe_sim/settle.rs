//! What happens to money: the transitions of sessions and intents, and the events that each gives rise to.

use jiff::Timestamp;
use serde::Deserialize;

use super::ids::{object_id, random_hex};
use super::objects::{Charge, Intent, IntentStatus, Metadata, Session, SessionStatus};
use super::state::State;

/// What the payer does on the hosted page, or what the bank says later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The payment goes through.
    Succeed,
    /// The card is declined; the payer may try again.
    Decline,
    /// The payer leaves.
    Abandon,
    /// A bank debit starts; its end comes by `AsyncSucceed` or `AsyncFail`.
    Processing,
    /// The bank debit goes through.
    AsyncSucceed,
    /// The bank debit fails.
    AsyncFail,
}

/// Why an outcome is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unpayable {
    /// No session or intent has this id.
    Unknown,
    /// It is past this outcome; holds its status.
    Conflict(String),
}

/// A new intent, not stored yet.
pub(crate) fn new_intent(amount: i64, currency: &str, metadata: Metadata, now: Timestamp) -> Intent {
    Intent {
        id: object_id("pi"),
        created: now,
        status: IntentStatus::RequiresPaymentMethod,
        amount,
        currency: currency.to_owned(),
        description: None,
        metadata,
        session: None,
        charge: None,
        declined: None,
        cancellation_reason: None,
        canceled_at: None,
        secret: random_hex(12),
    }
}

impl State {
    /// Applies what the payer did to the session or intent `id`.
    pub(crate) fn settle(&mut self, id: &str, outcome: Outcome, now: Timestamp) -> Result<(), Unpayable> {
        if let Some(session) = self.sessions.get(id) {
            let session = session.clone();
            return self.settle_session(session, outcome, now);
        }
        let intent = self.intents.get(id).ok_or(Unpayable::Unknown)?;
        if let Some(session) = intent.session.as_ref().and_then(|id| self.sessions.get(id)) {
            let session = session.clone();
            return self.settle_session(session, outcome, now);
        }
        let status = intent.status;
        self.settle_intent(id, status, outcome, now)
    }

    fn settle_session(&mut self, mut session: Session, outcome: Outcome, now: Timestamp) -> Result<(), Unpayable> {
        let open = session.status == SessionStatus::Open;
        let waiting = session.status == SessionStatus::Complete && !session.paid;
        match outcome {
            Outcome::Abandon if open => return Ok(()),
            Outcome::Succeed | Outcome::Decline | Outcome::Processing if open => {}
            Outcome::AsyncSucceed | Outcome::AsyncFail if waiting => {}
            Outcome::Succeed
            | Outcome::Decline
            | Outcome::Abandon
            | Outcome::Processing
            | Outcome::AsyncSucceed
            | Outcome::AsyncFail => return Err(Unpayable::Conflict(describe(&session))),
        }
        let intent = self.intent_of(&mut session, now);
        let status = self.intents.get(&intent).map_or(IntentStatus::Canceled, |intent| intent.status);
        self.sessions.insert(session.id.clone(), session.clone());
        self.settle_intent(&intent, status, outcome, now)?;
        let event = match outcome {
            Outcome::Succeed | Outcome::Processing => Some("checkout.session.completed"),
            Outcome::AsyncSucceed => Some("checkout.session.async_payment_succeeded"),
            Outcome::AsyncFail => Some("checkout.session.async_payment_failed"),
            Outcome::Decline | Outcome::Abandon => None,
        };
        if let Some(event) = event {
            session.status = SessionStatus::Complete;
            session.paid = matches!(outcome, Outcome::Succeed | Outcome::AsyncSucceed);
            self.emit(event, session.json(), now);
            self.sessions.insert(session.id.clone(), session);
        }
        Ok(())
    }

    fn settle_intent(
        &mut self,
        id: &str,
        was: IntentStatus,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), Unpayable> {
        match (outcome, was) {
            (Outcome::Abandon, IntentStatus::RequiresPaymentMethod) => {}
            (Outcome::Succeed, IntentStatus::RequiresPaymentMethod)
            | (Outcome::AsyncSucceed, IntentStatus::Processing) => {
                self.capture(id, now);
            }
            (Outcome::Decline, IntentStatus::RequiresPaymentMethod)
            | (Outcome::AsyncFail, IntentStatus::Processing) => {
                self.decline(id, "generic_decline", now);
            }
            (Outcome::Processing, IntentStatus::RequiresPaymentMethod) => {
                self.change_intent(id, "payment_intent.processing", now, |intent| {
                    intent.status = IntentStatus::Processing;
                });
            }
            (
                Outcome::Succeed
                | Outcome::Decline
                | Outcome::Abandon
                | Outcome::Processing
                | Outcome::AsyncSucceed
                | Outcome::AsyncFail,
                status,
            ) => return Err(Unpayable::Conflict(format!("the payment is {}", status_name(status)))),
        }
        Ok(())
    }

    /// Takes the money of an intent: it succeeds and has a charge with its metadata.
    pub(crate) fn capture(&mut self, id: &str, now: Timestamp) {
        let Some(intent) = self.intents.get(id) else { return };
        let charge = Charge {
            id: object_id("ch"),
            created: now,
            intent: intent.id.clone(),
            amount: intent.amount,
            amount_refunded: 0,
            currency: intent.currency.clone(),
            disputed: false,
            metadata: intent.metadata.clone(),
        };
        self.change_intent(id, "payment_intent.succeeded", now, |intent| {
            intent.status = IntentStatus::Succeeded;
            intent.declined = None;
            intent.charge = Some(charge.id.clone());
        });
        self.emit("charge.succeeded", charge.json(), now);
        self.charges.insert(charge.id.clone(), charge);
    }

    /// Declines an attempt: the intent waits for another payment method.
    pub(crate) fn decline(&mut self, id: &str, reason: &str, now: Timestamp) {
        self.change_intent(id, "payment_intent.payment_failed", now, |intent| {
            intent.status = IntentStatus::RequiresPaymentMethod;
            intent.declined = Some(reason.to_owned());
        });
    }

    /// Cancels an intent that has taken no money.
    pub(crate) fn cancel(&mut self, id: &str, reason: Option<&str>, now: Timestamp) {
        self.change_intent(id, "payment_intent.canceled", now, |intent| {
            intent.status = IntentStatus::Canceled;
            intent.cancellation_reason = reason.map(ToOwned::to_owned);
            intent.canceled_at = Some(now.as_second());
        });
    }

    /// Closes an open session, and the intent of its failed attempts with it.
    pub(crate) fn expire(&mut self, id: &str, now: Timestamp) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.status = SessionStatus::Expired;
        let (shown, intent) = (session.json(), session.intent.clone());
        if let Some(intent) = intent {
            self.cancel(&intent, Some("expired"), now);
        }
        self.emit("checkout.session.expired", shown, now);
    }

    /// The open sessions whose time is over.
    pub(crate) fn overdue(&self, now: Timestamp) -> Vec<String> {
        let over = |session: &&Session| session.status == SessionStatus::Open && session.expires_at <= now.as_second();
        self.sessions.values().filter(over).map(|session| session.id.clone()).collect()
    }

    fn change_intent(&mut self, id: &str, event: &str, now: Timestamp, change: impl FnOnce(&mut Intent)) {
        let Some(intent) = self.intents.get_mut(id) else { return };
        change(intent);
        let shown = intent.json();
        self.emit(event, shown, now);
    }

    fn intent_of(&mut self, session: &mut Session, now: Timestamp) -> String {
        if let Some(id) = &session.intent {
            return id.clone();
        }
        let fresh = new_intent(session.amount_total, &session.currency, session.intent_metadata.clone(), now);
        let intent = Intent { session: Some(session.id.clone()), ..fresh };
        let id = intent.id.clone();
        session.intent = Some(id.clone());
        self.intents.insert(id.clone(), intent);
        id
    }
}

fn describe(session: &Session) -> String {
    match session.status {
        SessionStatus::Open => "the session is still open".to_owned(),
        SessionStatus::Complete => format!("the session is complete and {}", session.payment_status()),
        SessionStatus::Expired => "the session is expired".to_owned(),
    }
}

/// The status in Stripe's words.
pub(crate) const fn status_name(status: IntentStatus) -> &'static str {
    match status {
        IntentStatus::RequiresPaymentMethod => "requires_payment_method",
        IntentStatus::Processing => "processing",
        IntentStatus::Succeeded => "succeeded",
        IntentStatus::Canceled => "canceled",
    }
}
