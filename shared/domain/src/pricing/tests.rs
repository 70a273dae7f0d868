//! The frozen examples of the design, and the properties that hold for every basket.

use proptest::prelude::*;

use super::*;

fn usd(amount: &str) -> Money {
    Money::parse(amount, "USD".parse().unwrap()).unwrap()
}

fn item(sku: &str, units: u32, unit_price: Money) -> Item {
    Item { sku: sku.parse().unwrap(), quantity: units.try_into().unwrap(), unit_price }
}

fn benefit(reduction: Reduction) -> Benefit {
    Benefit { offer: "offer".parse().unwrap(), voucher: None, skus: vec![], reduction, max_discount: None }
}

fn percent(text: &str) -> Reduction {
    Reduction::Percent(text.parse().unwrap())
}

#[track_caller]
fn check(items: &[Item], benefits: &[Benefit], tax: Option<&str>, expected: &str) {
    let priced =
        price("USD".parse().unwrap(), items, benefits, tax.map(|t| TaxRule::on_top(t.parse().unwrap()))).unwrap();
    let shown = format!("{} - {} + {} = {}", priced.subtotal, priced.discount, priced.tax, priced.total);
    assert_eq!(shown.replace(" USD", ""), expected);
}

#[test]
fn the_frozen_examples_of_the_design() {
    let hundred = [item("A", 1, usd("100"))];
    check(&hundred, &[benefit(percent("10"))], None, "100.00 - 10.00 + 0.00 = 90.00");
    check(&hundred, &[benefit(Reduction::Absolute(usd("150")))], None, "100.00 - 100.00 + 0.00 = 0.00");
    check(&hundred, &[benefit(Reduction::FixedPrice(usd("120")))], None, "100.00 - 0.00 + 0.00 = 100.00");
    check(&[item("A", 3, usd("9.99"))], &[benefit(percent("15"))], Some("7.5"), "29.97 - 4.50 + 1.91 = 27.38");
}

#[test]
fn a_tax_that_a_price_has_in_it_is_taken_out_of_what_is_left_of_it() {
    for (currency, amount, rate, off, tax, total) in [
        ("USD", "119.00", "19", "0", "19.00", "119.00"),
        ("USD", "119.00", "19", "10", "17.10", "107.10"),
        // 1.6666… of 10.00, and 0.0066… of 0.05.
        ("USD", "10.00", "20", "0", "1.67", "10.00"),
        ("USD", "0.04", "19", "0", "0.01", "0.04"),
        ("JPY", "1100", "10", "0", "100", "1100"),
        ("JPY", "105", "10", "0", "10", "105"),
        ("KWD", "1.050", "5", "0", "0.050", "1.050"),
        ("USD", "50.00", "0", "0", "0.00", "50.00"),
        ("USD", "50.00", "100", "0", "25.00", "50.00"),
        ("USD", "50.00", "19", "100", "0.00", "0.00"),
    ] {
        let currency: Currency = currency.parse().unwrap();
        let money = |text: &str| Money::parse(text, currency).unwrap();
        let items = [item("A", 1, money(amount))];
        let rule = TaxRule::included(rate.parse().unwrap());
        let priced = price(currency, &items, &[benefit(percent(off))], Some(rule)).unwrap();
        assert_eq!((priced.tax, priced.total), (money(tax), money(total)), "{rate} % in {amount}");
        if let Some(tax) = priced.lines[0].tax {
            assert_eq!(tax.base.plus(tax.amount), Ok(priced.total));
        }
    }
}

#[test]
fn an_amount_off_several_lines_is_split_by_what_is_left_of_them() {
    let items = [item("A", 1, usd("10")), item("B", 1, usd("20")), item("C", 1, usd("0.01"))];
    let priced = price("USD".parse().unwrap(), &items, &[benefit(Reduction::Absolute(usd("10")))], None).unwrap();
    let off: Vec<i64> = priced.lines.iter().map(|line| line.discount.minor()).collect();
    assert_eq!(off, [333, 667, 0]);
    assert_eq!(priced.total, usd("20.01"));
}

