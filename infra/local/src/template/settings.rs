//! The parameters of a deployment: which there are, in which group, and which are secrets. Read from
//! `infra/parameters.example`, which lists them, and `infra/parameters.sh`, which puts them into the parameter store.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};

use super::read;

/// A setting or secret in the parameter store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// The group, which says who reads it.
    pub group: String,
    /// The variable.
    pub variable: String,
    /// Whether it is stored encrypted.
    pub secret: bool,
}

/// Every parameter of a deployment.
///
/// # Errors
/// If a file cannot be read, or a secret is in no group.
pub fn settings() -> anyhow::Result<BTreeSet<Setting>> {
    parse(&read("infra/parameters.example")?, &read("infra/parameters.sh")?)
}

fn parse(example: &str, script: &str) -> anyhow::Result<BTreeSet<Setting>> {
    let named = script.split_once("\nsecrets=\"").and_then(|(_, rest)| rest.split_once('"'));
    let (named, _) = named.context("infra/parameters.sh does not say what is secret")?;
    let secrets: BTreeSet<&str> = named.split([' ', '\\', '\n']).filter(|name| !name.is_empty()).collect();
    let lines = example.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let setting = |line: &str| {
        let (name, _) = line.split_once('=').with_context(|| format!("{line:?} has no value"))?;
        let (group, variable) = name.split_once('/').with_context(|| format!("{name:?} has no group"))?;
        let secret = secrets.contains(variable);
        Ok(Setting { group: group.to_owned(), variable: variable.to_owned(), secret })
    };
    let settings: BTreeSet<Setting> = lines.map(setting).collect::<anyhow::Result<_>>()?;
    let found = settings.iter().filter(|setting| setting.secret).count();
    ensure!(found == secrets.len(), "not every one of {secrets:?} is in a group");
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_a_group_and_may_be_secret() {
        let found = parse("# a\nshop/A=1\n\nlms/B=", "x\nsecrets=\" B \\\n\"\n").unwrap();
        let setting =
            |group: &str, variable: &str, secret| Setting { group: group.into(), variable: variable.into(), secret };
        assert_eq!(found, BTreeSet::from([setting("shop", "A", false), setting("lms", "B", true)]));
        assert!(parse("shop/A=1", "\nsecrets=\"C\"").is_err());
    }
}
