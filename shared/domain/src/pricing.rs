//! The one pricing function: quote, basket, checkout and order all come from [`price`] (invariant I7).
//!
//! It returns every step: list price, each benefit with the offer that gave it, tax with its rate and base, total.
//! Percentages and tax are computed per line and rounded once, half-up; an amount given to several lines at once is
//! split by largest remainder over what is left of them. A benefit never makes a line dearer, and never takes it
//! below nothing.

use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money, MoneyError, total};
use crate::percent::Percent;
use crate::places::TaxRule;
use crate::quantity::Quantity;
use crate::text::{Sku, Slug, VoucherCode};

/// A line to be priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What is bought.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// The list price of one unit.
    pub unit_price: Money,
}

/// What a benefit takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "value")]
pub enum Reduction {
    /// A share of each line.
    Percent(Percent),
    /// An amount off the lines together.
    Absolute(Money),
    /// The lines together cost this, unless they cost less already.
    FixedPrice(Money),
    /// Nothing to pay.
    Free,
    /// One unit of the cheapest line is free.
    Cheapest,
}

impl Reduction {
    /// The amount that it speaks of.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        match self {
            Self::Absolute(amount) | Self::FixedPrice(amount) => Some(*amount),
            Self::Percent(_) | Self::Free | Self::Cheapest => None,
        }
    }
}

/// A benefit that applies to some lines of a basket. Offers and vouchers yield these, already in order of priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Benefit {
    /// The offer that gives it.
    pub offer: Slug,
    /// The code that opened the offer, if one did.
    pub voucher: Option<VoucherCode>,
    /// The products it applies to; empty for all.
    pub skus: Vec<Sku>,
    /// What it takes off.
    pub reduction: Reduction,
    /// The most that it takes off the whole basket.
    pub max_discount: Option<Money>,
}

/// One benefit as it worked on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The offer.
    pub offer: Slug,
    /// The code that opened it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherCode>,
    /// What it took off this line; positive.
    pub amount: Money,
}

/// Tax on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// The rate.
    pub rate: Percent,
    /// What the rate was applied to: the line after its discounts, without the tax.
    pub base: Money,
    /// The tax of that.
    pub amount: Money,
    /// Whether the price had it in it; otherwise it came on top.
    #[serde(default)]
    pub included: bool,
}

impl Tax {
    /// What the tax adds to the price after discounts.
    #[must_use]
    pub fn on_top(&self) -> Money {
        if self.included { Money::zero(self.amount.currency()) } else { self.amount }
    }

    fn of(price: Money, rule: TaxRule) -> Result<Self, MoneyError> {
        let TaxRule { rate, included } = rule;
        let amount = if included { price.contained(rate)? } else { price.share(rate)? };
        let base = if included { price.minus(amount)? } else { price };
        Ok(Self { rate, base, amount, included })
    }
}

/// A priced line. `list − discount + tax = total`, without the tax where the price has it in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    /// What is bought.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// The list price of one unit.
    pub unit_price: Money,
    /// The list price of the line.
    pub list: Money,
    /// Every benefit in the order in which it was applied.
    pub applied: Vec<Applied>,
    /// The sum of the benefits.
    pub discount: Money,
    /// The tax, if any is due.
    pub tax: Option<Tax>,
    /// What the line costs.
    pub total: Money,
}

/// A priced basket. Each sum is the sum of its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pricing {
    /// The lines, in the order given.
    pub lines: Vec<PricedLine>,
    /// List prices.
    pub subtotal: Money,
    /// Benefits.
    pub discount: Money,
    /// Tax.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
}

impl Pricing {
    /// The currency of every amount.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.total.currency()
    }

    /// Whether the prices have the tax in them.
    #[must_use]
    pub fn is_tax_included(&self) -> bool {
        self.lines.iter().filter_map(|line| line.tax).any(|tax| tax.included)
    }
}

