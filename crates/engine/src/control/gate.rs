//! Stands before every route: who may ask, how much, for how long; and what every answer carries.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, AsHeaderName, CACHE_CONTROL, COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use sqlite_replicate_api::{ErrorCode, Report};

use super::answer::{Refusal, defect};
use super::dashboard::{self, Door};
use super::token::Token;

/// The one call that needs no token: it tells nothing but its answer.
pub(super) const OPEN: &str = "/health";

struct Gate {
    token: Token,
    door: Arc<Door>,
    hosts: [String; 2],
    origins: [String; 2],
}

/// `routes` behind the gate of a server on this port.
pub(super) fn secured(routes: Router, token: Token, door: Arc<Door>, port: u16) -> Router {
    let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let origins = hosts.clone().map(|host| format!("http://{host}"));
    let gate = Arc::new(Gate { token, door: door.clone(), hosts, origins });
    // The last layer is the outermost.
    routes
        .merge(dashboard::routes(door))
        .fallback(page_or_unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(gate, check))
        .layer(from_fn(guarded))
}

/// Refuses whoever does not show the token, and every web page but the dashboard.
async fn check(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    match gate.refuses(&request) {
        Some(refusal) => {
            tracing::debug!(path = request.uri().path(), ?refusal, "a request was refused");
            refusal.into_response()
        }
        None => next.run(request).await,
    }
}

impl Gate {
    fn refuses(&self, request: &Request) -> Option<Refusal> {
        let (headers, path) = (request.headers(), request.uri().path());
        // A page that had its own name resolve to 127.0.0.1 is told by its `Host`.
        let host = only(headers, HOST);
        if !host.is_some_and(|host| self.hosts.iter().any(|own| host.eq_ignore_ascii_case(own.as_bytes()))) {
            return Some(forbidden("requests must be sent to 127.0.0.1 or localhost"));
        }
        let origin = only(headers, ORIGIN);
        if headers.contains_key(ORIGIN)
            && !origin.is_some_and(|origin| self.origins.iter().any(|own| origin == own.as_bytes()))
        {
            return Some(forbidden("requests of other web pages are not answered"));
        }
        let open = path == OPEN || path == dashboard::SESSION || dashboard::is_page(request.method(), path);
        if open
            || only(headers, AUTHORIZATION).is_some_and(|shown| self.believes(shown))
            || self.has_session(headers)
        {
            return None;
        }
        let hint =
            "send `Authorization: Bearer` with the text of `control.token` from the engine's home folder";
        Some(
            Report::new(ErrorCode::Unauthorized, "the request does not show the engine's token")
                .hint(hint)
                .into(),
        )
    }

    /// Whether the request comes from the dashboard. Its proof is a header that no other page can send.
    fn has_session(&self, headers: &HeaderMap) -> bool {
        let (cookie, proof) = (only(headers, COOKIE), only(headers, dashboard::PROOF));
        cookie.zip(proof).is_some_and(|(cookie, proof)| self.door.believes(cookie, proof))
    }

    fn believes(&self, shown: &[u8]) -> bool {
        const SCHEME: &[u8] = b"bearer ";
        let Some((scheme, token)) = shown.split_at_checked(SCHEME.len()) else { return false };
        scheme.eq_ignore_ascii_case(SCHEME) && self.token.matches(token)
    }
}

/// A header's value, if it is there exactly once.
fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&[u8]> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    all.next().is_none().then(|| first.as_bytes())
}

fn forbidden(why: &str) -> Refusal {
    Refusal::with(StatusCode::FORBIDDEN, Report::new(ErrorCode::Unauthorized, why))
}

/// Turns a panic below into a `Report`, and sets what every answer carries.
pub(crate) async fn guarded(request: Request, next: Next) -> Response {
    // Nothing that the panicking handler held is used again: the state that handlers share is behind the engine's own locks.
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| {
        tracing::error!("a handler of the control API ended by a defect");
        Refusal::from(defect()).into_response()
    });
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Answers in time, whatever the handler does. (What [`super::answer::to_its_end`] does goes on.)
pub(super) async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::from(
            Report::new(ErrorCode::Timeout, format!("the engine was not done within {} s", limit.as_secs()))
                .hint("it may still be at it: look at the status"),
        )
        .into_response(),
    }
}

async fn page_or_unknown(request: Request) -> Response {
    if dashboard::is_page(request.method(), request.uri().path()) {
        return dashboard::page(request.uri().path());
    }
    let message = format!("the control API has no `{}`", request.uri().path());
    Refusal::with(StatusCode::NOT_FOUND, Report::new(ErrorCode::BadRequest, message).hint(SEE))
        .into_response()
}

async fn wrong_method(request: Request) -> Refusal {
    let message = format!("`{}` does not take {}", request.uri().path(), request.method());
    Refusal::with(StatusCode::METHOD_NOT_ALLOWED, Report::new(ErrorCode::BadRequest, message).hint(SEE))
}

const SEE: &str = "docs/scripting.md lists every call";
