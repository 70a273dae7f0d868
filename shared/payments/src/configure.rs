//! The processors of a deployment, from its variables.

use domain::secret::Secret;

use crate::stripe::{Client, ConfigError, StripeConfig};
use crate::Processor;

/// Reads `BURSAR_STRIPE_API`, `BURSAR_STRIPE_SECRET_KEY`, `BURSAR_STRIPE_WEBHOOK_SECRETS` (a comma-separated list, all
/// that are active during a rotation) and `BURSAR_STRIPE_LIVEMODE` through `variable`, which reports what is missing;
/// `None` then.
///
/// # Errors
/// [`ConfigError`] for values with which no client can be built.
pub fn configured(
    mut variable: impl FnMut(&'static str) -> Option<String>,
) -> Result<Option<Vec<Processor>>, ConfigError> {
    let api_base = variable("BURSAR_STRIPE_API");
    let key = variable("BURSAR_STRIPE_SECRET_KEY");
    let secrets = variable("BURSAR_STRIPE_WEBHOOK_SECRETS");
    let mode = variable("BURSAR_STRIPE_LIVEMODE");
    let (Some(api_base), Some(key), Some(secrets), Some(mode)) = (api_base, key, secrets, mode) else {
        return Ok(None);
    };
    let secrets = secrets.split(',').map(str::trim).filter(|secret| !secret.is_empty());
    let config = StripeConfig {
        api_base,
        secret_key: Secret::new(key),
        webhook_secrets: secrets.map(Secret::new).collect(),
        livemode: mode == "true",
    };
    Ok(Some(vec![Processor::Stripe(Client::new(config)?)]))
}
