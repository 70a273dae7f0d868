//! Payment attempts: one session at one processor.
//!
//! A decline is not the end of an attempt: the learner may try again on the same session. Money always wins: a
//! capture is accepted in every state but `succeeded`, so that a late answer is never lost.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::AttemptId;
use crate::payment::{Flow, NextStep, ProcessorName};
use crate::text::ProcessorRef;

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Written before the processor is called.
    Created,
    /// The processor opened a session, and the learner can pay.
    SessionOpen,
    /// The learner did his part; the money is on its way.
    Processing,
    /// Captured. Final.
    Succeeded,
    /// Refused for good.
    Failed,
    /// The session ended unpaid.
    Expired,
    /// The processor's answer was lost; its side has to be asked.
    Unknown,
}

/// What can happen to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    /// The processor opened a session.
    Open,
    /// The processor's answer was lost.
    LoseAnswer,
    /// The money is on its way.
    Process,
    /// One try was declined.
    Decline,
    /// The money was captured.
    Capture,
    /// It failed for good.
    Fail,
    /// The session ended unpaid.
    End,
}

/// A transition that the table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an attempt that is {from:?} cannot {event:?}")]
pub struct IllegalAttemptEvent {
    /// The state.
    pub from: AttemptState,
    /// The event.
    pub event: AttemptEvent,
}

impl AttemptState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::SessionOpen,
        Self::Processing,
        Self::Succeeded,
        Self::Failed,
        Self::Expired,
        Self::Unknown,
    ];

    /// The state after `event`. A state that an out-of-order event would lower stays as it is.
    ///
    /// # Errors
    /// [`IllegalAttemptEvent`] for what cannot follow.
    pub fn apply(self, event: AttemptEvent) -> Result<Self, IllegalAttemptEvent> {
        use AttemptEvent as E;
        match (self, event) {
            (Self::Succeeded, E::Capture) | (Self::Failed | Self::Expired, E::Open | E::LoseAnswer) => {
                Err(IllegalAttemptEvent { from: self, event })
            }
            // What comes late lowers nothing.
            (Self::Succeeded, E::Open | E::LoseAnswer | E::Process | E::Decline | E::Fail | E::End) => Ok(self),
            (Self::Failed | Self::Expired, E::Process | E::Decline | E::Fail | E::End) => Ok(self),
            (Self::Processing, E::Open | E::LoseAnswer | E::Process | E::Decline) => Ok(self),
            (Self::SessionOpen, E::LoseAnswer) => Ok(self),
            (Self::Created | Self::SessionOpen | Self::Unknown, E::Open | E::Decline) => Ok(Self::SessionOpen),
            (Self::Created | Self::Unknown, E::LoseAnswer) => Ok(Self::Unknown),
            (Self::Created | Self::SessionOpen | Self::Unknown, E::Process) => Ok(Self::Processing),
            (
                Self::Created | Self::SessionOpen | Self::Processing | Self::Failed | Self::Expired | Self::Unknown,
                E::Capture,
            ) => Ok(Self::Succeeded),
            (Self::Created | Self::SessionOpen | Self::Processing | Self::Unknown, E::Fail) => Ok(Self::Failed),
            (Self::Created | Self::SessionOpen | Self::Processing | Self::Unknown, E::End) => Ok(Self::Expired),
        }
    }

    /// Whether the learner could still pay it, as far as we know.
    #[must_use]
    pub fn is_live(self) -> bool {
        match self {
            Self::Created | Self::SessionOpen | Self::Processing | Self::Unknown => true,
            Self::Succeeded | Self::Failed | Self::Expired => false,
        }
    }
}

/// One try to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id, sent to the processor as metadata.
    pub id: AttemptId,
    /// The processor.
    pub processor: ProcessorName,
    /// How the learner pays.
    pub flow: Flow,
    /// Where it stands.
    pub state: AttemptState,
    /// The processor's name for the session, once opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<ProcessorRef>,
    /// The processor's name for the payment, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<ProcessorRef>,
    /// What the browser does next; shown only while the session is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStep>,
    /// The browser's way back.
    pub return_url: String,
    /// When the session ends at the processor.
    pub session_ends_at: Timestamp,
    /// The processor's code of the last decline or failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_decline: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts up with every change.
    pub version: u64,
}

impl Attempt {
    /// The attempt after `event`, with its version counted up.
    ///
    /// # Errors
    /// [`IllegalAttemptEvent`].
    pub fn after(&self, event: AttemptEvent) -> Result<Self, IllegalAttemptEvent> {
        let state = self.state.apply(event)?;
        Ok(Self { state, version: self.version.saturating_add(1), ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_state_and_event_matrix() {
        use AttemptEvent as E;
        let mut matrix = String::new();
        for state in AttemptState::ALL {
            matrix.push_str(&format!("{state:?}:"));
            for event in [E::Open, E::LoseAnswer, E::Process, E::Decline, E::Capture, E::Fail, E::End] {
                let after = state.apply(event).map_or("-".to_owned(), |after| format!("{after:?}"));
                matrix.push_str(&format!(" {event:?}={after}"));
            }
            matrix.push('\n');
        }
        expect![[r#"
            Created: Open=SessionOpen LoseAnswer=Unknown Process=Processing Decline=SessionOpen Capture=Succeeded Fail=Failed End=Expired
            SessionOpen: Open=SessionOpen LoseAnswer=SessionOpen Process=Processing Decline=SessionOpen Capture=Succeeded Fail=Failed End=Expired
            Processing: Open=Processing LoseAnswer=Processing Process=Processing Decline=Processing Capture=Succeeded Fail=Failed End=Expired
            Succeeded: Open=Succeeded LoseAnswer=Succeeded Process=Succeeded Decline=Succeeded Capture=- Fail=Succeeded End=Succeeded
            Failed: Open=- LoseAnswer=- Process=Failed Decline=Failed Capture=Succeeded Fail=Failed End=Failed
            Expired: Open=- LoseAnswer=- Process=Expired Decline=Expired Capture=Succeeded Fail=Expired End=Expired
            Unknown: Open=SessionOpen LoseAnswer=Unknown Process=Processing Decline=SessionOpen Capture=Succeeded Fail=Failed End=Expired
        "#]]
        .assert_eq(&matrix);
    }
}
