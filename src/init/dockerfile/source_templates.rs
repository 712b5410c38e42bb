//! Paths of the context with the recipe's variables where the Dockerfile has a variable, such as `conf-{arch}`.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{build_args::has_variable, scope::DockerfileWord, stage_path::relative};
use crate::init::toml_text::braces;

/// The paths that a `COPY` of the context writes with variables, such as `conf-$TARGETARCH`.
#[derive(Debug, Default)]
pub(in crate::init) struct SourceTemplates {
    /// By the path with the Dockerfile's values; `None` for a path that several lines write differently, because the
    /// origin of its files is ambiguous.
    known: BTreeMap<String, Option<String>>,
    /// The templates that the recipe uses.
    used: RefCell<BTreeSet<String>>,
}

impl SourceTemplates {
    /// Collects the templates of the sources of all stages.
    pub(super) fn of(sources: impl Iterator<Item = DockerfileWord>) -> Self {
        let mut templates = Self::default();
        sources.for_each(|source| templates.add(&source));
        templates
    }

    fn add(&mut self, source: &DockerfileWord) {
        let path = fixed(&relative(&source.text)).to_owned();
        let template = template(source);
        if let Some(known) = self.known.get_mut(&path) {
            if *known != template {
                *known = None;
            }
        } else {
            self.known.insert(path, template);
        }
    }

    /// The path of the context for `from` and `path` of a recipe.
    pub(super) fn shown(&self, path: &str) -> String {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).rev();
        for end in ends {
            let (start, rest) = path.split_at(end);
            if let Some(template) = self.known.get(start) {
                let Some(template) = template else { break };
                self.used.borrow_mut().insert(template.clone());
                return format!("{template}{}", braces(rest));
            }
        }
        braces(path)
    }

    /// Whether the recipe uses the variables of this source.
    pub(super) fn is_used(&self, source: &DockerfileWord) -> bool {
        template(source).is_some_and(|template| self.used.borrow().contains(&template))
    }
}

/// The template of a source; `None` without a variable, or with one in a pattern, which takes none. The effect of `..`
/// is unknown before the variables have values.
fn template(source: &DockerfileWord) -> Option<String> {
    if source.unknown.is_some() || source.template.split('/').any(|part| part == "..") {
        return None;
    }
    let whole = relative(&source.template);
    let start = fixed(&whole);
    let rest = whole.get(start.len()..).unwrap_or_default();
    (has_variable(start) && !has_variable(rest)).then(|| start.to_owned())
}

/// The folders of a path before the first component with a wildcard; the whole path without one.
fn fixed(path: &str) -> &str {
    match path.find(['*', '?', '[']) {
        None => path,
        Some(wild) => path.get(..wild).and_then(|before| before.rsplit_once('/')).map_or("", |(folder, _)| folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, template: &str) -> DockerfileWord {
        DockerfileWord { text: text.into(), template: template.into(), unknown: None }
    }

    #[test]
    fn a_path_below_a_source_has_its_variables() {
        let mut templates = SourceTemplates::default();
        let folder = word("./conf-amd64/", "./conf-{arch}/");
        let pattern = word("bin/amd64/*.toml", "bin/{arch}/*.toml");
        for source in [&folder, &pattern, &word("x-amd64", "x-{arch}"), &word("x-amd64", "x-amd64")] {
            templates.add(source);
        }
        templates.add(&word("a-amd64*", "a-{arch}*"));
        assert!(!templates.is_used(&folder));
        for (path, shown) in [
            ("conf-amd64", "conf-{arch}"),
            ("conf-amd64/{a}", "conf-{arch}/{{a}}"),
            ("conf-amd64x", "conf-amd64x"),
            ("bin/amd64/a.toml", "bin/{arch}/a.toml"),
            ("x-amd64", "x-amd64"),
            ("a-amd64", "a-amd64"),
        ] {
            assert_eq!(templates.shown(path), shown);
        }
        assert!(templates.is_used(&folder) && templates.is_used(&pattern));
    }
}
