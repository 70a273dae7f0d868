//! What a checkout takes and answers.

use std::collections::BTreeMap;

use domain::order::{OrderFile, OrderState};
use domain::payment::{Account, Flow, NextStep, ProcessorName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Code, MoneyBody, Problem};

use crate::App;

/// How the learner wants to pay.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckoutBody {
    /// One of `GET /api/v1/payments/processors`.
    pub(crate) processor: String,
    /// Where the browser goes afterwards, an http or https URL; `{order_number}` in it is replaced.
    pub(crate) return_url: String,
    /// The basket version that the learner saw.
    #[serde(default)]
    pub(crate) basket_version: Option<u64>,
    /// The total that the learner saw. If it is another one now, 409 `price_changed` says so, and nothing is ordered.
    #[serde(default)]
    pub(crate) total: Option<MoneyBody>,
    /// `redirect` to the processor's page (the default), or `client_secret` for a form of the shop's own.
    #[serde(default)]
    pub(crate) flow: FlowBody,
}

/// The ways to pay.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FlowBody {
    /// On the processor's page.
    #[default]
    Redirect,
    /// On the shop's page.
    ClientSecret,
}

impl From<FlowBody> for Flow {
    fn from(flow: FlowBody) -> Self {
        match flow {
            FlowBody::Redirect => Self::HostedPage,
            FlowBody::ClientSecret => Self::ClientSecret,
        }
    }
}

impl CheckoutBody {
    /// Checks what the domain cannot know: which processors and sites this shop has.
    pub(crate) fn check(&self, app: &App) -> Result<ProcessorName, Problem> {
        let by_hand = app.bank_transfer.as_ref().map(|_| ProcessorName::BankTransfer);
        let mut known = app.processors.iter().map(payments::Processor::name).chain(by_hand);
        let processor = known.find(|known| known.name() == self.processor);
        let processor = processor.ok_or_else(|| {
            Problem::new(Code::UnknownProcessor).error("/processor", "not one of the enabled processors")
        })?;
        self.check_return_url(app)?;
        Ok(processor)
    }

    fn check_return_url(&self, app: &App) -> Result<(), Problem> {
        let bad = || Problem::new(Code::BadReturnUrl).error("/return_url", "must be an http or https URL of the shop");
        // Placeholders are ours or the processor's, and stand behind the site; an address needs no braces of its own.
        let plain = self.return_url.replace("{order_number}", "x").replace("{CHECKOUT_SESSION_ID}", "x");
        let (_, rest) = self.return_url.split_once("://").ok_or_else(bad)?;
        let site = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // RFC 3986, appendix A: what may stand in an address at all.
        let in_address = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
        if site.contains('{') || self.return_url.len() > 2048 || !plain.chars().all(in_address) {
            return Err(bad());
        }
        let uri: http::Uri = plain.split('#').next().unwrap_or_default().parse().map_err(|_| bad())?;
        let (Some(scheme), Some(site)) = (uri.scheme_str(), uri.authority()) else { return Err(bad()) };
        let ours = app.return_origins.is_empty() || app.return_origins.contains(&format!("{scheme}://{site}"));
        if !matches!(scheme, "http" | "https") || site.as_str().contains('@') || !ours {
            return Err(bad());
        }
        Ok(())
    }
}

/// An account to which the learner transfers the money.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferView {
    holder: String,
    /// The account's number, such as an IBAN.
    number: String,
    /// The bank's name or BIC.
    bank: Option<String>,
    instructions: Option<String>,
    /// What the learner writes on the transfer, so that the order is found.
    reference: String,
}

impl From<&Account> for TransferView {
    fn from(account: &Account) -> Self {
        let Account { holder, number, bank, instructions, reference } = account.clone();
        Self { holder, number, bank, instructions, reference }
    }
}

/// What the browser does next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentView {
    /// `stripe`, `bank_transfer`, or `none` for a free order.
    pub(crate) processor: &'static str,
    /// `redirect`, `form`, `client_secret` or `none`.
    pub(crate) kind: &'static str,
    /// Where to go, or where to post the form.
    pub(crate) url: Option<String>,
    /// `GET` or `POST`.
    pub(crate) method: Option<&'static str>,
    /// The form's fields.
    pub(crate) fields: Option<BTreeMap<String, String>>,
    /// The secret for the processor's script.
    pub(crate) client_secret: Option<String>,
    /// Where to transfer the money; `kind` is `none` then. Left out where nothing is to be transferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transfer: Option<TransferView>,
}

impl PaymentView {
    pub(crate) fn of(processor: ProcessorName, next: Option<&NextStep>) -> Self {
        let none = Self {
            processor: processor.name(),
            kind: "none",
            url: None,
            method: None,
            fields: None,
            client_secret: None,
            transfer: None,
        };
        match next {
            Some(NextStep::Redirect { url }) => {
                Self { kind: "redirect", url: Some(url.clone()), method: Some("GET"), ..none }
            }
            Some(NextStep::Form { url, fields }) => Self {
                kind: "form",
                url: Some(url.clone()),
                method: Some("POST"),
                fields: Some(fields.clone()),
                ..none
            },
            Some(NextStep::ClientSecret { client_secret }) => {
                Self { kind: "client_secret", client_secret: Some(client_secret.clone()), ..none }
            }
            Some(NextStep::Transfer(account)) => Self { transfer: Some(account.into()), ..none },
            Some(NextStep::None) | None => none,
        }
    }

    /// Whether it tells how to pay.
    pub(crate) fn says_how(&self) -> bool {
        self.kind != "none" || self.transfer.is_some()
    }

    /// How the order can be paid now.
    pub(crate) fn of_order(file: &OrderFile) -> Self {
        let pending = matches!(file.order.state, OrderState::PendingPayment { .. });
        match file.current_attempt().filter(|_| pending) {
            Some(attempt) => Self::of(attempt.processor, attempt.next.as_ref()),
            None => Self::of(ProcessorName::None, None),
        }
    }
}

/// A checkout that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckoutView {
    pub(crate) order_number: String,
    /// `pending_payment`, or `paid` for a total of nothing.
    pub(crate) status: &'static str,
    pub(crate) total: MoneyBody,
    pub(crate) payment: PaymentView,
}

impl CheckoutView {
    pub(crate) fn of(file: &OrderFile) -> Self {
        Self {
            order_number: file.order.number.to_string(),
            status: file.order.state.name(),
            total: file.order.total.into(),
            payment: PaymentView::of_order(file),
        }
    }
}
