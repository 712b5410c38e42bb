//! Reads `go.mod` and `go.work` files as far as they say where packages are (Go Modules Reference, "go.mod files").
//!
//! `go mod edit -json` says the same; this reader needs no Go: `hardpan affected` does not depend on whether Go is installed, and the
//! record of an unchanged program costs no process.

/// The directives of a `go.mod` or a `go.work`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::build) struct GoDirectives {
    /// `module`.
    pub(in crate::build) module: Option<String>,
    /// The module paths of `require`.
    pub(in crate::build) required: Vec<String>,
    /// `replace` by a folder: the module path, and the folder as written.
    pub(in crate::build) replaced: Vec<(String, String)>,
    /// `use` of a `go.work`: folders as written.
    pub(in crate::build) used: Vec<String>,
}

/// Directives that say nothing about where packages are.
const OTHERS: [&str; 7] = ["go", "toolchain", "exclude", "retract", "godebug", "tool", "ignore"];

impl GoDirectives {
    /// Reads a file; none where it has what this reader does not know.
    pub(in crate::build) fn parse(text: &str) -> Option<Self> {
        let mut all = Self::default();
        let mut block: Option<String> = None;
        for line in text.lines() {
            let words = words(line)?;
            let (directive, rest) = match (&block, words.split_first()) {
                (_, None) => continue,
                (Some(_), Some((first, []))) if first == ")" => {
                    block = None;
                    continue;
                }
                (Some(block), Some(_)) => (block.clone(), words.as_slice()),
                (None, Some((first, [open]))) if open == "(" => {
                    block = Some(first.clone());
                    continue;
                }
                (None, Some((first, rest))) => (first.clone(), rest),
            };
            all.add(&directive, rest)?;
        }
        block.is_none().then_some(all)
    }

    fn add(&mut self, directive: &str, words: &[String]) -> Option<()> {
        match (directive, words) {
            ("module", [path]) => self.module = Some(path.clone()),
            ("require", [path, _version]) => self.required.push(path.clone()),
            ("use", [folder]) => self.used.push(folder.clone()),
            ("replace", words) => {
                let arrow = words.iter().position(|word| word == "=>")?;
                let (old, new) = (words.first()?, words.get(arrow + 1)?);
                if new.starts_with("./") || new.starts_with("../") || new.starts_with('/') || new == "." || new == ".."
                {
                    self.replaced.push((old.clone(), new.clone()));
                }
            }
            (other, _) if OTHERS.contains(&other) => {}
            _ => return None,
        }
        Some(())
    }
}

/// The words of a line without its comment; none where a quote has no end or an escape.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut rest) = (Vec::new(), line.trim());
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            break;
        }
        let length = match first {
            '"' | '`' => {
                let end = rest.get(1..)?.find(first)?;
                let word = rest.get(1..=end)?;
                if first == '"' && word.contains('\\') {
                    return None;
                }
                words.push(word.to_owned());
                end + 2
            }
            '(' | ')' | ',' => {
                words.push(first.to_string());
                1
            }
            '[' | ']' => 1,
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '"' | '`');
                // A comment needs no space before it.
                let end = rest.find(ends).unwrap_or(rest.len());
                let end = rest.find("//").map_or(end, |comment| comment.min(end)).max(1);
                words.push(rest.get(..end)?.to_owned());
                end
            }
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(words)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_go_mod_says_what_it_needs_and_where_that_is() {
        let text = "// about\nmodule \"example.com/mono\" // why\n\ngo 1.24.0\ntoolchain go1.26.0\n\nrequire example.com/a v1.0.0\n\
            require (\n\texample.com/b v1.2.3 // indirect\n\t`example.com/c` v0.0.0\n)\n\
            replace example.com/a => ./libs/a\nreplace (\n example.com/b v1.2.3 => ../b\n example.com/c => example.com/d v1.0.0\n)\n\
            exclude example.com/x v1.0.0\nretract [v1.0.0, v1.1.0] // bad\ntool example.com/t/cmd\n";
        let parsed = GoDirectives::parse(text).unwrap();
        assert_eq!(parsed.module.as_deref(), Some("example.com/mono"));
        assert_eq!(parsed.required, ["example.com/a", "example.com/b", "example.com/c"]);
        let replaced = [("example.com/a", "./libs/a"), ("example.com/b", "../b")];
        assert_eq!(parsed.replaced, replaced.map(|(old, new)| (old.to_owned(), new.to_owned())));
        let work = GoDirectives::parse("go 1.24\nuse ./a\nuse (\n\t./b\n\t.\n)\n").unwrap();
        assert_eq!(work.used, ["./a", "./b", "."]);
    }

    #[test]
    fn what_is_not_known_is_no_answer() {
        for text in ["module a b\n", "import x\n", "require (\n", "module \"a\n", "module \"a\\x\"\n", "require a\n"] {
            assert_eq!(GoDirectives::parse(text), None, "{text}");
        }
    }
}
