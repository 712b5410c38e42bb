//! Settings of a program that a recipe refuses leave it, each with the reason.

use std::collections::BTreeMap;

use crate::{
    init::draft::{Program, Source, Variable, text, texts},
    recipe,
};

/// Keeps what the parser of recipes takes. The answers are sentences about the rest.
pub(super) fn keep(program: &mut Program, vars: &BTreeMap<String, Variable>) -> Vec<String> {
    let head = match program.source {
        Source::Go { .. } => "go = \".\"",
        Source::Cargo { .. } => "cargo = \"x\"",
        Source::Path { .. } => return Vec::new(),
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

/// Whether a `[[binary]]` with this line is a recipe; an error is what is wrong with it. So what the recipe refuses is
/// known in one place.
pub(in crate::init) fn accepted(head: &str, line: &str, vars: &BTreeMap<String, Variable>) -> Result<(), String> {
    let vars: Vec<_> = vars.iter().map(|(name, variable)| format!("{name} = {}\n", text(&variable.value))).collect();
    let vars = vars.concat();
    match recipe::parse("hardpan.toml", &format!("[vars]\n{vars}[[binary]]\n{head}\n{line}\n")) {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.what),
    }
}
