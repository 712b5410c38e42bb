//! The rules, one file a rule or a small family, and the table of all of them, which the engine runs.

mod accounts;
mod base;
mod config;
mod dictionary;
mod entrypoint;
mod folder_groups;
mod group;
mod history;
pub(super) mod index;
mod layers;
mod leftovers;
mod libraries;
mod loader;
mod manifest;
mod metadata;
mod modes;
mod multi_call;
mod ownership;
mod ports;
mod programs;
mod reproducible;
mod rule_check;
mod secrets;
mod size;
mod special;
#[cfg(test)]
mod tests;
mod tools;
mod user;

use rule_check::RuleCheck;

use crate::report::Rule;

/// Every check of an image.
pub(super) const ALL: [RuleCheck; 23] = [
    user::CHECK,
    accounts::CHECK,
    tools::CHECK,
    multi_call::CHECK,
    leftovers::CHECK,
    modes::CHECK,
    ownership::CHECK,
    entrypoint::CHECK,
    special::CHECK,
    loader::CHECK,
    layers::CHECK,
    manifest::CHECK,
    secrets::FILES,
    secrets::TEXTS,
    ports::CHECK,
    base::CHECK,
    history::CHECK,
    config::CHECK,
    metadata::CHECK,
    reproducible::CHECK,
    size::CHECK,
    libraries::CHECK,
    programs::CHECK,
];

/// The rules that have no answer where a layer cannot be read.
pub(super) fn about_files() -> Vec<Rule> {
    let mut rules: Vec<Rule> = ALL.iter().filter(|check| check.files).flat_map(|check| check.rules).copied().collect();
    rules.sort_unstable();
    rules
}
