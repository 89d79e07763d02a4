//! `config`: checks, shows and changes the configuration, whether an engine runs or not.

use std::io::{BufRead, IsTerminal};

use clap::{Args, Subcommand};
use console::Term;
use serde_json::json;
use sqlite_replicate_api::{Credentials, ErrorCode, Report, Result, SetSetting};

use super::{Context, environment};
use crate::engine_calls::{self, Shown};
use crate::output::{Done, Output, Paint};
use crate::render;

/// Checks, shows and changes the configuration
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Reads it as `run` would, and says what is wrong with it
    Check,
    /// Shows it with its defaults and variables, without secrets
    Show,
    /// Says where it is
    Path,
    /// Shows one setting as it holds
    Get {
        /// `capture.sync_interval`
        key: String,
    },
    /// Changes one setting; comments survive
    Set(Set),
    /// Keeps the keys of an S3 service; reads two lines from standard input: the key's id, the secret
    Credentials,
}

/// Changes one setting; comments survive
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// `capture.sync_interval`
    key: String,
    /// As in the file, without quotes
    #[arg(required_unless_present = "unset")]
    value: Option<String>,
    /// Takes the line out, so that the default holds
    #[arg(long, conflicts_with = "value")]
    unset: bool,
}

pub(crate) async fn run(command: Config, context: &Context<'_>) -> Done {
    match command {
        Config::Check => check(context),
        Config::Show => show(context),
        Config::Path => {
            let path = context.config.display().to_string();
            context.output.result(&json!({ "path": context.config }), |_| path)
        }
        Config::Get { key } => get(&key, context),
        Config::Set(command) => set(command, context).await,
        Config::Credentials => credentials(context).await,
    }
}

fn check(context: &Context<'_>) -> Done {
    let shown = engine_calls::config_shown(&context.config, &environment())?;
    let databases = shown.iter().filter(|line| line.key.starts_with("database.")).count();
    context.output.result(&json!({ "done": "config-check", "databases": databases }), |_| {
        let databases = if databases == 1 { "1 database" } else { &format!("{databases} databases") };
        format!("`{}` is good; it names {databases}.", context.config.display())
    })
}

fn show(context: &Context<'_>) -> Done {
    let shown = engine_calls::config_shown(&context.config, &environment())?;
    if context.output.json() {
        return shown.iter().try_for_each(|line| context.output.object(line));
    }
    context.output.text(&table_of(&shown, context.output.paint()))
}

fn table_of(shown: &[Shown], paint: Paint) -> String {
    let rows = shown.iter().map(|line| {
        vec![line.key.clone(), line.value.clone().unwrap_or_else(|| "–".to_owned()), paint.dim(&line.origin)]
    });
    render::table(&rows.collect::<Vec<_>>())
}

fn get(key: &str, context: &Context<'_>) -> Done {
    let shown = engine_calls::config_shown(&context.config, &environment())?;
    let Some(line) = shown.into_iter().find(|line| line.key == key) else {
        engine_calls::config_key(key)?;
        let report = Report::new(ErrorCode::BadRequest, format!("`{key}` has no value of its own"));
        return Err(report.hint("`sqlite-replicate config show` lists what can be asked for").into());
    };
    context.output.result(&line, |_| line.value.clone().unwrap_or_default())
}

async fn set(command: Set, context: &Context<'_>) -> Done {
    let set = SetSetting { key: command.key, value: command.value };
    match context.connect_if_running().await? {
        Some(client) => client.set_setting(set.clone()).await?,
        None => engine_calls::config_set(&context.config, &environment(), &set)?,
    }
    context.output.result(
        &json!({ "done": "config-set", "key": set.key, "value": set.value }),
        |_| match &set.value {
            Some(value) => format!("{} is now {value}.", set.key),
            None => format!("{} has its default again.", set.key),
        },
    )
}

async fn credentials(context: &Context<'_>) -> Done {
    let credentials = read_credentials(context.output)?;
    match context.connect_if_running().await? {
        Some(client) => client.set_credentials(credentials).await?,
        None => engine_calls::keep_credentials(&context.home, &credentials)?,
    }
    context.output.result(&json!({ "done": "config-credentials" }), |_| {
        "The keys are kept in the home folder's secrets file, which only its owner can read.".to_owned()
    })
}

/// Reads keys from standard input: from a person without showing the secret, otherwise two lines.
pub(crate) fn read_credentials(output: &Output) -> Result<Credentials> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let term = Term::stderr();
        let unreadable = |error| Report::new(ErrorCode::Io, "the keys can't be read").because(error);
        output.note("The keys of the S3 service. The secret is not shown while you type.");
        let ask = |what: &str, secret: bool| {
            term.write_str(what).map_err(unreadable)?;
            if secret { term.read_secure_line() } else { term.read_line() }.map_err(unreadable)
        };
        let id = ask("Key id: ", false)?;
        let secret = ask("Secret: ", true)?;
        return two_lines(&mut format!("{id}\n{secret}\n").as_bytes());
    }
    two_lines(&mut stdin.lock())
}

fn two_lines(input: &mut impl BufRead) -> Result<Credentials> {
    let mut line = |what: &str| {
        let mut line = String::new();
        input.read_line(&mut line).map_err(|error| {
            Report::new(ErrorCode::Io, format!("the {what} can't be read")).because(error)
        })?;
        let line = line.trim();
        if line.is_empty() {
            return Err(Report::new(
                ErrorCode::BadRequest,
                format!("the {what} is missing from standard input"),
            )
            .hint("two lines are read: the key's id, the secret"));
        }
        Ok(line.to_owned())
    };
    Ok(Credentials { access_key_id: line("key's id")?, secret_access_key: line("secret")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_say_where_they_come_from() {
        let line = |key: &str, value: Option<&str>, origin: &str| Shown {
            key: key.to_owned(),
            value: value.map(str::to_owned),
            origin: origin.to_owned(),
        };
        let shown = [
            line("capture.sync_interval", Some("2s"), "line 7"),
            line("store.endpoint", None, "default"),
            line("database.orders", Some("/data/orders.db"), "SQLITE_REPLICATE_DATABASE"),
        ];
        assert_eq!(
            table_of(&shown, Paint(false)),
            "capture.sync_interval  2s               line 7\n\
             store.endpoint         –                default\n\
             database.orders        /data/orders.db  SQLITE_REPLICATE_DATABASE\n"
        );
    }

    #[test]
    fn keys_are_two_lines() {
        let keys = two_lines(&mut "AKIA1\r\n s3cret/+= \nmore\n".as_bytes()).unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.as_str()), ("AKIA1", "s3cret/+="));
        for bad in ["", "\n\n", "AKIA1", "AKIA1\n\n"] {
            let report = two_lines(&mut bad.as_bytes()).unwrap_err();
            assert_eq!(report.code, ErrorCode::BadRequest);
            assert!(!report.message.contains("AKIA1"), "{report}");
        }
    }
}
