//! One running copy of a function.

use std::io;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::api::{Answer, Api, Invocation, Report};
use super::environment::Launch;
use super::process::Process;

/// How long a start may take. Lambda gives ten seconds; a machine that builds at the same time is no fault of ours.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A function that did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no process.
    #[error("the process cannot be made")]
    NoProcess(#[from] io::Error),
    /// The process ended before it asked for an event.
    #[error("the process ended ({status}) before it asked for an event:\n{log}")]
    Exited {
        /// How.
        status: ExitStatus,
        /// What it wrote.
        log: String,
    },
    /// The process reported that it cannot work.
    #[error("the process cannot start: {report}\n{log}")]
    Reported {
        /// What it reported.
        report: Report,
        /// What it wrote.
        log: String,
    },
    /// The process neither ended nor asked for an event.
    #[error("the process has not asked for an event within a minute:\n{log}")]
    TooLate {
        /// What it wrote.
        log: String,
    },
}

/// An event without an answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function failed; it can take the next event.
    #[error(transparent)]
    Function(Report),
    /// The process ended.
    #[error("the process ended:\n{log}")]
    Exited {
        /// What it wrote.
        log: String,
    },
    /// The function took longer than its timeout, and was ended.
    #[error("the function timed out:\n{log}")]
    TimedOut {
        /// What it wrote.
        log: String,
    },
}

/// A function's process, which has started. It ends when this is dropped.
#[derive(Debug)]
pub struct Instance {
    process: Process,
    api: Api,
    server: JoinHandle<io::Result<()>>,
    timeout: Duration,
    init: Duration,
    /// How many events it was given. Who holds the lock has the process.
    given: Mutex<u64>,
}

impl Instance {
    /// Starts a function and waits until it asks for its first event.
    ///
    /// # Errors
    /// [`StartError`], with all that the process wrote.
    pub async fn start(launch: &Launch<'_>) -> Result<Self, StartError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut command = Command::new(launch.binary);
        command.env_clear().envs(launch.environment(listener.local_addr()?));
        let api = Api::new(launch.arn(), launch.timeout);
        let served = axum::serve(listener, api.router());
        #[expect(clippy::disallowed_methods, reason = "the instance owns the task, and ends it")]
        let server = tokio::spawn(served.into_future());
        let spawned = Instant::now();
        let process = Process::spawn(&mut command).inspect_err(|_| server.abort())?;
        let init = Duration::default();
        let mut instance = Self { process, api, server, timeout: launch.timeout, init, given: Mutex::default() };
        instance.started().await?;
        instance.init = instance.api.first_asked().unwrap_or(spawned).duration_since(spawned);
        Ok(instance)
    }

    async fn started(&self) -> Result<(), StartError> {
        let event = async {
            tokio::select! {
                biased;
                () = self.api.asked(1) => Ok(None),
                report = self.api.init_failed() => Ok(Some(report)),
                () = self.process.ended() => Err(self.process.status()),
            }
        };
        match timeout(START_LIMIT, event).await {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(report))) => Err(StartError::Reported { report, log: self.end().await }),
            Ok(Err(status)) => Err(StartError::Exited { status: status?, log: self.process.log() }),
            Err(_) => Err(StartError::TooLate { log: self.end().await }),
        }
    }

    /// Gives the function an event, and waits for its answer. Events wait for one another.
    ///
    /// # Errors
    /// [`InvokeError`].
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Result<Answer, InvokeError> {
        let mut given = self.given.lock().await;
        let (outcome, answered) = oneshot::channel();
        self.api.give(Invocation { event: event.into(), outcome }).await;
        *given = given.saturating_add(1);
        let answer = async {
            tokio::select! {
                biased;
                answer = answered => Some(answer),
                () = self.process.ended() => None,
            }
        };
        match timeout(self.timeout, answer).await {
            Ok(Some(Ok(outcome))) => outcome.map_err(InvokeError::Function),
            Ok(Some(Err(_)) | None) => Err(InvokeError::Exited { log: self.process.log() }),
            Err(_) => Err(InvokeError::TimedOut { log: self.end().await }),
        }
    }

    /// Waits until the process asks for its next event: it has done all that it does before Lambda freezes it.
    pub async fn idle(&self) {
        let given = *self.given.lock().await;
        tokio::select! {
            () = self.api.asked(given.saturating_add(1)) => {}
            () = self.process.ended() => {}
        }
    }

    /// How long the start took: from making the process to its first request for an event.
    #[must_use]
    pub const fn init_time(&self) -> Duration {
        self.init
    }

    /// The process's id, as below `/proc`.
    #[must_use]
    pub const fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// What the process has written so far, as far as it was read; [`Instance::end`] has all.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends the process at once, as `kill -9` does, and tells all that it wrote.
    pub async fn end(&self) -> String {
        self.process.kill();
        self.process.ended().await;
        self.process.log()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.server.abort();
    }
}
