//! Form bodies of our calls. Stripe nests by brackets in the keys; six calls need no serialiser for that.
//!
//! Source: what stripe-node 23.1.0 and stripe-python 16.1.0 send; brackets may be percent-encoded or not.

use domain::payment::{RefundRequest, SessionRequest};

use crate::exponent::{NotPayable, minor_units};

/// A body in the making.
#[derive(Default)]
struct Form(Vec<(String, String)>);

impl Form {
    fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }

    fn with_some(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// What is charged: more than nothing, and the same as the lines that the page shows.
fn payable(request: &SessionRequest) -> Result<i64, NotPayable> {
    let total = minor_units(request.total)?;
    let shown = domain::money::total(request.total.currency(), request.lines.iter().map(|(_, amount)| *amount));
    match total {
        0 => Err(NotPayable::TooSmall),
        _ if shown != Ok(request.total) => Err(NotPayable::LinesDiffer),
        _ => Ok(total),
    }
}

/// The learner's address, if it is one: Stripe refuses the whole call for one that is not, and asks the learner on its
/// page if there is none. What else the token may hold there must not keep anybody from paying.
fn address(request: &SessionRequest) -> Option<&str> {
    let in_name = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b);
    let is_label = |label: &str| {
        let inside = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (1..=63).contains(&label.len()) && inside && !label.starts_with('-') && !label.ends_with('-')
    };
    request.email.as_deref().filter(|email| {
        let Some((name, host)) = email.split_once('@') else { return false };
        let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
        // RFC 5321, section 4.5.3.1: 64 for the name, 254 for all.
        let named = (1..=64).contains(&name.len()) && name.bytes().all(in_name) && !dots;
        named && email.len() <= 254 && host.contains('.') && host.split('.').all(is_label)
    })
}

/// `POST /v1/checkout/sessions`.
///
/// The metadata stands twice, because a session's own does not reach the events of its intent and charge. Adaptive
/// pricing would let Stripe convert the amount that the learner was shown, so it is switched off.
pub(crate) fn checkout_session(request: &SessionRequest) -> Result<String, NotPayable> {
    payable(request)?;
    let (order, attempt) = (request.order.as_str(), request.attempt.as_str());
    let mut form = Form::default()
        .with("mode", "payment")
        .with("client_reference_id", order)
        .with("success_url", &request.return_url)
        .with("cancel_url", &request.cancel_url)
        .with("expires_at", request.expires_at.as_second().to_string())
        .with_some("customer_email", address(request))
        .with("metadata[order_number]", order)
        .with("metadata[attempt_id]", attempt)
        .with("payment_intent_data[metadata][order_number]", order)
        .with("payment_intent_data[metadata][attempt_id]", attempt)
        .with("adaptive_pricing[enabled]", "false");
    for (index, (title, amount)) in request.lines.iter().enumerate() {
        let key = |rest: &str| format!("line_items[{index}]{rest}");
        form = form
            .with(key("[quantity]"), "1")
            .with(key("[price_data][currency]"), amount.currency().code().to_ascii_lowercase())
            .with(key("[price_data][unit_amount]"), minor_units(*amount)?.to_string())
            .with(key("[price_data][product_data][name]"), title);
    }
    Ok(form.encode())
}

/// `POST /v1/payment_intents`.
pub(crate) fn payment_intent(request: &SessionRequest) -> Result<String, NotPayable> {
    let form = Form::default()
        .with("amount", payable(request)?.to_string())
        .with("currency", request.total.currency().code().to_ascii_lowercase())
        .with("metadata[order_number]", request.order.as_str())
        .with("metadata[attempt_id]", request.attempt.as_str())
        .with("automatic_payment_methods[enabled]", "true")
        .with_some("receipt_email", address(request));
    Ok(form.encode())
}

/// `POST /v1/payment_intents/{id}/cancel`.
pub(crate) fn cancel_intent() -> String {
    Form::default().with("cancellation_reason", "abandoned").encode()
}

