//! Fulfilment tasks: one per order line, or per part of a bundle, made when the order is paid (invariant I3: never silent).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::code_seed::CodeSeed;

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum TaskState {
    /// To be granted; looked at again at `due` if no message arrives before.
    Queued {
        /// When the janitor looks.
        due: Timestamp,
    },
    /// A worker is at it until its lease ends.
    Granting {
        /// The end of the lease.
        lease_until: Timestamp,
    },
    /// The learner has the place.
    Granted {
        /// Since when.
        at: Timestamp,
    },
    /// The LMS could not be reached or had no time; try again.
    RetryAt {
        /// When.
        at: Timestamp,
        /// The LMS's fault, as a code.
        reason: String,
    },
    /// A human must look.
    Parked {
        /// Why, as a code.
        reason: String,
    },
    /// To be taken back, or a worker is at it; looked at again at `due`.
    Revoking {
        /// When the janitor looks, or the lease ends.
        due: Timestamp,
    },
    /// Taken back. Final.
    Revoked {
        /// When.
        at: Timestamp,
    },
}

/// What can happen to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskEvent {
    /// A worker takes it.
    Claim {
        /// The end of its lease.
        lease_until: Timestamp,
    },
    /// The LMS did it.
    Succeed,
    /// The LMS was not able to now.
    Delay {
        /// When to try again.
        until: Timestamp,
        /// Why, as a code.
        reason: String,
    },
    /// The LMS will not, or not without a human.
    Park {
        /// Why, as a code.
        reason: String,
    },
    /// Staff or a service asks for another try.
    Redrive {
        /// When the janitor looks.
        due: Timestamp,
    },
    /// The line was refunded.
    Revoke {
        /// When the janitor looks.
        due: Timestamp,
    },
}

/// A transition that the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {state} cannot take {event}")]
pub struct IllegalTaskEvent {
    /// The state's name.
    pub state: &'static str,
    /// The event's name.
    pub event: &'static str,
}

