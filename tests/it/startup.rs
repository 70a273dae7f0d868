//! Starting: each function's own binary, with the settings that its README lists, from the parameter store.
//!
//! The lists are read from the READMEs, so those are held to the code: what they call needed is, and nothing else is.

use std::collections::BTreeSet;

use local::dev_keys;
use local::lambda::Launch;
use local::parameter_store::Kind;
use local::parameters::{Addresses, list, signing_keys};
use tests::deployment::{Deployment, STAGE};

/// Values that are not what a variable takes. Each holds `hunter2`, which must never be shown.
const MALFORMED: [(&str, &str); 25] = [
    ("BURSAR_TENANTS", "Hunter2 High"),
    ("BURSAR_CURRENCY", "hunter2"),
    ("BURSAR_TAX_PERCENT", "hunter2"),
    ("BURSAR_TAX_RATES", "DE=hunter2"),
    ("BURSAR_TAX_INCLUDED", "hunter2"),
    ("BURSAR_BLOCKED_COUNTRIES", "hunter2"),
    ("BURSAR_RETURN_ORIGINS", "hunter2.example"),
    ("BURSAR_REFUND_WINDOW_DAYS", "hunter2"),
    ("BURSAR_BANK_TRANSFER", r#"{"holder":"hunter2"}"#),
    ("BURSAR_KEY_SECRET", "hunter2"),
    ("BURSAR_ISSUERS", r#"[{"issuer":"https://lms.example","audience":["a"],"secret":"hunter2"}]"#),
    ("BURSAR_GATEWAY", r#"{"secrets":["hunter2"],"issuer":"https://sso.example"}"#),
    ("BURSAR_CLIENT_KEYS", "hunter2"),
    ("BURSAR_ALLOWED_ORIGINS", "hunter2.example"),
    ("BURSAR_SECURE_COOKIES", "hunter2"),
    ("BURSAR_COUNTRY_HEADER", "hunter2 hunter2"),
    ("BURSAR_QUEUE_URL", "hunter2"),
    ("BURSAR_SIGNING_KEYS", r#"[{"kid":"1","pem":"hunter2","from":"2026-01-01T00:00:00Z"}]"#),
    ("BURSAR_PUBLIC_URL", "hunter2"),
    ("BURSAR_NEXT_ORIGINS", "hunter2.example"),
    ("BURSAR_STRIPE_API", "hunter2"),
    ("BURSAR_STRIPE_SECRET_KEY", "sk_\u{7f}hunter2"),
    ("BURSAR_STRIPE_WEBHOOK_SECRETS", ","),
    ("BURSAR_STRIPE_LIVEMODE", "hunter2"),
    ("BURSAR_LMS_URL", "hunter2"),
];

/// Variables that take any text.
const FREE_TEXT: [&str; 6] = [
    "BURSAR_TABLE",
    "BURSAR_SESSION_REALMS",
    "BURSAR_TOKEN_AUDIENCE",
    "BURSAR_STRIPE_PUBLISHABLE_KEY",
    "BURSAR_LMS_CLIENT_ID",
    "BURSAR_LMS_CLIENT_SECRET",
];

/// A row of a README's table of settings.
struct Setting {
    variable: String,
    needed: bool,
}

/// The settings that a function's README lists.
fn settings(function: &str) -> Vec<Setting> {
    let path = format!("{}/../functions/{function}/README.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let section = text.split_once("\n## Settings\n").unwrap_or_else(|| panic!("{path} has no settings")).1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let settings: Vec<Setting> = rows
        .flat_map(|row| {
            let cells: Vec<_> = row.split(" | ").collect();
            let needed = match cells[1] {
                "yes" => true,
                "no" => false,
                other => panic!("{path}: is it needed? {other}"),
            };
            let names = cells[0].split(", ").map(|name| name.trim_matches('`').to_owned());
            names.map(move |variable| Setting { variable, needed }).collect::<Vec<_>>()
        })
        .collect();
    assert!(!settings.is_empty(), "{path} lists no settings");
    settings
}

/// The name of a variable's parameter, `<group>/<variable>`, with its value; none if it stands in the environment.
fn parameter(deployment: &Deployment, variable: &str) -> Option<(String, String)> {
    let base = &deployment.app.cloud.base_url;
    let all = list(Addresses { simulators: base, public: base }, &signing_keys().unwrap()).unwrap();
    let found = all.into_iter().find(|parameter| parameter.name == variable)?;
    Some((format!("{}/{variable}", found.group), found.value))
}

/// What an output may not show: the secrets of the deployment, and those of [`MALFORMED`].
#[track_caller]
fn shows_no_secret(log: &str) {
    let pem = signing_keys().unwrap().split("\\n").nth(1).unwrap().to_owned();
    let secrets = [dev_keys::JWT_SECRET, dev_keys::OTHER_JWT_SECRET, dev_keys::KEY_SECRET, dev_keys::STRIPE_KEY];
    let more = [dev_keys::LMS_CLIENT.1, dev_keys::GATEWAY.1[0], dev_keys::WEBHOOK_SECRETS[0], pem.as_str()];
    for secret in secrets.into_iter().chain(more) {
        assert!(!log.contains(secret), "{secret} is shown:\n{log}");
    }
}

fn with<'a>(launch: &Launch<'a>, variable: &str, value: &str) -> Launch<'a> {
    let mut launch = launch.clone();
    launch.variables.insert(variable.to_owned(), value.to_owned());
    launch
}

#[tokio::test]
async fn each_function_starts_with_its_own_groups_of_parameters_and_reads_them_once() {
    let deployment = Deployment::open().await;
    for function in deployment.functions() {
        let launch = deployment.launch(function);
        let groups: Vec<_> = launch.variables["BURSAR_PARAMETERS"].split(',').map(str::to_owned).collect();
        deployment.app.cloud.endpoint.parameters.allow_only(groups.clone());
        let instance = deployment.start(function).await;
        let calls = deployment.app.cloud.endpoint.take_calls();
        assert_eq!(calls, vec!["ssm GetParametersByPath"; groups.len()], "{function}");
        // Whatever it answers to what is no event of its own, nothing of the start is done again.
        let _whatever = instance.invoke("{}").await;
        instance.idle().await;
        let calls = deployment.app.cloud.endpoint.take_calls();
        assert!(!calls.iter().any(|call| call.starts_with("ssm")), "{function}: {calls:?}");
        shows_no_secret(&instance.end().await);
    }
    deployment.app.finish().await;
}

#[tokio::test]
async fn what_a_readme_calls_needed_is_named_when_it_is_missing() {
    let deployment = Deployment::open().await;
    for function in deployment.functions() {
        let launch = deployment.launch(function);
        for Setting { variable, .. } in settings(function).into_iter().filter(|setting| setting.needed) {
            let log = match parameter(&deployment, &variable) {
                Some((name, value)) => {
                    deployment.remove(&name);
                    // One school's own does not stand in for the other's.
                    let own = parameter(&deployment, &format!("{variable}__NORTHWIND"));
                    own.iter().for_each(|(own, _)| deployment.remove(own));
                    let log = Deployment::refused(&launch).await;
                    for (name, value) in own.into_iter().chain([(name, value)]) {
                        deployment.put(&name, Kind::SecureString, &value);
                    }
                    log
                }
                None => Deployment::refused(&with(&launch, &variable, "")).await,
            };
            assert!(log.contains(&format!("{variable} is not set")), "{function} without {variable}: {log}");
            shows_no_secret(&log);
        }
        drop(deployment.start(function).await);
    }
    deployment.app.finish().await;
}

#[tokio::test]
async fn what_a_readme_does_not_call_needed_can_be_missing() {
    let deployment = Deployment::open().await;
    for function in deployment.functions() {
        for Setting { variable, .. } in settings(function).into_iter().filter(|setting| !setting.needed) {
            if let Some((name, _)) = parameter(&deployment, &variable) {
                deployment.remove(&name);
            }
        }
        drop(deployment.start(function).await);
    }
    deployment.app.finish().await;
}

#[tokio::test]
async fn what_is_malformed_is_named_and_not_shown() {
    let deployment = Deployment::open().await;
    let mut seen = BTreeSet::new();
    for function in deployment.functions() {
        let launch = deployment.launch(function);
        for Setting { variable, .. } in settings(function) {
            let Some((_, value)) = MALFORMED.iter().find(|(name, _)| *name == variable) else {
                assert!(FREE_TEXT.contains(&variable.as_str()), "what is a malformed {variable}?");
                continue;
            };
            let log = Deployment::refused(&with(&launch, &variable, value)).await;
            assert!(log.contains(&variable), "{function} with a bad {variable}: {log}");
            assert!(!log.contains("hunter2"), "{function} shows {variable}: {log}");
            shows_no_secret(&log);
            seen.insert(variable);
        }
    }
    let unseen: Vec<_> = MALFORMED.iter().filter(|(name, _)| !seen.contains(*name)).collect();
    assert!(unseen.is_empty(), "no README lists {unseen:?}");
    deployment.app.finish().await;
}

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once() {
    let deployment = Deployment::open().await;
    for function in deployment.functions() {
        let mut launch = with(&deployment.launch(function), "BURSAR_TENANTS", "default");
        for variable in ["BURSAR_PARAMETERS", "BURSAR_TABLE", "BURSAR_QUEUE_URL"] {
            launch.variables.remove(variable);
        }
        let log = Deployment::refused(&launch).await;
        let needed = settings(function).into_iter().filter(|setting| setting.needed).map(|setting| setting.variable);
        let unnamed: Vec<_> = needed
            .filter(|variable| variable != "BURSAR_TENANTS" && !log.contains(&format!("{variable} is not set")))
            .collect();
        assert!(unnamed.is_empty(), "{function} does not name {unnamed:?}: {log}");
    }
    deployment.app.finish().await;
}

#[tokio::test]
async fn a_path_that_may_not_be_read_is_named() {
    let deployment = Deployment::open().await;
    for function in deployment.functions() {
        let launch = deployment.launch(function);
        let paths: Vec<_> = launch.variables["BURSAR_PARAMETERS"].split(',').map(str::to_owned).collect();
        let (refused, allowed) = paths.split_last().unwrap();
        deployment.app.cloud.endpoint.parameters.allow_only(allowed.to_vec());
        let log = Deployment::refused(&launch).await;
        assert!(log.contains(&format!("parameters below {refused}")), "{function}: {log}");
        assert!(log.contains("not authorized to perform: ssm:GetParametersByPath"), "{function}: {log}");
        shows_no_secret(&log);
    }
    deployment.app.finish().await;
}

#[tokio::test]
async fn a_parameter_store_that_cannot_be_reached_is_named_by_what_was_asked_of_it() {
    let deployment = Deployment::open().await;
    let launch = with(&deployment.launch("basket"), "AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let log = Deployment::refused(&launch).await;
    assert!(log.contains(&format!("parameters below /bursar/{STAGE}/")), "{log}");
    deployment.app.finish().await;
}

#[tokio::test]
async fn a_group_of_several_pages_is_read_whole() {
    let deployment = Deployment::open().await;
    for number in 10..32 {
        deployment.put(&format!("shop/A_{number}"), Kind::String, "comes before what is needed");
    }
    drop(deployment.start("janitor").await);
    let calls = deployment.app.cloud.endpoint.take_calls();
    // Three pages of shop.
    assert_eq!(calls, vec!["ssm GetParametersByPath"; 3]);
    deployment.app.finish().await;
}

#[tokio::test]
async fn a_variable_of_the_process_goes_before_a_parameter() {
    let deployment = Deployment::open().await;
    let launch = deployment.launch("payment-webhook");
    deployment.put("stripe/BURSAR_STRIPE_LIVEMODE", Kind::String, "perhaps");
    assert!(Deployment::refused(&launch).await.contains("BURSAR_STRIPE_LIVEMODE"));
    let instance = local::lambda::Instance::start(&with(&launch, "BURSAR_STRIPE_LIVEMODE", "false")).await.unwrap();
    drop(instance);
    deployment.app.finish().await;
}

#[tokio::test]
async fn a_tenants_own_parameter_goes_before_the_common_one() {
    let deployment = Deployment::open().await;
    let launch = deployment.launch("payment-webhook");
    // It must not be what only the other school, or nobody, reads.
    deployment.put("shop/BURSAR_STRIPE_LIVEMODE__ELSEWHERE", Kind::String, "perhaps");
    drop(deployment.start("payment-webhook").await);
    deployment.put("stripe/BURSAR_STRIPE_LIVEMODE__NORTHWIND", Kind::String, "perhaps");
    assert!(Deployment::refused(&launch).await.contains("BURSAR_STRIPE_LIVEMODE"));
    deployment.put("stripe/BURSAR_STRIPE_LIVEMODE__NORTHWIND", Kind::String, "false");
    deployment.put("stripe/BURSAR_STRIPE_LIVEMODE__DEFAULT", Kind::String, "true");
    deployment.put("stripe/BURSAR_STRIPE_LIVEMODE", Kind::String, "perhaps");
    drop(deployment.start("payment-webhook").await);
    deployment.app.finish().await;
}
