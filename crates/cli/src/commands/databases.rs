//! `add`, `adopt`, `remove`, `databases`: which databases are protected.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sqlite_replicate_api::{AddDatabase, Added, Name, ReplaceConfig};

use super::{Context, environment};
use crate::confirm::confirm;
use crate::engine_calls::{self, Adoption, Client};
use crate::home;
use crate::output::{Done, Output};
use crate::render;

/// Protects a database
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The SQLite file
    path: PathBuf,
    /// What to call it [default: after the file]
    #[arg(long)]
    name: Option<Name>,
    /// Only looks, and says what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Takes over what a Litestream configuration protects
#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// The `litestream.yml`, of Litestream 0.3 or 0.5
    file: PathBuf,
    /// Only says what would be done
    #[arg(long)]
    dry_run: bool,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
}

/// Stops protecting a database; its history stays
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The database's name
    database: Name,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn add(command: Add, context: &Context<'_>) -> Done {
    let path = home::absolute(&command.path)?;
    let client = context.connect().await?;
    let wanted = AddDatabase { path, name: command.name, dry_run: command.dry_run };
    let added = client.add(wanted).await?;
    context.output.result(&added, |_| added_text(&added, command.dry_run))?;
    advise(&added.advice, context.output);
    Ok(())
}

fn added_text(added: &Added, dry_run: bool) -> String {
    let (is, changes) =
        if dry_run { ("can be protected", "would change") } else { ("is protected", "changes") };
    let size = render::bytes(added.bytes);
    let mut text = format!("`{}` {is} as {} ({size}).\n", added.path.display(), added.name);
    if !added.changes.is_empty() {
        text.push_str(&format!("What {changes} in it:\n"));
    }
    for change in &added.changes {
        text.push_str(&format!("  - {change}\n"));
    }
    text
}

fn advise(advice: &[String], output: &Output) {
    for advice in advice {
        output.note(&format!("advice: {advice}"));
    }
}

pub(crate) async fn remove(command: Remove, context: &Context<'_>) -> Done {
    let client = context.connect().await?;
    let name = &command.database;
    confirm(
        context.output,
        &format!("Stop protecting {name}? Its history stays in the store."),
        command.yes,
    )?;
    client.remove(name).await?;
    context.output.result(&json!({ "done": "remove", "database": name }), |_| {
        format!("{name} is no longer protected. Its history stays in the store.")
    })
}

pub(crate) async fn list(context: &Context<'_>) -> Done {
    let status = context.connect().await?.status().await?;
    if context.output.json() {
        for db in &status.databases {
            let line = json!({ "name": db.name, "path": db.path, "overall": db.overall });
            context.output.object(&line)?;
        }
        return Ok(());
    }
    if status.databases.is_empty() {
        context.output.note("no database is protected yet; `sqlite-replicate add PATH` protects one");
    }
    let rows = status
        .databases
        .iter()
        .map(|db| vec![db.name.to_string(), db.overall.to_string(), db.path.display().to_string()]);
    context.output.text(&render::table(&rows.collect::<Vec<_>>()))
}

pub(crate) async fn adopt(command: Adopt, context: &Context<'_>) -> Done {
    let client = context.connect_if_running().await?;
    let adoption = engine_calls::adopt(&home::absolute(&command.file)?, &context.config, &environment())?;
    let mut shown = json!({
        "done": if command.dry_run { "adopt-dry-run" } else { "adopt" },
        "config": context.config,
        "databases": adoption.databases.iter().map(|(name, path)| json!({ "name": name, "path": path }))
            .collect::<Vec<_>>(),
        "translated": adoption.translated,
        "no_effect": adoption.no_effect,
        "not_supported": adoption.not_supported,
        "warnings": adoption.warnings,
        "credentials": adoption.credentials.is_some(),
    });
    if command.dry_run {
        return context.output.result(&shown, |_| adoption_text(&adoption, true));
    }
    if !command.yes {
        context.output.note(&adoption_text(&adoption, false));
    }
    let question = format!("Write this to `{}`?", context.config.display());
    confirm(context.output, &question, command.yes)?;
    let aside = engine_calls::set_old_litestream_aside(&adoption)?;
    if let Err(end) = take_over(&adoption, client, context).await {
        engine_calls::put_old_litestream_back(&aside)?;
        return Err(end);
    }
    shown["set_aside"] = json!(aside);
    context.output.result(&shown, |_| {
        let mut text = if command.yes { adoption_text(&adoption, false) } else { String::new() };
        text.push_str(
            "Taken over. Stop the old Litestream for good: two on one database damage each other.\n",
        );
        for folder in &aside {
            let (was, is) = (folder.was.display(), folder.is.display());
            text.push_str(&format!("Its folder `{was}` is now `{is}`; delete it when you never go back.\n"));
        }
        text
    })
}

