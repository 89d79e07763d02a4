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

/// Where a module that has no licence file states its licence.
enum Statement {
    /// In the header of each of its files: it is Go's own licence.
    LicenceOfGo,
    /// In this file.
    File(&'static str),
}

/// The modules without licence file. Each was looked at; another one stops the build.
const STATED_ELSEWHERE: &[(&str, Statement)] = &[
    ("github.com/mattn/go-localereader", Statement::File("README.md")),
    ("github.com/minio/colorjson", Statement::LicenceOfGo),
    ("github.com/minio/csvparser", Statement::LicenceOfGo),
    ("github.com/minio/filepath", Statement::LicenceOfGo),
];

/// Where Go's own licence is inside the bundle.
const LICENCE_OF_GO: &str = "licences/go/LICENSE";

/// The licence files of one module, by their paths inside the bundle.
type Licences = BTreeMap<Module, Vec<String>>;

/// Copies the licences into `folder` and writes the notices beside them.
pub(super) fn write(go: &Go, target: Target, built: &[(&Program, PathBuf)], folder: &Path) -> Result<()> {
    let mut text = introduction(go, target);
    let standard_library = folder.join("licences").join("go");
    let copied = copy_files(&go.goroot, &standard_library, is_licence)?;
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
    let stated =
        STATED_ELSEWHERE.iter().find(|(path, _)| *path == module.path).map(|(_, statement)| statement);
    let names = match stated {
        Some(Statement::LicenceOfGo) => return Ok(vec![LICENCE_OF_GO.to_owned()]),
        Some(Statement::File(file)) => copy_files(sources, &folder.join(&place), |name| name == *file)?,
        None => copy_files(sources, &folder.join(&place), is_licence)?,
    };
    if names.is_empty() {
        return Err(failure(
            format!("the sources of `{} {}` have no licence file", module.path, module.version),
            format!("read in `{}` what its licence is and say so in `notices.rs`", sources.display()),
        ));
    }
    let place = place.to_string_lossy().replace('\\', "/");
    Ok(names.iter().map(|name| format!("{place}/{name}")).collect())
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

/// Copies the files at the top of `sources` whose name is `wanted` to `place` and returns their names.
fn copy_files(sources: &Path, place: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let entries = fs::read_dir(sources).with_context(|| format!("could not read `{}`", sources.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("could not read `{}`", sources.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !wanted(&name) || !entry.path().is_file() {
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
        assert_eq!(copy_files(&sources, &place, is_licence).unwrap(), ["LICENSE", "NOTICE"]);
        assert_eq!(fs::read_to_string(place.join("NOTICE")).unwrap(), "NOTICE");
        assert!(!place.join("main.go").exists());
    }

    #[test]
    fn missing_sources_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(copy_files(&folder.path().join("gone"), folder.path(), is_licence).is_err());
    }

    #[test]
    fn a_module_without_licence_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let module = |path: &str| Module { path: path.into(), version: "v1".into(), checksum: String::new() };
        let sources = folder.path().join("sources");
        fs::create_dir(&sources).unwrap();
        let error = licences_of(&module("example.org/a"), &sources, folder.path()).unwrap_err();
        assert!(error.to_string().contains("`example.org/a v1` have no licence file"), "{error}");
        fs::write(sources.join("COPYING"), "x").unwrap();
        assert_eq!(
            licences_of(&module("example.org/a"), &sources, folder.path()).unwrap(),
            ["licences/example.org/a@v1/COPYING"]
        );
    }

    #[test]
    fn a_licence_may_be_stated_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let licences = |path: &str| {
            let module = Module { path: path.into(), version: "v1".into(), checksum: String::new() };
            licences_of(&module, folder.path(), folder.path())
        };
        assert_eq!(licences("github.com/minio/filepath").unwrap(), [LICENCE_OF_GO]);
        assert!(licences("github.com/mattn/go-localereader").is_err());
        fs::write(folder.path().join("README.md"), "MIT").unwrap();
        assert_eq!(
            licences("github.com/mattn/go-localereader").unwrap(),
            ["licences/github.com/mattn/go-localereader@v1/README.md"]
        );
    }
}
