//! What goes back to who asked: a value as JSON, or a [`Report`] with a fitting HTTP status. And what comes in: JSON
//! that is understood, or a `Report` that says where it is not.

use std::future::Future;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use sqlite_replicate_api::{ErrorCode, Report, Result, http_status};

/// A [`Report`] on its way out.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    report: Report,
}

impl Refusal {
    /// With a status that says more than the report's code.
    pub(crate) fn with(status: StatusCode, report: Report) -> Self {
        Self { status, report }
    }
}

impl From<Report> for Refusal {
    fn from(report: Report) -> Self {
        let status =
            StatusCode::from_u16(http_status(report.code)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, report }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.report)).into_response()
    }
}

/// What a handler gives.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// A result as JSON.
pub(crate) fn json<T>(result: Result<T>) -> Answer<Json<T>> {
    Ok(Json(result?))
}

/// A result without content.
pub(crate) fn done(result: Result<()>) -> Answer<StatusCode> {
    result?;
    Ok(StatusCode::NO_CONTENT)
}

/// Does something that must not be left half done: it goes on when who asked hangs up or the time for an answer is over.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call ended by a defect");
        Err(defect())
    })
}

/// What is said when a call met a defect of this program.
pub(crate) fn defect() -> Report {
    Report::new(ErrorCode::Internal, "the engine met a defect of its own and left this undone")
        .hint("`sqlite-replicate doctor` gathers what helps to find it")
}

/// A body that is JSON; an empty one counts as `{}`, so that `curl -X POST` is enough where nothing must be said.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| {
            Report::new(ErrorCode::BadRequest, "the request's JSON is not what this call takes")
                .because(error)
                .hint("docs/scripting.md shows the body of each call")
                .into()
        })
    }
}

fn unreadable(rejection: BytesRejection) -> Refusal {
    let status = rejection.status();
    let message = if status == StatusCode::PAYLOAD_TOO_LARGE {
        "the request's body is too large"
    } else {
        "the request's body did not arrive whole"
    };
    Refusal::with(status, Report::new(ErrorCode::BadRequest, message).because(rejection))
}

/// The part of a path that names something.
pub(crate) struct Named<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for Named<T>
where
    S: Send + Sync,
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let bad = || Report::new(ErrorCode::BadRequest, "the path names nothing that can exist");
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|error| bad().because(error))?;
        text.parse().map(Self).map_err(|error: T::Err| bad().because(error).into())
    }
}

/// The part of the address after `?`.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let Query(asked) = Query::<T>::from_request_parts(parts, state).await.map_err(|error| {
            Report::new(
                ErrorCode::BadRequest,
                "the part of the address after `?` is not what this call takes",
            )
            .because(error)
        })?;
        Ok(Self(asked))
    }
}
