//! The registry of problem codes: every `code` that an answer can carry, its HTTP status and its title, once.
//!
//! A code is part of the contract: clients branch on it. Adding one is free; changing or removing one breaks callers.
//! `docs/errors.md` lists the same table.

use std::fmt;

use http::StatusCode;

macro_rules! codes {
    ($($name:ident => $status:literal $code:literal, $title:literal;)+) => {
        /// A stable, machine-readable reason for an answer that is not a success.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "` (", $status, "): ", $title, ".")] $name,)+
        }

        impl Code {
            /// Every code, in the order of the registry.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The HTTP status that always goes with the code.
            #[must_use]
            pub fn status(self) -> StatusCode {
                let status = match self { $(Self::$name => $status,)+ };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The code as it stands in `code`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The sentence that stands in `title`.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    // The request itself.
    BadRequest => 400 "bad_request", "the request is malformed";
    MalformedJson => 400 "malformed_json", "the body is not JSON";
    BadCursor => 400 "bad_cursor", "the cursor was not issued for this listing";
    MissingIdempotencyKey => 400 "missing_idempotency_key", "this request needs an Idempotency-Key header";
    BadUserinfo => 400 "bad_userinfo", "the gateway's X-Userinfo cannot be read";
    BadNext => 400 "bad_next", "next is not on an allowed site";
    BadWebhook => 400 "bad_webhook", "the webhook was not accepted";
    NotAcceptable => 406 "not_acceptable", "none of the accepted media types can be served";
    PayloadTooLarge => 413 "payload_too_large", "the body is larger than 256 KiB";
    TooManyItems => 413 "too_many_items", "more items than one request may name";
    UnsupportedMediaType => 415 "unsupported_media_type", "the body must be application/json";
    InvalidFields => 422 "invalid_fields", "one or more fields are not valid";
    NothingDone => 422 "nothing_done", "none of the items could be done";
    IdempotencyKeyReused => 422 "idempotency_key_reused", "the Idempotency-Key was used for another request";

    // Who is asking.
    Unauthorized => 401 "unauthorized", "valid credentials are required";
    SessionEnded => 401 "session_ended", "the session has ended";
    UserDeactivated => 401 "user_deactivated", "the user's account is deactivated";
    ClientKeyRequired => 401 "client_key_required", "this shop serves registered applications only";
    UnknownClientKey => 401 "unknown_client_key", "the X-Client-Key is not a valid one";
    Forbidden => 403 "forbidden", "the credentials do not permit this";
    CsrfFailed => 403 "csrf_failed", "the request cannot be told from a forged one";
    BlockedCountry => 451 "blocked_country", "this cannot be sold to the learner's country";
    TooManyRequests => 429 "too_many_requests", "slow down and try again";

    // What is asked for.
    NotFound => 404 "not_found", "nothing is here that you may see";
    UnknownProduct => 404 "unknown_product", "there is no such product";
    UnknownCourse => 404 "unknown_course", "there is no such course";
    UnknownOrder => 404 "unknown_order", "there is no such order";
    UnknownRefund => 404 "unknown_refund", "there is no such refund";
    UnknownCatalog => 404 "unknown_catalog", "there is no such catalog";
    UnknownVoucher => 404 "unknown_voucher", "the voucher cannot be used here";
    UnknownOffer => 404 "unknown_offer", "there is no such offer";
    UnknownBatch => 404 "unknown_batch", "there is no such batch of codes";
    UnknownCoupon => 404 "unknown_coupon", "there is no such coupon";
    UnknownUser => 404 "unknown_user", "there is no such user";
    UnknownSession => 404 "unknown_session", "there is no such session";
    UnknownClient => 404 "unknown_client", "there is no such client";
    MethodNotAllowed => 405 "method_not_allowed", "this resource does not take that method";

    // The state it is in.
    Conflict => 409 "conflict", "the request conflicts with the present state";
    IdentityConflict => 409 "identity_conflict", "the account belongs to another identity";
    SkuTaken => 409 "sku_taken", "another product has this SKU";
    OutOfStock => 409 "out_of_stock", "not enough is left";
    NotAvailable => 409 "not_available", "the product is not on sale";
    AlreadyPurchased => 409 "already_purchased", "the learner already has this";
    AlreadyFulfilled => 409 "already_fulfilled", "everything asked for is fulfilled";
    EmptyBasket => 409 "empty_basket", "the basket is empty";
    BasketChanged => 409 "basket_changed", "the basket is no longer as it was shown";
    BasketFull => 409 "basket_full", "the basket holds no more lines";
    CurrencyMismatch => 409 "currency_mismatch", "the basket is in another currency";
    NotCancellable => 409 "not_cancellable", "the order can no longer be cancelled";
    NotRefundable => 409 "not_refundable", "the order cannot be refunded";
    RefundWindowOver => 409 "refund_window_over", "the time in which a refund can be asked for is over";
    RefundPending => 409 "refund_pending", "a request for this refund waits to be decided";
    NothingToRefund => 409 "nothing_to_refund", "nothing of it is left to be refunded";
    RefundApproved => 409 "refund_approved", "the refund was approved";
    RefundByProcessor => 409 "refund_by_processor", "the payment processor pays the refund back";
    RefundDenied => 409 "refund_denied", "the refund was denied";
    VoucherUsedUp => 409 "voucher_used_up", "the voucher has no uses left";
    PriceChanged => 409 "price_changed", "the total is no longer the one that was shown";
    InUse => 409 "in_use", "something else refers to it";
    AlreadyPaid => 409 "already_paid", "the order is paid";
    NotByTransfer => 409 "not_by_transfer", "the order is not paid by bank transfer";
    ReferenceUsed => 409 "reference_used", "the reference was recorded for another payment";
    PaymentUnknown => 409 "payment_unknown", "no order has this payment yet";
    PaymentInProgress => 409 "payment_in_progress", "another payment of this order is under way";
    IdempotencyInFlight => 409 "idempotency_in_flight", "the first request with this Idempotency-Key is under way";
    VersionMismatch => 412 "version_mismatch", "the resource was changed since you read it";
    VersionRequired => 428 "version_required", "this request needs an If-Match header";

    // What cannot be paid.
    UnsupportedCurrency => 422 "unsupported_currency", "the processor does not take this currency";
    AmountNotPayable => 422 "amount_not_payable", "the processor does not take this amount";
    UnknownProcessor => 422 "unknown_processor", "there is no such payment processor";
    BadReturnUrl => 422 "bad_return_url", "the return URL is not on an allowed site";

    // Not the caller's fault.
    Internal => 500 "internal", "something went wrong on our side";
    ProcessorRefused => 502 "processor_refused", "the payment processor refused";
    LmsRefused => 502 "lms_refused", "the learning platform refused";
    ProcessorUnavailable => 503 "processor_unavailable", "the payment processor does not answer";
    LmsUnavailable => 503 "lms_unavailable", "the learning platform does not answer";
    Unavailable => 503 "unavailable", "try again in a moment";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_unique_snake_case_with_an_error_status() {
        let mut seen = BTreeSet::new();
        for code in Code::ALL {
            let text = code.as_str();
            assert!(seen.insert(text), "{text} stands twice");
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{text}");
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{text}");
        }
    }

    #[test]
    fn only_one_code_answers_500() {
        let internal: Vec<_> = Code::ALL.iter().filter(|code| code.status().as_u16() == 500).collect();
        assert_eq!(internal, [&Code::Internal]);
    }
}
