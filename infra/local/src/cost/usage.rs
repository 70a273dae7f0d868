//! What was used: counted at the wire, while it happens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::middleware::{self, Next};
use rust_decimal::Decimal;
use utoipa::openapi::OpenApi;

use super::lines::Weight;
use crate::meter::Cost;
use crate::template::{Route, route};

/// What something used.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Every invocation of a function.
    pub invocations: Vec<Invocation>,
    /// Requests to the API.
    pub requests: u64,
    /// Bytes of the bodies that the API answered with.
    pub answered_bytes: u64,
    /// DynamoDB's read units.
    pub read_units: Decimal,
    /// DynamoDB's write units.
    pub write_units: Decimal,
    /// Messages sent.
    pub messages: u64,
    /// What the functions logged.
    pub log: Weight,
}

/// An invocation of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The package.
    pub function: String,
    /// The round trips that it waited for, one after the other, by whom they went to.
    pub trips: BTreeMap<&'static str, u32>,
}

impl Usage {
    /// Counts an invocation.
    pub(super) fn invoked(&mut self, function: &str, cost: &Cost) -> anyhow::Result<()> {
        let units = |units: f64| Decimal::try_from(units).context("capacity units");
        let (all, writes) = (units(cost.capacity_units)?, units(cost.write_units)?);
        self.read_units =
            all.checked_sub(writes).and_then(|reads| self.read_units.checked_add(reads)).context("units")?;
        self.write_units = self.write_units.checked_add(writes).context("units")?;
        let sent = cost.calls.iter().filter(|call| call.as_str() == "sqs SendMessage").count();
        self.messages = self.messages.saturating_add(sent.try_into()?);
        self.invocations.push(Invocation { function: function.to_owned(), trips: cost.by_target.clone() });
        Ok(())
    }

    /// Calls to somebody outside AWS.
    #[must_use]
    pub fn calls_outside(&self) -> u32 {
        let trips = self.invocations.iter().flat_map(|invocation| &invocation.trips);
        trips.filter(|(target, _)| matches!(**target, "lms" | "stripe")).map(|(_, count)| count).sum()
    }
}

/// The requests that arrived at the API. Clones are the same list.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    routes: Arc<Vec<Route>>,
    seen: Arc<Mutex<Vec<Arrival>>>,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) method: String,
    pub(super) function: String,
    pub(super) bytes: u64,
}

impl Arrivals {
    pub(super) fn at(routes: Vec<Route>) -> Self {
        Self { routes: Arc::new(routes), seen: Arc::default() }
    }

    /// The router, with every request counted that the template has a route for: simulators and controls have none.
    pub(super) fn counted(&self, router: Router) -> Router {
        let arrivals = self.clone();
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let arrivals = arrivals.clone();
            async move {
                let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
                let response = next.run(request).await;
                if let Some(route) = route(&arrivals.routes, &method, &path) {
                    let bytes = response.body().size_hint().lower();
                    let function = route.function.clone();
                    arrivals.lock().push(Arrival { method, function, bytes });
                }
                response
            }
        }))
    }

    /// What has arrived, which is forgotten.
    pub(super) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arrival>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts requests and what they cost into `usage`: `costs` by the operation's id, as the meter has them.
pub(super) fn count(
    usage: &mut Usage,
    arrivals: &[Arrival],
    costs: &BTreeMap<String, Vec<Cost>>,
    owners: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    for arrival in arrivals {
        usage.requests = usage.requests.saturating_add(1);
        usage.answered_bytes = usage.answered_bytes.saturating_add(arrival.bytes);
        // A preflight is answered before any operation is known.
        if arrival.method == "OPTIONS" {
            usage.invoked(&arrival.function, &Cost::default())?;
        }
    }
    for (operation, costs) in costs {
        let function = match operation.as_str() {
            "fulfill" => "fulfillment",
            other => owners.get(other).with_context(|| format!("{other} is nobody's operation"))?,
        };
        for cost in costs {
            usage.invoked(function, cost)?;
        }
    }
    let answered = usage.invocations.iter().filter(|invocation| invocation.function != "fulfillment").count();
    ensure!(u64::try_from(answered)? == usage.requests, "{} requests and {answered} invocations", usage.requests);
    Ok(())
}

/// The function of each operation, by the routes of the template.
pub(super) fn owners(document: &OpenApi, routes: &[Route]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut owners = BTreeMap::new();
    for (path, item) in &document.paths.paths {
        let methods = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in methods {
            if let Some(id) = operation.as_ref().and_then(|operation| operation.operation_id.clone()) {
                let taken = route(routes, method, path).with_context(|| format!("no route for {method} {path}"))?;
                owners.insert(id, taken.function.clone());
            }
        }
    }
    Ok(owners)
}
