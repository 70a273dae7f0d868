//! What a function's process is started with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The region that all is said to be in.
pub(super) const REGION: &str = "us-east-1";
/// AWS's account of the examples.
pub(super) const ACCOUNT: &str = "123456789012";
/// The published version that the alias names.
const VERSION: &str = "1";

/// A function to start.
#[derive(Clone, Debug)]
pub struct Launch<'a> {
    /// Its name.
    pub function: &'a str,
    /// Its binary, `bootstrap` of the deployed package.
    pub binary: &'a Path,
    /// Its memory in MB: told to it, and not held to.
    pub memory_mb: u32,
    /// How long one event may take; the process is ended then.
    pub timeout: Duration,
    /// The variables that the template sets. They go before those of Lambda itself, so that a test can take one away or
    /// point it elsewhere.
    pub variables: BTreeMap<String, String>,
}

impl<'a> Launch<'a> {
    /// A function as the template has it by default: 256 MB and 15 s.
    #[must_use]
    pub fn of(function: &'a str, binary: &'a Path, variables: BTreeMap<String, String>) -> Self {
        Self { function, binary, memory_mb: 256, timeout: Duration::from_secs(15), variables }
    }

    /// The whole environment of the process, and nothing of ours: the [defined variables] and those given.
    ///
    /// [defined variables]: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    pub(super) fn environment(&self, api: SocketAddr) -> BTreeMap<String, String> {
        let function = self.function;
        let root = self.binary.parent().unwrap_or(self.binary).display();
        let defined = [
            ("_HANDLER", "bootstrap".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.memory_mb.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", VERSION.to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{function}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME", format!("2026/11/20/[{VERSION}]0123456789abcdef0123456789abcdef")),
            ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_SESSION_TOKEN", "local".to_owned()),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
            ("LAMBDA_TASK_ROOT", root.to_string()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin".to_owned()),
            ("TZ", ":UTC".to_owned()),
        ];
        let defined = defined.into_iter().map(|(name, value)| (name.to_owned(), value));
        defined.chain(self.variables.clone()).collect()
    }

    /// The name by which an event's context calls the function.
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}:live", self.function)
    }
}
