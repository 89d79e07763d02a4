//! The control API: every call of [`Handle`] over HTTP, for the command line, the tray program, the dashboard and
//! scripts (docs/scripting.md).
//!
//! It listens on loopback only. Who asks shows a bearer token from `control.token` in the home folder, which only the
//! owner can read; `Host` and `Origin` are checked as well, so that no web page can ask by way of the owner's browser.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::handle::Handle;

pub(crate) mod accept;
mod address;
mod answer;
mod dashboard;
mod gate;
pub mod metrics;
mod routes;
pub(crate) mod stream;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod wire;

pub use address::{Published, publish};
pub use token::Token;

pub(crate) use address::{not_running, read as read_address};
pub(crate) use gate::guarded;

/// How long a call may take that only looks or sets something.
pub(crate) const QUICK: Duration = Duration::from_secs(30);

/// How long a call may take that waits for the store, a program or a whole history.
pub(crate) const PATIENT: Duration = Duration::from_secs(600);

/// The largest body of a request that carries a configuration, in bytes. (It carries the old text as well.)
const CONFIG_BODY: usize = 1 << 20;

/// The largest body of any other request, in bytes.
const BODY: usize = 64 << 10;

/// How many connections are served at a time; more wait.
const CONNECTIONS: usize = 256;

/// Serves the control API until `shutdown` is done, and then ends whatever is still open, streams too.
///
/// # Errors
/// When `listener` is not on loopback, or its address can't be asked for.
pub async fn serve(
    handle: Handle,
    listener: TcpListener,
    token: Token,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let port = loopback_port(&listener)?;
    let (ending, streams) = watch::channel(false);
    let door = Arc::new(dashboard::Door::new(port));
    let app = gate::secured(routes::router(handle, streams), token, door, port);
    accept::serve(listener, app, accept::Limits::patient(CONNECTIONS), &ending, shutdown).await;
    Ok(())
}

fn loopback_port(listener: &TcpListener) -> io::Result<u16> {
    let address = listener.local_addr()?;
    if address.ip().is_loopback() {
        return Ok(address.port());
    }
    let why = format!("the control API is for loopback only, not for {address}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}
