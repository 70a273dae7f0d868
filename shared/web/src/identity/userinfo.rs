//! The `X-Userinfo` header of an identity-aware gateway: the OIDC userinfo response, as JSON in standard base64
//! (research/mit-unified-ecommerce-xpro.md, section 3.1).
//!
//! It is read strictly: what two parsers could read differently (a key that stands twice, text behind the object,
//! another alphabet) is refused.
//!
//! Not here: whether the header may be believed. By itself it proves nothing.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// The longest header that is looked at, in bytes. API Gateway passes headers of 10 KiB in all.
const MAX_ENCODED: usize = 8 * 1024;

/// The longest `sub`, in characters (OpenID Connect Core 1.0, section 2).
const MAX_SUB: usize = 255;

/// What an identity provider says about a user. Fields that we do not read are left out; a null is as good as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfo {
    /// Who it is, for ever, at this provider: 1 to 255 visible ASCII characters.
    pub sub: String,
    /// The name that the user goes by.
    pub preferred_username: Option<String>,
    /// The address, verified or not.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The first name.
    pub given_name: Option<String>,
    /// The last name.
    pub family_name: Option<String>,
    /// Whether the user wants mail from the school.
    pub email_optin: Option<bool>,
    /// The country of residence, as ISO 3166-1 has it.
    pub country_code: Option<String>,
}

/// A header that is not the userinfo of anybody. It says nothing of the content, which is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUserInfo {
    /// Longer than 8 KiB; it was not decoded.
    #[error("longer than {MAX_ENCODED} bytes")]
    TooLong,
    /// Not standard base64 with padding.
    #[error("not standard base64")]
    NotBase64,
    /// Not exactly one JSON object with each key once.
    #[error("not one JSON object with each key once")]
    NotAnObject,
    /// A field that we read is of another type.
    #[error("{0} is of the wrong type")]
    WrongType(&'static str),
    /// No `sub`, or one that cannot be.
    #[error("sub is missing, too long or not printable")]
    NoSubject,
}

impl UserInfo {
    /// Reads the header's value.
    ///
    /// # Errors
    /// [`BadUserInfo`] for anything that the gateway would not have written.
    pub fn parse(header: &[u8]) -> Result<Self, BadUserInfo> {
        if header.len() > MAX_ENCODED {
            return Err(BadUserInfo::TooLong);
        }
        let json = STANDARD.decode(header).map_err(|_| BadUserInfo::NotBase64)?;
        let mut members: Members = serde_json::from_slice(&json).map_err(|_| BadUserInfo::NotAnObject)?;
        let sub = members.text("sub")?.filter(|sub| is_subject(sub)).ok_or(BadUserInfo::NoSubject)?;
        Ok(Self {
            sub,
            preferred_username: members.text("preferred_username")?,
            email: members.text("email")?,
            name: members.text("name")?,
            given_name: members.text("given_name")?,
            family_name: members.text("family_name")?,
            email_optin: members.flag("email_optin")?,
            country_code: members.text("country_code")?,
        })
    }

    /// The full name, put together where only its parts were sent.
    #[must_use]
    pub fn full_name(&self) -> Option<String> {
        let parts = [&self.given_name, &self.family_name].into_iter().flatten().map(String::as_str);
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        self.name.clone().or_else(|| (!parts.is_empty()).then(|| parts.join(" ")))
    }
}

fn is_subject(text: &str) -> bool {
    (1..=MAX_SUB).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The members of a JSON object whose keys are all different; `serde_json` would take the last of two.
struct Members(BTreeMap<String, Value>);

impl Members {
    fn text(&mut self, name: &'static str) -> Result<Option<String>, BadUserInfo> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(BadUserInfo::WrongType(name)),
        }
    }

    fn flag(&mut self, name: &'static str) -> Result<Option<bool>, BadUserInfo> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(BadUserInfo::WrongType(name)),
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachKeyOnce)
    }
}

struct EachKeyOnce;

