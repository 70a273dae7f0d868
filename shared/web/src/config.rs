//! Configuration from the environment: read once, at start-up, all of it.
//!
//! Everything that is missing or malformed is reported in one error, so that a deployment is mended in one go:
//!
//! ```
//! # use web::config::{ConfigError, Env};
//! # fn read(mut env: Env) -> Result<(String, u32), ConfigError> {
//! let table = env.required("BURSAR_TABLE");
//! let limit = env.parsed::<u32>("BURSAR_LIMIT");
//! env.finish(table.zip(limit))
//! # }
//! # let env = Env::of([("BURSAR_TABLE", "bursar"), ("BURSAR_LIMIT", "7")]);
//! # assert_eq!(read(env).ok(), Some(("bursar".to_owned(), 7)));
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use domain::text::Tenant;
use reqwest::Url;
use serde::de::DeserializeOwned;

pub use domain::secret::Secret;

use crate::aws::SdkConfig;
use crate::parameters::read_parameters;

/// The shortest secret that is taken, in bytes: 128 bits if it is random.
pub(crate) const MIN_SECRET: usize = 16;

/// What is wrong with the environment, all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("configuration is incomplete: {}", .0.join("; "))]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// One fault that was found after the environment was read. It must not show a secret.
    #[must_use]
    pub fn of(fault: impl Into<String>) -> Self {
        Self(vec![fault.into()])
    }
}

/// A reader of variables that collects what is wrong. An empty variable counts as unset.
#[derive(Clone)]
pub struct Env {
    variables: Arc<BTreeMap<String, String>>,
    faults: Vec<String>,
    /// What a variable's name ends in when it is for one tenant only.
    suffix: Option<String>,
}

impl Env {
    /// The process's environment, and under it the parameters of each path of the parameter store that
    /// `BURSAR_PARAMETERS` lists: settings and secrets that a function may not carry in its plain environment.
    ///
    /// # Errors
    /// [`ConfigError`] if a path cannot be read.
    pub async fn load(sdk: &SdkConfig) -> Result<Self, ConfigError> {
        let process = Self::process();
        let paths = process.optional("BURSAR_PARAMETERS").unwrap_or_default();
        Ok(process.or(read_parameters(sdk, &paths).await?))
    }

