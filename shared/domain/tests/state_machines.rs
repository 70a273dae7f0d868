//! Properties of every state machine, over any sequence of events: what is final stays final, and nothing waits
//! without a moment at which it is looked at again (I3, I6).

// True of every build of this file. It is how clippy learns that helpers outside `#[test]` are test code too.
#![cfg(test)]

use domain::attempt::{AttemptEvent, AttemptState};
use domain::order::{OrderEvent, OrderState};
use domain::refund::{RefundEvent, RefundState};
use domain::task::{Task, TaskEvent, TaskState};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn order_event() -> impl Strategy<Value = OrderEvent> {
    prop_oneof![
        Just(OrderEvent::Pay),
        Just(OrderEvent::Cancel),
        Just(OrderEvent::Expire),
        Just(OrderEvent::Extend { pay_by: at(99) }),
    ]
}

fn attempt_event() -> impl Strategy<Value = AttemptEvent> {
    use AttemptEvent as E;
    prop::sample::select(vec![E::Open, E::LoseAnswer, E::Process, E::Decline, E::Capture, E::Fail, E::End])
}

fn refund_event() -> impl Strategy<Value = RefundEvent> {
    use RefundEvent as E;
    prop::sample::select(vec![E::Approve, E::Deny, E::Submit, E::Succeed, E::Fail, E::LoseAnswer])
}

fn task_event() -> impl Strategy<Value = TaskEvent> {
    let reason = || "lms_timeout".to_owned();
    prop::sample::select(vec![
        TaskEvent::Claim { lease_until: at(60) },
        TaskEvent::Succeed,
        TaskEvent::Delay { until: at(90), reason: reason() },
        TaskEvent::Park { reason: reason() },
        TaskEvent::Redrive { due: at(30) },
        TaskEvent::Revoke { due: at(10) },
    ])
}

proptest! {
    #[test]
    fn an_order_that_is_paid_or_cancelled_stays_so(events in vec(order_event(), 0..12)) {
        let mut state = OrderState::PendingPayment { pay_by: at(1) };
        for event in events {
            let after = state.apply(event, at(5));
            match state {
                OrderState::Paid { .. } | OrderState::Cancelled { .. } => prop_assert!(after.is_err()),
                // Only money revives an expired order.
                OrderState::Expired { .. } => prop_assert_eq!(after.is_ok(), event == OrderEvent::Pay),
                OrderState::PendingPayment { .. } => prop_assert!(after.is_ok()),
            }
            state = after.unwrap_or(state);
        }
    }

    #[test]
    fn a_capture_is_taken_once_whenever_it_comes(events in vec(attempt_event(), 0..16)) {
        let mut state = AttemptState::Created;
        let mut captures = 0;
        for event in events.into_iter().chain([AttemptEvent::Capture]) {
            if let Ok(after) = state.apply(event) {
                captures += u32::from(event == AttemptEvent::Capture);
                prop_assert!(state != AttemptState::Succeeded || after == AttemptState::Succeeded);
                state = after;
            }
        }
        prop_assert_eq!((captures, state), (1, AttemptState::Succeeded));
    }

    #[test]
    fn money_goes_back_only_after_approval_and_a_denial_is_final(events in vec(refund_event(), 0..12)) {
        let mut state = RefundState::Requested;
        let mut approved = false;
        for event in events {
            let after = state.apply(event);
            prop_assert!(!matches!(state, RefundState::Denied | RefundState::Failed) || after.is_err());
            approved |= after == Ok(RefundState::Approved);
            state = after.unwrap_or(state);
            prop_assert!(approved || !matches!(state, RefundState::Submitted | RefundState::Succeeded));
        }
    }

    #[test]
    fn a_task_is_done_parked_or_due(events in vec(task_event(), 0..24)) {
        let mut task = Task::new(1, 0, at(0), at(30));
        let mut claimed = false;
        for event in events {
            let claim = matches!(event, TaskEvent::Claim { .. });
            let Ok(after) = task.after(event, at(5)) else { continue };
            claimed |= claim;
            prop_assert_eq!(after.version, task.version + 1);
            prop_assert!(!matches!(task.state, TaskState::Revoked { .. }), "a revoked task moved");
            let done = matches!(after.state, TaskState::Granted { .. } | TaskState::Revoked { .. });
            let parked = matches!(after.state, TaskState::Parked { .. });
            prop_assert_eq!(after.state.due().is_none(), done || parked);
            prop_assert!(claimed || !matches!(after.state, TaskState::Granted { .. }), "granted without a worker");
            task = after;
        }
    }
}
