//! Lists the built pages (`ui/dist`) so that they are compiled in. Where they were not built, the list is empty and the
//! program says so in their place: a build of the engine needs no Node.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let built = manifest.join("../../ui/dist");
    // The folder is always there, so Cargo does not take this for changed each time.
    println!("cargo::rerun-if-changed={}", built.display());
    let mut files = Vec::new();
    if built.join("index.html").is_file() {
        collect(&built.canonicalize()?, String::new(), &mut files)?;
    }
    files.sort();
    let mut list = "&[\n".to_owned();
    for (path, file) in files {
        list.push_str(&format!("    ({path:?}, include_bytes!({file:?})),\n"));
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    fs::write(out.join("pages.rs"), list)
}

/// Every file below `folder`, by its path in an address: `/assets/app.js`.
fn collect(folder: &Path, path: String, files: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let here = format!("{path}/{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), here, files)?;
        } else {
            files.push((here, entry.path().display().to_string()));
        }
    }
    Ok(())
}