#[test]
fn benefits_stack_on_what_is_left_and_name_their_offers() {
    let mut capped = benefit(percent("50"));
    capped.max_discount = Some(usd("5"));
    let priced =
        price("USD".parse().unwrap(), &[item("A", 1, usd("100"))], &[benefit(percent("10")), capped], None).unwrap();
    let steps: Vec<_> = priced.lines[0].applied.iter().map(|a| (a.offer.as_str(), a.amount)).collect();
    assert_eq!(steps, [("offer", usd("10")), ("offer", usd("5"))]);
    assert_eq!(priced.total, usd("85"));
}

#[test]
fn a_benefit_for_one_product_leaves_the_others_alone() {
    let mut only_b = benefit(Reduction::Free);
    only_b.skus = vec!["B".parse().unwrap()];
    check(&[item("A", 1, usd("10")), item("B", 2, usd("3"))], &[only_b], None, "16.00 - 6.00 + 0.00 = 10.00");
}

#[test]
fn a_line_in_another_currency_is_refused() {
    let yen = item("A", 1, Money::parse("5", "JPY".parse().unwrap()).unwrap());
    assert_eq!(price("USD".parse().unwrap(), &[yen], &[], None), Err(MoneyError::CurrencyMismatch));
}

fn reduction() -> impl Strategy<Value = Reduction> {
    prop_oneof![
        (0..=100_u32).prop_map(|p| percent(&p.to_string())),
        (0..50_000_i64).prop_map(|m| Reduction::Absolute(Money::from_minor(m, "USD".parse().unwrap()).unwrap())),
        (0..50_000_i64).prop_map(|m| Reduction::FixedPrice(Money::from_minor(m, "USD".parse().unwrap()).unwrap())),
        Just(Reduction::Free),
    ]
}

proptest! {
    #[test]
    fn every_sum_is_exact_and_nothing_is_below_zero(
        lines in prop::collection::vec((0..100_000_i64, 1..=100_u32), 1..8),
        reductions in prop::collection::vec((reduction(), prop::option::of(0..10_000_i64)), 0..4),
        tax in prop::option::of((0..=25_u32, any::<bool>())),
    ) {
        let currency: Currency = "USD".parse().unwrap();
        let items: Vec<Item> = lines.iter().enumerate()
            .map(|(i, (minor, units))| item(&format!("S{i}"), *units, Money::from_minor(*minor, currency).unwrap()))
            .collect();
        let benefits: Vec<Benefit> = reductions.into_iter().map(|(r, cap)| Benefit {
            max_discount: cap.map(|minor| Money::from_minor(minor, currency).unwrap()), ..benefit(r)
        }).collect();
        let tax = tax.map(|(rate, included)| TaxRule { rate: rate.to_string().parse().unwrap(), included });
        let priced = price(currency, &items, &benefits, tax).unwrap();
        for line in &priced.lines {
            let whole = line.tax.map_or(line.total.minor(), |tax| tax.base.minor() + tax.amount.minor());
            prop_assert_eq!(line.total.minor(), whole);
            let tax = line.tax.map_or(0, |tax| tax.on_top().minor());
            prop_assert!(line.discount.minor() >= 0 && line.discount.minor() <= line.list.minor());
            prop_assert_eq!(line.total.minor(), line.list.minor() - line.discount.minor() + tax);
            let steps: i64 = line.applied.iter().map(|a| a.amount.minor()).sum();
            prop_assert_eq!(steps, line.discount.minor());
        }
        prop_assert_eq!(priced.total.minor(), priced.lines.iter().map(|l| l.total.minor()).sum::<i64>());
        let on_top = if tax.is_some_and(|tax| tax.included) { 0 } else { priced.tax.minor() };
        prop_assert_eq!(priced.total.minor(), priced.subtotal.minor() - priced.discount.minor() + on_top);
    }
}
