//! Which programs have a file open, as far as this user may see. Linux only: elsewhere nobody can be named.

use std::fmt;
use std::path::Path;

/// A program that has a file open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) name: String,
    pub(crate) pid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (process {})", self.name, self.pid)
    }
}

impl Holder {
    /// Whether it is a Litestream.
    pub(crate) fn is_litestream(&self) -> bool {
        self.name.starts_with("litestream")
    }
}

/// The programs, this one left out, that have a file open.
pub(crate) fn holders(path: &Path) -> Vec<Holder> {
    let Ok(wanted) = path.canonicalize() else { return Vec::new() };
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let mut found = Vec::new();
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if pid == std::process::id() {
            continue;
        }
        let Ok(descriptors) = std::fs::read_dir(process.path().join("fd")) else { continue };
        if descriptors.flatten().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target == wanted))
        {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            found.push(Holder { name: name.trim().to_owned(), pid });
        }
    }
    found
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_has_the_file_open_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("orders.db");
        std::fs::write(&path, "").unwrap();
        assert_eq!(holders(&path), []);
        let file = std::fs::File::open(&path).unwrap();
        let mut program = std::process::Command::new("sleep")
            .arg("60")
            .stdin(std::process::Stdio::from(file))
            .spawn()
            .unwrap();
        let found = holders(&path);
        program.kill().unwrap();
        program.wait().unwrap();
        assert_eq!(found, [Holder { name: "sleep".into(), pid: program.id() }]);
        assert!(!found[0].is_litestream());
    }
}
