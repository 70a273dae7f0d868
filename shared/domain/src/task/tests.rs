//! The golden matrix of tasks.

use expect_test::expect;

use super::*;

#[test]
fn the_state_and_event_matrix() {
    let at = Timestamp::UNIX_EPOCH;
    let reason = || "no_such_user".to_owned();
    let states = [
        TaskState::Queued { due: at },
        TaskState::Granting { lease_until: at },
        TaskState::Granted { at },
        TaskState::RetryAt { at, reason: reason() },
        TaskState::Parked { reason: reason() },
        TaskState::Revoking { due: at },
        TaskState::Revoked { at },
    ];
    let mut matrix = String::new();
    for state in &states {
        let events = [
            TaskEvent::Claim { lease_until: at },
            TaskEvent::Succeed,
            TaskEvent::Delay { until: at, reason: reason() },
            TaskEvent::Park { reason: reason() },
            TaskEvent::Redrive { due: at },
            TaskEvent::Revoke { due: at },
        ];
        matrix.push_str(&format!("{:9}", state.name()));
        for event in events {
            let name = event.name();
            let after = state.apply(event, at).map_or("-", |after| after.name());
            matrix.push_str(&format!(" {name}={after}"));
        }
        matrix.push('\n');
    }
    expect![[r#"
        queued    claim=granting succeed=- delay=- park=- redrive=queued revoke=revoking
        granting  claim=granting succeed=granted delay=retry_at park=parked redrive=- revoke=revoking
        granted   claim=- succeed=- delay=- park=- redrive=- revoke=revoking
        retry_at  claim=granting succeed=- delay=- park=- redrive=queued revoke=revoking
        parked    claim=- succeed=- delay=- park=- redrive=queued revoke=revoking
        revoking  claim=revoking succeed=revoked delay=revoking park=parked redrive=- revoke=-
        revoked   claim=- succeed=- delay=- park=- redrive=- revoke=-
    "#]]
    .assert_eq(&matrix);
}
