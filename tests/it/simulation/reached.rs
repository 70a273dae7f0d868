//! What the runs of the simulation led to, read off the books at their end: a simulation that never comes to a refund
//! shows nothing about refunds.

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::Books;
use domain::order::{OrderFile, OrderState};
use domain::product::Kind;
use domain::refund::RefundState;
use domain::task::TaskState;
use domain::text::VoucherCode;
use domain::uses::Reservation;
use domain::voucher::{Origin, Usage};

/// How often what happened.
pub(super) type Reached = BTreeMap<String, usize>;

/// All that must happen in one run or another.
const ALL: [&str; 22] = [
    "abandoned: early",
    "abandoned: fund",
    "abandoned: multi_use",
    "abandoned: once_per_customer",
    "abandoned: single_use",
    "paid: bundle",
    "paid: early",
    "paid: enrollment_code",
    "paid: fund",
    "paid: limited seat",
    "paid: multi_use",
    "paid: once_per_customer",
    "paid: redeemed code",
    "paid: single_use",
    "refund: denied",
    "refund: of a bundle",
    "refund: of codes",
    "refund: of what a code made cheaper",
    "refund: succeeded",
    "refused: out_of_stock",
    "refused: price_changed",
    "refused: voucher_used_up",
];

/// Fails with what is missing.
#[track_caller]
pub(super) fn is_all(reached: &Reached) {
    let missing: Vec<_> = ALL.iter().filter(|what| !reached.contains_key(**what)).collect();
    println!("{reached:#?}");
    assert!(missing.is_empty(), "the simulation does not come to {missing:?}, only to {reached:#?}");
}

/// What one run came to.
pub(super) fn by(books: &Books, refused: BTreeSet<String>) -> Reached {
    let line_codes = books.vouchers.iter().filter(|voucher| matches!(voucher.origin, Some(Origin::Line(_))));
    let line_codes: BTreeSet<&VoucherCode> = line_codes.map(|voucher| &voucher.code).collect();
    let mut found: Vec<String> = refused.into_iter().map(|code| format!("refused: {code}")).collect();
    for file in &books.orders {
        let end = match file.order.state {
            OrderState::Paid { .. } => "paid",
            OrderState::Cancelled { .. } | OrderState::Expired { .. } => "abandoned",
            OrderState::PendingPayment { .. } => continue,
        };
        found.extend(file.order.reservations.iter().map(|taken| format!("{end}: {}", name(taken, &line_codes))));
        found.extend(file.order.lines.iter().filter_map(|line| match line.kind {
            Kind::Bundle => Some(format!("{end}: bundle")),
            Kind::EnrollmentCode => Some(format!("{end}: enrollment_code")),
            Kind::Seat => line.stock.map(|_| format!("{end}: limited seat")),
            Kind::Entitlement => None,
        }));
        found.extend(refunds(file));
    }
    let mut reached = Reached::new();
    for what in found {
        *reached.entry(what).or_default() += 1;
    }
    reached
}

/// An automatic offer by its id, a code by its usage, and one that was bought as that.
fn name(taken: &Reservation, line_codes: &BTreeSet<&VoucherCode>) -> String {
    match &taken.voucher {
        None => taken.offer.to_string(),
        Some(used) if line_codes.contains(&used.code) => "redeemed code".to_owned(),
        Some(used) => match used.usage {
            Usage::SingleUse => "single_use",
            Usage::OncePerCustomer => "once_per_customer",
            Usage::MultiUse => "multi_use",
            Usage::MultiUsePerCustomer => "multi_use_per_customer",
        }
        .to_owned(),
    }
}

fn refunds(file: &OrderFile) -> Vec<String> {
    let revoked = |kind: Kind| {
        let lines = file.order.lines.iter().filter(move |line| line.kind == kind);
        lines.flat_map(|line| file.tasks_of(line.number)).any(|task| matches!(task.state, TaskState::Revoked { .. }))
    };
    let states = file.refunds.iter().map(|refund| refund.state);
    let succeeded = states.clone().any(|state| state == RefundState::Succeeded);
    [
        ("refund: denied", states.clone().any(|state| state == RefundState::Denied)),
        ("refund: succeeded", succeeded),
        ("refund: of a bundle", revoked(Kind::Bundle)),
        ("refund: of codes", revoked(Kind::EnrollmentCode)),
        (
            "refund: of what a code made cheaper",
            succeeded && file.order.reservations.iter().any(|r| r.voucher.is_some()),
        ),
    ]
    .into_iter()
    .filter(|(_, happened)| *happened)
    .map(|(what, _)| what.to_owned())
    .collect()
}
