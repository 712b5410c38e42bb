//! Parses a Dockerfile into instructions: continuation lines, comments, flags, heredocs (BuildKit,
//! `frontend/dockerfile/parser`).

use crate::report::{ErrorName, Failure, Limits};

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct Instruction {
    /// The line it begins on, from 1.
    pub(in crate::init) line: usize,
    /// `FROM`, `RUN` and the like, in capitals.
    pub(in crate::init) name: String,
    /// `--from=build`, without the dashes; in order.
    pub(in crate::init) flags: Vec<(String, String)>,
    /// Everything else, on one line.
    pub(in crate::init) rest: String,
    pub(in crate::init) heredocs: Vec<Heredoc>,
}

/// A heredoc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct Heredoc {
    pub(in crate::init) name: String,
    pub(in crate::init) text: String,
    /// Whether variables in it are replaced.
    pub(in crate::init) expand: bool,
}

/// A parsed Dockerfile: instructions, and the escape character.
#[derive(Debug)]
pub(in crate::init) struct Dockerfile {
    pub(in crate::init) instructions: Vec<Instruction>,
    pub(in crate::init) escape: char,
}

impl Dockerfile {
    /// Parses the text. Any text gives instructions, but a text larger than a recipe may be is refused.
    pub(in crate::init) fn parse(text: &str) -> Result<Self, Failure> {
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > Limits::RECIPE_BYTES {
            return Err(Failure::error(
                ErrorName::FileTooLarge,
                format!("the Dockerfile is larger than {} MiB", Limits::RECIPE_BYTES >> 20),
            ));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let escape = escape(text);
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let mut instructions = Vec::new();
        while let Some((number, line)) = lines.next() {
            let mut joined = String::new();
            let mut current = line;
            loop {
                // Comments and empty lines within an instruction are skipped.
                let skipped = current.trim_start().starts_with('#') || current.trim().is_empty();
                if skipped && joined.is_empty() {
                    break;
                }
                let continued = if skipped { Some("") } else { current.trim_end().strip_suffix(escape) };
                joined.push_str(continued.unwrap_or(current));
                match (continued, continued.and_then(|_| lines.next())) {
                    (Some(_), Some((_, next))) => current = next,
                    _ => break,
                }
            }
            if joined.trim().is_empty() {
                continue;
            }
            let mut instruction = instruction(number, joined.trim());
            if ["RUN", "COPY", "ADD"].contains(&instruction.name.as_str()) {
                instruction.heredocs = heredocs(&instruction.rest);
                for heredoc in &mut instruction.heredocs {
                    read_heredoc(heredoc, &mut lines);
                }
            }
            instructions.push(instruction);
            if instructions.len() > Limits::DOCKERFILE_INSTRUCTIONS {
                let what = format!("the Dockerfile has more than {} instructions", Limits::DOCKERFILE_INSTRUCTIONS);
                return Err(Failure::error(ErrorName::Dockerfile, what));
            }
        }
        Ok(Self { instructions, escape })
    }
}

impl Instruction {
    /// The value of a flag.
    pub(in crate::init) fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The words of the JSON form, if it is one.
    pub(in crate::init) fn json(&self) -> Option<Vec<String>> {
        self.rest.starts_with('[').then(|| serde_json::from_str(&self.rest).ok()).flatten()
    }
}

/// `# escape=` among the directives, which come before everything else.
fn escape(text: &str) -> char {
    for line in text.lines() {
        let Some((key, value)) = line.trim().strip_prefix('#').and_then(|rest| rest.split_once('=')) else { break };
        match (key.trim().to_ascii_lowercase().as_str(), value.trim()) {
            ("escape", "`") => return '`',
            ("escape" | "syntax" | "check", _) => {}
            _ => break,
        }
    }
    '\\'
}

/// The name, the flags and the rest of a logical line.
fn instruction(line: usize, text: &str) -> Instruction {
    let (name, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    rest = rest.trim();
    let mut flags = Vec::new();
    while let Some(after) = rest.strip_prefix("--") {
        let (flag, others) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
        flags.push((key.to_owned(), value.to_owned()));
        rest = others.trim_start();
    }
    Instruction { line, name: name.to_ascii_uppercase(), flags, rest: rest.to_owned(), heredocs: Vec::new() }
}

/// The heredocs that `rest` announces: `<<EOF`, `<<-EOF`, `<<"EOF"`.
fn heredocs(rest: &str) -> Vec<Heredoc> {
    let mut found = Vec::new();
    for word in rest.split_whitespace() {
        let Some(name) = word.strip_prefix("<<") else { continue };
        // A leading dash is kept for `read_heredoc`.
        let (dash, name) = name.strip_prefix('-').map_or(("", name), |name| ("-", name));
        let bare = name.trim_matches(['"', '\'']);
        if !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || c == '_') {
            found.push(Heredoc { name: format!("{dash}{bare}"), text: String::new(), expand: bare == name });
        }
    }
    found
}

/// Reads the heredoc's lines up to its terminator, or to the end of the file.
fn read_heredoc<'a>(heredoc: &mut Heredoc, lines: &mut impl Iterator<Item = (usize, &'a str)>) {
    let (tabs, name) = match heredoc.name.strip_prefix('-') {
        Some(name) => (true, name.to_owned()),
        None => (false, heredoc.name.clone()),
    };
    for (_, line) in lines {
        let line = if tabs { line.trim_start_matches('\t') } else { line };
        if line == name {
            break;
        }
        heredoc.text.push_str(line);
        heredoc.text.push('\n');
    }
    heredoc.name = name;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn parse(text: &str) -> Vec<Instruction> {
        Dockerfile::parse(text).unwrap().instructions
    }

    #[test]
    fn continued_lines_comments_and_case() {
        let text = "# syntax=docker/dockerfile:1\n\nfrom --platform=linux/arm64 a AS b\nRUN one && \\\n  # a comment\n\n  two \\\n three\nCMD [\"x\"]\n";
        let found = parse(text);
        let shown: Vec<_> = found.iter().map(|one| (one.line, one.name.as_str(), one.rest.as_str())).collect();
        assert_eq!(shown, [(3, "FROM", "a AS b"), (4, "RUN", "one &&   two  three"), (9, "CMD", "[\"x\"]")]);
        assert_eq!(found[0].flag("platform"), Some("linux/arm64"));
        assert_eq!(found[2].json(), Some(vec!["x".to_owned()]));
    }

    #[test]
    fn the_escape_directive_counts_at_the_top_only() {
        assert_eq!(parse("# escape=`\nRUN a `\nb\n")[0].rest, "a b");
        assert_eq!(parse("\n# escape=`\nRUN a `\nCMD b\n").len(), 2);
    }

    #[test]
    fn heredocs_end_at_their_name() {
        let found = parse("RUN <<EOF\na\nb\nEOF\nCOPY <<-\"A\" <<B /x/\n\tone\n\tA\ntwo\nB\nCMD x\n");
        assert_eq!(found[0].heredocs[0].text, "a\nb\n");
        let two = &found[1].heredocs;
        assert_eq!((two[0].text.as_str(), two[0].expand, two[1].text.as_str()), ("one\n", false, "two\n"));
        assert_eq!(found[2].name, "CMD");
        assert_eq!(parse("RUN <<EOF\nnever ends")[0].heredocs[0].text, "never ends\n");
    }
}
