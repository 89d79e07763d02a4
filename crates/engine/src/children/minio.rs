//! MinIO, the bundled store: on loopback only, with keys of our own, nothing of the user's environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use process_wrap::tokio::ChildWrapper;
use sqlite_replicate_api::{Credentials, ErrorCode, Report, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Launch, PortMemory, Program};
use crate::home::{Home, make_private_dir};

/// What the store is to run with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MinioSpec {
    /// Where it keeps its data.
    pub(crate) data_dir: PathBuf,
    /// Its port on loopback.
    pub(crate) port: u16,
}

/// The bundled store as a program to be supervised.
pub(crate) struct Minio {
    program: PathBuf,
    home: Home,
    keys: Credentials,
    port: u16,
}

impl Minio {
    pub(crate) fn new(program: PathBuf, home: Home, keys: Credentials) -> Self {
        Self { program, home, keys, port: 0 }
    }

    /// The port that it had the last time if that is free, otherwise another.
    pub(crate) fn choose_port(home: &Home) -> Result<u16> {
        PortMemory::new(home.run().join("store.port"))
            .choose()
            .map_err(|error| Report::new(ErrorCode::Io, "there is no free port for the store").because(error))
    }
}

impl Program for Minio {
    type Spec = MinioSpec;
    const NAME: &'static str = "store";
    const GRACE: Duration = Duration::from_secs(5);

    async fn launch(&mut self, spec: &MinioSpec) -> Result<Launch> {
        self.port = spec.port;
        make_private_dir(&spec.data_dir).map_err(|error| {
            Report::new(
                ErrorCode::Io,
                format!("the folder `{}` for the history can't be made", spec.data_dir.display()),
            )
            .because(error)
            .hint("choose another folder with the setting `store.data_dir`")
        })?;
        let address = format!("127.0.0.1:{}", spec.port);
        // Its own folder for certificates: otherwise it looks into the user's home.
        let certificates = self.home.run().join("store-certs");
        let arguments: Vec<OsString> = vec![
            "server".into(),
            "--quiet".into(),
            "--address".into(),
            address.into(),
            "--certs-dir".into(),
            certificates.into(),
            spec.data_dir.clone().into(),
        ];
        let environment = vec![
            // It must have one, even if it needs nothing there: a service may have none.
            ("HOME", self.home.run().into()),
            ("MINIO_ROOT_USER", OsString::from(&self.keys.access_key_id)),
            ("MINIO_ROOT_PASSWORD", OsString::from(&self.keys.secret_access_key)),
            ("MINIO_BROWSER", "off".into()),
            ("MINIO_UPDATE", "off".into()),
            // The background scanner has nothing to find for us and costs idle CPU.
            ("MINIO_SCANNER_SPEED", "slowest".into()),
        ];
        Ok(Launch { program: self.program.clone(), arguments, environment })
    }

    async fn is_ready(&mut self) -> bool {
        serves(self.port).await
    }

    fn ask_to_end(&mut self, child: &mut dyn ChildWrapper) {
        #[cfg(unix)]
        if let Err(error) = child.signal(rustix::process::Signal::TERM.as_raw()) {
            tracing::warn!(%error, "the store can't be asked to end");
        }
        #[cfg(not(unix))]
        if let Err(error) = child.start_kill() {
            tracing::warn!(%error, "the store can't be ended");
        }
    }

    fn ended(&mut self) {}
}

/// Asks `/minio/health/cluster`: `live` and `ready` say yes too early.
pub(crate) async fn serves(port: u16) -> bool {
    let asked = async {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!(
            "GET /minio/health/cluster HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await?;
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), asked).await, Ok(Ok(answer)) if answer.ends_with(b"200"))
}
