//! The bundled programs as child processes: started, watched, started again, ended gracefully, never left behind.
//!
//! A child dies with the engine, whatever ends that: on Linux by a parent-death signal (see [`launcher`]) in a process
//! group of its own, on Windows by a Job Object. The signal belongs to the *thread* that started the child, so children
//! are only started on the engine's own thread, which lives as long as the engine.

mod backoff;
pub(crate) mod launcher;
pub(crate) mod litestream;
pub(crate) mod minio;
mod output;
mod ports;
pub(crate) mod sentinel;
mod supervisor;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use sqlite_replicate_api::{ErrorCode, Report, Result};

pub(crate) use output::Logs;
pub(crate) use ports::{PortMemory, free_port};
pub(crate) use supervisor::{Program, State, Supervisor};

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments. Never a secret: they are visible to everybody on the PC.
    pub(crate) arguments: Vec<OsString>,
    /// Its environment beside what every program needs: secrets go here.
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

/// What every child is given of the engine's own environment. Everything else is scrubbed: a stray `AWS_CA_BUNDLE`
/// makes Litestream fail, a stray `MINIO_*` changes where the store listens.
const PASSED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "TZ",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    // Windows programs don't start without these.
    "SystemRoot",
    "SystemDrive",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "LOCALAPPDATA",
    "APPDATA",
    "ProgramData",
    // Wine needs it to find its own files; our tests use it to find what they started.
    "WINEPREFIX",
    "SQLITE_REPLICATE_TEST_RUN",
];

/// The environment of a child: what is passed on, and its own.
pub(crate) fn child_environment(own: &[(&'static str, OsString)]) -> Vec<(OsString, OsString)> {
    let passed = PASSED_ON.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
    passed.chain(own.iter().map(|(name, value)| ((*name).into(), value.clone()))).collect()
}

/// What is said of a program that can't be started.
pub(crate) fn can_not_start(program: &Path) -> Report {
    Report::new(ErrorCode::BundleBroken, format!("`{}` can't be started", program.display()))
        .hint("repair the installation; an antivirus program may have taken the file away")
}

/// Whether the little process that was to become the program could not (see [`launcher`]).
pub(crate) fn never_started(status: &std::process::ExitStatus) -> bool {
    cfg!(unix) && status.code() == Some(launcher::NOT_STARTED.into())
}

/// Starts a child with its output in pipes. To be called on the engine's own thread only.
pub(crate) fn spawn(launcher: &Path, launch: &Launch) -> Result<Box<dyn ChildWrapper>> {
    let failed = |error: std::io::Error| can_not_start(&launch.program).because(error);
    if !launch.program.is_file() {
        return Err(failed(std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such file")));
    }
    let mut wrap = if cfg!(target_os = "linux") {
        CommandWrap::with_new(launcher, |command| {
            command.arg(crate::entry::CHILD).arg(std::process::id().to_string()).arg(&launch.program);
        })
    } else {
        CommandWrap::with_new(&launch.program, |_| {})
    };
    wrap.command_mut()
        .args(&launch.arguments)
        .env_clear()
        .envs(child_environment(&launch.environment))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    wrap.wrap(process_wrap::tokio::JobObject);
    wrap.wrap(KillOnDrop);
    wrap.spawn().map_err(failed)
}
