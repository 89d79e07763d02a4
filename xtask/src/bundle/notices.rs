//! The licences of everything inside the bundled programs, and `THIRD-PARTY-NOTICES.md`, which says what came from where.
//!
//! Nothing of it is kept in this repository: the texts are copied from the very sources that were built.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::failure::failure;

use super::go::{Go, Module};
use super::programs::{Program, Target};

/// Modules whose sources have no licence file; the header of each of their files says that it is under Go's own licence.
const UNDER_THE_LICENCE_OF_GO: &[&str] =
    &["github.com/minio/colorjson", "github.com/minio/csvparser", "github.com/minio/filepath"];

/// Where that licence is inside the bundle.
const LICENCE_OF_GO: &str = "licences/go/LICENSE";

/// The licence files of one module, by their paths inside the bundle.
type Licences = BTreeMap<Module, Vec<String>>;

/// Copies the licences into `folder` and writes the notices beside them.
pub(super) fn write(go: &Go, target: Target, built: &[(&Program, PathBuf)], folder: &Path) -> Result<()> {
    let mut text = introduction(go, target);
    let standard_library = folder.join("licences").join("go");
    let copied = copy_licences(&go.goroot, &standard_library)?;
    if !copied.iter().any(|name| LICENCE_OF_GO.ends_with(&format!("/{name}"))) {
        return Err(failure(
            format!("there is no licence in `{}`", go.goroot.display()),
            "install Go from https://go.dev/dl, which has its `LICENSE` file",
        ));
    }
    for (program, binary) in built {
        let (own, dependencies) = go.modules(binary)?;
        let mut licences = Licences::new();
        for module in dependencies.into_iter().chain([own.clone()]) {
            let files = licences_of(&module, &go.sources(&module), folder)?;
            licences.insert(module, files);
        }
        section(&mut text, go, target, program, &own, &licences);
    }
    let path = folder.join("THIRD-PARTY-NOTICES.md");
    fs::write(&path, text).with_context(|| format!("could not write `{}`", path.display()))
}

/// Copies the licences of `module` into the bundle `folder` and returns their paths in it; none at all is an error.
fn licences_of(module: &Module, sources: &Path, folder: &Path) -> Result<Vec<String>> {
    let place = Path::new("licences").join(format!("{}@{}", module.path, module.version));
    let names = copy_licences(sources, &folder.join(&place))?;
    if !names.is_empty() {
        let place = place.to_string_lossy().replace('\\', "/");
        return Ok(names.iter().map(|name| format!("{place}/{name}")).collect());
    }
    if UNDER_THE_LICENCE_OF_GO.contains(&module.path.as_str()) {
        return Ok(vec![LICENCE_OF_GO.to_owned()]);
    }
    Err(failure(
        format!("the sources of `{} {}` have no licence file", module.path, module.version),
        format!("read in `{}` what its licence is and say so in `notices.rs`", sources.display()),
    ))
}

fn introduction(go: &Go, target: Target) -> String {
    format!(
        "# Third-party notices\n\nSQLite Replicate starts these programs as separate processes. They were built for `{target}`, \
         without changes, by {} from the\nsources named here; the checksums are those of Go's checksum database. Their \
         licences, and those of everything inside them, are in\n`licences`. The Go standard library is part of each of \
         them: `licences/go`.\n",
        go.goversion
    )
}

