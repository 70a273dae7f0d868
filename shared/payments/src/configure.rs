//! The processors of a deployment, from its variables.

use domain::secret::Secret;

use crate::Processor;
use crate::stripe::{Client, ConfigError, StripeConfig};

/// Reads `BURSAR_STRIPE_API`, `BURSAR_STRIPE_SECRET_KEY`, `BURSAR_STRIPE_PUBLISHABLE_KEY`, `BURSAR_STRIPE_WEBHOOK_SECRETS` (a comma-separated list, all
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
    let publishable_key = variable("BURSAR_STRIPE_PUBLISHABLE_KEY");
    let secrets = variable("BURSAR_STRIPE_WEBHOOK_SECRETS");
    let mode =
        variable("BURSAR_STRIPE_LIVEMODE").map(|mode| mode.parse().map_err(|_| ConfigError::Mode)).transpose()?;
    let (Some(api_base), Some(key), Some(publishable_key)) = (api_base, key, publishable_key) else { return Ok(None) };
    let (Some(secrets), Some(livemode)) = (secrets, mode) else { return Ok(None) };
    let secrets = secrets.split(',').map(str::trim).filter(|secret| !secret.is_empty());
    let config = StripeConfig {
        api_base,
        secret_key: Secret::new(key),
        webhook_secrets: secrets.map(Secret::new).collect(),
        publishable_key,
        livemode,
    };
    Ok(Some(vec![Processor::Stripe(Client::new(config)?)]))
}
