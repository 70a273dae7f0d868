//! The policy of the whole shop: which access each route has, and what each access is to each kind of caller.
//!
//! Both tables are texts, so that they read as tables. A word of [`ACCESS`] stands for a status and a problem's code:
//! [`refusal`] says which.

use std::collections::BTreeMap;

/// Every route by its operation id: its access, its status where it is admitted, the code of its 404 if it has one, and
/// the callers for whom it differs from its access.
const ROUTES: &str = "
    read_openapi            open     200
    read_health             open     200
    read_jwks               open     200
    read_discovery          open     200
    receive_event           open     200

    list_products           public   200
    read_product            public   200
    list_courses            public   200
    read_course             public   200
    read_quote              public   200
    list_processors         public   200

    read_basket             basket   200
    clear_basket            basket   200
    add_line                basket   201
    add_lines               basket   201
    set_quantity            basket   200  unknown_product  nobody=404 userinfo:spoofed=404 northwind:key=404
    remove_line             basket   200  unknown_product  nobody=404 userinfo:spoofed=404 northwind:key=404

    add_voucher             basket   201
    remove_voucher          basket   200  unknown_voucher  nobody=404 userinfo:spoofed=404 northwind:key=404

    start_checkout          user     201  -  northwind:keyless=422 northwind:ada=422
    list_sessions           user     200
    end_sessions            user     204
    logout                  user     204
    end_session             own      204  unknown_session

    list_orders             orders   200
    read_order              order    200  unknown_order
    read_timeline           order    200  unknown_order
    read_receipt            order    200  unknown_order
    read_codes              cancel   200  unknown_order
    cancel_order            cancel   200  unknown_order
    create_refund           cancel   201  unknown_order
    fulfill_order           fulfil   202
    create_manual_orders    staff    200
    import_orders           staff    200
    confirm_transfer        staff    201

    list_refunds            staff    200
    approve_refund          staff    200
    deny_refund             staff    200
    confirm_refund          staff    200

    create_product          staff    201
    replace_product         staff    200
    change_product          staff    200
    delete_product          staff    204
    set_stock               staff    200
    save_course             staff    200
    list_catalogs           staff    200
    read_catalog            staff    200
    create_catalog          staff    201
    replace_catalog         staff    200
    delete_catalog          staff    204
    list_offers             staff    200
    read_offer              staff    200
    create_offer            staff    201
    replace_offer           staff    200
    delete_offer            staff    204
    list_vouchers           staff    200
    read_voucher            staff    200
    list_voucher_uses       staff    200
    create_voucher          staff    201
    replace_voucher         staff    200
    delete_voucher          staff    204
    list_batches            staff    200
    create_batch            staff    202
    read_batch              staff    200
    list_batch_codes        staff    200
    change_batch            staff    202
    list_coupons            staff    200
    create_coupon           staff    201
    read_coupon             staff    200
    list_coupon_codes       staff    200
    change_coupon           staff    200
    deactivate_coupon       staff    200
    list_client_keys        staff    200
    create_client_key       staff    201
    rotate_client_key       staff    200
    delete_client_key       staff    204
    list_machine_clients    staff    200
    create_machine_client   staff    201
    rotate_machine_client   staff    200
    delete_machine_client   staff    204
    read_user               staff    200
    change_user             staff    200

    read_me                 me       200
    read_csrf_token         csrf     200
    login                   login    200
    establish_session       gateway  302
    issue_token             token    200
";

