//! What can go wrong at the LMS, in terms of what to do next.

use std::time::Duration;

/// A call to the LMS failed.
///
/// Transient failures say nothing about the learner or the course and pass by themselves; permanent ones need a person,
/// or another order.
#[derive(Debug, thiserror::Error)]
pub enum LmsError {
    /// The connection failed. Transient.
    #[error("lms cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// No answer in time, or status 408; the call may have taken effect. Transient.
    #[error("lms does not answer in time")]
    Timeout,
    /// The LMS failed. Transient.
    #[error("lms failed with status {status}")]
    Server {
        /// The HTTP status, 500 to 599.
        status: u16,
    },
    /// Too many calls. Transient.
    #[error("lms limits the rate of calls")]
    RateLimited {
        /// How long the LMS asks us to wait, if it does.
        retry_after: Option<Duration>,
    },
    /// No access token could be had. Transient, since it is the same for every learner and ends when operators mend it.
    #[error("lms gives no access token")]
    Token(#[source] TokenFailure),
    /// A fresh token was refused as well. Transient, as above.
    #[error("lms refuses a fresh access token")]
    Unauthorized,
    /// The learner has no account under this name (406).
    #[error("lms knows no such user")]
    NoSuchUser,
    /// The LMS refuses the call as it is (400): the course is closed or full, the mode is not offered, no such course.
    /// Its code does not tell these apart, its text does.
    #[error("lms refuses the request")]
    BadRequest {
        /// The LMS's text, at most 300 characters, for staff.
        message: String,
    },
    /// Not allowed (403): the learner is in an embargoed country, or our application's user is not staff.
    #[error("lms forbids it")]
    Forbidden {
        /// The LMS's text, at most 300 characters, for staff.
        message: String,
    },
    /// No such object (404), or our application's user is not staff.
    #[error("lms finds no such object")]
    NotFound,
    /// The LMS answered 200, but the enrolment that it shows is not the one that was asked for.
    #[error("lms shows mode {granted} (active: {active})")]
    WrongMode {
        /// The mode that the learner has.
        granted: String,
        /// Whether that enrolment is active.
        active: bool,
    },
    /// An answer that the API does not promise.
    ///
    /// A redirect (3xx) is transient: a maintenance page or a wrong base URL concerns no order in particular. Any other
    /// unexpected success or refusal is permanent: it would repeat, and staff sees it soonest as a parked line.
    #[error("lms answers unexpectedly with status {status}")]
    BadAnswer {
        /// The HTTP status.
        status: u16,
    },
}

impl LmsError {
    /// Whether the failure passes by itself, so that trying again does not count against the line.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Timeout
            | Self::Server { .. }
            | Self::RateLimited { .. }
            | Self::Token(_)
            | Self::Unauthorized => true,
            Self::BadAnswer { status } => (300..400).contains(status),
            Self::NoSuchUser
            | Self::BadRequest { .. }
            | Self::Forbidden { .. }
            | Self::NotFound
            | Self::WrongMode { .. } => false,
        }
    }

    /// What the LMS said, for staff: its own text where it gave one, else what went wrong.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::BadRequest { message } | Self::Forbidden { message } => format!("{self}: {message}"),
            Self::Unreachable(_)
            | Self::Timeout
            | Self::Server { .. }
            | Self::RateLimited { .. }
            | Self::Token(_)
            | Self::Unauthorized
            | Self::NoSuchUser
            | Self::NotFound
            | Self::WrongMode { .. }
            | Self::BadAnswer { .. } => self.to_string(),
        }
    }

    /// A stable word for staff, logs and parked lines.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Server { .. } | Self::Token(TokenFailure::Unreachable(_)) => "lms_unavailable",
            Self::Token(TokenFailure::Status { status: 500.. }) => "lms_unavailable",
            Self::Timeout => "lms_timeout",
            Self::RateLimited { .. } => "lms_rate_limited",
            Self::Token(TokenFailure::Status { .. } | TokenFailure::Unreadable) | Self::Unauthorized => "lms_token",
            Self::NoSuchUser => "no_such_user",
            Self::BadRequest { .. } => "enrollment_refused",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound => "not_found",
            Self::WrongMode { .. } => "wrong_mode",
            Self::BadAnswer { .. } => "unexpected_answer",
        }
    }
}

/// Why there is no access token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFailure {
    /// The token endpoint cannot be reached.
    #[error("token endpoint cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It refused: 401 is a wrong id or secret, 403 its own rate limit.
    #[error("token endpoint answers with status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// Its answer holds no usable token.
    #[error("token endpoint's answer holds no usable token")]
    Unreadable,
}
