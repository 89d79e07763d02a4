//! The engine inside another program: the example as it is documented, and what its library promises.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "in a test they are assertions")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlite_replicate_api::ErrorCode;
use sqlite_replicate_engine::client::Client;
use sqlite_replicate_engine::{Engine, Options};

fn bundle() -> PathBuf {
    std::env::var_os("SQLITE_REPLICATE_BIN_DIR")
        .expect("SQLITE_REPLICATE_BIN_DIR is not set: run the tests by `cargo xtask test`")
        .into()
}

/// The example, built as it is now.
fn example() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "sqlite-replicate-engine", "--example", "embed"]);
    assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    // This test lies in `target/debug/deps`.
    let exe = std::env::current_exe().unwrap();
    exe.ancestors().nth(2).unwrap().join("examples").join(format!("embed{}", std::env::consts::EXE_SUFFIX))
}

/// The example as a process, which ends with the test.
struct Program {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Program {
    fn start(dir: &Path) -> Self {
        static EXAMPLE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
        let mut child = Command::new(EXAMPLE.get_or_init(example))
            .args([dir.join("home"), dir.join("events.db")])
            .env("SQLITE_REPLICATE_BIN_DIR", bundle())
            .env("SQLITE_REPLICATE_HEALTH_LISTEN", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads until a line begins so.
    fn says(&mut self, beginning: &str) -> String {
        let mut heard = Vec::new();
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if line.starts_with(beginning) {
                return line;
            }
            heard.push(line);
        }
        panic!("it never said `{beginning}`: {heard:#?}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn children(home: &Path) -> Vec<u32> {
    let status = Client::connect(home).unwrap().status().await.unwrap();
    let pids: Vec<u32> = status.children.iter().filter_map(|child| child.pid).collect();
    assert_eq!(pids.len(), 2, "{:?}", status.children);
    pids
}

#[cfg(target_os = "linux")]
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended.
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_protects_its_own_database_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut program = Program::start(dir.path());
    program.says("verified");
    let pids = children(&home).await;
    drop(program.child.stdin.take());
    program.says("ended after");
    let mut rest = String::new();
    for line in program.lines.by_ref() {
        rest.push_str(&line.unwrap());
    }
    assert!(program.child.wait().unwrap().success(), "{rest}");
    assert!(!pids.into_iter().any(alive));

    // Cut off in the middle of everything, it leaves no process, and the next start goes on.
    let mut program = Program::start(dir.path());
    program.says("verified");
    let pids = children(&home).await;
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    until("its children are gone", || !pids.iter().copied().any(alive));
    let mut program = Program::start(dir.path());
    program.says("verified");
    drop(program.child.stdin.take());
    program.says("ended after");
    assert!(program.child.wait().unwrap().success());
}

#[cfg(target_os = "linux")]
fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn options(home: &Path) -> Options {
    Options {
        home: home.to_owned(),
        bundle: Some(bundle()),
        // Nothing is started: this is about the library alone.
        launcher: Some(home.join("no-such-program")),
        environment: vec![("SQLITE_REPLICATE_HEALTH_LISTEN".into(), "off".into())],
        ..Options::default()
    }
}

/// The threads of this process that belong to an engine.
#[cfg(target_os = "linux")]
fn engine_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| ["engine", "watch"].contains(&name.trim())).count()
}

// One test: the threads of this process are counted.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn starting_and_ending_are_clean_quick_and_can_be_asked_for_twice() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    std::fs::create_dir(&home).unwrap();

    // What can't start leaves nothing: no thread, no lock, no address.
    std::fs::write(home.join("config.toml"), "[capture]\nsync_interval = \"soon\"\n").unwrap();
    assert_eq!(Engine::start(options(&home)).err().unwrap().code, ErrorCode::BadConfig);
    let no_bundle = Options { bundle: Some(dir.path().join("nowhere")), ..options(&home) };
    assert_eq!(Engine::start(no_bundle).err().unwrap().code, ErrorCode::BundleBroken);
    assert_eq!(engine_threads(), 0);
    assert!(!home.join("control.json").exists());
    std::fs::write(home.join("config.toml"), "").unwrap();

    // A second one is refused and does not disturb the first.
    let engine = Engine::start(options(&home)).unwrap();
    assert_eq!(Engine::start(options(&home)).err().unwrap().code, ErrorCode::EngineAlreadyRunning);
    engine.handle().status().await.unwrap();

    // Ended by two tasks and then once more; afterwards every call says so.
    let engine = Arc::new(engine);
    let (one, other) = (engine.clone(), engine.clone());
    let tasks = [
        tokio::spawn(async move { one.shutdown().await }),
        tokio::spawn(async move { other.shutdown().await }),
    ];
    for task in tasks {
        task.await.unwrap();
    }
    engine.shutdown().await;
    engine.ended().await;
    assert_eq!(engine_threads(), 0, "although a handle is still there");
    assert_eq!(engine.handle().status().await.unwrap_err().code, ErrorCode::EngineNotRunning);
    assert!(!home.join("control.json").exists());

    // The next one starts at once, and ends when it is dropped, without anybody waiting for it.
    let next = Engine::start(options(&home)).unwrap();
    drop(next);
    until("the dropped one has ended", || engine_threads() == 0);
    let last = Engine::start(options(&home)).unwrap();
    last.shutdown().await;
}
