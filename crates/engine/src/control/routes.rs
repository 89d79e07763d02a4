//! The routes of the control API: one thin handler for each call of [`Handle`].

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Json, Router};
use sqlite_replicate_api::{
    About, AddDatabase, Added, CheckConfig, Checkpointed, ConfigCheck, ConfigText, Credentials, Event,
    History, JobRequest, JobSummary, LogLine, Name, Pause, ReplaceConfig, RestorePlan, RestoreRequest,
    SetSetting, SettingRow, Status, Synced,
};
use tokio::sync::watch;

use super::answer::{Answer, Asked, Body, Named, done, json, to_its_end};
use super::wire::{CheckpointBody, EventsQuery, JOB_EVENT, LogsQuery, MOST, RestartBody, STATUS_EVENT};
use super::{BODY, CONFIG_BODY, PATIENT, QUICK, gate, stream};
use crate::handle::Handle;
use crate::health;

/// What handlers are given.
#[derive(Clone)]
struct Shared {
    handle: Handle,
    /// Turns true when the server ends.
    ending: watch::Receiver<bool>,
}

impl FromRef<Shared> for Handle {
    fn from_ref(shared: &Shared) -> Self {
        shared.handle.clone()
    }
}

/// Every route, without the gate.
pub(super) fn router(handle: Handle, ending: watch::Receiver<bool>) -> Router {
    let config: MethodRouter<Shared> = get(config_text).put(replace_config).patch(set_setting);
    let quick: Router<Shared> = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/status/stream", get(status_stream))
        .route("/v1/databases/{name}/jobs", post(start_job))
        .route("/v1/jobs/{id}", get(job).delete(cancel_job))
        .route("/v1/jobs/{id}/stream", get(job_stream))
        .route("/v1/events", get(events))
        .route("/v1/logs", get(logs))
        .route("/v1/config", large(config))
        .route("/v1/config/check", large(post(check_config)))
        .route("/v1/settings", get(settings))
        .route("/v1/about", get(about))
        .route("/v1/credentials", put(set_credentials))
        .route("/v1/shutdown", post(shutdown))
        .route("/metrics", get(metrics))
        .route(gate::OPEN, get(health_of_all));
    let patient: Router<Shared> = Router::new()
        .route("/v1/databases", post(add))
        .route("/v1/databases/{name}", delete(remove))
        .route("/v1/databases/{name}/history", get(history))
        .route("/v1/databases/{name}/plan", post(plan))
        .route("/v1/databases/{name}/sync", post(sync))
        .route("/v1/databases/{name}/checkpoint", post(checkpoint))
        .route("/v1/pause", post(pause))
        .route("/v1/resume", post(resume))
        .route("/v1/restart", post(restart))
        .route("/v1/recovery-sheet", get(recovery_sheet))
        .route("/v1/doctor", get(doctor));
    bounded(quick, patient).with_state(Shared { handle, ending })
}

/// Routes with a short time limit and routes with a long one, all with one for the size of a body.
pub(super) fn bounded<S: Clone + Send + Sync + 'static>(quick: Router<S>, patient: Router<S>) -> Router<S> {
    let limited =
        |routes: Router<S>, limit: Duration| routes.route_layer(from_fn_with_state(limit, gate::in_time));
    limited(quick, QUICK).merge(limited(patient, PATIENT)).layer(DefaultBodyLimit::max(BODY))
}

/// A route with room for a configuration.
pub(super) fn large<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>) -> MethodRouter<S> {
    route.layer(DefaultBodyLimit::max(CONFIG_BODY))
}

async fn status(State(handle): State<Handle>) -> Answer<Json<Status>> {
    json(handle.status().await)
}

async fn status_stream(State(shared): State<Shared>) -> impl IntoResponse {
    let kind = stream::Kind::<Arc<Status>> {
        name: STATUS_EVENT,
        last: |_| false,
        json: |status| serde_json::to_string(&**status),
    };
    stream::follow(shared.handle.watch_status(), shared.ending, kind)
}

async fn add(State(handle): State<Handle>, Body(add): Body<AddDatabase>) -> Answer<Json<Added>> {
    json(to_its_end(async move { handle.add(add).await }).await)
}

async fn remove(State(handle): State<Handle>, Named(name): Named<Name>) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.remove(&name).await }).await)
}

