//! The payment processors that a learner can choose.

use axum::extract::State;
use domain::payment::ProcessorName;
use payments::Processor;
use payments::transfer::BankTransfer;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Caller, Claim, Json, Problem};

use crate::App;

/// A processor, with what a front end needs to know.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProcessorView {
    /// The name that a checkout takes.
    processor: &'static str,
    /// What the processor's own script needs for the flow `client_secret`; null for one without such a flow.
    publishable_key: Option<String>,
    /// The ways to pay: values of a checkout's `flow`; none where there is no choice.
    flows: &'static [&'static str],
    /// Currencies that are proven with it.
    currencies: Vec<&'static str>,
}

/// The enabled processors.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProcessorsView {
    items: Vec<ProcessorView>,
}

/// Lists the enabled payment processors.
#[utoipa::path(get, path = "/api/v1/payments/processors", tag = "checkout",
    responses((status = 200, body = ProcessorsView)))]
pub(crate) async fn list_processors(
    State(app): State<App>,
    who: Claim<Caller>,
) -> Result<Json<ProcessorsView>, Problem> {
    who.alone().await?;
    let view = |processor: &Processor| ProcessorView {
        processor: processor.name().name(),
        publishable_key: Some(processor.publishable_key().to_owned()),
        flows: &["redirect", "client_secret"],
        currencies: payments::exponent::PROVEN.to_vec(),
    };
    let by_hand = |transfer: &BankTransfer| ProcessorView {
        processor: ProcessorName::BankTransfer.name(),
        publishable_key: None,
        flows: &[],
        currencies: vec![transfer.currency().code()],
    };
    let items = app.processors.iter().map(view).chain(app.bank_transfer.iter().map(by_hand)).collect();
    Ok(Json(ProcessorsView { items }))
}
