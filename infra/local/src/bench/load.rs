//! Load: so many clients that each make one request after the other, and how long each request took.
#![expect(clippy::float_arithmetic, reason = "figures, not money")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::task::JoinSet;

/// Clients at once.
pub(crate) const CLIENTS: usize = 16;

/// The ids under which the DynamoDB calls of a job are recorded.
pub(crate) type Trace = Vec<String>;

/// One unit of work, ready to be started.
pub(crate) type Job<T = Trace> = BoxFuture<'static, anyhow::Result<T>>;

/// What a number of jobs took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    took: Duration,
    latencies: Vec<Duration>,
}

impl Sample {
    /// Takes another sample in, as if it had followed this one.
    pub(crate) fn add(&mut self, other: Self) {
        self.took += other.took;
        self.latencies.extend(other.latencies);
    }

    /// Seconds from the first start to the last end.
    pub(crate) fn seconds(&self) -> f64 {
        self.took.as_secs_f64()
    }

    /// Jobs per second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// The latency in milliseconds below which `percent` of the jobs stayed.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let at = sorted.len().saturating_mul(percent).checked_div(100).unwrap_or(0).min(last);
        sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    }
}

/// Works the jobs with `clients` clients at once; what they took, and what they answered, in no order.
///
/// # Errors
/// The first error of a job; the others are given up.
pub(crate) async fn run<T: Send + 'static>(jobs: Vec<Job<T>>, clients: usize) -> anyhow::Result<(Sample, Vec<T>)> {
    let mut sample = Sample { took: Duration::ZERO, latencies: Vec::with_capacity(jobs.len()) };
    let mut answers = Vec::with_capacity(jobs.len());
    let queue = Arc::new(Mutex::new(jobs.into_iter()));
    let mut workers = JoinSet::new();
    let began = now();
    for _ in 0..clients {
        let queue = Arc::clone(&queue);
        workers.spawn(async move {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let mut done = Vec::new();
            while let Some(job) = next() {
                let began = now();
                let answer = job.await?;
                done.push((began.elapsed(), answer));
            }
            anyhow::Ok(done)
        });
    }
    while let Some(worker) = workers.join_next().await {
        for (latency, answer) in worker?? {
            sample.latencies.push(latency);
            answers.push(answer);
        }
    }
    sample.took = began.elapsed();
    Ok((sample, answers))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
