//! `manifest.json`: what a bundle holds, and the proof that it is still whole.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ring::digest::{Context as Digest, SHA256};
use serde::{Deserialize, Serialize};

use super::go::Go;
use super::programs::{Program, Target, hex};

const FILE: &str = "manifest.json";

/// What a bundle holds.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    target: String,
    go_version: String,
    programs: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    file: String,
    version: String,
    module: String,
    module_checksum: String,
    licence: String,
    linker_flags: String,
    sha256: String,
}

impl Manifest {
    /// The manifest of freshly built programs.
    pub(super) fn of(go: &Go, target: Target, built: &[(&Program, PathBuf)]) -> Result<Self> {
        let programs = built
            .iter()
            .map(|(program, binary)| {
                Ok(Entry {
                    name: program.name.into(),
                    file: target.executable(program.name),
                    version: program.version.into(),
                    module: program.module.into(),
                    module_checksum: program.checksum.into(),
                    licence: program.licence.into(),
                    linker_flags: program.all_linker_flags(),
                    sha256: sha256_of(binary)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { target: target.to_string(), go_version: go.goversion.clone(), programs })
    }

    /// Writes it into `folder`.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).context("could not write the manifest as JSON")?;
        fs::write(&path, text + "\n").with_context(|| format!("could not write `{}`", path.display()))
    }

    /// Reads the one in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text =
            fs::read_to_string(&path).with_context(|| format!("could not read `{}`", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("`{}` is not a bundle's manifest", path.display()))
    }

    /// Fails if a program in `folder` is not byte for byte the one that was built.
    pub(super) fn check(&self, folder: &Path) -> Result<()> {
        for entry in &self.programs {
            let found = sha256_of(&folder.join(&entry.file))?;
            if found != entry.sha256 {
                bail!("`{}` has the SHA-256 `{found}` instead of `{}`", entry.file, entry.sha256);
            }
        }
        Ok(())
    }
}

fn sha256_of(path: &Path) -> Result<String> {
    let hash = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let mut digest = Digest::new(&SHA256);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex(digest.finish().as_ref())),
                length => digest.update(&buffer[..length]),
            }
        }
    };
    hash().with_context(|| format!("could not read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle_with(content: &str) -> (tempfile::TempDir, Manifest) {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("p");
        fs::write(&binary, content).unwrap();
        let entry = Entry {
            name: "p".into(),
            file: "p".into(),
            version: "v1.0.0".into(),
            module: "example.org/p".into(),
            module_checksum: "h1:x".into(),
            licence: "MIT".into(),
            linker_flags: String::new(),
            sha256: sha256_of(&binary).unwrap(),
        };
        let manifest = Manifest { target: "t".into(), go_version: "go1".into(), programs: vec![entry] };
        manifest.write(folder.path()).unwrap();
        (folder, manifest)
    }

    #[test]
    fn the_digest_is_sha256() {
        let (_folder, manifest) = bundle_with("abc");
        assert_eq!(
            manifest.programs[0].sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn an_untouched_bundle_is_whole() {
        let (folder, _) = bundle_with("program");
        Manifest::read(folder.path()).unwrap().check(folder.path()).unwrap();
    }

    #[test]
    fn a_changed_or_missing_program_is_found() {
        let (folder, manifest) = bundle_with("program");
        fs::write(folder.path().join("p"), "progrbm").unwrap();
        let error = manifest.check(folder.path()).unwrap_err().to_string();
        assert!(error.contains("`p` has the SHA-256"), "{error}");
        fs::remove_file(folder.path().join("p")).unwrap();
        assert!(manifest.check(folder.path()).is_err());
    }

    #[test]
    fn a_missing_or_cut_manifest_is_found() {
        let (folder, _) = bundle_with("program");
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(Manifest::read(folder.path()).is_err());
        fs::remove_file(folder.path().join(FILE)).unwrap();
        assert!(Manifest::read(folder.path()).is_err());
    }
}
