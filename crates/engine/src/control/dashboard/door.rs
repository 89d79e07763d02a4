//! Who may see the dashboard: links that open it once, and the sessions that they began.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlite_replicate_api::{DashboardLink, ErrorCode, Report, Result};

use crate::control::Token;

/// How long a link opens the dashboard: enough for a browser that has to start first.
const LINK: Duration = Duration::from_secs(120);

/// Links that wait, and sessions that last, at most; the oldest go first.
pub(super) const MOST: usize = 32;

/// A session's two halves, both needed.
#[derive(Clone)]
pub(super) struct Session {
    /// In a cookie: kept from scripts, sent to every port of this machine.
    pub(super) cookie: Token,
    /// In the page's own storage: kept from every other page and port.
    pub(super) proof: Token,
}

/// Lives as long as the engine: after its end no link and no session is worth anything.
pub(in crate::control) struct Door {
    port: u16,
    lasts: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    links: VecDeque<(Token, Instant)>,
    sessions: VecDeque<Session>,
}

impl Door {
    pub(in crate::control) fn new(port: u16) -> Self {
        Self::lasting(port, LINK)
    }

    /// A door whose links last so long.
    pub(super) fn lasting(port: u16, lasts: Duration) -> Self {
        Self { port, lasts, inner: Mutex::default() }
    }

    /// The cookie's name. Cookies do not tell ports apart, so two engines on one PC need two names.
    pub(in crate::control) fn cookie_name(&self) -> String {
        format!("sqlite-replicate-{}", self.port)
    }

    /// Makes a link.
    pub(super) fn link(&self) -> Result<DashboardLink> {
        let key = Token::random()?;
        let url = format!("http://127.0.0.1:{}/#open={}", self.port, key.reveal());
        push(&mut self.lock().links, (key, Instant::now() + self.lasts));
        Ok(DashboardLink { url, expires_at: Timestamp::now() + self.lasts })
    }

    /// Begins a session with the key of a link, which opens nothing from then on.
    pub(super) fn open(&self, key: &str) -> Result<Session> {
        let refused = || {
            Report::new(ErrorCode::Unauthorized, "this link was used already, or is too old")
                .hint("`sqlite-replicate dashboard` makes a new one")
        };
        let mut inner = self.lock();
        let now = Instant::now();
        inner.links.retain(|(_, until)| *until > now);
        let at = inner.links.iter().position(|(link, _)| link.matches(key.as_bytes())).ok_or_else(refused)?;
        inner.links.remove(at);
        let session = Session { cookie: Token::random()?, proof: Token::random()? };
        push(&mut inner.sessions, session.clone());
        Ok(session)
    }

    /// Whether a request's `Cookie` and proof are those of one session.
    pub(in crate::control) fn believes(&self, cookies: &[u8], proof: &[u8]) -> bool {
        let name = format!("{}=", self.cookie_name());
        let Some(shown) = cookies
            .split(|byte| *byte == b';')
            .find_map(|cookie| cookie.trim_ascii().strip_prefix(name.as_bytes()))
        else {
            return false;
        };
        self.lock().sessions.iter().any(|own| own.cookie.matches(shown) & own.proof.matches(proof))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() >= MOST {
        queue.pop_front();
    }
    queue.push_back(item);
}