/// Puts an adoption into force: its keys first, so that the store opens at once.
async fn take_over(adoption: &Adoption, client: Option<Client>, context: &Context<'_>) -> Done {
    let Some(client) = client else {
        if let Some(credentials) = &adoption.credentials {
            engine_calls::keep_credentials(&context.home, credentials)?;
        }
        let base = adoption.base.as_deref();
        engine_calls::config_replace(&context.config, &environment(), base, &adoption.text)?;
        return Ok(());
    };
    if let Some(credentials) = adoption.credentials.clone() {
        client.set_credentials(credentials).await?;
    }
    let base = adoption.base.clone().unwrap_or_default();
    client.replace_config(ReplaceConfig { base, text: adoption.text.clone() }).await?;
    Ok(())
}

fn adoption_text(adoption: &Adoption, with_toml: bool) -> String {
    let mut text = String::from("These databases are taken over:\n");
    let rows =
        adoption.databases.iter().map(|(name, path)| vec![format!("  {name}"), path.display().to_string()]);
    text.push_str(&render::table(&rows.collect::<Vec<_>>()));
    for (title, lines) in [
        ("Settings:", &adoption.translated),
        ("Without effect, here or in Litestream:", &adoption.no_effect),
        ("Not done here:", &adoption.not_supported),
        ("Read this first:", &adoption.warnings),
    ] {
        if !lines.is_empty() {
            text.push_str(&format!("{title}\n"));
            text.extend(lines.iter().map(|line| format!("  - {line}\n")));
        }
    }
    if adoption.credentials.is_some() {
        text.push_str("Its keys go into the secrets file of the home folder.\n");
    }
    if with_toml {
        text.push_str("\nThe configuration becomes, without its comments:\n\n");
        let lines = adoption.text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        text.extend(lines.map(|line| format!("{line}\n")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn add_says_what_changes() {
        let added = Added {
            name: "orders".parse().unwrap(),
            path: PathBuf::from("/data/orders.db"),
            bytes: 12 << 20,
            changes: vec!["WAL is switched on".to_owned()],
            advice: vec![],
            same_disk: false,
        };
        assert_eq!(
            added_text(&added, false),
            "`/data/orders.db` is protected as orders (12.0 MB).\nWhat changes in it:\n  - WAL is switched on\n"
        );
        assert!(
            added_text(&added, true)
                .starts_with("`/data/orders.db` can be protected as orders (12.0 MB).\nWhat would")
        );
    }

    #[test]
    fn adopt_says_what_becomes_of_everything_and_shows_no_key() {
        let adoption = Adoption {
            base: None,
            text: "# Databases\n\n[[database]]\npath = \"/data/a.db\"\n".to_owned(),
            databases: vec![("a".parse().unwrap(), PathBuf::from("/data/a.db"))],
            translated: vec!["`sync-interval` becomes `capture.sync_interval` = 2s".to_owned()],
            no_effect: vec!["`replica.retention`: Litestream 0.5 ignores it".to_owned()],
            not_supported: vec![],
            warnings: vec!["stop the old service".to_owned()],
            credentials: Some(sqlite_replicate_api::Credentials {
                access_key_id: "ID-OF-KEY".to_owned(),
                secret_access_key: "SECRET-KEY".to_owned(),
            }),
        };
        let text = adoption_text(&adoption, true);
        assert_eq!(
            text,
            "These databases are taken over:\n  a  /data/a.db\n\
             Settings:\n  - `sync-interval` becomes `capture.sync_interval` = 2s\n\
             Without effect, here or in Litestream:\n  - `replica.retention`: Litestream 0.5 ignores it\n\
             Read this first:\n  - stop the old service\n\
             Its keys go into the secrets file of the home folder.\n\n\
             The configuration becomes, without its comments:\n\n[[database]]\npath = \"/data/a.db\"\n"
        );
    }
}