/// `POST /v1/refunds`.
pub(crate) fn refund(request: &RefundRequest) -> Result<String, NotPayable> {
    let units = match minor_units(request.amount)? {
        0 => return Err(NotPayable::TooSmall),
        units => units,
    };
    let form = Form::default()
        .with("payment_intent", request.payment.as_str())
        .with("amount", units.to_string())
        .with("reason", "requested_by_customer")
        .with("metadata[order_number]", request.order.as_str())
        .with("metadata[refund_id]", request.refund.as_str());
    Ok(form.encode())
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::money::Money;
    use domain::payment::Flow;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn money(amount: &str, code: &str) -> Money {
        Money::parse(amount, code.parse().unwrap()).unwrap()
    }

    /// An order of one course at 49 dollars.
    pub(crate) fn request(flow: Flow) -> SessionRequest {
        SessionRequest {
            order: "ord_01m810rwd80000000000000007".parse().unwrap(),
            attempt: "pay_01m810rwd80000000000000008".parse().unwrap(),
            flow,
            total: money("49.00", "USD"),
            lines: vec![("Course".to_owned(), money("49.00", "USD"))],
            return_url: "https://shop.example/r?s={CHECKOUT_SESSION_ID}".to_owned(),
            cancel_url: "https://shop.example/basket".to_owned(),
            expires_at: Timestamp::from_second(1_795_328_865).unwrap(),
            email: Some("ada+x@example.com".to_owned()),
        }
    }

    pub(crate) fn refund_request() -> RefundRequest {
        RefundRequest {
            refund: "ref_01m810rwd80000000000000009".parse().unwrap(),
            order: "ord_01m810rwd80000000000000007".parse().unwrap(),
            payment: "pi_1".parse().unwrap(),
            amount: money("10.00", "USD"),
        }
    }

    fn pairs(body: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    }

    /// `golden` is written as stripe-node writes it, with literal brackets, one pair a line.
    #[track_caller]
    fn check(body: Result<String, NotPayable>, golden: &str) {
        let golden = golden.split_whitespace().collect::<Vec<_>>().join("&");
        assert_eq!(body.map(|body| pairs(&body)), Ok(pairs(&golden)));
    }

    #[test]
    fn a_checkout_session_is_asked_for_as_the_official_client_does() {
        check(
            checkout_session(&request(Flow::HostedPage)),
            "mode=payment
             client_reference_id=ord_01m810rwd80000000000000007
             success_url=https%3A%2F%2Fshop.example%2Fr%3Fs%3D%7BCHECKOUT_SESSION_ID%7D
             cancel_url=https%3A%2F%2Fshop.example%2Fbasket
             expires_at=1795328865
             customer_email=ada%2Bx%40example.com
             metadata[order_number]=ord_01m810rwd80000000000000007
             metadata[attempt_id]=pay_01m810rwd80000000000000008
             payment_intent_data[metadata][order_number]=ord_01m810rwd80000000000000007
             payment_intent_data[metadata][attempt_id]=pay_01m810rwd80000000000000008
             adaptive_pricing[enabled]=false
             line_items[0][quantity]=1
             line_items[0][price_data][currency]=usd
             line_items[0][price_data][unit_amount]=4900
             line_items[0][price_data][product_data][name]=Course",
        );
    }

    #[test]
    fn a_payment_intent_is_asked_for_as_the_official_client_does() {
        check(
            payment_intent(&request(Flow::ClientSecret)),
            "amount=4900
             currency=usd
             metadata[order_number]=ord_01m810rwd80000000000000007
             metadata[attempt_id]=pay_01m810rwd80000000000000008
             automatic_payment_methods[enabled]=true
             receipt_email=ada%2Bx%40example.com",
        );
    }

    #[test]
    fn a_refund_is_asked_for_as_the_official_client_does() {
        check(
            refund(&refund_request()),
            "payment_intent=pi_1
             amount=1000
             reason=requested_by_customer
             metadata[order_number]=ord_01m810rwd80000000000000007
             metadata[refund_id]=ref_01m810rwd80000000000000009",
        );
        check(Ok(cancel_intent()), "cancellation_reason=abandoned");
    }

    #[test]
    fn an_absent_address_is_left_out() {
        let request = SessionRequest { email: None, ..request(Flow::HostedPage) };
        let keys =
            |body: String| pairs(&body).into_iter().map(|(key, _)| key).filter(|key| key.contains("email")).count();
        assert_eq!((checkout_session(&request).map(keys), payment_intent(&request).map(keys)), (Ok(0), Ok(0)));
    }

    #[test]
    fn yen_are_not_charged_a_hundredfold() {
        let yen = SessionRequest {
            total: money("4900", "JPY"),
            lines: vec![("Free".to_owned(), money("0", "JPY")), ("A & B = C".to_owned(), money("4900", "JPY"))],
            ..request(Flow::HostedPage)
        };
        let lines: Vec<_> =
            pairs(&checkout_session(&yen).unwrap()).into_iter().skip(11).map(|(_, value)| value).collect();
        assert_eq!(lines, ["1", "jpy", "0", "Free", "1", "jpy", "4900", "A & B = C"]);
        assert!(payment_intent(&yen).unwrap().starts_with("amount=4900&currency=jpy&"));
    }

    #[test]
    fn what_cannot_be_charged_is_refused_before_any_call() {
        let with = |total: Money, lines: Vec<Money>| {
            let lines = lines.into_iter().map(|amount| ("Course".to_owned(), amount)).collect();
            SessionRequest { total, lines, ..request(Flow::HostedPage) }
        };
        for (request, refusal) in [
            (with(money("0", "USD"), vec![money("0", "USD")]), NotPayable::TooSmall),
            (with(money("49", "CHF"), vec![money("49", "CHF")]), NotPayable::Currency),
            (with(money("49", "USD"), vec![money("48.99", "USD")]), NotPayable::LinesDiffer),
            (with(money("49", "USD"), vec![money("49", "EUR")]), NotPayable::LinesDiffer),
            (with(money("49", "USD"), vec![]), NotPayable::LinesDiffer),
        ] {
            assert_eq!(checkout_session(&request), Err(refusal));
            assert_eq!(payment_intent(&request), Err(refusal));
        }
        let discounted = with(money("49", "USD"), vec![money("50", "USD"), money("-1", "USD")]);
        assert_eq!(checkout_session(&discounted), Err(NotPayable::TooSmall));
        let nothing = RefundRequest { amount: money("0", "USD"), ..refund_request() };
        assert_eq!(refund(&nothing), Err(NotPayable::TooSmall));
    }

    #[test]
    fn an_address_that_is_none_is_left_out() {
        let sent = |email: &str| {
            let request = SessionRequest { email: Some(email.to_owned()), ..request(Flow::HostedPage) };
            address(&request).is_some()
        };
        for good in ["ada@example.com", "ada.l+x@mail.example.co.uk", "o'neil@x-y.example", "a@b.c"] {
            assert!(sent(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}com", "example.".repeat(40));
        for bad in [
            "",
            "ada",
            "@",
            "ada@",
            "@example.com",
            "ada@example",
            "a b@example.com",
            "ada@example.com\n",
            "a@b@example.com",
            ".ada@example.com",
            "a..b@example.com",
            "ada@-x.com",
            "ada@example..com",
            "a,b@example.com",
            "ä@example.com",
            &long,
            &longer,
        ] {
            assert!(!sent(bad), "{bad}");
        }
    }

    /// The sum of what the page shows, as the processor adds it up: unit amounts times quantities, in one currency.
    fn shown(body: &str, code: &str) -> i64 {
        let of = |ending: &str| -> Vec<String> {
            pairs(body).into_iter().filter(|(key, _)| key.ends_with(ending)).map(|(_, value)| value).collect()
        };
        assert!(of("[currency]").iter().all(|currency| *currency == code.to_ascii_lowercase()));
        let parse = |text: &String| -> i64 { text.parse().unwrap() };
        of("[unit_amount]").iter().zip(of("[quantity]")).map(|(amount, units)| parse(amount) * parse(&units)).sum()
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_the_orders_total_in_every_currency(
            currency in 0..crate::exponent::PROVEN.len(),
            amounts in proptest::collection::vec(0..4_000_000_i64, 1..20),
        ) {
            let code = crate::exponent::PROVEN[currency];
            let currency: domain::money::Currency = code.parse().unwrap();
            // Dinars are charged in tens of fils.
            let step = if currency.exponent() == 3 { 10 } else { 1 };
            let lines: Vec<Money> =
                amounts.iter().map(|units| Money::from_minor(units / step * step, currency).unwrap()).collect();
            let total = domain::money::total(currency, lines.iter().copied()).unwrap();
            prop_assume!(!total.is_zero());
            let lines = lines.into_iter().map(|amount| ("Course".to_owned(), amount)).collect();
            let request = SessionRequest { total, lines, ..request(Flow::HostedPage) };
            prop_assert_eq!(shown(&checkout_session(&request).unwrap(), code), total.minor());
            let intent = payment_intent(&request).unwrap();
            let amount = pairs(&intent).into_iter().find(|(key, _)| key == "amount").map(|(_, value)| value);
            prop_assert_eq!(amount, Some(total.minor().to_string()));
        }
    }
}
