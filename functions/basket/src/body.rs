//! The basket and the quote as they are read.

use domain::basket::{Basket, BasketStatus, PricedBasket};
use domain::money::{Currency, Money, MoneyError};
use domain::pricing::{PricedLine, Pricing};
use domain::product::Product;
use domain::quantity::Quantity;
use domain::text::{Sku, VoucherCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Code, MoneyBody, Problem};

use crate::App;
use crate::prices::Prices;

/// A benefit as it worked on a line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppliedView {
    offer: String,
    /// The code that opened the offer, if one did.
    voucher: Option<String>,
    amount: MoneyBody,
}

/// Tax on a line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaxView {
    /// The rate in percent.
    rate: String,
    /// What the rate was applied to.
    base: MoneyBody,
    amount: MoneyBody,
    /// Whether the price has it in it; otherwise it comes on top.
    included: bool,
}

/// A line with its prices; they are null while the product cannot be bought.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineView {
    sku: String,
    title: String,
    quantity: u32,
    unit_price: Option<MoneyBody>,
    discount: Option<MoneyBody>,
    tax: Option<TaxView>,
    total: Option<MoneyBody>,
    applied: Vec<AppliedView>,
}

impl LineView {
    fn of(product: &Product, quantity: Quantity, priced: Option<&PricedLine>) -> Self {
        let applied = priced.map(|line| line.applied.as_slice()).unwrap_or_default();
        Self {
            sku: product.sku.to_string(),
            title: product.title.to_string(),
            quantity: quantity.get(),
            unit_price: priced.map(|line| line.unit_price.into()),
            discount: priced.map(|line| line.discount.into()),
            tax: priced.and_then(|line| line.tax).map(|tax| TaxView {
                rate: tax.rate.to_string(),
                base: tax.base.into(),
                amount: tax.amount.into(),
                included: tax.included,
            }),
            total: priced.map(|line| line.total.into()),
            applied: applied
                .iter()
                .map(|applied| AppliedView {
                    offer: applied.offer.to_string(),
                    voucher: applied.voucher.as_ref().map(ToString::to_string),
                    amount: applied.amount.into(),
                })
                .collect(),
        }
    }
}

/// Something that the shopper should know about the basket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageView {
    /// Stable: `not_available`, `voucher_not_applied`.
    code: &'static str,
    /// The product that it is about.
    sku: Option<String>,
    /// The code that it is about.
    voucher: Option<String>,
    text: String,
}

/// Sums of all lines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sums {
    subtotal: MoneyBody,
    discount: MoneyBody,
    tax: MoneyBody,
    /// Whether prices have the tax in them; otherwise it comes on top.
    tax_included: bool,
    total: MoneyBody,
    currency: &'static str,
}

impl Sums {
    fn of(pricing: Option<&Pricing>, currency: Currency) -> Self {
        let zero = Money::zero(currency);
        let sum = |of: fn(&Pricing) -> Money| MoneyBody::from(pricing.map_or(zero, of));
        Self {
            subtotal: sum(|p| p.subtotal),
            discount: sum(|p| p.discount),
            tax: sum(|p| p.tax),
            tax_included: pricing.is_some_and(Pricing::is_tax_included),
            total: sum(|p| p.total),
            currency: pricing.map_or(currency, Pricing::currency).code(),
        }
    }
}

/// A basket with its prices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BasketView {
    /// Null while there is none.
    id: Option<String>,
    /// `open`, or `frozen` while an order made of it waits for payment.
    status: &'static str,
    /// Counts up with every change; the `ETag`.
    pub(crate) version: u64,
    /// The owner's key; null for a caller without a session.
    owner: Option<String>,
    /// The order that it is frozen for.
    order_number: Option<String>,
    lines: Vec<LineView>,
    vouchers: Vec<String>,
    #[serde(flatten)]
    sums: Sums,
    messages: Vec<MessageView>,
}

impl BasketView {
    /// The basket of a caller who has none.
    pub(crate) fn none(app: &App, owner: Option<String>) -> Self {
        Self {
            id: None,
            status: "open",
            version: 0,
            owner,
            order_number: None,
            lines: Vec::new(),
            vouchers: Vec::new(),
            sums: Sums::of(None, app.currency),
            messages: Vec::new(),
        }
    }

    pub(crate) fn of(app: &App, basket: &Basket, prices: &Prices, now: Timestamp) -> Result<Self, Problem> {
        let priced = prices.price(app, basket, now)?;
        let (status, order) = match &basket.status {
            BasketStatus::Open { .. } | BasketStatus::Merged { .. } => ("open", None),
            BasketStatus::Frozen { order } => ("frozen", Some(order.to_string())),
        };
        Ok(Self {
            id: Some(basket.id.to_string()),
            status,
            version: basket.version,
            owner: Some(basket.owner.key().to_owned()),
            order_number: order,
            lines: lines(basket.lines.iter().map(|line| (&line.product, line.quantity)), &priced),
            vouchers: basket.vouchers.iter().map(|entered| entered.voucher.code.to_string()).collect(),
            sums: Sums::of(priced.pricing.as_ref(), app.currency),
            messages: messages(&priced.unavailable).chain(priced.idle.iter().map(idle)).collect(),
        })
    }
}

/// A price for products that are in no basket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuoteView {
    lines: Vec<LineView>,
    #[serde(flatten)]
    sums: Sums,
    /// Codes that open no offer for these products.
    rejected_codes: Vec<String>,
    messages: Vec<MessageView>,
}

impl QuoteView {
    pub(crate) fn of(
        app: &App,
        products: &[(Product, Quantity)],
        priced: &PricedBasket,
        rejected_codes: Vec<String>,
    ) -> Self {
        Self {
            lines: lines(products.iter().map(|(product, quantity)| (product, *quantity)), priced),
            sums: Sums::of(priced.pricing.as_ref(), app.currency),
            rejected_codes,
            messages: messages(&priced.unavailable).collect(),
        }
    }
}

fn lines<'a>(products: impl Iterator<Item = (&'a Product, Quantity)>, priced: &PricedBasket) -> Vec<LineView> {
    let find = |sku: &Sku| priced.pricing.as_ref().and_then(|p| p.lines.iter().find(|line| line.sku == *sku));
    products.map(|(product, quantity)| LineView::of(product, quantity, find(&product.sku))).collect()
}

fn messages(unavailable: &[Sku]) -> impl Iterator<Item = MessageView> {
    unavailable.iter().map(|sku| MessageView {
        code: "not_available",
        sku: Some(sku.to_string()),
        voucher: None,
        text: format!("{sku} cannot be bought at the moment; remove it to check out"),
    })
}

fn idle(code: &VoucherCode) -> MessageView {
    MessageView {
        code: "voucher_not_applied",
        sku: None,
        voucher: Some(code.to_string()),
        text: format!("{code} takes nothing off this basket now, or less than another offer"),
    }
}

/// Sums that cannot be represented are beyond what any processor charges.
pub(crate) fn unrepresentable(error: MoneyError) -> Problem {
    match error {
        MoneyError::CurrencyMismatch => Problem::new(Code::CurrencyMismatch),
        MoneyError::OutOfRange | MoneyError::BadAmount | MoneyError::TooPrecise | MoneyError::UnknownCurrency => {
            Problem::new(Code::AmountNotPayable)
        }
    }
}