/// Every caller: whom the shop takes it for, what any write answers that is not open, and each access; then what it is.
///
/// `ada` owns the order and the session that are asked for. The objects are those of the tenant `default`, but for
/// `northwind`'s own products and users; an `ada` of `northwind` is another person.
const ACCESS: &str = "
                       is       write open public basket user   orders order  cancel fulfil own    staff  me     csrf   login  gateway token
    nobody             -        -     ok   ok     ok     401    401    401    401    401    401    401    ok     ok     ok     401     ok      without anything
    session            -        -     ok   ok     ok     401    401    401    401    401    401    401    ok     ok     ok     401     badreq  an application's anonymous Session-Id
    cookie             -        csrf  ok   ok     ok     401    401    401    401    401    401    401    ok     ok     ok     401     badreq  a browser's anonymous cookie, without the CSRF token
    cookie+csrf        -        -     ok   ok     ok     401    401    401    401    401    401    401    ok     ok     ok     401     badreq  the same with it

    ada                ada      -     ok   ok     ok     ok     ok     ok     ok     403    ok     403    ok     ok     ok     401     client  a token in Authorization
    ada:session        ada      -     ok   ok     ok     ok     ok     ok     ok     403    ok     403    ok     ok     ok     401     badreq  Session-Id: SID:AUTH
    ada:cookie         ada      csrf  ok   ok     ok     ok     ok     ok     ok     403    ok     403    ok     ok     ok     401     badreq  the cookie of a session, without the CSRF token
    ada:cookie+csrf    ada      -     ok   ok     ok     ok     ok     ok     ok     403    ok     403    ok     ok     ok     401     badreq  the same with it
    ada:split          ada      csrf  ok   ok     ok     ok     ok     ok     ok     403    ok     403    ok     ok     ok     401     badreq  a token in Open edX's two cookies, without the CSRF token
    ada:split+csrf     ada      -     ok   ok     ok     ok     ok     ok     ok     403    ok     403    ok     ok     ok     401     badreq  the same with it
    ada:gateway        ada      -     ok   ok     ok     ok     ok     ok     ok     403    ok     403    ok     ok     ok     ok      badreq  X-Userinfo with the gateway's secret

    eve                eve      -     ok   ok     ok     ok     ok     404    404    403    404    403    ok     ok     ok     401     client  another user, by token
    staff              staff    -     ok   ok     ok     ok     ok     ok     ok     403    404    ok     ok     ok     ok     401     client  staff by token
    staff:session      staff    -     ok   ok     ok     ok     ok     ok     ok     403    404    ok     ok     ok     ok     401     badreq  staff by Session-Id
    service            service  -     ok   ok     403    403    403    403    403    ok     403    403    ok     ok     403    401     client  a restricted application with orders:fulfill
    app                ada      -     ok   ok     403    403    403    403    403    403    403    403    ok     ok     403    401     client  a restricted application that acts for ada, without a scope
    app:reader         ada      -     ok   ok     403    403    ok     ok     403    403    403    403    ok     ok     403    401     client  the same with orders:read, for ada and the course's organisation
    machine            worker   -     ok   ok     403    403    ok     ok     403    ok     403    403    ok     ok     403    401     client  a token of our own, with both scopes, for that organisation

    deactivated        -        -     ok   off    off    off    off    off    off    403    off    off    off    ok     off    401     client  a good token of a user whom staff put out
    expired            -        -     ok   401    401    401    401    401    401    401    401    401    401    401    401    401     client  ada's token of yesterday
    forged             -        -     ok   401    401    401    401    401    401    401    401    401    401    401    401    401     client  ada's claims, signed with northwind's secret
    audience           -        -     ok   401    401    401    401    401    401    401    401    401    401    401    401    401     client  ada's token for another service
    key:unknown        -        -     ok   key    key    key    key    key    key    403    key    key    key    ok     key    401     client  ada's token, with a client key of a wrong secret
    key:relabelled     -        -     ok   key    key    key    key    key    key    403    key    key    key    ok     key    401     client  ada's token, with northwind's client key said to be ours
    session:ended      -        -     ok   ended  ended  ended  ended  ended  ended  403    ended  ended  ok     ok     ended  401     badreq  ada's Session-Id after her logout
    realm:foreign      -        -     ok   403    403    403    403    403    403    403    403    403    ok     403    403    403     403     ada's live Session-Id under a realm that is not ours
    userinfo:spoofed   -        -     ok   ok     ok     401    401    401    401    401    401    401    ok     ok     ok     401     ok      X-Userinfo of ada without the gateway's secret
    userinfo:malformed -        -     ok   400    400    400    400    400    400    400    400    400    ok     400    400    400     400     X-Userinfo that cannot be read, with the secret

    northwind:keyless  -        -     ok   nokey  nokey  nokey  nokey  nokey  nokey  403    nokey  nokey  nokey  ok     nokey  401     client  a user of northwind, whose applications need a key, without one
    northwind:key      -        -     ok   ok     ok     401    401    401    401    401    401    401    ok     ok     ok     401     client  northwind's client key alone
    northwind:ada      ada      -     ok   ok     ok     ok     ok     404    404    403    404    403    ok     ok     ok     401     client  the key with northwind's own ada
    northwind:default  -        -     ok   401    401    401    401    401    401    401    401    401    401    401    401    401     client  the key with our ada's token
