//! Plans as DynamoDB writes: the only place with condition and update expressions.

mod basket;
mod batch;
mod catalog;
mod identity;
mod order;
mod promotion;
mod stock;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use domain::plan::Write;

use crate::Store;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{Item, Row, n, s};

/// One conditional write, not yet bound to a call.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    pub(crate) action: Action,
    pub(crate) condition: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

/// What a write does to its row.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Put(Item),
    Update(Item, String),
    Delete(Item),
    Check(Item),
}

pub(crate) use basket::Frozen;
pub(crate) use batch::{BATCH, COUPON};
pub(crate) use promotion::{USE, VOUCHER};

/// The condition of a row that must not be there.
const ABSENT: &str = "attribute_not_exists(pk)";

impl Op {
    fn new(action: Action) -> Self {
        Self { action, condition: None, names: None, values: None }
    }

    /// Puts a row that must not be there.
    fn create(row: Row) -> Self {
        Self::new(Action::Put(row.0)).when(ABSENT)
    }

    /// Puts a row that must be absent, or at version `expect`.
    fn replace(row: Row, expect: Option<u64>) -> Self {
        let put = Self::new(Action::Put(row.0));
        match expect {
            Some(version) => put.when("version = :expect").value(":expect", n(version)),
            None => put.when(ABSENT),
        }
    }

    fn update(pk: String, sk: impl Into<String>, expression: impl Into<String>) -> Self {
        Self::new(Action::Update(key(pk, sk), expression.into()))
    }

    fn check(pk: String, sk: impl Into<String>, condition: &str) -> Self {
        Self::new(Action::Check(key(pk, sk))).when(condition)
    }

    fn delete(pk: String, sk: impl Into<String>) -> Self {
        Self::new(Action::Delete(key(pk, sk)))
    }

    fn when(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    fn name(mut self, placeholder: &str, name: impl Into<String>) -> Self {
        self.names.get_or_insert_default().insert(placeholder.to_owned(), name.into());
        self
    }

    fn value(mut self, placeholder: impl Into<String>, value: AttributeValue) -> Self {
        self.values.get_or_insert_default().insert(placeholder.into(), value);
        self
    }

    /// The write as a part of a transaction on `table`.
    pub(crate) fn transact(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let bad = |_| StoreError::Incomplete("key");
        let item = TransactWriteItem::builder();
        let Self { action, condition, names, values } = self;
        Ok(match action {
            Action::Put(row) => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(row))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map_err(bad)?,
            ),
            Action::Update(key, expression) => item.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .update_expression(expression)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map_err(bad)?,
            ),
            Action::Delete(key) => item.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map_err(bad)?,
            ),
            Action::Check(key) => item.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .condition_expression(condition.unwrap_or_default())
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map_err(bad)?,
            ),
        }
        .build())
    }
}