/// What is said of one program; writing to a `String` cannot fail.
fn section(text: &mut String, go: &Go, target: Target, program: &Program, own: &Module, licences: &Licences) {
    let (system, processor) = target.go_platform();
    let Program { title, package, version, checksum, licence, repository, .. } = program;
    let (toolchain, flags) = (&go.goversion, program.all_linker_flags());
    let _ = write!(
        text,
        "\n## {title} {version}\n\n- licence: {licence} ({})\n- source: {repository}, Go module `{} {version}`, checksum \
         `{checksum}`\n- get the source: `go mod download -json {}@{version}` (prints its folder)\n- built with {toolchain}: \
         `CGO_ENABLED=0 GOOS={system} GOARCH={processor} GOAMD64=v1 go install -trimpath -ldflags \"{flags}\" \
         {package}@{version}`\n",
        list(&licences[own]),
        program.module,
        program.module,
    );
    if licence.starts_with("AGPL") {
        let _ = write!(
            text,
            "- corresponding source: exactly that module and the modules below, at those versions, with the command above. \
             Each is\n  kept by the public Go module proxies under its version and can be checked against its checksum; \
             {title} is not modified.\n"
        );
    }
    let _ = write!(text, "\n| part of {title} | checksum | licence |\n| --- | --- | --- |\n");
    for (module, files) in licences.iter().filter(|(module, _)| *module != own) {
        let Module { path, version, checksum } = module;
        let _ = writeln!(text, "| `{path} {version}` | `{checksum}` | {} |", list(files));
    }
}

fn list(files: &[String]) -> String {
    if files.is_empty() {
        return "no licence file in its sources; stated in them or in the licences of the program itself"
            .into();
    }
    files.iter().map(|file| format!("[{}]({file})", name_of(file))).collect::<Vec<_>>().join(", ")
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Copies the licence files at the top of `sources` to `place` and returns their names.
fn copy_licences(sources: &Path, place: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(sources).with_context(|| format!("could not read `{}`", sources.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("could not read `{}`", sources.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_licence(&name) || !entry.path().is_file() {
            continue;
        }
        // Not `fs::copy`: the module cache is read-only, and a bundle must be removable.
        let content =
            fs::read(entry.path()).with_context(|| format!("could not read `{}`", entry.path().display()))?;
        fs::create_dir_all(place)
            .and_then(|()| fs::write(place.join(&name), content))
            .with_context(|| format!("could not write the licence `{}`", place.join(&name).display()))?;
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn is_licence(file: &str) -> bool {
    let file = file.to_ascii_uppercase();
    let starts = ["LICENSE", "LICENCE", "UNLICENSE", "COPYING", "COPYRIGHT", "NOTICE", "CREDITS", "PATENTS"];
    starts.iter().any(|start| file.starts_with(start)) && !file.ends_with(".GO")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_files_are_told_from_code() {
        for file in ["LICENSE", "LICENSE.txt", "License-MIT", "COPYING", "NOTICE.md", "CREDITS", "PATENTS"] {
            assert!(is_licence(file), "{file}");
        }
        for file in ["license.go", "README.md", "copy.go", "main.go"] {
            assert!(!is_licence(file), "{file}");
        }
    }

    #[test]
    fn licences_are_copied_by_content_and_only_they() {
        let folder = tempfile::tempdir().unwrap();
        let (sources, place) = (folder.path().join("sources"), folder.path().join("place"));
        fs::create_dir(&sources).unwrap();
        for file in ["NOTICE", "LICENSE", "main.go"] {
            fs::write(sources.join(file), file).unwrap();
        }
        assert_eq!(copy_licences(&sources, &place).unwrap(), ["LICENSE", "NOTICE"]);
        assert_eq!(fs::read_to_string(place.join("NOTICE")).unwrap(), "NOTICE");
        assert!(!place.join("main.go").exists());
    }

    #[test]
    fn missing_sources_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(copy_licences(&folder.path().join("gone"), folder.path()).is_err());
    }

    #[test]
    fn a_module_without_licence_is_refused_unless_it_was_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let module = |path: &str| Module { path: path.into(), version: "v1".into(), checksum: String::new() };
        let sources = folder.path().join("sources");
        fs::create_dir(&sources).unwrap();
        let error = licences_of(&module("example.org/a"), &sources, folder.path()).unwrap_err();
        assert!(error.to_string().contains("`example.org/a v1` have no licence file"), "{error}");
        assert_eq!(
            licences_of(&module(UNDER_THE_LICENCE_OF_GO[0]), &sources, folder.path()).unwrap(),
            [LICENCE_OF_GO]
        );
        fs::write(sources.join("COPYING"), "x").unwrap();
        assert_eq!(
            licences_of(&module("example.org/a"), &sources, folder.path()).unwrap(),
            ["licences/example.org/a@v1/COPYING"]
        );
    }
}
