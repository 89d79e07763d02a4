//! `dashboard`: opens the running engine's pages in the browser.

use std::process::{Command, Stdio};

use clap::Args;
use serde::Serialize;
use sqlite_replicate_api::{DashboardLink, Result};

use super::Context;
use crate::files;
use crate::output::Done;

/// What the browser is given in the link's place: a file that only its owner can read. Other users of a PC see the
/// arguments of every process, and this link is a key.
const FILE: &str = "dashboard.html";

/// Opens the dashboard in the browser
#[derive(Debug, Args)]
pub(crate) struct Dashboard {
    /// Only shows the link, which works once and within two minutes
    #[arg(long)]
    print: bool,
}

/// What `dashboard --json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    link: &'a DashboardLink,
    opened: bool,
}

pub(crate) async fn run(command: Dashboard, context: &Context<'_>) -> Done {
    let link = context.connect().await?.dashboard_link().await?;
    let opened = !command.print && has_screen() && open(&link, context)?;
    context.output.result(&Shown { link: &link, opened }, |_| {
        if opened {
            "The dashboard opens in your browser.\n".to_owned()
        } else {
            format!("Open this link within two minutes; it works once:\n\n  {}\n", link.url)
        }
    })
}

/// Whether there is anybody to show a window to.
fn has_screen() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(windows) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// Hands the link to the browser; whether there is a program that does this.
fn open(link: &DashboardLink, context: &Context<'_>) -> Result<bool> {
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0;url={0}\"><a href=\"{0}\">SQLite Replicate</a>\n",
        link.url
    );
    let path = context.home.join(FILE);
    // The one before opens nothing any more.
    let _ = std::fs::remove_file(&path);
    files::create_private(&path, &page)
        .map_err(|report| report.hint("`sqlite-replicate dashboard --print` shows the link instead"))?;
    let opener = if cfg!(windows) { "explorer" } else { "xdg-open" };
    let started = Command::new(opener)
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // `explorer` ends with 1 even when all is well.
    Ok(started.is_ok_and(|status| status.success() || cfg!(windows)))
}