async fn history(State(handle): State<Handle>, Named(name): Named<Name>) -> Answer<Json<History>> {
    json(handle.history(&name).await)
}

async fn plan(
    State(handle): State<Handle>,
    Named(name): Named<Name>,
    Body(request): Body<RestoreRequest>,
) -> Answer<Json<RestorePlan>> {
    json(handle.plan(&name, &request).await)
}

async fn start_job(
    State(handle): State<Handle>,
    Named(name): Named<Name>,
    Body(request): Body<JobRequest>,
) -> Answer<(StatusCode, Json<JobSummary>)> {
    let job = to_its_end(async move { handle.start_job(&name, request).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(job)))
}

async fn job(State(handle): State<Handle>, Named(id): Named<u64>) -> Answer<Json<JobSummary>> {
    json(handle.job(id).await)
}

async fn job_stream(State(shared): State<Shared>, Named(id): Named<u64>) -> Answer<impl IntoResponse> {
    let values = shared.handle.watch_job(id)?;
    let kind = stream::Kind::<JobSummary> {
        name: JOB_EVENT,
        last: |job| job.state.ended(),
        json: |job| serde_json::to_string(job),
    };
    Ok(stream::follow(values, shared.ending, kind))
}

async fn cancel_job(State(handle): State<Handle>, Named(id): Named<u64>) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.cancel_job(id).await }).await)
}

async fn sync(State(handle): State<Handle>, Named(name): Named<Name>) -> Answer<Json<Synced>> {
    json(handle.sync(&name).await)
}

async fn checkpoint(
    State(handle): State<Handle>,
    Named(name): Named<Name>,
    Body(body): Body<CheckpointBody>,
) -> Answer<Json<Checkpointed>> {
    json(to_its_end(async move { handle.checkpoint(&name, body.mode).await }).await)
}

async fn pause(State(handle): State<Handle>, Body(pause): Body<Pause>) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.pause(pause).await }).await)
}

async fn resume(State(handle): State<Handle>) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.resume().await }).await)
}

async fn restart(State(handle): State<Handle>, Body(body): Body<RestartBody>) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.restart(body.what).await }).await)
}

async fn events(State(handle): State<Handle>, Asked(asked): Asked<EventsQuery>) -> Answer<Json<Vec<Event>>> {
    json(handle.events(asked.after, asked.limit.min(MOST)).await)
}

async fn logs(State(handle): State<Handle>, Asked(asked): Asked<LogsQuery>) -> Answer<Json<Vec<LogLine>>> {
    json(handle.logs(asked.source.as_deref(), asked.lines.min(MOST)).await)
}

async fn config_text(State(handle): State<Handle>) -> Answer<Json<ConfigText>> {
    json(handle.config_text().await)
}

async fn replace_config(
    State(handle): State<Handle>,
    Body(replace): Body<ReplaceConfig>,
) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.replace_config(replace).await }).await)
}

async fn set_setting(State(handle): State<Handle>, Body(set): Body<SetSetting>) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.set_setting(set).await }).await)
}

async fn check_config(
    State(handle): State<Handle>,
    Body(check): Body<CheckConfig>,
) -> Answer<Json<ConfigCheck>> {
    json(handle.check_config(check).await)
}

async fn settings(State(handle): State<Handle>) -> Answer<Json<Vec<SettingRow>>> {
    json(handle.settings().await)
}

async fn about(State(handle): State<Handle>) -> Answer<Json<About>> {
    json(handle.about().await)
}

async fn set_credentials(
    State(handle): State<Handle>,
    Body(credentials): Body<Credentials>,
) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.set_credentials(credentials).await }).await)
}

async fn recovery_sheet(State(handle): State<Handle>) -> Answer<impl IntoResponse> {
    Ok(handle.recovery_sheet().await?)
}

async fn doctor(State(handle): State<Handle>) -> Answer<Json<serde_json::Value>> {
    json(handle.doctor().await)
}

async fn metrics(State(handle): State<Handle>) -> Answer<impl IntoResponse> {
    Ok(([(header::CONTENT_TYPE, super::metrics::CONTENT_TYPE)], handle.metrics().await?))
}

async fn shutdown(State(handle): State<Handle>) -> Answer<StatusCode> {
    done(to_its_end(async move { handle.shutdown().await }).await)
}

async fn health_of_all(State(handle): State<Handle>) -> impl IntoResponse {
    health::answer(health::ask(&handle).await)
}
