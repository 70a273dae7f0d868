//! Who may call, as the document says it: every credential that a request can carry, and which of them an operation
//! takes.
//!
//! A function says what an operation needs, a user, staff or a scope, as if a token were the only way to be one. Here is
//! what else makes a user of a caller: a session by header or cookie, the LMS's token cookies, the gateway's word. A
//! scope is a token's alone.

use http::Method;
use utoipa::openapi::Components;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

/// A token of the LMS, of another issuer, or of our own.
const JWT: &str = "jwt";
/// A session that an application names.
const SESSION: &str = "session";
/// A session that a browser's cookie names.
const COOKIE: &str = "session_cookie";
/// A token in two cookies: its header and payload, and its signature.
const JWT_COOKIES: [&str; 2] = ["jwt_cookie", "jwt_cookie_signature"];
/// What goes with a cookie in a write.
const CSRF: &str = "csrf_token";
/// The gateway's proof, and its word for who the person is.
const GATEWAY: [&str; 2] = ["gateway_secret", "gateway_user"];
/// The application.
const CLIENT_KEY: &str = "client_key";

/// The role that the claim `administrator` gives.
const STAFF: &str = "staff";

/// Declares every credential.
pub(super) fn declare(components: &mut Components) {
    let header = |name, text| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, text)));
    let cookie = |name, text| SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, text)));
    for (scheme, described) in [
        (JWT, jwt()),
        (SESSION, header("Session-Id", SESSION_TEXT)),
        (COOKIE, cookie("bursar_session", COOKIE_TEXT)),
        (JWT_COOKIES[0], cookie("edx-jwt-cookie-header-payload", JWT_COOKIE_TEXT)),
        (JWT_COOKIES[1], cookie("edx-jwt-cookie-signature", "The signature of that token.")),
        (CSRF, header("X-CSRF-Token", CSRF_TEXT)),
        (GATEWAY[0], header("X-Gateway-Secret", "Proves that the request comes from the identity-aware gateway.")),
        (GATEWAY[1], header("X-Userinfo", GATEWAY_TEXT)),
        (CLIENT_KEY, header("X-Client-Key", CLIENT_KEY_TEXT)),
    ] {
        components.add_security_scheme(scheme, described);
    }
}

const SESSION_TEXT: &str = "`SID:ANON:<realm>:<id>`, an anonymous session that a trusted application names; or \
    `SID:AUTH:<realm>:<id>`, the session of a user who signed in, as `Session-Id` of that answer named it. Where a user \
    is needed, only the latter is one.";
const COOKIE_TEXT: &str = "A browser's session, anonymous or of a user who signed in.";
const JWT_COOKIE_TEXT: &str = "The header and payload of the LMS's token, as Open edX splits it over two cookies.";
const CSRF_TEXT: &str = "Goes with a cookie in every write: the value of the cookie `bursar_csrf`, or what \
    `GET /csrf/api/v1/token` answers. `X-CSRFToken` is the same.";
const GATEWAY_TEXT: &str = "Whom the gateway signed in: the base64 of a JSON object with `sub` and \
    `preferred_username`. Without the gateway's proof it is taken off the request.";
const CLIENT_KEY_TEXT: &str = "Names the application, never a user, and goes beside any other credential. A shop can \
    require it of every application.";

fn jwt() -> SecurityScheme {
    let text = "A JSON web token of the LMS or of `/oauth2/access_token`, after `JWT` or `Bearer`. `staff` is the claim \
                `administrator`; other roles are scopes.";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    SecurityScheme::Http(scheme.description(Some(text)).build())
}

/// What an operation for everybody takes.
pub(super) fn anybody(method: &Method) -> Vec<SecurityRequirement> {
    let mut all = vec![SecurityRequirement::default(), one(CLIENT_KEY, &[])];
    all.extend(user(&[], method));
    all
}

/// What an operation takes that needs what its function says.
pub(super) fn ways(needed: &[SecurityRequirement], method: &Method) -> Vec<SecurityRequirement> {
    let mut all = Vec::new();
    for requirement in needed {
        let ways = if *requirement == one(JWT, &[]) {
            user(&[], method)
        } else if *requirement == one(JWT, &[STAFF]) {
            user(&[STAFF], method)
        } else {
            vec![requirement.clone()]
        };
        for way in ways {
            if !all.contains(&way) {
                all.push(way);
            }
        }
    }
    all
}

/// Every way to be a user of these roles.
fn user(roles: &[&str], method: &Method) -> Vec<SecurityRequirement> {
    let by_cookie = |way: SecurityRequirement| if method.is_safe() { way } else { with(way, CSRF, &[]) };
    vec![
        one(JWT, roles),
        one(SESSION, roles),
        by_cookie(one(COOKIE, roles)),
        by_cookie(with(one(JWT_COOKIES[0], roles), JWT_COOKIES[1], &[])),
        with(one(GATEWAY[0], &[]), GATEWAY[1], roles),
    ]
}

fn one(scheme: &str, roles: &[&str]) -> SecurityRequirement {
    SecurityRequirement::new(scheme, roles.iter().copied())
}

fn with(other: SecurityRequirement, scheme: &str, roles: &[&str]) -> SecurityRequirement {
    other.add(scheme, roles.iter().copied())
}
