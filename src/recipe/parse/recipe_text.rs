//! [`RecipeText`]: the text that is parsed (a recipe, policy file or lock), with the checks that all tables share.
//!
//! It turns spans into places for failures. A recipe that shares values with others is several texts: each has spans of its
//! own, one after the other.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use super::super::{
    Located,
    shapes::{List, Pairs, PlatformWord, Spanned, TomlTable},
    variables,
    wording::{quoted, suggestion},
};
use crate::{
    oci::{ImagePath, Platform, PlatformError},
    report::{ErrorName, Failure, Origin, Rule, SourceText},
};

/// The message for a number where a string belongs; the same as in `syntax`.
pub(super) const EXPECTED_STRING: &str = "expected a string, found an integer";

/// A recipe's text.
pub(super) struct RecipeText {
    /// Text and name.
    pub(super) source: Arc<SourceText>,
    /// The files that a recipe shares with others, each with the offset that its spans begin at, which ascend.
    pub(super) shared: Vec<(usize, Arc<SourceText>)>,
    /// `[vars]`, known before anything that may use them is read.
    pub(super) vars: BTreeMap<String, String>,
    /// Whether hints may send to other places of a recipe.
    pub(super) is_recipe: bool,
    /// Whether the recipe has a base, which an entry may go over.
    pub(super) has_base: bool,
}

impl RecipeText {
    /// A text by itself, without variables and a base.
    pub(super) const fn new(source: Arc<SourceText>) -> Self {
        Self { source, shared: Vec::new(), vars: BTreeMap::new(), is_recipe: true, has_base: false }
    }

    /// The file that the byte `at` is in, and the offset that its spans begin at.
    fn file_at(&self, at: usize) -> (usize, &Arc<SourceText>) {
        let shared = self.shared.iter().rev().find(|(offset, _)| *offset <= at);
        shared.map_or((0, &self.source), |(offset, source)| (*offset, source))
    }

    /// The place of a span.
    pub(super) fn origin(&self, span: &Range<usize>) -> Origin {
        let (offset, source) = self.file_at(span.start);
        Origin::new(source, span.start - offset..span.end.saturating_sub(offset))
    }

    /// What is written at a span.
    pub(super) fn text_at(&self, span: &Range<usize>) -> &str {
        let (offset, source) = self.file_at(span.start);
        source.text.get(span.start - offset..span.end.saturating_sub(offset)).unwrap_or_default()
    }

    /// What is written before a span, in the same file.
    pub(super) fn text_before(&self, span: &Range<usize>) -> &str {
        let (offset, source) = self.file_at(span.start);
        source.text.get(..span.start - offset).unwrap_or_default()
    }

    /// A failure at a span, about a value; [`Failure::named`] says so where it is about something else.
    pub(super) fn failure(&self, span: &Range<usize>, what: impl Into<String>) -> Failure {
        Failure::error(ErrorName::RecipeValue, what).at(&self.origin(span))
    }

    /// A refusal by a rule at a span.
    pub(super) fn refused(&self, span: &Range<usize>, rule: Rule, what: impl Into<String>) -> Failure {
        Failure::refused(rule, what).at(&self.origin(span))
    }

    /// `replace`: whether an entry may go over a path of the base.
    pub(super) fn replace(&self, at: Option<Spanned<bool>>) -> Result<bool, Failure> {
        match at {
            Some(at) if at.value && !self.has_base => {
                let what = "`replace` is about files of a `base`, and the recipe has none";
                Err(self.failure(&at.span, what).named(ErrorName::RecipeConflict))
            }
            at => Ok(at.is_some_and(|at| at.value)),
        }
    }

    /// A value with its place.
    pub(super) fn locate<T>(&self, at: Spanned<T>) -> Located<T> {
        Located { origin: self.origin(&at.span), value: at.value }
    }

    /// A text that ends up in a path, an argument or a variable: no control characters.
    pub(super) fn plain(&self, what: &str, at: Spanned<String>) -> Result<Located<String>, Failure> {
        if at.value.chars().any(char::is_control) {
            return Err(self.failure(&at.span, format!("{what} has a control character")));
        }
        Ok(self.locate(at))
    }

    /// A text without control characters that is not empty.
    pub(super) fn filled(&self, what: &str, at: Spanned<String>) -> Result<Located<String>, Failure> {
        if at.value.is_empty() {
            return Err(self.failure(&at.span, format!("{what} is empty")));
        }
        self.plain(what, at)
    }

    /// A plain text whose variables are all known.
    pub(super) fn template(&self, what: &str, at: Spanned<String>) -> Result<Located<String>, Failure> {
        let located = self.plain(what, at)?;
        variables::check(&located, &self.vars)?;
        Ok(located)
    }

    /// A host path that may hold variables.
    pub(super) fn host_template(&self, what: &str, at: Spanned<String>) -> Result<Located<String>, Failure> {
        let located = self.filled(what, at)?;
        variables::check(&located, &self.vars)?;
        Ok(located)
    }

    /// A filled text in which no variable is replaced; one that names a variable would be taken at its word.
    pub(super) fn literal(&self, what: &str, at: Spanned<String>) -> Result<Located<String>, Failure> {
        self.refuse_variables(&at)?;
        self.filled(what, at)
    }

