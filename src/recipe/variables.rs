//! Variables (`{name}`, `{git.tag}`, `[vars]`, `--set`) and their replacement in values of a recipe.
//!
//! The parser checks with [`check`] that every variable is known; `build` replaces them with [`VariableValues::expand`]. A
//! value is inserted once and never expanded again.

use std::{collections::BTreeMap, ops::Range};

use super::{
    Located, Recipe,
    wording::{quoted, suggestion},
};
use crate::report::{ErrorName, Failure, Origin};

/// The variables that every recipe has.
pub(super) const WORDS: [&str; 11] = [
    "name",
    "os",
    "arch",
    "variant",
    "rust-target",
    "git.revision",
    "git.tag",
    "git.describe",
    "git.branch",
    "git.dirty",
    "source-date",
];

/// Whether every recipe has a variable of this name, so that `[vars]` cannot have one.
pub fn is_variable_word(name: &str) -> bool {
    WORDS.contains(&name)
}

/// A variable whose value comes from git, which is asked only if a recipe uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GitWord {
    /// `{git.revision}`: the commit's full name.
    Revision,
    /// `{git.tag}`: the tag that names the commit.
    Tag,
    /// `{git.describe}`: the nearest tag, how far away it is, and the commit.
    Describe,
    /// `{git.branch}`: the branch, as it fits into a tag of a registry.
    Branch,
    /// `{git.dirty}`: `true` or `false`.
    Dirty,
}

/// The values of all variables for one platform.
pub struct VariableValues<'a> {
    /// `{name}`, `{os}`, `{arch}`, `{variant}`, `{rust-target}`, `{source-date}`.
    pub words: BTreeMap<&'static str, String>,
    /// `[vars]`, after `--set`.
    pub vars: BTreeMap<String, String>,
    /// Asks git.
    pub git: &'a dyn Fn(GitWord) -> Result<String, Failure>,
}

impl VariableValues<'_> {
    /// `text` with every variable replaced, once: a value that holds braces keeps them. `{{` and `}}` are braces.
    ///
    /// Fails at the place of the variable for one that is unknown, a brace that stands alone, and a value with
    /// control characters.
    pub fn expand(&self, text: &Located<String>) -> Result<String, Failure> {
        self.replace(&text.value).map_err(|fault| fault.at(Some(text)))
    }

    /// Expands a text of the command line, such as a template of `--output`.
    pub fn expand_text(&self, text: &str) -> Result<String, Failure> {
        self.replace(text).map_err(|fault| fault.at(None))
    }

    fn replace(&self, text: &str) -> Result<String, VariableFault> {
        let mut expanded = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece? {
                TemplatePiece::Text(plain) => expanded.push_str(plain),
                TemplatePiece::Variable(name, range) => {
                    let value = self.value(name).map_err(|failure| VariableFault { failure, range: range.clone() })?;
                    if value.chars().any(char::is_control) {
                        let failure = Failure::error(
                            ErrorName::RecipeVariable,
                            format!("the value of `{{{name}}}` has a control character"),
                        );
                        return Err(VariableFault { failure, range });
                    }
                    expanded.push_str(&value);
                }
            }
        }
        Ok(expanded)
    }

    fn value(&self, name: &str) -> Result<String, Failure> {
        match name {
            "git.revision" => (self.git)(GitWord::Revision),
            "git.tag" => (self.git)(GitWord::Tag),
            "git.describe" => (self.git)(GitWord::Describe),
            "git.branch" => (self.git)(GitWord::Branch),
            "git.dirty" => (self.git)(GitWord::Dirty),
            _ => match self.words.get(name).or_else(|| self.vars.get(name)) {
                Some(value) => Ok(value.clone()),
                None if WORDS.contains(&name) => Err(Failure::error(
                    ErrorName::RecipeVariable,
                    format!("`{{{name}}}` has no single value for several platforms"),
                )),
                None => Err(unknown(name, &self.vars)),
            },
        }
    }
}

/// Whether every variable of `text` is known, without asking for its value.
pub(super) fn check(text: &Located<String>, vars: &BTreeMap<String, String>) -> Result<(), Failure> {
    for piece in pieces(&text.value) {
        if let TemplatePiece::Variable(name, range) = piece.map_err(|fault| fault.at(Some(text)))?
            && !WORDS.contains(&name)
            && !vars.contains_key(name)
        {
            return Err(VariableFault { failure: unknown(name, vars), range }.at(Some(text)));
        }
    }
    Ok(())
}

/// Whether git has to be asked for the value of `text`.
pub fn uses_git(text: &str) -> bool {
    let is_of_git = |piece| matches!(piece, Ok(TemplatePiece::Variable(name, _)) if name.starts_with("git."));
    pieces(text).any(is_of_git)
}

/// Whether the value of `text` names the commit, as a reader takes it for what was built.
pub fn names_commit(text: &str) -> bool {
    pieces(text).any(|piece| matches!(piece, Ok(TemplatePiece::Variable("git.revision", _))))
}

