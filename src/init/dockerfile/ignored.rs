//! `.dockerignore`: the files of the context that Docker does not see (moby, `patternmatcher`).

use std::path::Path;

use globset::GlobMatcher;

use crate::report::bounded_glob;

/// The patterns in their order; the last match counts.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<(GlobMatcher, bool)>);

impl Ignored {
    /// Reads the `.dockerignore` of `dir`; a file named after the Dockerfile takes precedence.
    pub(super) fn of(dir: &Path, dockerfile: &str) -> Self {
        let names = [format!("{dockerfile}.dockerignore"), ".dockerignore".to_owned()];
        names
            .iter()
            .find_map(|name| super::small_text(&dir.join(name)))
            .map_or_else(Self::default, |text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (kept, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            let pattern = super::stage_path::relative(pattern);
            // Go's `path.Match` knows no `{a,b}`.
            let pattern = pattern.replace('{', "[{]").replace('}', "[}]");
            let glob = bounded_glob(&pattern);
            patterns.extend(glob.ok().filter(|_| !pattern.is_empty()).map(|glob| (glob.compile_matcher(), !kept)));
        }
        Self(patterns)
    }

    /// Whether a path of the context, or a folder that it is in, is ignored.
    pub(super) fn is_ignored(&self, path: &str) -> bool {
        let mut ignored = false;
        for (glob, ignores) in &self.0 {
            let ends = path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at).chain([path.len()]);
            let mut prefixes = ends.filter_map(|end| path.get(..end));
            if *ignores != ignored && prefixes.any(|prefix| glob.is_match(prefix)) {
                ignored = *ignores;
            }
        }
        ignored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_counts() {
        let ignored = Ignored::parse("# comment\n*.md\n!README.md\n/secret/\n**/*.key\nweb/*/tmp\n!secret/public\n");
        for (path, expected) in [
            ("a.md", true),
            ("sub/a.md", false),
            ("README.md", false),
            ("secret/a/b", true),
            ("secret/public/b", false),
            ("a.key", true),
            ("x/y/a.key", true),
            ("web/a/tmp/x", true),
            ("web/tmp", false),
        ] {
            assert_eq!(ignored.is_ignored(path), expected, "{path}");
        }
        assert!(Ignored::parse("*\n!a").is_ignored("b") && !Ignored::parse("*\n!a").is_ignored("a"));
    }
}
