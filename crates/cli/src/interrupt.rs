//! A person's Ctrl-C, and the system's wish that this program ends.

use sqlite_replicate_api::{ErrorCode, Report, Result};

/// Hears every Ctrl-C from now on, so that it no longer ends the process by itself.
pub(crate) struct Interrupt {
    #[cfg(unix)]
    kinds: [tokio::signal::unix::Signal; 3],
    #[cfg(windows)]
    kinds: (
        tokio::signal::windows::CtrlC,
        tokio::signal::windows::CtrlBreak,
        tokio::signal::windows::CtrlClose,
        tokio::signal::windows::CtrlShutdown,
    ),
}

impl Interrupt {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self> {
        Self::kinds()
            .map(|kinds| Self { kinds })
            .map_err(|error| Report::new(ErrorCode::Internal, "Ctrl-C can't be listened to").because(error))
    }

    #[cfg(unix)]
    fn kinds() -> std::io::Result<[tokio::signal::unix::Signal; 3]> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            // The terminal's window was closed.
            signal(SignalKind::hangup())?,
        ])
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.kinds;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    #[cfg(windows)]
    fn kinds() -> std::io::Result<(
        tokio::signal::windows::CtrlC,
        tokio::signal::windows::CtrlBreak,
        tokio::signal::windows::CtrlClose,
        tokio::signal::windows::CtrlShutdown,
    )> {
        use tokio::signal::windows;
        Ok((windows::ctrl_c()?, windows::ctrl_break()?, windows::ctrl_close()?, windows::ctrl_shutdown()?))
    }

    /// Waits for the next one.
    #[cfg(windows)]
    pub(crate) async fn next(&mut self) {
        let (ctrl_c, ctrl_break, close, shutdown) = &mut self.kinds;
        tokio::select! {
            _ = ctrl_c.recv() => {}
            _ = ctrl_break.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    }
}