impl TaskState {
    /// The state's name on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Granting { .. } => "granting",
            Self::Granted { .. } => "granted",
            Self::RetryAt { .. } => "retry_at",
            Self::Parked { .. } => "parked",
            Self::Revoking { .. } => "revoking",
            Self::Revoked { .. } => "revoked",
        }
    }

    /// When the janitor must look at it; `None` for states that wait for nothing.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Queued { due } | Self::Revoking { due } => Some(*due),
            Self::Granting { lease_until } => Some(*lease_until),
            Self::RetryAt { at, .. } => Some(*at),
            Self::Granted { .. } | Self::Parked { .. } | Self::Revoked { .. } => None,
        }
    }

    /// Whether a worker may take it at `now`: queued, due again, or left behind by a worker whose lease ended.
    #[must_use]
    pub fn is_claimable(&self, now: Timestamp) -> bool {
        match self {
            Self::Queued { .. } => true,
            Self::Granting { lease_until } => *lease_until <= now,
            Self::RetryAt { at, .. } => *at <= now,
            Self::Revoking { due } => *due <= now,
            Self::Granted { .. } | Self::Parked { .. } | Self::Revoked { .. } => false,
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalTaskEvent`] for every pair that the table does not list.
    pub fn apply(&self, event: TaskEvent, now: Timestamp) -> Result<Self, IllegalTaskEvent> {
        use TaskEvent as E;
        let illegal = IllegalTaskEvent { state: self.name(), event: event.name() };
        match (self, event) {
            (Self::Queued { .. } | Self::RetryAt { .. } | Self::Granting { .. }, E::Claim { lease_until }) => {
                Ok(Self::Granting { lease_until })
            }
            (Self::Revoking { .. }, E::Claim { lease_until }) => Ok(Self::Revoking { due: lease_until }),
            (Self::Granting { .. }, E::Succeed) => Ok(Self::Granted { at: now }),
            (Self::Revoking { .. }, E::Succeed) => Ok(Self::Revoked { at: now }),
            (Self::Granting { .. }, E::Delay { until, reason }) => Ok(Self::RetryAt { at: until, reason }),
            (Self::Revoking { .. }, E::Delay { until, .. }) => Ok(Self::Revoking { due: until }),
            (Self::Granting { .. } | Self::Revoking { .. }, E::Park { reason }) => Ok(Self::Parked { reason }),
            (Self::Parked { .. } | Self::RetryAt { .. } | Self::Queued { .. }, E::Redrive { due }) => {
                Ok(Self::Queued { due })
            }
            (
                Self::Queued { .. }
                | Self::Granted { .. }
                | Self::Granting { .. }
                | Self::RetryAt { .. }
                | Self::Parked { .. },
                E::Revoke { due },
            ) => Ok(Self::Revoking { due }),
            (Self::Queued { .. } | Self::RetryAt { .. }, E::Succeed | E::Delay { .. } | E::Park { .. })
            | (Self::Granting { .. }, E::Redrive { .. })
            | (
                Self::Granted { .. },
                E::Claim { .. } | E::Succeed | E::Delay { .. } | E::Park { .. } | E::Redrive { .. },
            )
            | (Self::Parked { .. }, E::Claim { .. } | E::Succeed | E::Delay { .. } | E::Park { .. })
            | (Self::Revoking { .. }, E::Redrive { .. } | E::Revoke { .. })
            | (
                Self::Revoked { .. },
                E::Claim { .. } | E::Succeed | E::Delay { .. } | E::Park { .. } | E::Redrive { .. } | E::Revoke { .. },
            ) => Err(illegal),
        }
    }
}

impl TaskEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Claim { .. } => "claim",
            Self::Succeed => "succeed",
            Self::Delay { .. } => "delay",
            Self::Park { .. } => "park",
            Self::Redrive { .. } => "redrive",
            Self::Revoke { .. } => "revoke",
        }
    }
}

/// Which task of an order: its line, and the part of a bundle, or 0.
pub type TaskKey = (u32, u32);

/// The fulfilment of one order line, or of one part of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The line's number in its order.
    pub line: u32,
    /// The part of a bundle, 1 for the first; 0 is the line as a whole.
    #[serde(default)]
    pub part: u32,
    /// Where it stands.
    pub state: TaskState,
    /// Transient faults since the last redrive; they never park a task before a week has passed.
    pub delays: u32,
    /// Permanent refusals since the last redrive; five park it.
    pub refusals: u32,
    /// Since when it has been tried; a redrive starts anew.
    pub since: Timestamp,
    /// The LMS's name for what was granted, where it has one (entitlements).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// What the codes are made of, of a line that gives codes, once a worker has had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<CodeSeed>,
    /// Whether a parked task was being revoked.
    pub revoking: bool,
    /// Counts up with every change.
    pub version: u64,
}

impl Task {
    /// The task of a line that was just paid.
    #[must_use]
    pub fn new(line: u32, part: u32, now: Timestamp, due: Timestamp) -> Self {
        Self {
            line,
            part,
            state: TaskState::Queued { due },
            delays: 0,
            refusals: 0,
            since: now,
            grant: None,
            seed: None,
            revoking: false,
            version: 1,
        }
    }

    /// Which task of its order it is.
    #[must_use]
    pub fn key(&self) -> TaskKey {
        (self.line, self.part)
    }

    /// Whether no worker has had it yet.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.version == 1
    }

    /// Whether the line still gives its place, or is to: it is neither taken back nor being taken back.
    #[must_use]
    pub fn gives(&self) -> bool {
        match self.state {
            TaskState::Queued { .. }
            | TaskState::Granting { .. }
            | TaskState::Granted { .. }
            | TaskState::RetryAt { .. }
            | TaskState::Parked { .. } => !self.revoking,
            TaskState::Revoking { .. } | TaskState::Revoked { .. } => false,
        }
    }

    /// The task after `event`, with its version counted up. A revocation starts its tries anew.
    ///
    /// # Errors
    /// [`IllegalTaskEvent`].
    pub fn after(&self, event: TaskEvent, now: Timestamp) -> Result<Self, IllegalTaskEvent> {
        let version = self.version.saturating_add(1);
        let revoke = matches!(event, TaskEvent::Revoke { .. });
        let state = self.state.apply(event, now)?;
        if !revoke {
            return Ok(Self { state, version, ..self.clone() });
        }
        // The LMS was never asked for what was never claimed, so there is nothing to take back.
        let state = if self.is_untouched() { TaskState::Revoked { at: now } } else { state };
        Ok(Self { state, version, delays: 0, refusals: 0, since: now, revoking: false, ..self.clone() })
    }
}

#[cfg(test)]
mod tests;
