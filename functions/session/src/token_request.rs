//! A request for a token: the form of RFC 6749, section 4.4.2, and who the client says to be (section 2.3.1).
//!
//! Read without the table, so that what is malformed is refused before anything is asked for.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::text::Scope;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::oauth_refusal::OAuthRefusal;

/// The largest form that is read, in bytes: all scopes that a client can have, each byte of them escaped, fit twice.
const MAX_FORM: usize = 16 * 1024;

/// How the answer calls the token. The token is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// As Open edX's clients ask for it, and send it back: `Authorization: JWT …`.
    Jwt,
    /// As RFC 6750 has it.
    Bearer,
}

/// A request that is well-formed. It has no debug form, for its secret's sake.
pub(crate) struct TokenRequest {
    /// The `client_id`.
    pub(crate) client_id: String,
    /// The `client_secret`.
    pub(crate) client_secret: String,
    /// The wanted type.
    pub(crate) token_type: TokenType,
    /// The wanted scopes; `None` is all that the client has.
    scopes: Option<Vec<String>>,
}

/// The form, as the document shows it.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what `TokenRequest` reads by hand, since no form may repeat a parameter")]
pub(crate) struct TokenForm {
    /// `client_credentials`.
    grant_type: String,
    /// `jwt` or `bearer`, in any case; `bearer` if left out.
    token_type: Option<String>,
    /// Scopes with spaces between; all that the client has if left out.
    scope: Option<String>,
    /// The client, unless `Authorization: Basic` names it.
    client_id: Option<String>,
    /// Its secret.
    client_secret: Option<String>,
}

impl TokenRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`OAuthRefusal`].
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, OAuthRefusal> {
        let mut form = form(headers, body)?;
        match form.remove("grant_type").as_deref() {
            None => return Err(OAuthRefusal::InvalidRequest("grant_type is missing")),
            Some("client_credentials") => {}
            Some(_) => return Err(OAuthRefusal::UnsupportedGrantType),
        }
        let token_type = match form.remove("token_type").map(|kind| kind.to_ascii_lowercase()).as_deref() {
            Some("jwt") => TokenType::Jwt,
            None | Some("bearer") => TokenType::Bearer,
            Some(_) => return Err(OAuthRefusal::InvalidRequest("token_type must be jwt or bearer")),
        };
        let scopes = form.remove("scope").map(|scope| scope.split_ascii_whitespace().map(str::to_owned).collect());
        let (client_id, client_secret) = credentials(headers, &mut form)?;
        Ok(Self { client_id, client_secret, token_type, scopes })
    }

    /// The scopes of the token, for a client that is registered with `registered`.
    ///
    /// # Errors
    /// [`OAuthRefusal::InvalidScope`] if another is asked for.
    pub(crate) fn granted<'a>(&self, registered: &'a BTreeSet<Scope>) -> Result<BTreeSet<&'a str>, OAuthRefusal> {
        let Some(wanted) = &self.scopes else { return Ok(registered.iter().map(Scope::as_str).collect()) };
        let known = |name: &String| registered.iter().map(Scope::as_str).find(|scope| scope == name);
        wanted.iter().map(|name| known(name).ok_or(OAuthRefusal::InvalidScope)).collect()
    }
}

/// The form's parameters. One without a value counts as left out, and none may stand twice (RFC 6749, section 3.2).
fn form(headers: &HeaderMap, body: &[u8]) -> Result<BTreeMap<String, String>, OAuthRefusal> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OAuthRefusal::InvalidRequest("the body must be application/x-www-form-urlencoded"));
    }
    if body.len() > MAX_FORM {
        return Err(OAuthRefusal::InvalidRequest("the body is larger than 16 KiB"));
    }
    let mut form = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(OAuthRefusal::InvalidRequest("a parameter stands twice"));
        }
    }
    form.retain(|_, value| !value.is_empty());
    Ok(form)
}

/// The client's id and secret, by header or form; who names itself by both must name the same.
fn credentials(headers: &HeaderMap, form: &mut BTreeMap<String, String>) -> Result<(String, String), OAuthRefusal> {
    let (id, secret) = (form.remove("client_id"), form.remove("client_secret"));
    let Some(value) = headers.get(AUTHORIZATION) else {
        return id.zip(secret).ok_or(OAuthRefusal::InvalidClient);
    };
    let by_header = value.to_str().ok().and_then(basic).ok_or(OAuthRefusal::InvalidClient)?;
    let same = id.is_none_or(|id| id == by_header.0) && secret.is_none_or(|secret| secret == by_header.1);
    if same { Ok(by_header) } else { Err(OAuthRefusal::InvalidClient) }
}

