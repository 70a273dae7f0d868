//! Client applications' keys and machine clients.

use std::collections::BTreeSet;

use domain::client_key::{self, Allowance, ClientKey, NewClientKey};
use domain::client_secret::StoredSecret;
use domain::id::{Id, Ids};
use domain::machine_client::{self, MachineClient, NewMachineClient};
use domain::plan::Plan;

use crate::table::{Table, ada, now};

fn id<T: Id>(random: u128) -> T {
    Ids::new(now(), random).make()
}

fn client(random: u128) -> (ClientKey, Plan) {
    let new = NewClientKey {
        id: id(random),
        name: "The shop".parse().unwrap(),
        secret: StoredSecret::from_digest([1; 32]),
        may: BTreeSet::from([Allowance::Read, Allowance::Write, Allowance::Sessions]),
        by: ada(),
    };
    client_key::issue(new, now())
}

fn machine(random: u128) -> (MachineClient, Plan) {
    let new = NewMachineClient {
        id: id(random),
        name: "The worker".parse().unwrap(),
        username: "worker".parse().unwrap(),
        secret: StoredSecret::from_digest([2; 32]),
        scopes: BTreeSet::from(["orders:fulfill".parse().unwrap()]),
        filters: BTreeSet::new(),
        by: ada(),
    };
    machine_client::issue(new, now()).unwrap()
}

#[tokio::test]
async fn client_keys_are_kept_page_by_page_and_changed_on_the_version_before() {
    let table = Table::new().await;
    let made = [client(1), client(2), client(3)];
    for (_, plan) in &made {
        table.write(plan.writes.clone()).await;
    }
    let [(first, issued), (second, _), (third, _)] = made;
    assert_eq!(table.refused(&issued).await, ["save_client_key"]);
    let (rotated, plan) = client_key::rotate(&first, [9; 32], now()).unwrap();
    let (_, too_late) = client_key::revoke(&first, now());
    table.write(plan.writes).await;
    assert_eq!(table.refused(&too_late).await, ["save_client_key"]);
    assert_eq!(table.store.read_client_key(&first.id).await.unwrap().as_ref(), Some(&rotated));
    assert_eq!(table.store.read_client_key(&id(4)).await.unwrap(), None);
    let page = table.store.list_client_keys(2, None).await.unwrap();
    assert_eq!(page.items, [rotated, second]);
    let rest = table.store.list_client_keys(2, page.next.as_ref()).await.unwrap();
    assert_eq!((rest.items, rest.next), (vec![third], None));
}

#[tokio::test]
async fn machine_clients_are_kept_beside_them() {
    let table = Table::new().await;
    let ((client, issued), (machine, registered)) = (client(1), machine(1));
    table.write([issued.writes, registered.writes.clone()].concat()).await;
    assert_eq!(table.refused(&registered).await, ["save_machine_client"]);
    let (revoked, plan) = machine_client::revoke(&machine, now());
    table.write(plan.writes).await;
    assert_eq!(table.store.read_machine_client(&machine.id).await.unwrap().as_ref(), Some(&revoked));
    assert_eq!(table.store.list_machine_clients(10, None).await.unwrap().items, [revoked]);
    assert_eq!(table.store.list_client_keys(10, None).await.unwrap().items, [client]);
}