/// `text` with the letter `x` in the place of every variable, for checks of what stands around them. Fails as [`check`].
pub(super) fn outline(text: &Located<String>, vars: &BTreeMap<String, String>) -> Result<String, Failure> {
    check(text, vars)?;
    let mut outline = String::with_capacity(text.value.len());
    for piece in pieces(&text.value) {
        match piece.map_err(|fault| fault.at(Some(text)))? {
            TemplatePiece::Text(plain) => outline.push_str(plain),
            TemplatePiece::Variable(..) => outline.push('x'),
        }
    }
    Ok(outline)
}

/// Gives variables of `[vars]` the values of `--set`, each pair as `name=value`; of two for one name the last counts.
///
/// A name that `[vars]` does not declare fails, and so does a value with control characters.
pub fn set_variables(recipe: &mut Recipe, pairs: &[String]) -> Result<(), Failure> {
    for pair in pairs {
        let Some((name, value)) = pair.split_once('=') else {
            let failure = Failure::error(ErrorName::Usage, format!("`--set` takes `name=value`, not {}", quoted(pair)));
            return Err(failure);
        };
        if value.chars().any(char::is_control) {
            return Err(Failure::error(
                ErrorName::RecipeVariable,
                format!("the value of {} in `--set` has a control character", quoted(name)),
            ));
        }
        if let Some(old) = recipe.vars.get_mut(name) {
            value.clone_into(old);
            continue;
        }
        let failure = Failure::error(
            ErrorName::RecipeVariable,
            format!("`--set` names {}, which `[vars]` does not declare", quoted(name)),
        );
        let declared: Vec<_> = recipe.vars.keys().map(String::as_str).collect();
        return Err(match suggestion(name, &declared) {
            Some(hint) => failure.hint(hint),
            None => failure,
        });
    }
    Ok(())
}

/// The failure for a name that no variable has.
fn unknown(name: &str, vars: &BTreeMap<String, String>) -> Failure {
    let failure = Failure::error(ErrorName::RecipeVariable, format!("unknown variable {}", quoted(name)));
    let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || !name.chars().all(word) {
        return failure.hint("write `{{` and `}}` for braces");
    }
    let known: Vec<_> = WORDS.into_iter().chain(vars.keys().map(String::as_str)).collect();
    match suggestion(name, &known) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A piece of a text with variables.
enum TemplatePiece<'a> {
    /// Goes as it is.
    Text(&'a str),
    /// The name between two braces, and where in the text the whole of it is.
    Variable(&'a str, Range<usize>),
}

/// A failure and the bytes of the text it is about.
struct VariableFault {
    failure: Failure,
    range: Range<usize>,
}

impl VariableFault {
    /// The failure, at its bytes where the text stands in the recipe as it is, else at the whole text.
    fn at(self, text: Option<&Located<String>>) -> Failure {
        match text {
            Some(text) => self.failure.at(&narrowed(text, &self.range)),
            None => self.failure,
        }
    }
}

/// The place of the bytes `range` of `text`. Only a string without escapes has its bytes where the recipe has them.
fn narrowed(text: &Located<String>, range: &Range<usize>) -> Origin {
    let origin = &text.origin;
    let raw = origin.source.text.get(origin.span.clone()).unwrap_or_default();
    for quotes in ["\"\"\"", "'''", "\"", "'"] {
        let inner = raw.strip_prefix(quotes).and_then(|rest| rest.strip_suffix(quotes));
        if inner == Some(text.value.as_str()) {
            let start = origin.span.start + quotes.len();
            return Origin::new(&origin.source, start + range.start..start + range.end);
        }
    }
    origin.clone()
}

/// `text` cut at its braces. Ends after the first fault.
fn pieces(text: &str) -> impl Iterator<Item = Result<TemplatePiece<'_>, VariableFault>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let piece = next_piece(rest, at);
        at = match &piece {
            Ok((_, length)) => at + length,
            Err(_) => text.len(),
        };
        Some(piece.map(|(piece, _)| piece))
    })
}

/// The first piece of `rest`, which begins at byte `at` of its text, and its length.
fn next_piece(rest: &str, at: usize) -> Result<(TemplatePiece<'_>, usize), VariableFault> {
    let brace = rest.find(['{', '}']).unwrap_or(rest.len());
    let (plain, braced) = rest.split_at(brace);
    if !plain.is_empty() {
        return Ok((TemplatePiece::Text(plain), brace));
    }
    for double in ["{{", "}}"] {
        if braced.starts_with(double) {
            return Ok((TemplatePiece::Text(double.get(1..).unwrap_or_default()), 2));
        }
    }
    let inner = braced.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
    match inner {
        Some(name) if !name.contains('{') => {
            let length = name.len() + 2;
            Ok((TemplatePiece::Variable(name, at..at + length), length))
        }
        _ => {
            let brace = braced.get(..1).unwrap_or_default();
            let failure = Failure::error(ErrorName::RecipeVariable, format!("a `{brace}` stands alone"))
                .hint(format!("write `{brace}{brace}` for a brace, or `{{name}}` for a variable"));
            Err(VariableFault { failure, range: at..at + 1 })
        }
    }
}

#[cfg(test)]
mod tests;
