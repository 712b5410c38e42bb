//! Removes settings of a program that the recipe parser refuses, and returns the reasons as notes.

use std::collections::BTreeMap;

use crate::{
    init::{
        draft::{DraftProgram, ProgramSource, Variable},
        toml_text::{text, texts},
    },
    recipe,
};

/// Removes the settings that the recipe parser refuses. Returns the reasons as notes.
pub(super) fn drop_refused_settings(program: &mut DraftProgram, vars: &BTreeMap<String, Variable>) -> Vec<String> {
    let head = match program.source {
        ProgramSource::Go { .. } => "go = \".\"",
        ProgramSource::Cargo { .. } => "cargo = \"x\"",
        ProgramSource::Path { .. } => return Vec::new(),
    };
    let head = if program.cgo { format!("{head}\ncgo = true") } else { head.to_owned() };
    let mut why = Vec::new();
    let mut takes = |shown: &str, line: String| match accepted(&head, &line, vars) {
        Ok(()) => true,
        Err(reason) => {
            why.push(format!("`{shown}`: {reason}"));
            false
        }
    };
    for (key, list) in [
        ("tags", &mut program.tags),
        ("ldflags", &mut program.ldflags),
        ("features", &mut program.features),
        ("flags", &mut program.flags),
        ("rustflags", &mut program.rustflags),
    ] {
        list.retain(|item| takes(item, format!("{key} = {}", texts(&[item]))));
    }
    for (key, value) in [("profile", &mut program.profile), ("linker", &mut program.linker), ("cc", &mut program.cc)] {
        *value = value.take().filter(|value| takes(value, format!("{key} = {}", text(value))));
    }
    program.env.retain(|name, value| takes(name, format!("env = {{ {} = {} }}", text(name), text(value))));
    why
}

/// Whether the recipe parser accepts a `[[binary]]` with this line; the error is its reason. So the rules of recipes
/// are in one place.
pub(in crate::init) fn accepted(head: &str, line: &str, vars: &BTreeMap<String, Variable>) -> Result<(), String> {
    let vars: Vec<_> = vars.iter().map(|(name, variable)| format!("{name} = {}\n", text(&variable.value))).collect();
    let vars = vars.concat();
    match recipe::parse("hardpan.toml", &format!("[vars]\n{vars}[[binary]]\n{head}\n{line}\n")) {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.what),
    }
}