impl<'de> Visitor<'de> for EachKeyOnce {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with each key once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            if members.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};
    use proptest::option::of;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The synthetic vector of the research, section 3.1.
    const VECTOR: &str = concat!(
        "eyJzdWIiOiIxMTExMTExMS0yMjIyLTMzMzMtNDQ0NC01NTU1NTU1NTU1NTUiLCJwcmVmZXJyZWRfdXNlcm5hbWUiOiJqZG9lIiwiZW1haWwi",
        "OiJqZG9lQGV4YW1wbGUuY29tIiwibmFtZSI6IkphbmUgRG9lIn0="
    );

    fn of_json(json: impl AsRef<[u8]>) -> Result<UserInfo, BadUserInfo> {
        UserInfo::parse(STANDARD.encode(json).as_bytes())
    }

    fn only(sub: &str) -> UserInfo {
        UserInfo {
            sub: sub.to_owned(),
            preferred_username: None,
            email: None,
            name: None,
            given_name: None,
            family_name: None,
            email_optin: None,
            country_code: None,
        }
    }

    fn json_of(info: &UserInfo) -> String {
        json!({
            "sub": info.sub, "preferred_username": info.preferred_username, "email": info.email, "name": info.name,
            "given_name": info.given_name, "family_name": info.family_name, "email_optin": info.email_optin,
            "country_code": info.country_code,
        })
        .to_string()
    }

    #[test]
    fn the_header_of_a_gateway_is_read() {
        let jane = UserInfo {
            preferred_username: Some("jdoe".to_owned()),
            email: Some("jdoe@example.com".to_owned()),
            name: Some("Jane Doe".to_owned()),
            ..only("11111111-2222-3333-4444-555555555555")
        };
        assert_eq!(UserInfo::parse(VECTOR.as_bytes()), Ok(jane));
        let all = UserInfo {
            preferred_username: Some("zoë".to_owned()),
            email: Some("zoe@example.com".to_owned()),
            name: Some("Zoë O'Neil \u{1f393}".to_owned()),
            given_name: Some("Zoë".to_owned()),
            family_name: Some(String::new()),
            email_optin: Some(false),
            country_code: Some("NL".to_owned()),
            ..only("f:1:zoe")
        };
        assert_eq!(of_json(json_of(&all)), Ok(all));
    }

    #[test]
    fn a_name_is_put_together_from_its_parts() {
        for (text, wanted) in [
            (r#"{"sub":"1","name":"Ada L.","given_name":"Ada","family_name":"Lovelace"}"#, Some("Ada L.")),
            (r#"{"sub":"1","given_name":"Ada","family_name":"Lovelace"}"#, Some("Ada Lovelace")),
            (r#"{"sub":"1","given_name":"Ada","family_name":""}"#, Some("Ada")),
            (r#"{"sub":"1","family_name":"Lovelace"}"#, Some("Lovelace")),
            (r#"{"sub":"1","given_name":""}"#, None),
            (r#"{"sub":"1"}"#, None),
        ] {
            assert_eq!(of_json(text).unwrap().full_name().as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn what_we_do_not_read_and_nulls_change_nothing() {
        for (name, text) in [
            ("least", r#"{"sub":"1"}"#),
            ("spaces inside", " { \"sub\" : \"1\" }\n"),
            ("escaped key", r#"{"\u0073ub":"1"}"#),
            ("nulls", r#"{"sub":"1","email":null,"name":null,"email_optin":null,"country_code":null}"#),
            (
                "others",
                r#"{"email_verified":true,"groups":["a","b"],"address":{"sub":"2"},"iat":1.5,"sub":"1","Sub":7}"#,
            ),
            ("key twice further down", r#"{"sub":"1","address":{"a":1,"a":2}}"#),
        ] {
            assert_eq!(of_json(text), Ok(only("1")), "{name}");
        }
        assert_eq!(of_json(format!(r#"{{"sub":"{}"}}"#, "s".repeat(255))), Ok(only(&"s".repeat(255))));
    }

    #[test]
    fn what_a_gateway_would_not_write_is_refused() {
        use BadUserInfo::{NoSubject, NotAnObject, WrongType};
        let deep = format!(r#"{{"sub":"1","a":{}{}}}"#, "[".repeat(500), "]".repeat(500));
        let long = format!(r#"{{"sub":"{}"}}"#, "s".repeat(256));
        for (text, fault) in [
            ("{}", NoSubject),
            (r#"{"sub":null}"#, NoSubject),
            (r#"{"sub":""}"#, NoSubject),
            (r#"{"sub":"a b"}"#, NoSubject),
            (r#"{"sub":"a\n"}"#, NoSubject),
            (r#"{"sub":"\u0000"}"#, NoSubject),
            (r#"{"sub":"ü"}"#, NoSubject),
            (&long, NoSubject),
            (r#"{"sub":7}"#, WrongType("sub")),
            (r#"{"sub":["1"]}"#, WrongType("sub")),
            (r#"{"sub":"1","preferred_username":7}"#, WrongType("preferred_username")),
            (r#"{"sub":"1","email":["a@example.com"]}"#, WrongType("email")),
            (r#"{"sub":"1","name":{}}"#, WrongType("name")),
            (r#"{"sub":"1","given_name":false}"#, WrongType("given_name")),
            (r#"{"sub":"1","family_name":0}"#, WrongType("family_name")),
            (r#"{"sub":"1","email_optin":"true"}"#, WrongType("email_optin")),
            (r#"{"sub":"1","email_optin":1}"#, WrongType("email_optin")),
            (r#"{"sub":"1","country_code":31}"#, WrongType("country_code")),
            (r#"{"sub":"1","sub":"2"}"#, NotAnObject),
            (r#"{"sub":"1","s\u0075b":"1"}"#, NotAnObject),
            (r#"{"sub":"1","other":1,"other":1}"#, NotAnObject),
            (r#"{"sub":"1"}{"sub":"2"}"#, NotAnObject),
            (r#"{"sub":"1"} x"#, NotAnObject),
            (r#"{"sub":"1""#, NotAnObject),
            (r#"{"sub":"1",}"#, NotAnObject),
            (r"{'sub':'1'}", NotAnObject),
            (r#"{"sub":"\ud800"}"#, NotAnObject),
            ("\u{feff}{\"sub\":\"1\"}", NotAnObject),
            (r#"["sub","1"]"#, NotAnObject),
            (r#""sub""#, NotAnObject),
            ("null", NotAnObject),
            ("", NotAnObject),
            (&deep, NotAnObject),
        ] {
            assert_eq!(of_json(text), Err(fault), "{text}");
        }
        assert_eq!(of_json(b"{\"sub\":\"1\",\"name\":\"\xff\"}"), Err(NotAnObject));
    }

    #[test]
    fn only_standard_base64_with_padding_is_read() {
        // Its encodings differ between the alphabets, and end in padding.
        let json = r#"{"sub":"1","name":"~~~???>>>!"}"#;
        let good = STANDARD.encode(json);
        assert!(good.contains(['+', '/']) && good.ends_with('='), "{good}");
        assert_eq!(UserInfo::parse(good.as_bytes()).map(|info| info.sub), Ok("1".to_owned()));
        for (name, header) in [
            ("alphabet of URLs", URL_SAFE.encode(json)),
            ("no padding", STANDARD_NO_PAD.encode(json)),
            ("too much padding", format!("{good}=")),
            ("space before", format!(" {good}")),
            ("space behind", format!("{good} ")),
            ("line break", format!("{}\n{}", &good[..8], &good[8..])),
            ("two headers joined", format!("{good},{good}")),
            ("two values joined", format!("{good}{good}")),
            ("plain JSON", json.to_owned()),
            ("bits that are not used", VECTOR.replace("n0=", "n1=")),
        ] {
            assert_eq!(UserInfo::parse(header.as_bytes()), Err(BadUserInfo::NotBase64), "{name}: {header}");
        }
        assert_eq!(UserInfo::parse(b"\xff\xfe"), Err(BadUserInfo::NotBase64));
        assert_eq!(UserInfo::parse(b""), Err(BadUserInfo::NotAnObject));
    }

    #[test]
    fn eight_kibibytes_are_read_and_no_more() {
        let padded = |spaces: usize| STANDARD.encode(format!(r#"{{"sub":"1"}}{}"#, " ".repeat(spaces)));
        let largest = padded(MAX_ENCODED / 4 * 3 - 11);
        assert_eq!((largest.len(), UserInfo::parse(largest.as_bytes())), (MAX_ENCODED, Ok(only("1"))));
        let larger = padded(MAX_ENCODED / 4 * 3 - 10);
        assert_eq!(UserInfo::parse(larger.as_bytes()), Err(BadUserInfo::TooLong));
    }

    prop_compose! {
        fn infos()(
            sub in "[!-~]{1,255}",
            texts in [of(".{0,40}"), of(".{0,40}"), of(".{0,40}"), of(".{0,40}"), of(".{0,40}"), of(".{0,40}")],
            email_optin in of(any::<bool>()),
        ) -> UserInfo {
            let [preferred_username, email, name, given_name, family_name, country_code] = texts;
            UserInfo { sub, preferred_username, email, name, given_name, family_name, email_optin, country_code }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(info in infos()) {
            prop_assert_eq!(of_json(json_of(&info)), Ok(info));
        }

        #[test]
        fn a_cut_header_is_refused(info in infos(), cut in 1..40_usize) {
            let header = STANDARD.encode(json_of(&info));
            prop_assert!(UserInfo::parse(&header.as_bytes()[..header.len() - cut]).is_err());
        }
    }
}
