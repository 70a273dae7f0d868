//! Which route of an HTTP API a request takes.
//!
//! The most specific one that fits: a segment that is written out goes before `{name}`, which goes before `{name+}` for all
//! that is left; a method goes before `ANY`. Source: API Gateway developer guide, "Routes for HTTP APIs".

use super::Route;

/// How well a route fits, segment by segment: less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Name,
    Rest,
}

/// The route that a request takes.
#[must_use]
pub fn route<'a>(routes: &'a [Route], method: &str, path: &str) -> Option<&'a Route> {
    let fitting = routes.iter().filter_map(|route| {
        let (of, pattern) = route.key.split_once(' ')?;
        (of == "ANY" || of == method).then_some(())?;
        Some((fit(pattern, path)?, of == "ANY", route))
    });
    fitting.min_by(|(one, any, _), (other, or_any, _)| (one, any).cmp(&(other, or_any))).map(|(.., route)| route)
}

/// How a path's segments fit a pattern's.
fn fit(pattern: &str, path: &str) -> Option<Vec<Fit>> {
    let (mut fits, mut given) = (Vec::new(), path.trim_start_matches('/').split('/'));
    for wanted in pattern.trim_start_matches('/').split('/') {
        let found = given.next()?;
        if wanted.starts_with('{') && wanted.ends_with("+}") {
            fits.push(Fit::Rest);
            return (!found.is_empty()).then_some(fits);
        }
        let fit = match (wanted.starts_with('{'), wanted == found) {
            (true, _) => Fit::Name,
            (false, true) => Fit::Exact,
            (false, false) => return None,
        };
        if found.is_empty() && fit == Fit::Name {
            return None;
        }
        fits.push(fit);
    }
    given.next().is_none().then_some(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_route_is_taken() {
        let keys = [
            "ANY /pets/{proxy+}",
            "GET /pets/{id}/toys",
            "ANY /pets/dog/toys",
            "POST /pets/dog/toys",
            "ANY /pets",
            "GET /pets/{id}/{toy}",
        ];
        let routes = keys.map(|key| Route { key: key.to_owned(), function: String::new() });
        for (method, path, taken) in [
            ("GET", "/pets", Some("ANY /pets")),
            ("GET", "/pets/", None),
            ("GET", "/pets/cat", Some("ANY /pets/{proxy+}")),
            ("GET", "/pets/cat/toys", Some("GET /pets/{id}/toys")),
            ("PUT", "/pets/cat/toys", Some("ANY /pets/{proxy+}")),
            ("GET", "/pets/cat/ball", Some("GET /pets/{id}/{toy}")),
            ("GET", "/pets/dog/toys", Some("ANY /pets/dog/toys")),
            ("POST", "/pets/dog/toys", Some("POST /pets/dog/toys")),
            ("GET", "/pets/cat/toys/", Some("ANY /pets/{proxy+}")),
            ("GET", "/", None),
        ] {
            assert_eq!(route(&routes, method, path).map(|route| route.key.as_str()), taken, "{method} {path}");
        }
    }
}
