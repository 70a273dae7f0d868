//! How long invocations are billed for, and what the starts among them decrypt.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use rust_decimal::{Decimal, RoundingStrategy};

use super::bill::checked;
use super::prices::Durations;
use super::usage::Invocation;
use crate::template::{Function, Setting, Stack};

/// The memory that buys one whole CPU, in MB. Source: AWS Lambda developer guide, "Configure Lambda function memory".
const WHOLE_CPU_MB: u32 = 1769;

/// Computes billed durations.
pub(super) struct Compute<'a> {
    functions: BTreeMap<String, Function>,
    durations: &'a Durations,
    settings: &'a BTreeSet<Setting>,
}

impl<'a> Compute<'a> {
    pub(super) fn new(
        stack: &Stack,
        durations: &'a Durations,
        settings: &'a BTreeSet<Setting>,
    ) -> anyhow::Result<Self> {
        let functions = stack.functions()?;
        let known = durations.cpu_us.keys();
        ensure!(functions.keys().eq(known), "durations are known of {:?}", durations.cpu_us.keys());
        Ok(Self { functions, durations, settings })
    }

    /// GB-seconds by the price of the architecture.
    pub(super) fn gb_seconds(&self, invocations: &[Invocation]) -> anyhow::Result<BTreeMap<String, Decimal>> {
        let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
        for invocation in invocations {
            let function = self.function(&invocation.function)?;
            let [architecture] = function.architectures.as_slice() else { anyhow::bail!("not one architecture") };
            let ms = checked(self.warm_ms(invocation)?.checked_add(self.start_ms()?))?;
            let used = checked(ms.checked_mul(function.memory_size.into()))?;
            let used = checked(used.checked_div((1000_u32 * 1024).into()))?;
            let sum = sums.entry(format!("lambda_{architecture}")).or_default();
            *sum = checked(sum.checked_add(used))?;
        }
        Ok(sums)
    }

    /// Requests to decrypt secrets: each start of an instance asks for each secret of the groups that the function reads.
    pub(super) fn decryptions(&self, invocations: &[Invocation]) -> anyhow::Result<Decimal> {
        let mut secrets = 0_usize;
        for invocation in invocations {
            secrets = secrets.saturating_add(self.secrets(&invocation.function)?);
        }
        checked(Decimal::from(secrets).checked_div(self.durations.start.one_in.into()))
    }

    /// The secrets that a function reads when it starts.
    pub(super) fn secrets(&self, function: &str) -> anyhow::Result<usize> {
        let paths = self.function(function)?.variables().get("BURSAR_PARAMETERS").cloned().unwrap_or_default();
        let groups: BTreeSet<&str> = paths.split(',').filter_map(|path| path.rsplit('/').next()).collect();
        let read = self.settings.iter().filter(|setting| groups.contains(setting.group.as_str()));
        let without = &self.durations.start.without;
        Ok(read.filter(|setting| setting.secret && !without.contains(&setting.variable)).count())
    }

    fn function(&self, name: &str) -> anyhow::Result<&Function> {
        self.functions.get(name).with_context(|| format!("the template has no function {name}"))
    }

    /// Billed milliseconds of an instance that runs already: whole ones.
    fn warm_ms(&self, invocation: &Invocation) -> anyhow::Result<Decimal> {
        let memory = self.function(&invocation.function)?.memory_size;
        let cpu = self.durations.cpu_us.get(&invocation.function).copied().unwrap_or_default();
        let stretch = checked(Decimal::from(WHOLE_CPU_MB).checked_div(memory.min(WHOLE_CPU_MB).into()))?;
        let mut ms = checked(stretch.checked_mul(Decimal::new(cpu.into(), 3)))?;
        for (target, trips) in &invocation.trips {
            let wait = self.durations.wait_ms.get(*target).with_context(|| format!("no duration of {target}"))?;
            ms = checked(ms.checked_add(wait.saturating_mul(*trips).into()))?;
        }
        Ok(ms.round_dp_with_strategy(0, RoundingStrategy::ToPositiveInfinity))
    }

    /// An invocation's share of a start.
    fn start_ms(&self) -> anyhow::Result<Decimal> {
        checked(Decimal::from(self.durations.start.init_ms).checked_div(self.durations.start.one_in.into()))
    }
}