    /// The process's environment alone.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn process() -> Self {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self::of(std::env::vars_os().filter_map(text))
    }

    /// Variables given by a test or by the local cloud.
    pub fn of<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let given = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables: Arc::new(given), faults: Vec::new(), suffix: None }
    }

    /// The same environment, with a value for what is not set in it.
    #[must_use]
    pub fn or<K: Into<String>, V: Into<String>>(&self, defaults: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut variables: BTreeMap<String, String> =
            defaults.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let set = self.variables.iter().filter(|(_, value)| !value.trim().is_empty());
        variables.extend(set.map(|(name, value)| (name.clone(), value.clone())));
        Self { variables: Arc::new(variables), ..self.clone() }
    }

    /// The same environment as one tenant sees it: `NAME__ACME`, if it is set, goes before `NAME`.
    #[must_use]
    pub fn of_tenant(&self, tenant: &Tenant) -> Self {
        let suffix = tenant.as_str().to_uppercase().replace('-', "_");
        Self { variables: Arc::clone(&self.variables), faults: Vec::new(), suffix: Some(format!("__{suffix}")) }
    }

    /// A variable that may be unset.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        let own = self.suffix.as_ref().and_then(|suffix| self.value(&format!("{name}{suffix}")));
        own.or_else(|| self.value(name))
    }

    fn value(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A variable that must be set. `None` is reported by [`Env::finish`].
    pub fn required(&mut self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.faults.push(format!("{name} is not set"));
        }
        value
    }

    /// A variable that must be set and parse.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.required(name)?;
        self.parse(name, &text)
    }

    /// An `http` or `https` URL that must be set.
    pub fn url(&mut self, name: &str) -> Option<String> {
        let text = self.required(name)?;
        let url = text.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        if url.is_none() {
            self.faults.push(format!("{name} must be an http or https URL"));
        }
        url.map(|_| text)
    }

    /// A comma-separated list, each item of which must parse; unset is the empty list.
    pub fn list<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Vec<T>> {
        let text = self.optional(name).unwrap_or_default();
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| self.parse(name, item)).collect()
    }

    /// A variable that must parse if it is set, and is `default` if not.
    pub fn parsed_or<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> Option<T> {
        match self.optional(name) {
            None => Some(default),
            Some(text) => self.parse(name, &text),
        }
    }

    /// A variable that holds JSON, and may be unset. It may hold secrets, so a fault tells where it is and not what stands
    /// there. The outer `None` is a fault.
    pub fn optional_json<T: DeserializeOwned>(&mut self, name: &str) -> Option<Option<T>> {
        match self.optional(name) {
            None => Some(None),
            Some(text) => self.parse_json(name, &text).map(Some),
        }
    }

    fn parse_json<T: DeserializeOwned>(&mut self, name: &str, text: &str) -> Option<T> {
        let parsed = serde_json::from_str(text);
        let place = |error: serde_json::Error| {
            let (what, line, column) = (error.classify(), error.line(), error.column());
            self.faults.push(format!("{name} is not the JSON that is expected ({what:?} at {line}:{column})"));
        };
        parsed.map_err(place).ok()
    }

    /// A secret of at least 16 bytes. Its value is never part of an error.
    pub fn secret(&mut self, name: &str) -> Option<Secret> {
        let value = self.required(name)?;
        if value.len() < MIN_SECRET {
            self.faults.push(format!("{name} is shorter than {MIN_SECRET} bytes"));
            return None;
        }
        Some(Secret::new(value))
    }

    /// Reports a fault that the caller found. It must not show a secret.
    pub(crate) fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// What was built of the variables, or everything that was wrong with them.
    ///
    /// # Errors
    /// [`ConfigError`] if any read reported a fault, or if nothing was built.
    pub fn finish<T>(self, built: Option<T>) -> Result<T, ConfigError> {
        built.filter(|_| self.faults.is_empty()).ok_or(ConfigError(self.faults))
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        let parsed = text.parse();
        parsed.map_err(|error| self.faults.push(format!("{name}: {error}"))).ok()
    }
}

/// Without values, of which many are secrets.
impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use domain::text::Tenant;

    use super::*;

    #[test]
    fn everything_that_is_wrong_is_reported_at_once_without_secrets() {
        let mut env = Env::of([("TENANT", "No Good"), ("SECRET", "hunter2"), ("FLAG", "yes"), ("EMPTY", " ")]);
        let tenant = env.parsed::<Tenant>("TENANT");
        let secret = env.secret("SECRET");
        let flag = env.parsed_or("FLAG", true);
        let empty = env.required("EMPTY");
        let table = env.required("TABLE");
        let built = tenant.zip(secret).zip(flag).zip(empty).zip(table);
        let error = env.finish(built).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some(
                "configuration is incomplete: TENANT: tenant must be 1 to 32 lower-case letters, digits or '-'; SECRET is \
                 shorter than 16 bytes; FLAG: provided string was not `true` or `false`; EMPTY is not set; TABLE is not set"
            )
        );
    }

    #[test]
    fn a_fault_is_reported_even_if_its_value_was_not_used() {
        let mut env = Env::of([("NAME", "x")]);
        let _unused = env.required("TABLE");
        let name = env.required("NAME");
        assert_eq!(env.finish(name), Err(ConfigError(vec!["TABLE is not set".to_owned()])));
    }

    #[test]
    fn an_unset_list_is_empty() {
        let mut env = Env::of([("SOME", "1, 2,")]);
        assert_eq!((env.list::<u8>("SOME"), env.list::<u8>("NONE")), (Some(vec![1, 2]), Some(vec![])));
    }
}
