//! Counting what a request costs at the wire: sequential round trips and DynamoDB's capacity units, by target.
//!
//! A round trip is sequential if it begins while no other of the same request is under way; calls made together count
//! as one. The counts are what the budget test reads, and `GET /_local/calls` shows.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::faults::Target;

/// How many of the last requests of each operation are kept.
const KEPT: usize = 50;

tokio::task_local! {
    static METER: Meter;
}

/// What one request has cost so far.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    request: Arc<str>,
    cost: Arc<Mutex<Cost>>,
}

/// The cost of a request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cost {
    /// Sequential round trips to everything.
    pub sequential: u32,
    /// Sequential round trips by target.
    pub by_target: BTreeMap<&'static str, u32>,
    /// The calls in the order in which they began.
    pub calls: Vec<String>,
    /// DynamoDB capacity units, of reads and writes together.
    pub capacity_units: f64,
    /// Those of them that writes used.
    pub write_units: f64,
    #[serde(skip)]
    under_way: u32,
}

impl Meter {
    /// Runs `work` with its calls counted here.
    pub async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        METER.scope(self.clone(), work).await
    }

    /// What was counted.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.lock().clone()
    }

    /// Counts a whole call that another process would see, such as one to a simulator.
    pub fn count(&self, target: Target, operation: &str) {
        self.begin(target, operation);
        self.end(0.0, false);
    }

    fn begin(&self, target: Target, operation: &str) {
        let mut cost = self.lock();
        if cost.under_way == 0 {
            cost.sequential = cost.sequential.saturating_add(1);
            let count = cost.by_target.entry(name(target)).or_default();
            *count = count.saturating_add(1);
        }
        cost.under_way = cost.under_way.saturating_add(1);
        cost.calls.push(format!("{} {operation}", name(target)));
    }

    #[expect(clippy::float_arithmetic, reason = "capacity units are fractions, and money is nowhere near")]
    fn end(&self, capacity: f64, write: bool) {
        let mut cost = self.lock();
        cost.under_way = cost.under_way.saturating_sub(1);
        cost.capacity_units += capacity;
        if write {
            cost.write_units += capacity;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cost> {
        self.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of the request that is being measured on this task, if one is.
#[must_use]
pub fn current_request() -> Option<Arc<str>> {
    METER.try_with(|meter| Arc::clone(&meter.request)).ok()
}

/// A call under way; it ends when dropped.
#[derive(Debug)]
pub struct Call {
    meter: Option<Meter>,
    write: bool,
}

/// The operations that use write units.
const WRITES: [&str; 4] = ["DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"];

impl Call {
    /// Begins a call of the current request; of none, outside one.
    #[must_use]
    pub fn begin(target: Target, operation: &str) -> Self {
        let meter = METER.try_with(Clone::clone).ok();
        if let Some(meter) = &meter {
            meter.begin(target, operation);
        }
        Self { meter, write: WRITES.contains(&operation) }
    }

    /// Ends the call, which used `capacity` units.
    pub fn end(mut self, capacity: f64) {
        if let Some(meter) = self.meter.take() {
            meter.end(capacity, self.write);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(meter) = self.meter.take() {
            meter.end(0.0, self.write);
        }
    }
}

fn name(target: Target) -> &'static str {
    match target {
        Target::Stripe => "stripe",
        Target::Lms => "lms",
        Target::Dynamodb => "dynamodb",
        Target::Sqs => "sqs",
    }
}

/// The costs of the last requests, by operation, and the meters of those under way.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    under_way: BTreeMap<String, Meter>,
    done: BTreeMap<String, VecDeque<Cost>>,
}

impl Ledger {
    /// Runs `work` with its calls counted under `operation`; those that arrive at a simulator are matched by `id`.
    pub async fn measure<T>(&self, operation: &str, id: &str, work: impl Future<Output = T>) -> T {
        let meter = Meter { request: id.into(), ..Meter::default() };
        self.lock().under_way.insert(id.to_owned(), meter.clone());
        let result = meter.scope(work).await;
        let mut inner = self.lock();
        inner.under_way.remove(id);
        let costs = inner.done.entry(operation.to_owned()).or_default();
        costs.push_back(meter.cost());
        if costs.len() > KEPT {
            costs.pop_front();
        }
        result
    }

    /// Counts a call that arrived at a simulator with this request id. What follows a dot in the id names a part of the
    /// request.
    pub fn arrived(&self, target: Target, request_id: &str, operation: &str) {
        let id = request_id.split('.').next().unwrap_or_default();
        let meter = self.lock().under_way.get(id).cloned();
        if let Some(meter) = meter {
            meter.count(target, operation);
        }
    }

    /// The costs by operation, oldest first.
    #[must_use]
    pub fn costs(&self) -> BTreeMap<String, Vec<Cost>> {
        let inner = self.lock();
        inner.done.iter().map(|(name, costs)| (name.clone(), costs.iter().cloned().collect())).collect()
    }

    /// Forgets every count.
    pub fn clear(&self) {
        self.lock().done.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
