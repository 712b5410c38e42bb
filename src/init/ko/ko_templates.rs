//! Translates Go templates in flags, such as `{{.Env.VERSION}}`, into variables of the recipe.

use std::{collections::BTreeMap, path::Path};

use crate::{
    init::{Toolchains, dockerfile, draft::Variable, toml_text::braces},
    recipe,
};

/// The file name in messages of trial parses.
const FILE: &str = "hardpan.toml";

/// Translates templates, and collects the `[vars]` that they need.
pub(super) struct KoTemplates<'a> {
    pub(super) dir: &'a Path,
    pub(super) tools: &'a dyn Toolchains,
    pub(super) vars: &'a mut BTreeMap<String, Variable>,
    /// Notes about variables that do not have quite the value of the template.
    pub(super) notes: Vec<String>,
}

impl KoTemplates<'_> {
    /// Translates `text` into a recipe's string, braces doubled; `env` holds variables that the build sets. The error
    /// is the reason why it cannot be translated.
    pub(super) fn translate(&mut self, text: &str, env: &BTreeMap<String, String>) -> Result<String, String> {
        let mut translated = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inner, after)) = after.split_once("}}") else {
                return Err(format!("`{text}`: a template that does not end"));
            };
            translated.push_str(&braces(before));
            translated.push_str(&self.value(inner, env)?);
            rest = after;
        }
        translated.push_str(&braces(rest));
        Ok(translated)
    }

    /// The recipe's string for one template.
    fn value(&mut self, inner: &str, env: &BTreeMap<String, String>) -> Result<String, String> {
        let bare = inner.trim_start_matches('-').trim_end_matches('-').trim();
        let shown = format!("`{{{{{bare}}}}}`");
        let field = bare.strip_prefix('.').unwrap_or_default();
        let indexed = bare.strip_prefix("index .Env").and_then(|rest| rest.trim().strip_prefix('"'));
        let indexed = indexed.and_then(|rest| rest.strip_suffix('"')).map(|name| format!("Env.{name}"));
        let field = indexed.as_deref().unwrap_or(field);
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if field.is_empty() || !field.chars().all(good) {
            return Err(format!("the template {shown} is more than the name of a value"));
        }
        if let Some(name) = field.strip_prefix("Env.") {
            return Ok(match env.get(name) {
                Some(value) => braces(value),
                None => self.variable(name, "unset", &shown),
            });
        }
        match field {
            "Git.FullCommit" => Ok(self.git(&["git.revision"], "git-revision", &shown)),
            "Git.ShortCommit" => {
                self.notes.push(format!("{shown}: `{{git.revision}}` is the whole name of the commit"));
                Ok(self.git(&["git.revision"], "git-revision", &shown))
            }
            "Git.Tag" => {
                let taken = self.git(&["git.describe", "git.tag"], "git-tag", &shown);
                self.notes.push(format!("{shown}: ko takes the newest tag before the commit; here stands `{taken}`"));
                Ok(taken)
            }
            "Git.IsDirty" => Ok(self.git(&["git.dirty"], "git-dirty", &shown)),
            "Git.Branch" => Ok(self.variable("git-branch", "unset", &shown)),
            "Git.CommitDate" => Ok(self.variable("commit-date", "1970-01-01T00:00:00Z", &shown)),
            "Git.CommitTimestamp" => Ok(self.variable("commit-timestamp", "0", &shown)),
            "Date" => {
                self.notes.push(format!("{shown}: the time of a build would make each of them another image"));
                Ok(self.variable("date", "1970-01-01T00:00:00Z", &shown))
            }
            "Timestamp" => Ok("{source-date}".into()),
            _ => Err(format!("the template {shown} has no counterpart")),
        }
    }

    /// The first of these git variables that a recipe knows and this checkout has; else one of `[vars]`.
    fn git(&mut self, words: &[&str], fallback: &str, shown: &str) -> String {
        let answered = words.iter().find(|word| {
            accepted(&format!("ldflags = [\"-X a.b={{{word}}}\"]"), self.vars).is_ok()
                && self.tools.git(self.dir, word).is_ok()
        });
        match answered {
            Some(word) => format!("{{{word}}}"),
            None => self.variable(fallback, "unset", shown),
        }
    }

    /// Adds a variable to `[vars]`, named after ko's.
    fn variable(&mut self, name: &str, value: &str, shown: &str) -> String {
        let lower = name.to_ascii_lowercase();
        let mut name: String =
            lower.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let taken =
            |name: &str| recipe::parse(FILE, &format!("[vars]\n{name} = \"\"\n[[binary]]\ngo = \".\"\n")).is_err();
        if taken(&name) {
            name = format!("env-{name}");
        }
        let known = self.vars.entry(name.clone()).or_insert_with(|| {
            let comment = format!("{shown} of ko. `--set {name}=...` gives it a value.");
            Variable { value: value.to_owned(), comment }
        });
        if !known.comment.contains(shown) {
            known.comment = format!("{shown} and {}", known.comment);
        }
        format!("{{{name}}}")
    }
}

/// Whether the recipe parser accepts a Go `[[binary]]` with this line; the error is its reason.
pub(super) fn accepted(line: &str, vars: &BTreeMap<String, Variable>) -> Result<(), String> {
    dockerfile::accepted("go = \".\"", line, vars)
}
