//! How Litestream is asked to end, everywhere alike: it runs a sentinel of ours (`-exec`), which ends when the engine
//! closes its connection or dies; Litestream then syncs a last time and exits 0 (DESIGN §4.1).

use std::ffi::OsStr;
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;

use tokio::net::{TcpListener, TcpStream as Connection};
use tokio::sync::watch;

/// The sentinel's side: `__sentinel PORT`. Ends when the connection does.
pub(crate) fn run(port: Option<&OsStr>) -> ExitCode {
    let port = port.and_then(|port| port.to_str()?.parse::<u16>().ok());
    let connected = port.and_then(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
    if let Some(mut connection) = connected {
        let mut buffer = [0; 16];
        // Nothing is ever sent: this returns when the engine closes the connection, or its process is gone.
        while matches!(connection.read(&mut buffer), Ok(n) if n > 0) {}
    }
    ExitCode::SUCCESS
}

/// The engine's side, for one run of Litestream.
#[derive(Debug)]
pub(crate) struct Leash {
    /// Where the sentinel connects to.
    pub(crate) port: u16,
    release: watch::Sender<bool>,
}

impl Leash {
    /// Listens on loopback. Ends when it is released or dropped.
    pub(crate) async fn new() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (release, released) = watch::channel(false);
        tokio::spawn(hold(listener, released));
        Ok(Self { port, release })
    }

    /// Lets the sentinel end, and with it Litestream.
    pub(crate) fn release(&self) {
        self.release.send_replace(true);
    }
}

async fn until_released(released: &mut watch::Receiver<bool>) {
    // An error means that the leash was dropped: also a release.
    let _ = released.wait_for(|released| *released).await;
}

/// Holds every connection until the release. Somebody else on this PC who connects holds nothing but a connection.
async fn hold(listener: TcpListener, mut released: watch::Receiver<bool>) {
    let mut held: Vec<Connection> = Vec::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // More than a few are not ours: Litestream starts one sentinel.
                Ok((connection, _)) if held.len() < 8 => held.push(connection),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the sentinel's listener failed");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            },
            () = until_released(&mut released) => return,
        }
    }
}
