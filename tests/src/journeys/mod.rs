//! Journeys through a shop, black box: HTTP, and nothing of its clock, table or queue. Each is one function, and they run
//! against the local cloud as tests (`tests/it/black_box.rs`) and against a deployed shop by the binary `journeys`.
//!
//! They run side by side, on a shop that others use: no journey looks at more than what it made itself.

pub mod baskets;
pub mod callers;
pub mod checkouts;
pub mod contract;
pub mod offers;
pub mod platform;
pub mod processor;
pub mod purchases;
pub mod staff;

use std::pin::Pin;

use crate::shop::Shop;

/// A journey through a shop. It panics where the shop does not do as it should.
#[derive(Clone, Copy)]
pub struct Journey {
    /// What the shop does, as a sentence.
    pub name: &'static str,
    /// Takes it.
    pub run: fn(Shop) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Hands the list of all journeys to a macro, as `group::name,` each.
#[macro_export]
macro_rules! journeys {
    ($each:ident) => {
        $each! {
            purchases::a_learner_browses_pays_and_is_enrolled,
            purchases::a_free_course_is_enrolled_at_once,
            purchases::a_declined_card_is_tried_again_and_charged_once,
            purchases::several_courses_are_paid_at_once_and_all_are_granted,
            purchases::a_bank_debit_keeps_the_order_waiting_for_its_money,
            purchases::a_cancelled_order_gives_its_seat_back,
            baskets::a_visitors_basket_is_bought_after_the_login,
            baskets::a_browser_keeps_its_basket_by_cookie_and_at_the_login,
            baskets::products_added_at_once_are_all_in_the_basket,
            checkouts::two_tabs_with_one_key_make_one_order,
            checkouts::of_twenty_learners_who_race_for_five_seats_five_get_one,
            checkouts::a_price_that_changed_is_shown_before_it_is_charged,
            offers::a_code_is_used_and_its_learner_gets_the_money_back,
            offers::of_eight_learners_with_a_code_of_three_uses_three_get_it,
            offers::an_automatic_offer_gives_its_budget_to_the_unit,
            processor::an_event_that_comes_again_changes_nothing,
            processor::an_event_that_the_processor_did_not_sign_is_refused,
            processor::a_refund_in_the_dashboard_takes_the_place_back,
            platform::an_order_waits_for_the_platform_and_is_granted_when_it_is_back,
            platform::only_the_fulfilment_permission_drives_an_order_anew,
            platform::a_course_is_known_by_its_key_however_a_path_spells_it,
            platform::a_course_with_an_older_key_is_known_by_it,
            callers::another_users_order_does_not_exist,
            callers::a_machine_client_gets_a_token_that_opens_what_it_may,
            callers::our_documents_lead_to_the_keys_that_sign_our_tokens,
            callers::a_logout_ends_the_session,
            callers::a_gateway_hands_a_person_over,
            callers::two_schools_in_one_shop_are_apart,
            staff::staff_change_the_version_that_they_saw,
            staff::only_staff_change_the_catalog,
            staff::pages_have_no_gap_and_name_nothing_twice,
            contract::what_cannot_be_read_is_refused_by_its_code,
            contract::an_unknown_path_or_method_is_a_problem_with_its_request_id,
            contract::a_page_of_a_known_site_may_call_and_no_other_may,
            contract::an_answer_names_the_known_site_that_may_read_it,
            contract::a_product_that_did_not_change_is_not_sent_again,
            contract::a_head_request_answers_as_a_get_without_a_body,
            contract::words_of_a_search_arrive_as_they_were_typed,
        }
    };
}

macro_rules! registry {
    ($($group:ident::$name:ident,)*) => {
        /// Every journey.
        pub const ALL: &[Journey] =
            &[$(Journey { name: stringify!($name), run: |shop| Box::pin($group::$name(shop)) }),*];
    };
}

journeys!(registry);
