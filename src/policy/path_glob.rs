//! [`PathGlob`]: the pattern of a waiver over paths of an image or keys of its documents.

use globset::GlobMatcher;

use crate::report::bounded_glob;

/// A pattern over whole paths of an image: `*`, `?` and `[..]` stay within one name, `**` does not, and `{a,b}` is either,
/// which may have slashes in it.
#[derive(Debug, Clone)]
pub struct PathGlob {
    text: String,
    matcher: GlobMatcher,
}

impl PathGlob {
    /// Reads a pattern; a slash at its beginning may be left out.
    ///
    /// # Errors
    /// A sentence about a pattern that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let absolute =
            if text.starts_with('/') || text.starts_with("**") { text.to_owned() } else { format!("/{text}") };
        Ok(Self { text: text.to_owned(), matcher: bounded_glob(&absolute)?.compile_matcher() })
    }

    /// The pattern, as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is about a path, which is absolute.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }

    /// Whether it is about a key of a document. In a key, `[` and `]` are written as they are, or not at all:
    /// `config.Env[LOG]`, `config.Env.LOG` and `config.Env*` are about the variable `LOG`.
    pub fn matches_key(&self, key: &str) -> bool {
        let plain = format!("/{}", key.replace('[', ".").replace(']', ""));
        self.text.trim_start_matches('/') == key || self.matcher.is_match(plain)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_are_about_whole_paths() {
        for (pattern, path, expected) in [
            ("/a/*", "/a/b", true),
            ("a/*", "/a/.b", true),
            ("/a/*", "/a/b/c", false),
            ("/a/**", "/a/b/c", true),
            ("**/k.txt", "/a/b/k.txt", true),
            ("/srv/{docs,man/x}/k.txt", "/srv/docs/k.txt", true),
            ("/srv/{docs,man/x}/k.txt", "/srv/man/x/k.txt", true),
            ("/srv/{docs,man/x}/k.txt", "/srv/man/k.txt", false),
        ] {
            assert_eq!(PathGlob::parse(pattern).unwrap().matches(path), expected, "{pattern} {path}");
        }
        assert!(PathGlob::parse("/a/[").is_err() && PathGlob::parse("/{a").is_err());
    }
}
