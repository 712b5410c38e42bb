//! `hardpan explain`: prints what the name in `error[NAME]` means and what to do about it.
//!
//! `docs/errors.md` is the output of `hardpan explain --markdown`; a test of the suite compares the two.

use std::fmt::Write as _;

use clap::Args;

use super::print::{self, output_failure};
use crate::{
    commands::explain::{self, Explanation},
    report::{Failures, RuleFacts},
};

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// An error or a rule, by its name or code; without it, all of them are listed
    #[arg(value_name = "NAME")]
    error_name: Option<String>,
    /// Explain all of them, as a Markdown document
    #[arg(long, conflicts_with = "error_name")]
    markdown: bool,
}

/// Prints one explanation, the list of all names, or the Markdown document.
pub(super) fn run(arguments: &ExplainArguments) -> Result<(), Failures> {
    let text = match &arguments.error_name {
        Some(name) => render(explain::find(name)?),
        None if arguments.markdown => markdown(),
        None => list(),
    };
    print::text(&text).map_err(output_failure)
}

/// The meaning and the cure of one error or rule.
fn render(explanation: Explanation) -> String {
    match explanation {
        Explanation::Error(error) => format!("{error} (exit code 2)\n\n{}\n\n{}\n", error.meaning(), error.cure()),
        Explanation::Rule(rule) => render_rule(rule.facts()),
    }
}

/// Everything that the catalogue says about one rule; `hardpan audit --explain` prints the same.
pub(super) fn render_rule(facts: &RuleFacts) -> String {
    format!("{} {}", facts.name, rule_text(facts))
}

/// What stands behind the name of a rule.
fn rule_text(facts: &RuleFacts) -> String {
    let RuleFacts { code, severity, title, rationale, remediation, .. } = facts;
    format!("({code}, {severity}): {title}\n\n{rationale}\n\n{remediation}\n{}", sources(facts))
}

/// The line of a rule's sources, below an empty one; nothing where it has none.
fn sources(facts: &RuleFacts) -> String {
    if facts.sources.is_empty() { String::new() } else { format!("\nSources: {}\n", facts.sources.join(", ")) }
}

/// One line a name: errors, then rules.
fn list() -> String {
    let all = explain::all();
    let width = all.iter().map(|explanation| explanation.name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for explanation in all {
        let meaning = match explanation {
            Explanation::Error(error) => error.meaning(),
            Explanation::Rule(rule) => rule.facts().title,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<width$}  {meaning}", explanation.name());
    }
    text
}

/// What `docs/errors.md` says above its errors.
const ERRORS_HEADING: &str = "\
# Errors and rules

<!-- Generated: `HARDPAN_BLESS=1 cargo test --test suite -- explain` writes this file anew. -->

A message of hardpan begins with `error[NAME]`, and `hardpan explain NAME` prints what this page says about the name. Names
are stable: scripts and searches may depend on them.

## Errors

hardpan could not do its work: exit code 2.
";

/// What it says above its rules.
const RULES_HEADING: &str = "
## Rules

hardpan did its work, and the answer is no: exit code 1. `hardpan build` refuses an image by these rules, `hardpan audit`
looks for them in any image, and `hardpan push` refuses by the last one.
";

/// The document `docs/errors.md`.
fn markdown() -> String {
    let (mut errors, mut rules) = (ERRORS_HEADING.to_owned(), RULES_HEADING.to_owned());
    for explanation in explain::all() {
        // Writing to a String cannot fail.
        let _ = match explanation {
            Explanation::Error(error) => {
                write!(errors, "\n### `{error}`\n\n{}\n\n{}\n", error.meaning(), error.cure())
            }
            Explanation::Rule(rule) => {
                write!(rules, "\n### `{rule}` {}", rule_text(rule.facts()))
            }
        };
    }
    errors + &rules
}