pub(crate) fn key(pk: String, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

/// The rows that one write of a plan touches.
#[expect(clippy::too_many_lines, reason = "a table with a line for each write; parts of it would not be exhaustive")]
pub(crate) fn encode(write: &Write, store: &Store) -> Result<Vec<Op>, StoreError> {
    let keys = Keys(store.tenant());
    let one = |op: Op| Ok(vec![op]);
    match write {
        Write::SaveProduct { before, after } => catalog::save_product(keys, before.as_deref(), after),
        Write::LinkPart { part, version, within } => one(catalog::link_part(keys, part, *version, within)),
        Write::UnlinkPart { part, within } => one(catalog::unlink_part(keys, part, within)),
        Write::SaveCourse { course, expect } => one(catalog::save_course(keys, course, *expect)?),
        Write::SaveCatalog { catalog, expect } => one(promotion::save_catalog(keys, catalog, *expect)?),
        Write::SaveOffer { before, after } => promotion::save_offer(keys, before.as_deref(), after),
        Write::CreateOfferOfCatalog { catalog, offer } => promotion::create_offer_of_catalog(keys, catalog, offer),
        Write::RefreshOffer(offer) => one(promotion::refresh_offer(keys, offer)?),
        Write::DropOffer(offer) => Ok(promotion::drop_offer(keys, offer)),
        Write::CheckOffer { offer, version } => one(promotion::check_offer(keys, offer, *version)?),
        Write::SaveVoucher { voucher, expect } => one(promotion::save_voucher(keys, voucher, *expect)?),
        Write::DropVoucher(voucher) => one(promotion::drop_voucher(keys, voucher)),
        Write::CreateCoupon(coupon) => one(Op::create(batch::coupon_row(keys, coupon)?)),
        Write::SaveCoupon(coupon) => one(order::save(batch::coupon_row(keys, coupon)?, coupon.version)),
        Write::CreateBatch(of) => one(Op::create(batch::batch_row(keys, of)?)),
        Write::SaveBatch(of) => one(order::save(batch::batch_row(keys, of)?, of.version)),
        Write::MoveUses(moved) => Ok(promotion::move_uses(keys, moved)),
        Write::NoteUse { code, note } => one(promotion::note_use(keys, code, note)?),
        Write::DropUse { code, order } => one(promotion::drop_use(keys, code, order)),
        Write::DropCatalog { catalog } => one(catalog::drop_catalog(keys, catalog)),
        Write::SaveBasket { basket, expect } => one(basket::save(keys, basket, *expect)?),
        Write::ThawBasket { owner, basket, version } => one(basket::thaw(keys, owner, basket, *version)),
        Write::MoveStock { sku, version, shifts } => Ok(stock::move_stock(keys, sku, *version, shifts)),
        Write::CheckNotOwned { owner, sku } => one(basket::check_not_owned(keys, owner, sku)),
        Write::Grant { owner, sku, lines, place, first } => {
            one(basket::grant(keys, owner, sku, (lines, place.as_deref(), *first)))
        }
        Write::Ungrant { owner, sku, lines } => one(basket::ungrant(keys, owner, sku, lines)),
        Write::Remember { owner, record, now } => one(basket::remember(keys, owner, record, *now)?),
        Write::CreateOrder(order) => one(Op::create(order::order_row(keys, order)?)),
        Write::SaveOrder(order) => one(order::save(order::order_row(keys, order)?, order.version)),
        Write::CreateAttempt(number, attempt) => one(Op::create(order::attempt_row(keys, number, attempt)?)),
        Write::SaveAttempt(number, attempt) => {
            one(order::save(order::attempt_row(keys, number, attempt)?, attempt.version))
        }
        Write::CreateTask(number, task) => one(Op::create(order::task_row(keys, number, task)?)),
        Write::SaveTask(number, task) => one(order::save(order::task_row(keys, number, task)?, task.version)),
        Write::CheckTask(number, task) => one(order::check_task(keys, number, task)),
        Write::CreateRefund(number, refund) => order::create_refund(keys, number, refund),
        Write::SaveRefund(number, refund) => one(order::save(order::refund_row(keys, number, refund)?, refund.version)),
        Write::RecordEvent(number, event) => one(Op::create(order::event_row(keys, number, event)?)),
        Write::LinkReference { order, processor, reference } => one(order::link(keys, order, *processor, reference)?),
        Write::ClaimPayment { order, processor, payment } => {
            one(Op::create(Row::new(keys.payment(*processor, payment), "PAYMENT", order)?))
        }
        Write::ClaimLegacy { legacy, order } => one(Op::create(Row::new(keys.legacy(legacy), "ORDER", order)?)),
        Write::PostLedger(number, entry) => one(Op::create(order::ledger_row(keys, number, entry)?)),
        Write::Owe(item) => one(Op::create(order::outbox_row(keys, item)?)),
        Write::Resend(item) => one(order::resend(keys, item)?),
        Write::Settle(number, id) => one(Op::delete(keys.order(number), format!("OUT#{id}"))),
        Write::Log(number, entry) => one(Op::create(order::log_row(keys, number, entry)?)),
        Write::Journal(number, entry) => one(Op::create(order::journal_row(keys, number.as_ref(), entry)?)),
        Write::DropBasket { owner, expect } => one(basket::remove(keys, owner, *expect)),
        Write::CreateUser(user) => one(Op::create(identity::user_row(keys, user)?)),
        Write::SaveUser(user) => one(order::save(identity::user_row(keys, user)?, user.version)),
        Write::LinkSubject { key, user } => one(identity::link(keys, key, user)?),
        Write::UnlinkSubject { key, user } => one(identity::unlink(keys, key, user)?),
        Write::StartSession(session) => one(Op::create(identity::session_row(keys, session)?)),
        Write::EndSession { user, key } => one(identity::end_session(keys, user, key)),
        Write::SaveClientKey { key, expect } => one(identity::save_client(keys, key, *expect)?),
        Write::SaveMachineClient { client, expect } => one(identity::save_machine(keys, client, *expect)?),
    }
}
