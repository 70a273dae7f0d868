//! Where a hand-over may send the browser: to a path of our own site, or to a site that the shop lists. Anything that a
//! browser and we could read differently is refused.

use http::HeaderValue;
use url::Url;
use web::{Code, Origin, Problem};

/// The longest address, in characters: as for return URLs.
const MAX_NEXT: usize = 2048;

/// The `Location` for `next`, as seen from our own site at `own`.
///
/// # Errors
/// 400 `bad_next` for an address elsewhere, or for none.
pub(crate) fn location(next: &str, own: &str, others: &[Origin]) -> Result<HeaderValue, Problem> {
    let own = Url::parse(own).map_err(|error| Problem::internal(&error))?;
    let found = if is_plain(next) { path(next, &own).or_else(|| elsewhere(next, &own, others)) } else { None };
    let found = found.and_then(|location| HeaderValue::try_from(location).ok());
    found.ok_or_else(|| Problem::new(Code::BadNext))
}

/// Browsers drop tabs and line breaks, and take a backslash for a slash; we take neither.
fn is_plain(next: &str) -> bool {
    next.len() <= MAX_NEXT && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// A path of our own site, as it was given.
fn path(next: &str, own: &Url) -> Option<String> {
    let url = own.join(next).ok().filter(|_| next.starts_with('/'))?;
    // `//host` is another site; `/.//host` becomes that when a proxy tidies it up.
    let ours = url.origin() == own.origin() && !next.starts_with("//") && !url.path().starts_with("//");
    ours.then(|| next.to_owned())
}

/// A whole address of our own site or of one that is listed, as it was read.
fn elsewhere(next: &str, own: &Url, others: &[Origin]) -> Option<String> {
    let url = Url::parse(next).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && next.starts_with(&format!("{}://", url.scheme()));
    let anonymous = url.username().is_empty() && url.password().is_none();
    let origin = HeaderValue::try_from(url.origin().ascii_serialization()).ok()?;
    let known = url.origin() == own.origin() || others.iter().any(|other| other.is(&origin));
    (web && anonymous && known).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of `next` in a shop at `https://shop.example` that lists `https://learn.example` and
    /// `http://localhost:3000`.
    #[track_caller]
    fn check(next: &str, wanted: Option<&str>) {
        let others = ["https://learn.example", "http://localhost:3000"].map(|origin| origin.parse().unwrap());
        let found = location(next, "https://shop.example", &others).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(found.as_deref().ok(), wanted, "{next:?}");
        assert!(found.is_ok() || found.map_err(|problem| problem.code()) == Err(Code::BadNext), "{next:?}");
    }

    #[test]
    fn a_path_of_our_own_is_taken_as_it_is() {
        for next in [
            "/",
            "/courses",
            "/courses/course-v1:Org+Course+Run/?tab=1#top",
            "/search?q=a@b&next=https://evil.example",
            "/a//b",
            "/a/../b",
            "/%2f%2fevil.example",
            "/%5cevil.example",
            "/:80",
            "/@evil.example",
            "/https://evil.example",
            "/?",
            "/#//evil.example",
            &format!("/{}", "a".repeat(2047)),
        ] {
            check(next, Some(next));
        }
    }

    #[test]
    fn a_listed_site_is_taken_as_it_was_read() {
        for (next, wanted) in [
            ("https://learn.example", "https://learn.example/"),
            ("https://learn.example/", "https://learn.example/"),
            ("https://learn.example/a?b=c#d", "https://learn.example/a?b=c#d"),
            ("https://learn.example?user=a@evil.example", "https://learn.example/?user=a@evil.example"),
            ("https://learn.example#@evil.example", "https://learn.example/#@evil.example"),
            ("https://learn.example:443/a", "https://learn.example/a"),
            ("https://LEARN.example/a", "https://learn.example/a"),
            ("https://learn.example//evil.example", "https://learn.example//evil.example"),
            ("http://localhost:3000/a", "http://localhost:3000/a"),
            ("https://shop.example/a", "https://shop.example/a"),
            // No user is a user without a name, and is not written.
            ("https://@learn.example/a", "https://learn.example/a"),
        ] {
            check(next, Some(wanted));
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for next in [
            "",
            " ",
            "courses",
            "./courses",
            "?a",
            "#a",
            "//evil.example",
            "///evil.example",
            "////evil.example",
            "//shop.example/a",
            "/\\evil.example",
            "\\/evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            " /courses",
            "/courses ",
            "/.//evil.example",
            "/..//evil.example",
            "/a/..//evil.example",
            "/%2e//evil.example",
            "/%2E%2e//evil.example",
            "%2f%2fevil.example",
            "%2fcourses",
            "/\u{ff0f}evil.example",
            "/kurs/\u{e9}",
            &format!("/{}", "a".repeat(2048)),
        ] {
            check(next, None);
        }
    }

    #[test]
    fn another_site_is_refused_however_it_is_written() {
        for next in [
            "https://evil.example",
            "https:evil.example",
            "https:/evil.example",
            "https:///evil.example",
            "https:learn.example",
            "https:/learn.example",
            "https:\\\\learn.example",
            "HTTPS://evil.example",
            "https://learn.example@evil.example",
            "https://learn.example:x@evil.example/",
            "https://user@learn.example/",
            "https://user:password@learn.example/",
            "https://:password@learn.example/",
            "https://learn.example%40evil.example",
            "https://learn.example.evil.example",
            "https://learn.example./",
            "https://evillearn.example",
            "https://evil.example#.learn.example",
            "https://evil.example?learn.example",
            "https://evil.example\\@learn.example",
            "https://evil.example\\.learn.example",
            "https://evil.example%00.learn.example",
            "https://learn.example:8443/",
            "https://learn.example:0443x/",
            "https://learn.example\t.evil.example",
            "https://learn.example\r\nSet-Cookie: a=b",
            "http://learn.example/",
            "http://localhost/",
            "http://localhost:30000/",
            // Dots and letters of other scripts.
            "https://learn\u{3002}example/",
            "https://learn\u{ff0e}example/",
            "https://le\u{430}rn.example/",
            // Not the web.
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "javascript://learn.example/%0aalert(1)",
            "data:text/html,hello",
            "ftp://learn.example/",
            "blob:https://learn.example/1",
            "file:///etc/passwd",
            "https://",
            "https://[::1",
            "https://?",
            &format!("https://learn.example/{}", "a".repeat(2048)),
        ] {
            check(next, None);
        }
    }

    #[test]
    fn a_shop_without_an_address_sends_nobody_anywhere() {
        let problem = location("/", "shop.example", &[]).unwrap_err();
        assert_eq!(problem.code(), Code::Internal);
    }
}
