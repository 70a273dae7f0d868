//! The function's process, what it writes, and its end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Standard output and standard error, which Lambda both takes for the log.
const OUTPUTS: usize = 2;

/// What a process has written, line by line. Clones are the same log.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copy(&self, output: impl Read) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            self.lock().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
}

/// A child process, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    id: u32,
    child: Mutex<Child>,
    log: Log,
    /// How many of its outputs are closed: all are when it has ended.
    closed: watch::Receiver<usize>,
}

impl Process {
    pub(super) fn spawn(command: &mut Command) -> std::io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (log, (closing, closed)) = (Log::default(), watch::channel(0));
        if let Some(output) = child.stdout.take() {
            read(output, log.clone(), closing.clone());
        }
        if let Some(output) = child.stderr.take() {
            read(output, log.clone(), closing);
        }
        Ok(Self { id: child.id(), child: Mutex::new(child), log, closed })
    }

    pub(super) const fn id(&self) -> u32 {
        self.id
    }

    /// What it has written, as far as it was read.
    pub(super) fn log(&self) -> String {
        self.log.lock().clone()
    }

    /// Waits until it has ended and all that it wrote is read. It does not end it.
    pub(super) async fn ended(&self) {
        // An error means that both readers are gone, which is the end as well.
        let _ = self.closed.clone().wait_for(|closed| *closed == OUTPUTS).await;
    }

    /// How it ended; waits for a process that has closed its outputs to be gone.
    pub(super) fn status(&self) -> std::io::Result<ExitStatus> {
        self.child().wait()
    }

    /// Ends it as `kill -9` does. One that has ended already is fine too.
    pub(super) fn kill(&self) {
        let mut child = self.child();
        if child.kill().is_ok() {
            // It was killed and not waited for before, so this returns at once.
            let _ = child.wait();
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads an output to its end beside everything else. The thread ends with the process.
fn read(output: impl Read + Send + 'static, log: Log, closing: watch::Sender<usize>) {
    std::thread::spawn(move || {
        log.copy(output);
        closing.send_modify(|closed| *closed = closed.saturating_add(1));
    });
}
