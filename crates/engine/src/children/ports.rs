//! Ports on loopback for the bundled programs: free ones, the same again after a restart where possible.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

/// A port that nobody listens on now.
///
/// # Errors
/// When the system has none.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A port that is kept over restarts in a file of its own.
#[derive(Debug)]
pub(crate) struct PortMemory(PathBuf);

impl PortMemory {
    /// Remembered in this file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The remembered port if it is free, otherwise another, remembered from now on.
    ///
    /// # Errors
    /// When the system has no free port. That it can't be remembered is none: the next start chooses again.
    pub(crate) fn choose(&self) -> io::Result<u16> {
        let remembered =
            std::fs::read_to_string(&self.0).ok().and_then(|text| text.trim().parse::<u16>().ok());
        if let Some(port) = remembered
            && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        {
            return Ok(port);
        }
        let port = free_port()?;
        if let Err(error) = std::fs::write(&self.0, port.to_string()) {
            tracing::warn!(%error, path = %self.0.display(), "a port can't be remembered");
        }
        Ok(port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_port_again_unless_it_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let memory = PortMemory::new(dir.path().join("port"));
        let first = memory.choose().unwrap();
        assert_eq!(memory.choose().unwrap(), first);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert_ne!(memory.choose().unwrap(), first);
    }
}
