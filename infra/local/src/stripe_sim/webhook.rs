//! Webhooks: signed, delivered at least once, retried on the clock.
//!
//! A delivery leaves the queue only after a 2xx or three days, so a process killed in between delivers again.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::StripeSim;
use super::state::{Cause, Delivery, State};
use crate::faults::{Target, WEBHOOK};

/// The waits after the first failures; then [`LATER_RETRIES`] until [`GIVE_UP_AFTER`].
const FIRST_RETRIES: [SignedDuration; 5] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
];
const LATER_RETRIES: SignedDuration = SignedDuration::from_hours(12);

/// Stripe gives up on a live endpoint after three days.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// The `Stripe-Signature` header of `body`: one `v1` per secret, each HMAC-SHA256 over `<seconds>.<body>`,
/// keyed with the whole secret string.
#[must_use]
pub fn sign(secrets: &[String], seconds: i64, body: &[u8]) -> String {
    let mut header = format!("t={seconds}");
    for secret in secrets {
        // HMAC takes a key of any length, so this never skips one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { continue };
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        header.push_str(",v1=");
        header.push_str(&hex::encode(mac.finalize().into_bytes()));
    }
    header
}

impl State {
    /// The deliveries that are due, oldest first.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Delivery> {
        self.deliveries.iter().filter(|delivery| delivery.due <= now).cloned().collect()
    }

    fn delivered(&mut self, number: u64) {
        self.deliveries.retain(|delivery| delivery.number != number);
    }

    fn put_off(&mut self, number: u64, by: SignedDuration, now: Timestamp) {
        if let Some(delivery) = self.deliveries.iter_mut().find(|delivery| delivery.number == number) {
            delivery.due = now.saturating_add(by).unwrap_or(Timestamp::MAX);
            delivery.delayed = true;
        }
    }

    fn failed(&mut self, number: u64, now: Timestamp) {
        let Some(delivery) = self.deliveries.iter_mut().find(|delivery| delivery.number == number) else { return };
        let tried = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
        let wait = FIRST_RETRIES.get(tried).copied().unwrap_or(LATER_RETRIES);
        delivery.attempts = delivery.attempts.saturating_add(1);
        delivery.due = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let (kind, created, due) = (delivery.kind.clone(), delivery.created, delivery.due);
        if due.duration_since(created) > GIVE_UP_AFTER {
            tracing::warn!(event = kind, "webhook given up after three days");
            self.delivered(number);
        }
    }
}

impl StripeSim {
    /// Delivers every webhook that is due and returns how many requests that took. Calls wait for each other.
    pub async fn deliver(&self) -> usize {
        let _turn = self.inner.delivering.lock().await;
        let url = self.urls().webhook.clone();
        if url.is_empty() {
            return 0;
        }
        let mut requests = 0;
        for (delivery, plan) in self.plan() {
            match plan {
                Plan::Drop => self.change(Cause::default(), |state, _| state.delivered(delivery.number)),
                Plan::PutOff(by) => {
                    self.change(Cause::default(), |state, now| state.put_off(delivery.number, by, now));
                }
                Plan::Fail => self.change(Cause::default(), |state, now| state.failed(delivery.number, now)),
                Plan::Send { times } => {
                    for _ in 0..times {
                        requests += 1;
                        self.send(&url, &delivery).await;
                    }
                }
            }
        }
        requests
    }

    /// What is due, and what the faults in force make of it.
    fn plan(&self) -> Vec<(Delivery, Plan)> {
        let mut reversed = false;
        let due = self.read(|state, now| state.due(now));
        let plan = |delivery: Delivery| {
            let operation = format!("{WEBHOOK} {}", delivery.kind);
            let fault = if delivery.delayed { None } else { self.faults().take(Target::Stripe, &operation) };
            let Some(fault) = fault else { return (delivery, Plan::Send { times: 1 }) };
            reversed |= fault.reorder;
            let plan = if fault.drop {
                Plan::Drop
            } else if fault.status.is_some() || fault.timeout {
                Plan::Fail
            } else if fault.delay_ms > 0 {
                Plan::PutOff(SignedDuration::try_from(fault.delay()).unwrap_or(SignedDuration::MAX))
            } else {
                Plan::Send { times: if fault.duplicate { 2 } else { 1 } }
            };
            (delivery, plan)
        };
        let mut planned: Vec<(Delivery, Plan)> = due.into_iter().map(plan).collect();
        if reversed {
            planned.reverse();
        }
        planned
    }

    async fn send(&self, url: &str, delivery: &Delivery) {
        let seconds = self.inner.clock.now().as_second();
        let signature = sign(&self.inner.webhook_secrets, seconds, delivery.body.as_bytes());
        let request = self.inner.client.post(url);
        let request = request.header("content-type", "application/json").header("stripe-signature", signature);
        let answer = request.body(delivery.body.clone()).send().await;
        let accepted = answer.as_ref().is_ok_and(|answer| answer.status().is_success());
        if !accepted {
            let said = match &answer {
                Ok(answer) => answer.status().to_string(),
                Err(error) => error.to_string(),
            };
            tracing::warn!(event = delivery.kind, said, "webhook was not accepted");
        }
        self.change(Cause::default(), |state, now| {
            if accepted { state.delivered(delivery.number) } else { state.failed(delivery.number, now) }
        });
    }
}

/// What becomes of one delivery.
enum Plan {
    Send { times: u32 },
    Drop,
    PutOff(SignedDuration),
    Fail,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = concat!(
        r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","created":1795327065,"#,
        r#""data":{"object":{"id":"pi_1"}}}"#
    );
    const V1: &str = "baa0fa4a2bd0569ab1f3dd15be85b17967d2af909c9142615bb9bc5e85fec3ff";

    #[test]
    fn the_signature_is_the_one_that_stripes_own_libraries_make() {
        let header = sign(&["whsec_test".to_owned()], 1_795_327_065, BODY.as_bytes());
        assert_eq!(header, format!("t=1795327065,v1={V1}"));
    }

    #[test]
    fn every_active_secret_signs() {
        let header = sign(&["whsec_new".to_owned(), "whsec_test".to_owned()], 1_795_327_065, BODY.as_bytes());
        assert_eq!(header.matches(",v1=").count(), 2);
        assert!(header.ends_with(V1));
    }

    #[test]
    fn retries_back_off_and_end_after_three_days() {
        let mut state = State::default();
        let start = Timestamp::UNIX_EPOCH;
        state.emit("charge.succeeded", serde_json::json!({}), start);
        let (mut now, mut waits) = (start, Vec::new());
        while let Some(delivery) = state.deliveries.first().cloned() {
            if delivery.due > now {
                waits.push(delivery.due.duration_since(now).as_mins());
            }
            now = delivery.due;
            state.failed(delivery.number, now);
        }
        assert_eq!(waits, [1, 5, 30, 120, 300, 720, 720, 720, 720, 720]);
    }
}
