//! Finding every process that a test run leaves behind, whatever it did to its environment, name or session.
//!
//! On Linux this process becomes the *subreaper* of all that it starts: a process whose parent has ended becomes its child
//! instead of init's. So whatever still descends from it when the tests are over was left behind. Elsewhere there is no such
//! thing, and the check is left out.

#[cfg(target_os = "linux")]
pub(super) use self::linux::{adopt_orphans, end_left_behind, wait};
#[cfg(not(target_os = "linux"))]
pub(super) use self::other::{adopt_orphans, end_left_behind, wait};

/// Whether this system can tell which processes were left behind.
pub(super) const CAN_BE_FOUND: bool = cfg!(target_os = "linux");

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::process::Child;
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use anyhow::{Context, Result};
    use rustix::process::{Pid, Signal, WaitOptions};

    /// How long a process may take to die after the tests: one whose parent was just killed is not yet left behind.
    const GRACE: Duration = Duration::from_secs(2);

    /// Makes this process the new parent of every orphan among its descendants, from now on.
    pub(in super::super) fn adopt_orphans() -> Result<()> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .context("could not become the parent of orphaned processes")
    }

    /// Waits for `child` and says whether it succeeded; after `limit` it is ended, with all below it.
    ///
    /// Orphans that end meanwhile are waited for as well: left as zombies they would look alive to a test that asks whether a
    /// process is gone.
    pub(in super::super) fn wait(child: Child, limit: Duration) -> Result<bool> {
        let wanted = pid(child.id())?;
        let (over, is_over) = mpsc::channel::<()>();
        let guard = thread::spawn(move || match is_over.recv_timeout(limit) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                eprintln!("the tests took more than {} s and are ended", limit.as_secs());
                end_all()
            }
            _ => Ok(()),
        });
        let succeeded = loop {
            let ended =
                rustix::process::wait(WaitOptions::empty()).context("could not wait for the tests")?;
            if let Some((pid, status)) = ended
                && pid == wanted
            {
                break status.exit_status() == Some(0);
            }
        };
        drop(over);
        guard.join().map_err(|_| anyhow::anyhow!("the guard of the tests' time panicked"))??;
        Ok(succeeded)
    }

    /// Ends the processes that still descend from this one and returns a line about each.
    pub(in super::super) fn end_left_behind() -> Result<Vec<String>> {
        let deadline = Instant::now() + GRACE;
        let mut left = descendants()?;
        while !left.is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
            left = descendants()?;
        }
        let lines = left.iter().map(|process| format!("{} {}", process.pid, command_line(process))).collect();
        end_all()?;
        Ok(lines)
    }

    /// Kills every process below this one, and those that they start meanwhile, until none is left.
    fn end_all() -> Result<()> {
        loop {
            let left = descendants()?;
            if left.is_empty() {
                return Ok(());
            }
            for process in &left {
                match rustix::process::kill_process(pid(process.pid)?, Signal::KILL) {
                    Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                    Err(error) => {
                        return Err(error).with_context(|| format!("could not end process {}", process.pid));
                    }
                }
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn pid(number: u32) -> Result<Pid> {
        i32::try_from(number)
            .ok()
            .and_then(Pid::from_raw)
            .with_context(|| format!("{number} is not a process id"))
    }

    #[derive(Clone, PartialEq, Eq, Debug)]
    struct Process {
        pid: u32,
        parent: u32,
        name: String,
        is_alive: bool,
    }

    /// The living processes below this one.
    fn descendants() -> Result<Vec<Process>> {
        let mut processes = Vec::new();
        for entry in fs::read_dir("/proc").context("could not read `/proc`")? {
            let folder = entry.context("could not read `/proc`")?.file_name();
            let is_process =
                folder.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
            if !is_process {
                continue;
            }
            // One that ended since is no process any more.
            if let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", folder.display())) {
                processes.extend(parse_stat(&stat));
            }
        }
        Ok(below(std::process::id(), &processes))
    }

    /// Reads `pid (name) state parent …`; the name may hold spaces and brackets.
    fn parse_stat(stat: &str) -> Option<Process> {
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let is_alive = !matches!(fields.next()?, "Z" | "X");
        Some(Process {
            pid: pid.parse().ok()?,
            parent: fields.next()?.parse().ok()?,
            name: name.to_owned(),
            is_alive,
        })
    }

    fn below(ancestor: u32, processes: &[Process]) -> Vec<Process> {
        let mut found: Vec<Process> = Vec::new();
        let mut parents = vec![ancestor];
        while let Some(parent) = parents.pop() {
            for process in processes.iter().filter(|process| process.parent == parent) {
                parents.push(process.pid);
                found.push(process.clone());
            }
        }
        found.retain(|process| process.is_alive);
        found
    }

    fn command_line(process: &Process) -> String {
        let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.trim().is_empty() { format!("({})", process.name) } else { line.trim().to_owned() }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn process(pid: u32, parent: u32, is_alive: bool) -> Process {
            Process { pid, parent, name: "p".into(), is_alive }
        }

        #[test]
        fn a_process_is_read_whatever_its_name() {
            let read = parse_stat("42 (a) b (c) S 7 42 42 0 -1").unwrap();
            assert_eq!(read, Process { pid: 42, parent: 7, name: "a) b (c".into(), is_alive: true });
            assert!(!parse_stat("42 (a) Z 7 42").unwrap().is_alive);
            assert_eq!(parse_stat("42 (a"), None);
        }

        #[test]
        fn everything_below_is_found_even_under_a_zombie() {
            let processes =
                [process(2, 1, true), process(3, 2, false), process(4, 3, true), process(9, 8, true)];
            let found: Vec<u32> = below(1, &processes).iter().map(|process| process.pid).collect();
            assert_eq!(found, [2, 4]);
        }

        #[test]
        fn a_started_process_is_found_and_named() {
            let mut child = std::process::Command::new("sleep").arg("60.25").spawn().unwrap();
            // The kernel shows the arguments only a moment after it has started the program.
            let deadline = Instant::now() + Duration::from_secs(10);
            let mut line = None;
            while line.as_deref() != Some("sleep 60.25") && Instant::now() < deadline {
                let found = descendants().unwrap();
                line = found.iter().find(|process| process.pid == child.id()).map(command_line);
            }
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(line.as_deref(), Some("sleep 60.25"));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::process::Child;
    use std::time::Duration;

    use anyhow::{Context, Result};

    pub(in super::super) fn adopt_orphans() -> Result<()> {
        Ok(())
    }

    pub(in super::super) fn wait(mut child: Child, _limit: Duration) -> Result<bool> {
        Ok(child.wait().context("could not wait for the tests")?.success())
    }

    pub(in super::super) fn end_left_behind() -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}
