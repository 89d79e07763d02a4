//! The dashboard: the pages of `ui`, served to the owner's browser on this PC.
//!
//! `sqlite-replicate dashboard` gets a link that works once and for a short time. The page gives the link's key back for
//! a session: a cookie that no script can read, and a proof that no other page can read. The pages themselves are open,
//! as they say nothing; every call behind them needs both halves of the session, or the token.

mod door;
mod pages;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{HeaderName, SET_COOKIE};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use sqlite_replicate_api::{DashboardKey, DashboardLink, DashboardSession};

use super::answer::{Answer, Body};

pub(super) use door::Door;
pub(super) use pages::{answer as page, is_page};

/// Where a page gives the key of a link back. It needs no token: the key is one.
pub(super) const SESSION: &str = "/dashboard/session";

/// The second half of a session, sent by the page's own requests alone.
pub(super) const PROOF: HeaderName = HeaderName::from_static("x-dashboard-proof");

/// The calls that belong to no engine: they work while it is busy or ending.
pub(super) fn routes(door: Arc<Door>) -> Router {
    Router::new().route("/v1/dashboard", post(link)).route(SESSION, post(open)).with_state(door)
}

async fn link(State(door): State<Arc<Door>>) -> Answer<Json<DashboardLink>> {
    Ok(Json(door.link()?))
}

async fn open(
    State(door): State<Arc<Door>>,
    Body(DashboardKey { key }): Body<DashboardKey>,
) -> Answer<impl IntoResponse> {
    let opened = door.open(&key)?;
    let cookie =
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", door.cookie_name(), opened.cookie.reveal());
    Ok(([(SET_COOKIE, cookie)], Json(DashboardSession { proof: opened.proof.reveal().to_owned() })))
}
