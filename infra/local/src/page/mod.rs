//! The demo shop front: one static page that buys through the public API, as any front end would.
//!
//! It has no privileges: everything it shows comes from `/api/v1`, and only the demo sign-in (`POST /_local/token`) is
//! local. Its files are compiled in, need no build step and load nothing from elsewhere. Deliberately not here: staff
//! screens.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

/// Only our own files run. Inline styles are allowed for the receipt: its blob document inherits this policy.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

const JS: &str = "text/javascript; charset=utf-8";

/// The files: where each is served, its type, its text.
const FILES: [(&str, &str, &str); 7] = [
    ("/", "text/html; charset=utf-8", include_str!("index.html")),
    ("/_local/page/app.css", "text/css; charset=utf-8", include_str!("app.css")),
    ("/_local/page/app.js", JS, include_str!("app.js")),
    ("/_local/page/api.js", JS, include_str!("api.js")),
    ("/_local/page/dom.js", JS, include_str!("dom.js")),
    ("/_local/page/shop.js", JS, include_str!("shop.js")),
    ("/_local/page/orders.js", JS, include_str!("orders.js")),
];

/// Serves the shop front at `/` and its files under `/_local/page/`.
pub fn router() -> Router {
    FILES
        .into_iter()
        .fold(Router::new(), |router, (path, kind, text)| router.route(path, get(async move || serve(kind, text))))
}

fn serve(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn every_file_is_served_under_a_strict_policy() {
        for (path, kind, _) in FILES {
            let answer = router().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, kind));
            assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("object-src 'none'"));
        }
    }

    #[test]
    fn every_module_that_a_script_imports_is_served() {
        for (_, _, text) in FILES {
            let imports = text.lines().filter_map(|line| line.split_once(" from \"./")).map(|(_, rest)| rest);
            for file in imports.filter_map(|rest| rest.split_once('"')).map(|(file, _)| file) {
                assert!(FILES.iter().any(|(path, _, _)| path.ends_with(&format!("/{file}"))), "{file}");
            }
        }
    }

    #[test]
    fn no_script_writes_markup_from_data_and_nothing_comes_from_elsewhere() {
        for (path, _, text) in FILES {
            for banned in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://", "http://"]
            {
                assert!(!text.contains(banned), "{path} contains {banned}");
            }
        }
    }
}
