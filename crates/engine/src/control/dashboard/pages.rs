//! The files of the pages, compiled in by `build.rs`, and the rules that a browser keeps for them.

use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

static PAGES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Everything from here, nothing written into the page, nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>SQLite Replicate</title>\
    <h1>This program was built without its dashboard</h1>\
    <p>Run <code>cargo xtask ui</code>, which needs Node 20, then build it again.\n";

/// Whether this is the address of a page or of something that it loads.
pub(in crate::control) fn is_page(method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && (path == "/" || find(path).is_some())
}

/// A page, or what it loads. (A `HEAD` is cut by the server.)
pub(in crate::control) fn answer(path: &str) -> Response {
    let file = if path == "/" { "/index.html" } else { path };
    match find(file) {
        Some(bytes) => (headers(kind(file)), bytes).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, headers(kind("/index.html")), NOT_BUILT).into_response(),
    }
}

fn find(path: &str) -> Option<&'static [u8]> {
    PAGES.iter().find(|(known, _)| *known == path).map(|(_, bytes)| *bytes)
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

fn headers(kind: &'static str) -> HeaderMap {
    [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_page_has_a_kind_that_browsers_accept() {
        for (path, _) in PAGES {
            assert_ne!(kind(path), "application/octet-stream", "{path}");
            assert!(is_page(&Method::GET, path) && !is_page(&Method::POST, path));
        }
        assert!(is_page(&Method::GET, "/") && !is_page(&Method::GET, "/v1/status"));
    }

    #[test]
    fn nothing_in_a_built_page_needs_what_the_policy_forbids() {
        let Some(page) = find("/index.html") else { return };
        let text = String::from_utf8_lossy(page);
        assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains("://"), "{text}");
        for script in text.split("<script").skip(1) {
            let (tag, body) = script.split_once('>').unwrap();
            assert!(tag.contains(" src=\"/") && body.trim_start().starts_with("</script>"), "{text}");
        }
    }
}
