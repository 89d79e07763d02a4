//! Tells a webhook what began and what ended, with time limits, one after the other, never holding anything else up.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sqlite_replicate_api::config::NotifyOn;
use sqlite_replicate_api::{ConditionCode, Name, Severity};
use tokio::sync::mpsc;

use crate::core::{Core, lock};

/// More wait than this many and the oldest news is no news any more.
const QUEUE: usize = 100;
const LIMIT: Duration = Duration::from_secs(10);

/// What the webhook gets as JSON.
#[derive(Debug, Serialize)]
struct Notification {
    host: String,
    event: &'static str,
    code: ConditionCode,
    severity: Severity,
    database: Option<Name>,
    text: String,
    at: Timestamp,
}

/// Hands notifications to a task of their own.
#[derive(Default)]
pub(super) struct Sender(Option<mpsc::Sender<Notification>>);

impl Sender {
    pub(super) fn raised(&mut self, core: &Arc<Core>, about: Option<&Name>, code: ConditionCode, text: &str) {
        self.send(core, "raised", about, code, text.to_owned());
    }

    pub(super) fn ended(&mut self, core: &Arc<Core>, about: Option<&Name>, code: ConditionCode) {
        self.send(core, "ended", about, code, String::new());
    }

    /// Host and port of the webhook: never the whole address, which may hold a key.
    pub(super) fn place(&self, core: &Core) -> String {
        let config = core.config();
        let place =
            config.notify.webhook.as_ref().map(|webhook| webhook.reveal().to_owned()).unwrap_or_default();
        let rest = place.split_once("://").map_or(place.as_str(), |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default().to_owned()
    }

    fn send(
        &mut self,
        core: &Arc<Core>,
        event: &'static str,
        about: Option<&Name>,
        code: ConditionCode,
        text: String,
    ) {
        let config = core.config();
        let wanted = match code.severity() {
            Severity::Failure => config.notify.on.contains(&NotifyOn::Failure),
            Severity::Warning => config.notify.on.contains(&NotifyOn::Warning),
            Severity::Info | Severity::Progress => false,
        };
        if config.notify.webhook.is_none() || !wanted {
            return;
        }
        let sender = self.0.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            tokio::spawn(deliver(core.clone(), receiver));
            sender
        });
        let notification = Notification {
            host: core.host.name.clone(),
            event,
            code,
            severity: code.severity(),
            database: about.cloned(),
            text,
            at: Timestamp::now(),
        };
        if sender.try_send(notification).is_err() {
            *lock(&core.notify_trouble) = Some("too many notifications wait".to_owned());
        }
    }
}

async fn deliver(core: Arc<Core>, mut queue: mpsc::Receiver<Notification>) {
    crate::store::install_crypto();
    let client =
        reqwest::Client::builder().timeout(LIMIT).redirect(reqwest::redirect::Policy::none()).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            *lock(&core.notify_trouble) = Some(error.without_url().to_string());
            return;
        }
    };
    while let Some(notification) = queue.recv().await {
        let Some(webhook) = core.config().notify.webhook.clone() else { continue };
        let sent = client.post(webhook.reveal()).json(&notification).send().await;
        let sent = sent.and_then(reqwest::Response::error_for_status);
        *lock(&core.notify_trouble) = sent.err().map(|error| error.without_url().to_string());
    }
}