";

/// The accesses, as the columns of [`ACCESS`] after the first two.
const COLUMNS: usize = 15;

/// What a request is answered: its status, and the problem's code, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) code: String,
}

/// A row of the routes.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) id: &'static str,
    pub(super) access: &'static str,
    /// The status where it is admitted.
    pub(super) ok: u16,
    /// The code of its 404.
    pub(super) missing: &'static str,
    differs: BTreeMap<&'static str, &'static str>,
}

/// A row of the callers.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// The username that `users/me` shows.
    pub(super) is: Option<&'static str>,
    pub(super) what: String,
    write: &'static str,
    by_access: BTreeMap<&'static str, &'static str>,
}

/// The routes by operation id, in their order.
pub(super) fn routes() -> Vec<Route> {
    ROUTES.lines().filter(|line| !line.trim().is_empty()).map(route).collect()
}

fn route(line: &'static str) -> Route {
    let mut words = line.split_whitespace();
    let mut next = || words.next().unwrap_or_default();
    let (id, access, ok) = (next(), next(), next().parse().unwrap_or_else(|_| panic!("no status: {line}")));
    let missing = next();
    let differs = words.map(|word| word.rsplit_once('=').unwrap_or_else(|| panic!("no caller=word: {line}")));
    Route { id, access, ok, missing, differs: differs.collect() }
}

/// The callers, in their order.
pub(super) fn rows() -> Vec<Row> {
    let mut lines = ACCESS.lines().filter(|line| !line.trim().is_empty());
    let columns: Vec<_> = lines.next().unwrap_or_default().split_whitespace().skip(2).collect();
    assert_eq!(columns.len(), COLUMNS);
    lines.map(|line| row(line, &columns)).collect()
}

fn row(line: &'static str, columns: &[&'static str]) -> Row {
    let mut words = line.split_whitespace();
    let (name, is, write) = (words.next(), words.next(), words.next());
    let by_access: BTreeMap<_, _> = columns.iter().copied().zip(words.by_ref()).collect();
    let what = words.collect::<Vec<_>>().join(" ");
    assert!(!what.is_empty(), "a row is short: {line}");
    let is = is.filter(|is| *is != "-");
    Row { name: name.unwrap_or_default(), is, what, write: write.unwrap_or_default(), by_access }
}

impl Row {
    /// The word for this caller at a route.
    pub(super) fn word(&self, route: &Route, writes: bool) -> &'static str {
        if let Some(word) = route.differs.get(self.name) {
            return word;
        }
        let word = *self.by_access.get(route.access).unwrap_or_else(|| panic!("{}: no such access", route.access));
        if writes && route.access != "open" && self.write != "-" { self.write } else { word }
    }

    /// Whether this caller is refused even what is for everybody.
    pub(super) fn is_refused(&self) -> bool {
        self.by_access["public"] != "ok"
    }
}

impl Outcome {
    /// The answer that a word stands for.
    pub(super) fn of(word: &str, route: &Route) -> Self {
        match word {
            "ok" => Self { status: route.ok, code: String::new() },
            "404" if route.missing.len() > 1 => Self { status: 404, code: route.missing.to_owned() },
            word => {
                let (status, code) = refusal(word).unwrap_or_else(|| panic!("{word} means nothing at {}", route.id));
                Self { status, code: code.to_owned() }
            }
        }
    }
}

/// The words for refusals, with a letter for each.
pub(super) const REFUSALS: [(&str, char, u16, &str); 11] = [
    ("401", 'u', 401, "unauthorized"),
    ("403", 'f', 403, "forbidden"),
    ("csrf", 'c', 403, "csrf_failed"),
    ("ended", 'e', 401, "session_ended"),
    ("off", 'd', 401, "user_deactivated"),
    ("key", 'k', 401, "unknown_client_key"),
    ("nokey", 'r', 401, "client_key_required"),
    ("400", 'g', 400, "bad_userinfo"),
    ("422", 'p', 422, "unknown_processor"),
    // RFC 6749, at the token endpoint alone.
    ("badreq", 'i', 400, "invalid_request"),
    ("client", 'x', 401, "invalid_client"),
];

fn refusal(word: &str) -> Option<(u16, &'static str)> {
    let found = REFUSALS.iter().find(|(known, ..)| *known == word)?;
    Some((found.2, found.3))
}
