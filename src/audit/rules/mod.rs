//! The rules, one file a rule or a small family, and the table of all of them, which the engine runs.

mod accounts;
mod base;
mod build_commands;
mod config;
mod debug;
mod dictionary;
mod document_secrets;
mod dumps;
mod end_of_life;
mod entrypoint;
mod folder_groups;
mod group;
mod history;
mod history_command;
mod index;
mod injection;
mod layers;
mod leftovers;
mod libraries;
mod loader;
mod logins;
mod manifest;
mod metadata;
mod modes;
mod multi_call;
mod ownership;
mod packages;
mod ports;
mod programs;
mod reproducible;
mod rule_check;
mod secrets;
mod size;
mod special;
mod support_dates;
#[cfg(test)]
mod tests;
mod tls;
mod tools;
mod user;
mod variables;

use rule_check::RuleCheck;

use super::rule_notes::RuleNotes;
use crate::{image::ImageSet, report::Rule};

/// Every check of an image.
pub(super) const ALL: [RuleCheck; 31] = [
    user::CHECK,
    accounts::CHECK,
    tools::CHECK,
    multi_call::CHECK,
    leftovers::CHECK,
    dumps::CHECK,
    end_of_life::CHECK,
    logins::CHECK,
    modes::CHECK,
    ownership::CHECK,
    entrypoint::CHECK,
    special::CHECK,
    loader::CHECK,
    layers::CHECK,
    manifest::CHECK,
    secrets::FILES,
    document_secrets::CHECK,
    ports::CHECK,
    debug::CHECK,
    base::CHECK,
    history::CHECK,
    build_commands::CHECK,
    tls::CHECK,
    packages::CHECK,
    variables::CHECK,
    config::CHECK,
    metadata::CHECK,
    reproducible::CHECK,
    size::CHECK,
    libraries::CHECK,
    programs::CHECK,
];

/// The findings about the name of a place and the documents around its images, and what of these could not be examined.
pub(super) fn check_set(set: &ImageSet) -> RuleNotes {
    let mut notes = RuleNotes::default();
    index::check_name(set, &mut notes);
    document_secrets::check_set(set, &mut notes);
    notes
}

/// The rules that have no answer where a layer cannot be read.
pub(super) fn about_files() -> Vec<Rule> {
    let mut rules: Vec<Rule> = ALL.iter().filter(|check| check.files).flat_map(|check| check.rules).copied().collect();
    rules.sort_unstable();
    rules
}