/// The user and password of `Basic`, each of which OAuth escapes before they are joined.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    let plain = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
    Some((plain(id)?, plain(secret)?))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn read(headers: &[(&'static str, &str)], body: &str) -> Result<TokenRequest, OAuthRefusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        TokenRequest::read(&map, body.as_bytes())
    }

    fn authorization(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_request_is_read_whatever_way_the_client_names_itself() {
        let grant = "grant_type=client_credentials";
        let basic = authorization("mcl_1:s%3Ae%20cret");
        for (authorization, body, wanted) in [
            (None, format!("{grant}&client_id=mcl_1&client_secret=s%3Ae+cret"), TokenType::Bearer),
            (Some(&basic), format!("{grant}&token_type=JWT"), TokenType::Jwt),
            (Some(&basic.replacen("Basic", "bASIC", 1)), format!("{grant}&token_type=jwt"), TokenType::Jwt),
            (Some(&basic), format!("{grant}&client_id=mcl_1&token_type=Bearer"), TokenType::Bearer),
            (Some(&basic), format!("{grant}&client_id=mcl_1&client_secret=s%3Ae+cret"), TokenType::Bearer),
            (Some(&basic), format!("{grant}&client_id=&token_type=&audience=any"), TokenType::Bearer),
        ] {
            let mut headers = vec![("content-type", FORM)];
            headers.extend(authorization.map(|value| ("authorization", value.as_str())));
            let request = read(&headers, &body).ok().unwrap();
            let named = (request.client_id.as_str(), request.client_secret.as_str(), request.token_type);
            assert_eq!(named, ("mcl_1", "s:e cret", wanted), "{body}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused_for_its_own_reason() {
        const GOOD: &str = "grant_type=client_credentials&client_id=mcl_1&client_secret=secret";
        let basic = authorization("mcl_1:secret");
        let other = authorization("mcl_2:secret");
        let bare = authorization("mcl_1");
        let long = format!("{GOOD}&scope={}", "a".repeat(MAX_FORM));
        let invalid = OAuthRefusal::InvalidRequest;
        let media = invalid("the body must be application/x-www-form-urlencoded");
        let twice = invalid("a parameter stands twice");
        for (content_type, authorization, body, refusal) in [
            ("application/json", "", GOOD, media),
            ("", "", GOOD, media),
            ("application/x-www-form-urlencoded-2", "", GOOD, media),
            (FORM, "", long.as_str(), invalid("the body is larger than 16 KiB")),
            (FORM, "", &format!("{GOOD}&client_id=mcl_1"), twice),
            (FORM, "", &format!("{GOOD}&x=1&x=1"), twice),
            (FORM, "", &format!("{GOOD}&x=&x="), twice),
            (FORM, "", "", invalid("grant_type is missing")),
            (FORM, "", "grant_type=&client_id=mcl_1&client_secret=secret", invalid("grant_type is missing")),
            (FORM, "", "grant_type=password&username=ada", OAuthRefusal::UnsupportedGrantType),
            (FORM, "", "grant_type=Client_Credentials", OAuthRefusal::UnsupportedGrantType),
            (FORM, "", &format!("{GOOD}&token_type=mac"), invalid("token_type must be jwt or bearer")),
            (FORM, "", "grant_type=client_credentials", OAuthRefusal::InvalidClient),
            (FORM, "", "grant_type=client_credentials&client_id=mcl_1", OAuthRefusal::InvalidClient),
            (FORM, "", "grant_type=client_credentials&client_id=mcl_1&client_secret=", OAuthRefusal::InvalidClient),
            (FORM, &other, GOOD, OAuthRefusal::InvalidClient),
            (FORM, &basic, &GOOD.replace("=secret", "=another"), OAuthRefusal::InvalidClient),
            (FORM, &bare, GOOD, OAuthRefusal::InvalidClient),
            (FORM, "Basic", GOOD, OAuthRefusal::InvalidClient),
            (FORM, "Basic ***", GOOD, OAuthRefusal::InvalidClient),
            (FORM, "Basic /////w==", GOOD, OAuthRefusal::InvalidClient),
            (FORM, &basic.replace("Basic", "Bearer"), GOOD, OAuthRefusal::InvalidClient),
        ] {
            let headers = [("content-type", content_type), ("authorization", authorization)];
            let sent: Vec<_> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            assert_eq!(read(&sent, body).err(), Some(refusal), "{content_type} {authorization} {body:.80}");
        }
    }

    #[test]
    fn a_token_has_the_scopes_that_were_asked_for_and_no_others() {
        let registered: BTreeSet<Scope> = ["orders:read", "orders:fulfill"].map(|name| name.parse().unwrap()).into();
        for (asked, granted) in [
            ("", Ok(["orders:fulfill", "orders:read"].as_slice())),
            ("&scope=", Ok(&["orders:fulfill", "orders:read"])),
            ("&scope=orders:read", Ok(&["orders:read"])),
            ("&scope=orders%3Aread++orders:read", Ok(&["orders:read"])),
            ("&scope=+", Ok(&[])),
            ("&scope=orders:read+orders:refund", Err(OAuthRefusal::InvalidScope)),
            ("&scope=ORDERS:READ", Err(OAuthRefusal::InvalidScope)),
            ("&scope=orders:read,orders:fulfill", Err(OAuthRefusal::InvalidScope)),
        ] {
            let body = format!("grant_type=client_credentials&client_id=mcl_1&client_secret=secret{asked}");
            let request = read(&[("content-type", FORM)], &body).ok().unwrap();
            assert_eq!(request.granted(&registered), granted.map(|names| names.iter().copied().collect()), "{asked}");
        }
    }
}
