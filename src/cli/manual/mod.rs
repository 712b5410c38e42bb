//! What hardpan says about itself: the help of every verb, manual pages, completions, and the recipe's cheat sheet.
//!
//! `arguments` says what can be written; the words around it (headings, examples, exit codes) are added here, and a
//! test runs every example.

mod man;
mod pages;

use clap::{
    Command, CommandFactory as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::arguments::Arguments;
use crate::report::{ErrorName, Failure, printable};

/// Every key of a recipe with its default, as a recipe that builds. A test holds it against the schema.
pub(super) const RECIPE: &str = include_str!("recipe.toml");

/// The topic of `hardpan help` and `hardpan man` that is no verb.
const RECIPE_TOPIC: &str = "recipe";

/// Verbs that the product has and this version does not.
const LATER_VERBS: [&str; 8] = ["diff", "keys", "outdated", "reproduce", "sbom", "scan", "sign", "verify"];

/// The command line with everything that `--help`, the manual pages and the completions show.
pub(super) fn command() -> Command {
    let names: Vec<String> = Arguments::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let mut command = Arguments::command().after_help(pages::SHORT_END).after_long_help(format!(
        "{}\n\n{}",
        pages::examples(pages::TOP),
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
                    pages::examples(page.examples),
                    page.end
                )),
                None => verb,
            }
        });
    }
    command
}

/// What the product has and this version has not, told as that instead of as an unknown word.
pub(super) fn not_yet(error: &clap::Error) -> Option<Failure> {
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
        Some(topic) => Ok(verb(topic)?.render_long_help().to_string()),
    }
}

/// `hardpan man [TOPIC]`: a manual page, for `man -l`.
pub(super) fn man(topic: Option<&str>) -> Result<String, Failure> {
    match topic {
        None => man::page(built(), &pages::examples(pages::TOP), pages::TOP_END),
        Some(RECIPE_TOPIC) => man::recipe(RECIPE),
        Some(topic) => {
            let page = pages::page(topic);
            let examples = page.map(|page| pages::examples(page.examples)).unwrap_or_default();
            man::page(verb(topic)?, &examples, page.map_or(pages::EXIT, |page| page.end))
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
fn built() -> Command {
    let mut command = command();
    command.build();
    command
}

/// One verb of it.
fn verb(name: &str) -> Result<Command, Failure> {
    let command = built();
    if let Some(verb) = command.find_subcommand(name) {
        return Ok(verb.clone());
    }
    if LATER_VERBS.contains(&name) {
        return Err(Failure::error(ErrorName::Usage, format!("`{name}` is not in this version yet")));
    }
    let topics: Vec<_> = command.get_subcommands().map(|verb| format!("`{}`", verb.get_name())).collect();
    Err(Failure::error(ErrorName::Usage, format!("there is no page about `{}`", printable(name)))
        .hint(format!("there are {} and `{RECIPE_TOPIC}`", topics.join(", "))))
}