/// Prices `items` with `benefits` applied in the order given and `tax` added to every line that is left with a price.
///
/// # Errors
/// [`MoneyError::CurrencyMismatch`] if an item or benefit is in another currency than `currency`;
/// [`MoneyError::OutOfRange`] for sums that cannot be represented.
pub fn price(
    currency: Currency,
    items: &[Item],
    benefits: &[Benefit],
    tax: Option<TaxRule>,
) -> Result<Pricing, MoneyError> {
    let mut lines = items.iter().map(|item| list_line(currency, item)).collect::<Result<Vec<_>, _>>()?;
    for benefit in benefits {
        apply(benefit, &mut lines)?;
    }
    for line in &mut lines {
        let price = line.list.minus(line.discount)?;
        line.tax = tax.filter(|_| !price.is_zero()).map(|rule| Tax::of(price, rule)).transpose()?;
        line.total = price.plus(line.tax.map_or(Money::zero(currency), |tax| tax.on_top()))?;
    }
    Ok(Pricing {
        subtotal: total(currency, lines.iter().map(|line| line.list))?,
        discount: total(currency, lines.iter().map(|line| line.discount))?,
        tax: total(currency, lines.iter().filter_map(|line| line.tax).map(|tax| tax.amount))?,
        total: total(currency, lines.iter().map(|line| line.total))?,
        lines,
    })
}

fn list_line(currency: Currency, item: &Item) -> Result<PricedLine, MoneyError> {
    let list = Money::zero(currency).plus(item.unit_price.times(item.quantity.get())?)?;
    Ok(PricedLine {
        sku: item.sku.clone(),
        quantity: item.quantity,
        unit_price: item.unit_price,
        list,
        applied: Vec::new(),
        discount: Money::zero(currency),
        tax: None,
        total: list,
    })
}

/// Takes one benefit off the lines that it applies to.
fn apply(benefit: &Benefit, lines: &mut [PricedLine]) -> Result<(), MoneyError> {
    let mut chosen: Vec<&mut PricedLine> =
        lines.iter_mut().filter(|line| benefit.skus.is_empty() || benefit.skus.contains(&line.sku)).collect();
    // What is left over when an amount is split goes to the same line in whatever order the lines came.
    chosen.sort_by(|a, b| a.sku.cmp(&b.sku));
    let left = chosen.iter().map(|line| line.list.minus(line.discount)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = left.first() else { return Ok(()) };
    let mut off = reductions(benefit.reduction, &chosen, &left)?;
    let wanted = total(first.currency(), off.iter().copied())?;
    if let Some(most) = benefit.max_discount
        && wanted.at_most(most)? != wanted
    {
        off = most.split(&off.iter().map(|part| part.minor()).collect::<Vec<_>>())?;
    }
    // An offer of odd fils must not make a price that nobody can pay.
    let off = off.into_iter().zip(left).map(|(amount, left)| amount.keeping_tens_of(left));
    for (line, amount) in chosen.iter_mut().zip(off).filter(|(_, amount)| !amount.is_zero()) {
        line.discount = line.discount.plus(amount)?;
        line.applied.push(Applied { offer: benefit.offer.clone(), voucher: benefit.voucher.clone(), amount });
    }
    Ok(())
}

/// What a reduction takes off each of the lines, of which the amounts `left` are to pay.
fn reductions(reduction: Reduction, chosen: &[&mut PricedLine], left: &[Money]) -> Result<Vec<Money>, MoneyError> {
    let weights: Vec<i64> = left.iter().map(|amount| amount.minor()).collect();
    let Some(first) = left.first() else { return Ok(Vec::new()) };
    let sum = total(first.currency(), left.iter().copied())?;
    match reduction {
        Reduction::Percent(percent) => left.iter().map(|amount| amount.share(percent)).collect(),
        Reduction::Absolute(amount) => amount.at_most(sum)?.split(&weights),
        Reduction::FixedPrice(target) => sum.minus(target.at_most(sum)?)?.split(&weights),
        Reduction::Free => Ok(left.to_vec()),
        Reduction::Cheapest => cheapest(chosen, left),
    }
}

/// One unit of the line whose units are listed at least, of those that still cost something; of equals the first by SKU. It
/// is its part of what is left of the line.
fn cheapest(chosen: &[&mut PricedLine], left: &[Money]) -> Result<Vec<Money>, MoneyError> {
    let costly = chosen.iter().zip(left).filter(|(_, left)| !left.is_zero());
    let least = costly.map(|(line, _)| (line.unit_price.minor(), &line.sku)).min();
    let one = |(line, left): (&&mut PricedLine, &Money)| {
        if least != Some((line.unit_price.minor(), &line.sku)) {
            return Ok(Money::zero(left.currency()));
        }
        let others = i64::from(line.quantity.get()).saturating_sub(1);
        let parts = left.split(&[1, others])?;
        Ok(parts.first().copied().unwrap_or(*left))
    };
    chosen.iter().zip(left).map(one).collect()
}

#[cfg(test)]
mod tests;
