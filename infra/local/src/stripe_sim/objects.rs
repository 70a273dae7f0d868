//! Stripe's objects as the simulator keeps them, and as Stripe writes them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Pairs that a caller hangs on an object.
pub(crate) type Metadata = BTreeMap<String, String>;

/// One line of a checkout session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) quantity: i64,
    pub(crate) unit_amount: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SessionStatus {
    Open,
    Complete,
    Expired,
}

/// A checkout session: the hosted page and what it sells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) expires_at: i64,
    pub(crate) status: SessionStatus,
    pub(crate) paid: bool,
    pub(crate) currency: String,
    pub(crate) amount_total: i64,
    pub(crate) items: Vec<Item>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) customer_email: Option<String>,
    pub(crate) success_url: String,
    pub(crate) cancel_url: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) intent_metadata: Metadata,
    /// Set at the first attempt; shown once the session is complete.
    pub(crate) intent: Option<String>,
    /// Where its page is, for as long as it is open.
    pub(crate) url: String,
}

impl Session {
    pub(crate) const fn payment_status(&self) -> &'static str {
        if self.paid { "paid" } else { "unpaid" }
    }

    pub(crate) fn json(&self) -> Value {
        let complete = self.status == SessionStatus::Complete;
        json!({
            "id": self.id, "object": "checkout.session", "livemode": false, "mode": "payment",
            "created": self.created.as_second(), "expires_at": self.expires_at,
            "status": self.status, "payment_status": self.payment_status(),
            "amount_subtotal": self.amount_total, "amount_total": self.amount_total, "currency": self.currency,
            "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
            "client_reference_id": self.client_reference_id, "customer": null,
            "customer_email": self.customer_email,
            "customer_details": complete.then(|| json!({ "email": self.customer_email })),
            "metadata": self.metadata, "payment_method_types": ["card"],
            "payment_intent": self.intent.as_ref().filter(|_| complete),
            "success_url": self.success_url, "cancel_url": self.cancel_url,
            "url": (self.status == SessionStatus::Open).then_some(&self.url),
        })
    }

    pub(crate) fn line_items(&self) -> Value {
        let line = |item: &Item| {
            let total = item.unit_amount.saturating_mul(item.quantity);
            json!({
                "id": item.id, "object": "item", "description": item.name, "quantity": item.quantity,
                "currency": self.currency, "amount_subtotal": total, "amount_total": total,
                "amount_discount": 0, "amount_tax": 0,
                "price": { "object": "price", "currency": self.currency, "unit_amount": item.unit_amount },
            })
        };
        let data: Vec<Value> = self.items.iter().map(line).collect();
        json!({ "object": "list", "has_more": false, "data": data })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntentStatus {
    RequiresPaymentMethod,
    Processing,
    Succeeded,
    Canceled,
}

/// A payment intent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) status: IntentStatus,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Metadata,
    /// The session whose payment this is.
    pub(crate) session: Option<String>,
    pub(crate) charge: Option<String>,
    /// The decline code of the last attempt, when it failed.
    pub(crate) declined: Option<String>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) secret: String,
}

impl Intent {
    pub(crate) fn json(&self) -> Value {
        let received = if self.status == IntentStatus::Succeeded { self.amount } else { 0 };
        let error = self.declined.as_ref().map(|reason| {
            json!({ "type": "card_error", "code": "card_declined", "decline_code": reason,
                    "message": super::error::DECLINED })
        });
        json!({
            "id": self.id, "object": "payment_intent", "livemode": false, "created": self.created.as_second(),
            "status": self.status, "amount": self.amount, "amount_capturable": 0, "amount_received": received,
            "currency": self.currency, "description": self.description, "metadata": self.metadata,
            "automatic_payment_methods": { "enabled": true }, "capture_method": "automatic_async",
            "confirmation_method": "automatic", "payment_method_types": ["card"],
            "client_secret": format!("{}_secret_{}", self.id, self.secret),
            "latest_charge": self.charge, "last_payment_error": error, "next_action": null,
            "cancellation_reason": self.cancellation_reason, "canceled_at": self.canceled_at,
            "customer": null,
        })
    }
}

/// A charge: money that was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: String,
    pub(crate) disputed: bool,
    pub(crate) metadata: Metadata,
}

impl Charge {
    pub(crate) const fn remaining(&self) -> i64 {
        self.amount.saturating_sub(self.amount_refunded)
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "object": "charge", "livemode": false, "created": self.created.as_second(),
            "status": "succeeded", "paid": true, "captured": true, "amount": self.amount,
            "amount_captured": self.amount, "amount_refunded": self.amount_refunded,
            "refunded": self.remaining() == 0, "disputed": self.disputed, "currency": self.currency,
            "metadata": self.metadata, "payment_intent": self.intent,
            "payment_method_details": { "type": "card", "card": { "brand": "visa", "last4": "4242" } },
        })
    }
}

/// A refund; simulated ones succeed at once, and fail later if they are told to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) failed: bool,
}

impl Refund {
    pub(crate) fn json(&self) -> Value {
        let (status, why) = if self.failed { ("failed", Some("lost_or_stolen_card")) } else { ("succeeded", None) };
        json!({
            "id": self.id, "object": "refund", "created": self.created.as_second(), "status": status,
            "amount": self.amount, "currency": self.currency, "charge": self.charge,
            "payment_intent": self.intent, "reason": self.reason, "metadata": self.metadata,
            "failure_reason": why,
        })
    }
}

/// A dispute: the cardholder's bank wants the money back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
}

impl Dispute {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "object": "dispute", "livemode": false, "created": self.created.as_second(),
            "status": "needs_response", "reason": "fraudulent", "amount": self.amount,
            "currency": self.currency, "charge": self.charge, "payment_intent": self.intent,
            "is_charge_refundable": false, "metadata": {},
        })
    }
}
