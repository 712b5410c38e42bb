//! Build arguments (`ARG`) as `[vars]` of the recipe: `--set` replaces `--build-arg`.

use std::collections::BTreeMap;

use crate::{
    init::{draft::Variable, toml_text::braces},
    recipe::is_variable_word,
};

/// Build arguments that can become `[vars]`: `--set` replaces `--build-arg`.
#[derive(Debug, Clone, Default)]
pub(in crate::init) struct BuildArgs(BTreeMap<String, BuildArgument>);

/// A build argument and its default.
#[derive(Debug, Clone)]
struct BuildArgument {
    argument: String,
    default: String,
}

impl BuildArgs {
    /// The recipe's string for the build argument `argument` with this default: a variable, or the default itself.
    pub(in crate::init) fn template(&mut self, argument: &str, default: &str) -> String {
        if default.chars().any(char::is_control) {
            return braces(default);
        }
        let lower = argument.to_ascii_lowercase();
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if !lower.bytes().all(good) {
            return braces(default);
        }
        let free = lower.starts_with(|c: char| c.is_ascii_lowercase()) && !is_variable_word(&lower);
        let first = if free { lower } else { format!("arg-{}", lower.trim_start_matches(['_', '-'])) };
        // An argument with another default in another stage is another variable.
        let names = (1..).map(|at| if at == 1 { first.clone() } else { format!("{first}-{at}") });
        for name in names {
            let Some(known) = self.0.get(&name) else {
                let variable = BuildArgument { argument: argument.to_owned(), default: default.to_owned() };
                self.0.insert(name.clone(), variable);
                return format!("{{{name}}}");
            };
            if known.argument == argument && known.default == default {
                return format!("{{{name}}}");
            }
        }
        braces(default)
    }

    /// All of them, with their defaults.
    pub(in crate::init) fn all(&self) -> BTreeMap<String, Variable> {
        let variable = |known: &BuildArgument| Variable { value: known.default.clone(), comment: String::new() };
        self.0.iter().map(|(name, known)| (name.clone(), variable(known))).collect()
    }

    /// The variables that the templates use, with their defaults.
    pub(in crate::init) fn used<'a>(&self, templates: impl Iterator<Item = &'a str>) -> BTreeMap<String, Variable> {
        let mut used = BTreeMap::new();
        for name in templates.flat_map(names) {
            if let Some(variable) = self.0.get(name) {
                let comment = "A build argument of the Dockerfile; `--set name=value` changes it.".to_owned();
                used.insert(name.to_owned(), Variable { value: variable.default.clone(), comment });
            }
        }
        used
    }
}

/// The variables that a template names; doubled braces are none.
fn names(template: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), template);
    while let Some((_, after)) = rest.split_once('{') {
        rest = match (after.strip_prefix('{'), after.split_once('}')) {
            (Some(doubled), _) => doubled,
            (None, Some((name, after))) => {
                found.push(name);
                after
            }
            (None, None) => "",
        };
    }
    found
}

/// Whether a template holds a variable.
pub(in crate::init) fn has_variable(template: &str) -> bool {
    !names(template).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_vars_takes_and_no_word_of_every_recipe() {
        let mut variables = BuildArgs::default();
        for (argument, default, template) in [
            ("VERSION", "dev", "{version}"),
            ("VERSION", "dev", "{version}"),
            ("VERSION", "1.0", "{version-2}"),
            ("NAME", "x", "{arg-name}"),
            ("_X", "x", "{arg-x}"),
            ("BAD", "a\nb", "a\nb"),
        ] {
            assert_eq!(variables.template(argument, default), template);
        }
        let used = variables.used(["{{version}} {version-2}", "x"].into_iter());
        let used: Vec<_> = used.iter().map(|(name, variable)| (name.as_str(), variable.value.as_str())).collect();
        assert_eq!(used, [("version-2", "1.0")]);
    }
}
