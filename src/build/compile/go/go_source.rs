//! Reads the head of one Go file, with its imports, and the files it embeds, whatever its build constraints are: what any
//! platform and any tag could take counts.

use std::collections::BTreeSet;

/// What a Go file takes beside itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::build) struct GoSource {
    /// Import paths; `C` is cgo's.
    pub(in crate::build) imports: BTreeSet<String>,
    /// Folders and files below the package's folder that `//go:embed` may take; an empty one stands for all of it.
    pub(in crate::build) embeds: BTreeSet<String>,
    /// Bytes up to the first word behind the imports.
    head_length: usize,
}

impl GoSource {
    /// Reads a file; none where it does not begin as a Go file does.
    pub(in crate::build) fn parse(text: &str) -> Option<Self> {
        let mut reader = HeadReader { rest: text.trim_start_matches('\u{feff}') };
        let mut source = Self { imports: BTreeSet::new(), embeds: embeds(text), head_length: 0 };
        (reader.word()? == "package").then_some(())?;
        reader.word()?;
        while let Some("import") = reader.peek_word() {
            reader.word()?;
            if reader.sign('(') {
                while !reader.sign(')') {
                    source.imports.insert(reader.import()?);
                }
            } else {
                source.imports.insert(reader.import()?);
            }
        }
        source.head_length = text.len() - reader.rest.len();
        Some(source)
    }

    /// All of a file that `go list` reads: the text up to the end of the imports, with the comments in it, and the lines of
    /// `//go:embed` (`go/build`, `readGoInfo`). None where the file does not begin as a Go file does.
    pub(in crate::build) fn listed_parts(text: &str) -> Option<Vec<&str>> {
        let head = text.get(..Self::parse(text)?.head_length)?;
        Some([head].into_iter().chain(embed_lines(text)).collect())
    }
}

/// Reads the head of a file: package clause and imports.
struct HeadReader<'a> {
    rest: &'a str,
}

impl<'a> HeadReader<'a> {
    /// Skips white space, semicolons and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
            let end = if self.rest.starts_with("//") {
                self.rest.find('\n')
            } else if self.rest.starts_with("/*") {
                self.rest.get(2..).and_then(|rest| rest.find("*/")).map(|end| end + 4)
            } else {
                return;
            };
            self.rest = end.and_then(|end| self.rest.get(end..)).unwrap_or_default();
        }
    }

    fn peek_word(&mut self) -> Option<&'a str> {
        self.skip();
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        self.rest.get(..end).filter(|word| !word.is_empty())
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = self.peek_word()?;
        self.rest = self.rest.get(word.len()..)?;
        Some(word)
    }

    /// Whether the next character is `sign`, which is skipped then.
    fn sign(&mut self, sign: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The path of an import, with or without a name before it.
    fn import(&mut self) -> Option<String> {
        if !self.sign('.') {
            let _name = self.word();
        }
        self.skip();
        let quote = self.rest.chars().next().filter(|quote| ['"', '`'].contains(quote))?;
        let (path, rest) = self.rest.get(1..)?.split_once(quote)?;
        self.rest = rest;
        let is_plain = !path.is_empty() && !path.contains(['\\', '\n']);
        is_plain.then(|| path.to_owned())
    }
}

/// What `//go:embed` lines may take. They are found wherever they are, also where Go would take them for a text.
fn embeds(text: &str) -> BTreeSet<String> {
    let mut embeds = BTreeSet::new();
    for line in embed_lines(text) {
        if line.contains(['"', '`', '\\']) {
            embeds.insert(String::new());
        } else {
            embeds.extend(line.split_whitespace().map(embed_root));
        }
    }
    embeds
}

/// What stands behind each `//go:embed`, up to the end of the line.
fn embed_lines(text: &str) -> impl Iterator<Item = &str> {
    const DIRECTIVE: &str = "//go:embed";
    let line = |(at, _): (usize, &str)| text.get(at + DIRECTIVE.len()..).and_then(|rest| rest.lines().next());
    text.match_indices(DIRECTIVE).map(move |found| line(found).unwrap_or_default())
}

/// The part of a pattern before its first wildcard, by whole names.
fn embed_root(pattern: &str) -> String {
    let pattern = pattern.strip_prefix("all:").unwrap_or(pattern);
    let plain = pattern.split('/').take_while(|name| !name.contains(['*', '?', '[']) && *name != "..");
    plain.filter(|name| !name.is_empty() && *name != ".").collect::<Vec<_>>().join("/")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_read_in_every_form() {
        let text = "\u{feff}//go:build never\n/* a */ package main; import \"fmt\"\nimport (\n\tx \"a/b\" // why\n\t_ `c`\n\t. \"d\"; /* i */ \"e\"\n)\n\
            import größe \"C\"\nvar s = `import \"no\"`\nfunc f() {}\n";
        let source = GoSource::parse(text).unwrap();
        assert_eq!(source.imports.iter().collect::<Vec<_>>(), ["C", "a/b", "c", "d", "e", "fmt"]);
        let bare = GoSource::parse("package x").unwrap();
        assert!(bare.imports.is_empty() && bare.embeds.is_empty());
        for text in
            ["", "import \"x\"", "package x\nimport \"a\\x\"", "package x\nimport (\"a\"", "package x\nimport y"]
        {
            assert_eq!(GoSource::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_go_list_reads_ends_behind_the_imports() {
        let head = "//go:build linux\n\npackage main\n\n/*/ import \"no\" */ import \"embed\" // for the page\n\n";
        let parts = |body: &str| GoSource::listed_parts(&format!("{head}{body}")).map(|parts| parts.concat());
        assert_eq!(parts("func main() {}\n").unwrap(), head);
        assert_eq!(parts("func main() {}\n"), parts("func main() { println() }\n"));
        assert_eq!(parts("var a = `//go:embed x`\n").unwrap(), format!("{head} x`"));
        assert_ne!(parts("import \"fmt\"\n\nfunc main() {}\n"), parts("func main() {}\n"));
        assert_eq!(GoSource::listed_parts("func main() {}\n"), None);
    }

    #[test]
    fn an_embed_is_known_up_to_its_first_wildcard() {
        let embeds = |line: &str| {
            let source = GoSource::parse(&format!("package x\nvar (\n\t//go:embed {line}\n\ta string\n)\n")).unwrap();
            source.embeds.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(embeds("static/css/*.css index.html"), ["index.html", "static/css"]);
        assert_eq!(embeds("all:web"), ["web"]);
        assert_eq!(embeds("*.html"), [""]);
        assert_eq!(embeds("\"with blank\" a"), [""]);
        assert_eq!(embeds("."), [""]);
    }
}
