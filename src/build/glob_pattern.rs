//! The glob patterns of a `[[tree]]`, matched component by component in linear time.

use globset::GlobMatcher;

use crate::report::bounded_glob;

/// Places in a pattern for which no memory is asked for.
const FEW: usize = 16;

/// A glob over the components of a relative path.
///
/// `*`, `?`, `[..]` and `{a,b}` match within one component, `**` any number of components. A component that
/// begins with a dot is matched only by a pattern component that begins with a dot, so that `.git` or `.env`
/// never comes along unless it was written.
#[derive(Debug, Clone)]
pub(super) struct GlobPattern {
    components: Vec<PatternComponent>,
    /// Whether wildcards match a leading dot: in what is left out they do.
    dots: bool,
}

#[derive(Debug, Clone)]
enum PatternComponent {
    /// `**`.
    Any,
    /// One component.
    One { name: NamePattern, dotted: bool },
}

/// The pattern of one component. Almost all are of the first two kinds, which need no automaton.
#[derive(Debug, Clone)]
enum NamePattern {
    /// `index.html`.
    Exactly(Vec<u8>),
    /// `*.html`, and `*`.
    EndsWith(Vec<u8>),
    Glob(GlobMatcher),
}

impl NamePattern {
    fn is_match(&self, name: &[u8]) -> bool {
        match self {
            Self::Exactly(text) => name == text,
            Self::EndsWith(text) => name.ends_with(text),
            Self::Glob(glob) => glob.is_match(as_path(name)),
        }
    }
}

impl GlobPattern {
    /// Reads a pattern; the error is a sentence. `dots` as in the type's page.
    pub(super) fn parse(text: &str, dots: bool) -> Result<Self, String> {
        let components = text.split('/').map(component).collect::<Result<_, _>>()?;
        Ok(Self { components, dots })
    }

    /// Whether the path of these components is meant.
    pub(super) fn matches(&self, path: &[&[u8]]) -> bool {
        // reachable[i]: the first i pattern components match the path components so far. Asked of every file of a tree,
        // so almost all patterns need no memory of the heap.
        let places = self.components.len() + 1;
        let (mut few, mut many) = ([false; 2 * FEW], Vec::new());
        let both = if places <= FEW {
            &mut few[..2 * places]
        } else {
            many.resize(2 * places, false);
            many.as_mut_slice()
        };
        let (mut reachable, mut next) = both.split_at_mut(places);
        reachable[0] = true;
        self.skip_any(reachable);
        for name in path {
            next.fill(false);
            for (at, component) in self.components.iter().enumerate().filter(|(at, _)| reachable[*at]) {
                match component {
                    PatternComponent::Any if self.dots || !name.starts_with(b".") => next[at] = true,
                    PatternComponent::One { name: wanted, dotted }
                        if self.dots || *dotted || !name.starts_with(b".") =>
                    {
                        next[at + 1] |= wanted.is_match(name);
                    }
                    _ => {}
                }
            }
            self.skip_any(next);
            std::mem::swap(&mut reachable, &mut next);
        }
        reachable.last().copied().unwrap_or(false)
    }

    /// Whether the pattern begins with the path of these components, each written out.
    pub(super) fn begins_with(&self, path: &[&[u8]]) -> bool {
        let is_it = |(component, name): (&PatternComponent, &&[u8])| match component {
            PatternComponent::One { name: NamePattern::Exactly(text), .. } => text == name,
            _ => false,
        };
        path.len() <= self.components.len() && self.components.iter().zip(path).all(is_it)
    }

    /// A `**` also stands for no component at all.
    fn skip_any(&self, reachable: &mut [bool]) {
        for (at, component) in self.components.iter().enumerate() {
            if reachable[at] && matches!(component, PatternComponent::Any) {
                reachable[at + 1] = true;
            }
        }
    }
}

fn as_path(name: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt as _;
    std::path::Path::new(std::ffi::OsStr::from_bytes(name))
}

fn component(text: &str) -> Result<PatternComponent, String> {
    match text {
        "**" => return Ok(PatternComponent::Any),
        "" => return Err("a pattern has no empty component".into()),
        "." | ".." => return Err("a pattern stays below its folder".into()),
        _ => {}
    }
    let glob = bounded_glob(text)?;
    let plain = |text: &str| !text.contains(['*', '?', '[', ']', '{', '}', '\\', ',', '!']);
    let name = match text.strip_prefix('*') {
        None if plain(text) => NamePattern::Exactly(text.as_bytes().to_vec()),
        Some(end) if plain(end) => NamePattern::EndsWith(end.as_bytes().to_vec()),
        _ => NamePattern::Glob(glob.compile_matcher()),
    };
    Ok(PatternComponent::One { name, dotted: text.starts_with(['.', '\\']) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str, dots: bool) -> bool {
        let path: Vec<_> = path.split('/').map(str::as_bytes).collect();
        GlobPattern::parse(pattern, dots).unwrap().matches(&path)
    }

    #[test]
    fn stars_stay_in_their_component_and_double_stars_do_not() {
        assert!(matches("*.html", "index.html", false));
        assert!(!matches("*.html", "a/index.html", false));
        assert!(matches("**/*.html", "index.html", false));
        assert!(matches("**/*.html", "a/b/index.html", false));
        assert!(matches("a/**", "a/b/c", false));
        assert!(matches("a/**/c", "a/c", false));
        assert!(matches("bin/*", "bin/tool", false));
        assert!(!matches("bin/*", "bin/a/tool", false));
        assert!(matches("{a,b}.txt", "b.txt", false));
        assert!(matches("**", "a/b", false));
    }

    #[test]
    fn a_leading_dot_is_matched_only_by_a_written_one() {
        assert!(!matches("**/*", ".env", false));
        assert!(!matches("**/*", ".git/config", false));
        assert!(!matches("*", ".env", false));
        assert!(matches(".env", ".env", false));
        assert!(matches(".well-known/**", ".well-known/a/b", false));
        assert!(!matches(".well-known/**", ".well-known/.secret", false));
        assert!(matches("**/.well-known/*", "a/.well-known/b", false));
        assert!(matches("**/*.bak", "a/.x.bak", true), "in exclude a wildcard takes dots too");
    }

    #[test]
    fn a_path_is_named_by_a_pattern_that_begins_with_it_letter_by_letter() {
        let begins = |pattern: &str, path: &str| {
            let path: Vec<_> = path.split('/').map(str::as_bytes).collect();
            GlobPattern::parse(pattern, false).unwrap().begins_with(&path)
        };
        assert!(begins("out/app/**", "out/app") && begins("out/app", "out/app") && begins("out/app/**", "out"));
        assert!(begins(".git/HEAD", ".git"));
        for other in ["out/**", "out/*", "out/app?", "out/a[p]p", "**/app", "*/app", "out/{app,b}", "out/apple", "out"]
        {
            assert!(!begins(other, "out/app"), "{other}");
        }
    }

    #[test]
    fn many_double_stars_do_not_take_exponential_time() {
        let pattern = "**/a/".repeat(60) + "b";
        let path = "a/".repeat(500) + "c";
        assert!(!matches(&pattern, &path, false));
    }
}
