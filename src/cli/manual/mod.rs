//! The help of every verb, manual pages, shell completions, and the recipe reference.
//!
//! `arguments` defines verbs and options; headings, examples and exit codes are added here from `pages`. A test of the
//! suite runs every example.

mod audit_page;
mod cache_page;
mod check_page;
mod list_page;
mod lock_page;
mod login_page;
mod man;
mod merge_page;
mod pages;
mod resolve_page;
mod verb_page;

use clap::{
    Command, CommandFactory as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::arguments::Arguments;
use crate::report::{ErrorName, Failure, printable};
use verb_page::examples;

/// Every key of a recipe with its default, as a recipe that builds. A test compares it with the schema.
pub(super) const RECIPE: &str = include_str!("recipe.toml");

/// The topic of `hardpan help` and `hardpan man` that is not a verb.
const RECIPE_TOPIC: &str = "recipe";

/// Verbs that are planned and not in this version.
const LATER_VERBS: [&str; 8] = ["diff", "keys", "outdated", "reproduce", "sbom", "scan", "sign", "verify"];

/// The command line with everything that `--help`, the manual pages and the completions show.
pub(super) fn command() -> Command {
    let names: Vec<String> = Arguments::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let mut command = Arguments::command().after_help(pages::SHORT_END).after_long_help(format!(
        "{}\n\n{}",
        examples(pages::TOP),
        pages::TOP_END
    ));
    for name in names {
        command = command.mut_subcommand(&name, |verb| {
            let verb = verb.mut_args(|argument| match pages::heading(argument.get_id().as_str()) {
                Some(heading) => argument.help_heading(heading),
                None => argument,
            });
            match pages::page(&name) {
                Some(page) => verb.long_about(page.about).after_help(pages::SHORT_END).after_long_help(format!(
                    "{}\n\n{}",
                    examples(page.examples),
                    page.end
                )),
                None => verb,
            }
        });
    }
    command
}

/// The failure for a verb that is planned and not in this version yet, instead of clap's "unrecognized subcommand".
pub(super) fn later_verb_failure(error: &clap::Error) -> Option<Failure> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let known = LATER_VERBS.iter().find(|known| *known == word)?;
    Some(
        Failure::error(ErrorName::Usage, format!("`{known}` is not in this version yet"))
            .hint("`hardpan --help` shows what is"),
    )
}

/// `hardpan help [TOPIC]`: the long help of a verb, or the recipe's cheat sheet.
pub(super) fn help(topic: Option<&str>) -> Result<String, Failure> {
    match topic {
        None => Ok(command().render_long_help().to_string()),
        Some(RECIPE_TOPIC) => Ok(RECIPE.to_owned()),
        Some(topic) => Ok(find_verb(topic)?.render_long_help().to_string()),
    }
}

/// `hardpan man [TOPIC]`: a manual page, for `man -l`.
pub(super) fn man(topic: Option<&str>) -> Result<String, Failure> {
    match topic {
        None => man::page(built_command(), &examples(pages::TOP), pages::TOP_END),
        Some(RECIPE_TOPIC) => man::recipe(RECIPE),
        Some(topic) => {
            let page = pages::page(topic);
            let examples = page.map(|page| examples(page.examples)).unwrap_or_default();
            man::page(find_verb(topic)?, &examples, page.map_or(pages::EXIT, |page| page.end))
        }
    }
    .map_err(|error| Failure::error(ErrorName::Internal, format!("cannot write the page: {error}")))
}

/// `hardpan completions SHELL`.
pub(super) fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "hardpan", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The whole command, with the options that every verb has.
fn built_command() -> Command {
    let mut command = command();
    command.build();
    command
}

/// One verb of it.
fn find_verb(name: &str) -> Result<Command, Failure> {
    let command = built_command();
    if let Some(verb) = command.find_subcommand(name) {
        return Ok(verb.clone());
    }
    if LATER_VERBS.contains(&name) {
        return Err(Failure::error(ErrorName::Usage, format!("`{name}` is not in this version yet")));
    }
    let topics: Vec<_> = command.get_subcommands().map(|verb| format!("`{}`", verb.get_name())).collect();
    Err(Failure::error(ErrorName::Usage, format!("there is no help topic `{}`", printable(name)))
        .hint(format!("topics are {} and `{RECIPE_TOPIC}`", topics.join(", "))))
}
