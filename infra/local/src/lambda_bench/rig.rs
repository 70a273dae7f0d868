//! The bench itself: a shop in this process, and functions' processes that are started and called beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::Method;

use super::artefacts::{Artefacts, CALLS, EMPTY, Size};
use super::case::Case;
use super::event;
use super::figures::{Comparison, Figures};
use super::process;
use crate::bench::shop::Shop;
use crate::cloud::TABLE;
use crate::dev_keys::TENANT;
use crate::endpoint;
use crate::lambda::{Instance, Launch};
use crate::template::Stack;

/// The stage whose template is taken.
const STAGE: &str = "dev";
/// Starts of which the median is told.
const STARTS: usize = 10;
/// Calls before those that are measured.
const WARM_UP: usize = 50;
/// Measured calls, in turns.
const MEASURED: usize = 500;
const TURN: usize = 50;
/// Products on sale.
const PRODUCTS: u32 = 100;

/// A shop, and the functions beside it.
pub(super) struct Rig {
    artefacts: Artefacts,
    shop: Arc<Shop>,
    stack: Stack,
}

/// A binary with its surroundings.
struct Subject {
    function: &'static str,
    binary: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Subject {
    async fn start(&self) -> anyhow::Result<Instance> {
        let mut launch = Launch::of(self.function, &self.binary, self.variables.clone());
        launch.timeout = Duration::from_secs(60);
        Instance::start(&launch).await.with_context(|| self.function)
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut variables = self.variables.clone();
        variables.insert(name.to_owned(), value.to_owned());
        Self { function: self.function, binary: self.binary.clone(), variables }
    }
}

impl Rig {
    /// Opens the shop that the functions work on.
    pub(super) async fn open(artefacts: Artefacts) -> anyhow::Result<Self> {
        Ok(Self { artefacts, shop: Arc::new(Shop::open(PRODUCTS).await?), stack: Stack::of(STAGE)? })
    }

    /// Measures the empty function.
    pub(super) async fn measure_empty(&self) -> anyhow::Result<(Figures, Size)> {
        let binary = self.artefacts.path(EMPTY);
        let empty = Subject { function: EMPTY, binary, variables: BTreeMap::new() };
        let mut figures = Figures::default();
        for _ in 0..STARTS {
            figures.starts.push(empty.start().await?.init_time());
        }
        let instance = empty.start().await?;
        let events = vec![self.any_event()?; MEASURED];
        call(&instance, events.iter().take(WARM_UP)).await?;
        figures.add(&instance, events.iter()).await?;
        Ok((figures, self.artefacts.size(EMPTY)?))
    }

    /// Measures a function beside the bare one.
    pub(super) async fn measure(&self, case: Case) -> anyhow::Result<Comparison> {
        let function = case.function();
        let variables = self.variables(function)?;
        let ours = Subject { function, binary: self.artefacts.path(function), variables: variables.clone() };
        let bare = Subject { function: CALLS, binary: self.artefacts.path(CALLS), variables }.with("BARE_CALLS", "0");
        let (mut of_ours, mut of_bare) = (Figures::default(), Figures::default());
        for _ in 0..STARTS {
            of_ours.starts.push(ours.start().await?.init_time());
            of_bare.starts.push(bare.start().await?.init_time());
        }
        let events = case.events(&self.shop, WARM_UP.saturating_add(MEASURED)).await?;
        let (warming, measured) = events.split_at(WARM_UP);
        let ours = ours.start().await?;
        let (calls, others) = self.count(&ours, warming).await?;
        let others = others.saturating_add(case.calls_outside());
        let bare = bare.with("BARE_CALLS", &calls.saturating_add(others).to_string()).start().await?;
        let plain = vec![self.any_event()?; WARM_UP.max(TURN)];
        call(&bare, plain.iter().take(WARM_UP)).await?;
        for turn in measured.chunks(TURN) {
            of_ours.add(&ours, turn.iter()).await?;
            of_bare.add(&bare, plain.iter().take(turn.len())).await?;
        }
        Ok(Comparison {
            name: format!("{function}: {}", case.name()),
            calls,
            others,
            size: self.artefacts.size(function)?,
            ours: of_ours,
            bare: of_bare,
        })
    }

    /// Warms a function up, and counts the calls of the last event: to DynamoDB, and to other services of AWS.
    async fn count(&self, instance: &Instance, events: &[Bytes]) -> anyhow::Result<(u32, u32)> {
        let (last, before) = events.split_last().context("no events")?;
        call(instance, before.iter()).await?;
        drop(self.shop.cloud.endpoint.take_calls());
        call(instance, std::iter::once(last)).await?;
        let calls = self.shop.cloud.endpoint.take_calls();
        let dynamodb = calls.iter().filter(|call| call.starts_with("dynamodb ")).count();
        Ok((u32::try_from(dynamodb)?, u32::try_from(calls.len().saturating_sub(dynamodb))?))
    }

    /// What the template gives the function, with our own endpoint, table and queue, for one school.
    fn variables(&self, function: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let functions = self.stack.functions()?;
        let deployed = functions.get(function).with_context(|| format!("{function} is not in the template"))?;
        let mut variables = deployed.variables().clone();
        let cloud = &self.shop.cloud;
        for (name, value) in [
            ("AWS_ENDPOINT_URL", format!("{}{}", cloud.base_url, endpoint::MOUNT)),
            ("BURSAR_TABLE", TABLE.to_owned()),
            ("BURSAR_QUEUE_URL", cloud.trigger.url.clone()),
            ("BURSAR_TENANTS", TENANT.to_owned()),
        ] {
            variables.insert(name.to_owned(), value);
        }
        Ok(variables)
    }

    fn any_event(&self) -> anyhow::Result<Bytes> {
        event::http_api(&self.shop.front.request(Method::GET, "/", "bare").build()?)
    }
}

impl Figures {
    /// Measures calls.
    async fn add(&mut self, instance: &Instance, events: impl Iterator<Item = &Bytes>) -> anyhow::Result<()> {
        let id = instance.process_id();
        let before = process::cpu_time(id)?;
        self.latencies.extend(call(instance, events).await?);
        self.cpu = self.cpu.saturating_add(process::cpu_time(id)?.saturating_sub(before));
        self.memory = process::peak_memory(id)?;
        Ok(())
    }
}

/// Calls a function with one event after the other; how long each took.
async fn call(instance: &Instance, events: impl Iterator<Item = &Bytes>) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    for event in events {
        let answer = instance.invoke(event.clone()).await?;
        ensure!(event::succeeded(&answer.body), "{}\n{}", String::from_utf8_lossy(&answer.body), instance.log());
        took.push(answer.took);
    }
    instance.idle().await;
    Ok(took)
}
