//! A server of the control API with routes of a test's own, and a client that may misbehave.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::accept::{self, Limits};
use super::dashboard::Door;
use super::{Published, Token, gate, publish};

/// What nothing in these tests should take, on however slow a machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) token: Token,
    pub(crate) home: TempDir,
    published: Published,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Serves what `routes` makes of the receiver that turns true at the end.
    pub(crate) async fn start(routes: impl FnOnce(watch::Receiver<bool>) -> Router) -> Self {
        Self::start_with(Limits::patient(16), routes).await
    }

    pub(crate) async fn start_with(
        limits: Limits,
        routes: impl FnOnce(watch::Receiver<bool>) -> Router,
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let token = Token::create(home.path()).unwrap();
        let published = publish(home.path(), address.port()).unwrap();
        let (ending, streams) = watch::channel(false);
        let door = Arc::new(Door::new(address.port()));
        let app = gate::secured(routes(streams), token.clone(), door, address.port());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or(()) };
            accept::serve(listener, app, limits, &ending, stopped).await;
        });
        Self { address, token, home, published, stop, serving }
    }

    /// Ends the server, and gives the empty home folder back.
    pub(crate) async fn stop(self) -> TempDir {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
        self.published.withdraw().unwrap();
        self.home
    }

    /// A request with everything that it needs, and more headers.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let head = format!("Authorization: Bearer {}\r\n{headers}", self.token.reveal());
        self.ask_bare(method, path, &format!("Host: {}\r\n{head}", self.address), body).await
    }

    /// A request with these headers alone.
    pub(crate) async fn ask_bare(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        exchange(self.address, &request).await
    }
}

/// Sends bytes and reads until the other side closes.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

pub(crate) async fn read_all(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    tokio::time::timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("an answer").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 when the connection was closed without an answer.
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn report(&self) -> sqlite_replicate_api::Report {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
