//! How an error reads to a person: what happened, why, and `hint:` with the next step.

use std::error::Error;
use std::fmt;

/// An error that knows what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: String,
}

/// One sentence for what happened and one for the next step.
pub(crate) fn failure(what: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Failure { what: what.into(), hint: hint.into() }.into()
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl Error for Failure {}

/// The whole message: the sentence, its causes indented below, then every hint met on the way.
pub(crate) fn report(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  cause: {cause}"));
    }
    for hint in error.chain().filter_map(|cause| cause.downcast_ref::<Failure>()).map(|failure| &failure.hint)
    {
        text.push_str(&format!("\nhint: {hint}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_names_the_causes_and_then_the_hints() {
        let error = failure("`go` was not found", "install Go").context("could not build the bundle");
        assert_eq!(
            report(&error),
            "error: could not build the bundle\n  cause: `go` was not found\nhint: install Go"
        );
    }

    #[test]
    fn report_of_a_plain_error_has_no_hint() {
        assert_eq!(report(&anyhow::anyhow!("no space")), "error: no space");
    }
}