    /// Refuses a variable where none is replaced.
    fn refuse_variables(&self, at: &Spanned<String>) -> Result<(), Failure> {
        if !at.value.contains('{') {
            return Ok(());
        }
        let mut known = variables::WORDS.into_iter().chain(self.vars.keys().map(String::as_str));
        let Some(name) = known.find(|name| at.value.contains(&format!("{{{name}}}"))) else { return Ok(()) };
        let what = format!("`{{{name}}}` is not replaced here");
        let failure = self.failure(&at.span, what).named(ErrorName::RecipeVariable);
        let keys = "`from`, `path`, `args`, `env`, `labels`, `annotations`, `ldflags`, `tags`, `features`, `flags`, `cc` and `linker`";
        Err(failure.hint(format!("variables are for {keys}")))
    }

    /// Every text of a list through one check.
    pub(super) fn each<T>(
        list: Option<Spanned<List>>,
        check: impl FnMut(Spanned<String>) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        list.map(|list| list.value.0).unwrap_or_default().into_iter().map(check).collect()
    }

    /// A path in the image; the root only where `root` says so.
    pub(super) fn image_path(&self, at: &Spanned<String>, root: bool) -> Result<Located<ImagePath>, Failure> {
        self.refuse_variables(at)?;
        let failure = |what: String| self.failure(&at.span, what).named(ErrorName::RecipePath);
        let value = ImagePath::parse(&at.value).map_err(|error| failure(error.to_string()))?;
        if value.is_root() && !root {
            return Err(failure("`/` is there in every image and cannot be an entry of its own".to_owned()));
        }
        Ok(Located { value, origin: self.origin(&at.span) })
    }

    /// Platforms: at least one, none twice.
    pub(super) fn platforms(&self, list: &Spanned<Vec<Spanned<PlatformWord>>>) -> Result<Vec<Platform>, Failure> {
        if list.value.is_empty() {
            return Err(self
                .failure(&list.span, "`platforms` is empty")
                .hint("leave it out for the default, or name one, such as `linux/amd64`"));
        }
        let mut platforms: Vec<Platform> = Vec::new();
        for at in &list.value {
            let platform = Platform::parse(&at.value.0).map_err(|error| self.bad_platform(at, &error))?;
            if platforms.contains(&platform) {
                let what = format!("the platform `{platform}` is named twice");
                return Err(self.failure(&at.span, what).named(ErrorName::RecipeConflict));
            }
            platforms.push(platform);
        }
        Ok(platforms)
    }

    /// Why a text is no platform, with what would be one.
    fn bad_platform(&self, at: &Spanned<PlatformWord>, error: &PlatformError) -> Failure {
        let failure = self.failure(&at.span, error.to_string());
        match error {
            PlatformError::Architecture(_) => {
                failure.hint(format!("known architectures: {}", Platform::architectures()))
            }
            PlatformError::Form => failure.hint("write it as in `linux/amd64`"),
            PlatformError::Os(_) | PlatformError::Variant(_) => failure,
        }
    }

    /// The `platforms` of one entry; `None` means all of the recipe.
    pub(super) fn own_platforms(
        &self,
        list: Option<&Spanned<Vec<Spanned<PlatformWord>>>>,
    ) -> Result<Option<Vec<Platform>>, Failure> {
        list.map(|list| self.platforms(list)).transpose()
    }

    /// Labels and annotations (`what`: one of them): keys that are not taken, values that may hold variables.
    pub(super) fn labels(&self, what: &str, pairs: Pairs) -> Result<BTreeMap<String, Located<String>>, Failure> {
        let mut labels = BTreeMap::new();
        for (key, value) in pairs.0 {
            let word = quoted(&key.value);
            if key.value.trim().is_empty() {
                return Err(self.failure(&key.span, format!("the key of {what} is empty")));
            }
            if key.value.chars().any(char::is_control) {
                return Err(self.failure(&key.span, format!("the key of {what} has a control character")));
            }
            if key.value.starts_with("containerd.io/") {
                // containerd acts on some of these when it pulls an image.
                return Err(self.failure(&key.span, format!("{word} belongs to containerd, not to an image")));
            }
            let value = self.template(&format!("the value of {word}"), value)?;
            labels.insert(key.value, value);
        }
        Ok(labels)
    }

    /// A variable of an environment, for the run or for a compiler.
    pub(super) fn variable_name(&self, key: &Spanned<String>) -> Result<(), Failure> {
        if key.value.is_empty() {
            return Err(self.failure(&key.span, "the name of an environment variable is empty"));
        }
        if key.value.contains('=') || key.value.chars().any(char::is_control) {
            let what = format!("{} is no name of an environment variable", quoted(&key.value));
            return Err(self.failure(&key.span, what).hint("write `NAME = \"value\"`"));
        }
        Ok(())
    }
}

/// A word that is not one of those known, with what it may have been.
pub(super) fn unknown(page: &RecipeText, at: &Spanned<String>, kind: &str, known: &[&str]) -> Failure {
    let failure = page.failure(&at.span, format!("unknown {kind} {}", quoted(&at.value)));
    match suggestion(&at.value, known) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Every table of an array through its check.
pub(super) fn all<W, T>(
    tables: Vec<Spanned<TomlTable<W>>>,
    check: impl FnMut(Spanned<TomlTable<W>>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    tables.into_iter().map(check).collect()
}
