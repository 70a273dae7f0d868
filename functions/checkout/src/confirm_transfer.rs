//! Confirming a bank transfer: staff say what came to the account, and it is decided on as a processor's event is.

use axum::extract::State;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::confirm_transfer::{Transfer, TransferRefusal, decide};
use domain::id::OrderNumber;
use domain::idempotency::{IdempotencyRecord, KeyUse, judge};
use domain::order::OrderFile;
use domain::owner::{Owner, UserId};
use domain::record_payment::{Circumstances, Outcome};
use domain::text::BankReference;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;
use web::{
    Claim, Code, IdempotencyKey, Json, MoneyBody, Path, Problem, Staff, User, fingerprint_of, metrics, telemetry,
};

use crate::App;
use crate::order_view::OrderView;

/// How often a transfer is decided anew when something changed under it.
const ROUNDS: u32 = 8;

/// A transfer as it stands on the account's statement.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferBody {
    /// How much came.
    amount: MoneyBody,
    /// What the bank calls the transfer, not what the payer wrote; case does not count. It pays one order, once.
    #[schema(value_type = String, max_length = 64)]
    reference: BankReference,
    /// When it came; now if it is not given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    received_at: Option<Timestamp>,
}

/// What a transfer came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConfirmedView {
    /// `paid`; `paid_late` for an order that had expired; `second_payment`, `too_late` or `amount_mismatch` for money that
    /// is to be paid back, for which there is a refund then.
    outcome: String,
    order: OrderView,
}

/// Records a bank transfer for an order that was begun with the processor `bank_transfer`.
#[utoipa::path(post, path = "/api/v1/orders/{number}/payments", tag = "orders", request_body = TransferBody,
    params(("number" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = ConfirmedView), (status = 404), (status = 409), (status = 422)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn confirm_transfer(
    State(app): State<App>,
    who: Claim<Staff>,
    (Path(number), key): (Path<OrderNumber>, IdempotencyKey),
    Json(body): Json<TransferBody>,
) -> Result<Response, Problem> {
    telemetry::concerns(&number);
    let Some(Owner::User(me)) = who.owner() else { return Err(Problem::new(Code::Unauthorized)) };
    let key = format!("transfer:{}", key.as_str());
    let fingerprint = fingerprint_of(&Method::POST, &format!("/api/v1/orders/{number}/payments"), &body)?;
    let (Staff(user), loaded) = who.with(Box::pin(load(&app, &number, &me, &key))).await?;
    let transfer = Transfer {
        by: user.id.clone(),
        amount: body.amount.into(),
        reference: body.reference.clone(),
        received_at: body.received_at.unwrap_or_else(|| app.http.now()),
        key,
        fingerprint,
    };
    // Read back by whoever looks at the journal.
    let raw = format!("{} {} {}", transfer.reference, transfer.amount, transfer.received_at);
    let replayed = Box::pin(record(&app, &number, &transfer, &raw, loaded)).await?;
    render(&app, &number, &transfer, &user, replayed).await
}

type Loaded = (Option<OrderFile>, Option<IdempotencyRecord>);

/// The order, and beside it what the key led to before.
async fn load(app: &App, number: &OrderNumber, user: &UserId, key: &str) -> Result<Loaded, StoreError> {
    tokio::try_join!(app.store.read_order(number), app.store.read_remembered(user, key))
}

/// Records the transfer, anew if something changed under it; tells whether the same key had done so before.
async fn record(
    app: &App,
    number: &OrderNumber,
    transfer: &Transfer,
    raw: &str,
    mut loaded: Loaded,
) -> Result<bool, Problem> {
    let (mut circumstances, mut claimed) = (Circumstances::default(), false);
    for _ in 0..ROUNDS {
        let file = loaded.0.ok_or_else(|| Problem::new(Code::UnknownOrder))?;
        match judge(loaded.1.as_ref(), &transfer.fingerprint, app.http.now()) {
            KeyUse::Fresh => {}
            KeyUse::Reused => return Err(Problem::new(Code::IdempotencyKeyReused)),
            KeyUse::Replay(_) => return Ok(true),
        }
        let now = app.http.now();
        let decided = decide(&file, transfer, raw, circumstances, (now, &mut app.http.ids(now)));
        let (outcome, plan) = decided.map_err(refused)?;
        if plan.writes.is_empty() {
            return Ok(false);
        }
        if claimed {
            return Err(Problem::new(Code::ReferenceUsed).detail("another order was paid by this transfer"));
        }
        match app.store.commit(&plan).await {
            Ok(()) => {
                tracing::info!(outcome = outcome.name(), "transfer recorded");
                count(&file, outcome);
                app.queue.send_all(app.store.tenant(), &plan).await;
                return Ok(false);
            }
            Err(error) if error.is_conflict() => {
                claimed = error.refused("claim_payment");
                circumstances = circumstances.learned(|name| error.refused(name));
                loaded = load(app, number, &transfer.by, &transfer.key).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::Conflict).detail("the order is being changed by other requests").retry_after(1))
}

fn count(before: &OrderFile, outcome: Outcome) {
    if matches!(outcome, Outcome::Paid | Outcome::PaidLate) {
        metrics::order_paid(before.order.total);
    } else if outcome == Outcome::AmountMismatch {
        metrics::amount_mismatch();
    }
}

/// The order as it is now, with what the transfer came to when it was recorded.
async fn render(
    app: &App,
    number: &OrderNumber,
    transfer: &Transfer,
    user: &User,
    replayed: bool,
) -> Result<Response, Problem> {
    let file = app.order_again(number, user).await?;
    let payment = transfer.reference.payment();
    let event = file.events.iter().find(|event| event.processor.is_by_hand() && event.event == payment);
    let outcome = event.map(|event| event.outcome.clone()).unwrap_or_default();
    let mark = replayed.then_some([(HeaderName::from_static("idempotent-replayed"), "true")]);
    Ok((StatusCode::CREATED, mark, Json(ConfirmedView { outcome, order: OrderView::of(&file, user)? })).into_response())
}

fn refused(refusal: TransferRefusal) -> Problem {
    match refusal {
        TransferRefusal::NotByTransfer => Problem::new(Code::NotByTransfer),
        TransferRefusal::ReferenceUsed => Problem::new(Code::ReferenceUsed).detail(refusal.to_string()),
        TransferRefusal::NotYet => Problem::field("/received_at", refusal.to_string()),
        TransferRefusal::NotPositive => Problem::field("/amount/amount", refusal.to_string()),
    }
}
