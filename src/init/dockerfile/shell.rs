//! Splits a `RUN` line into its simple commands, without running a shell.

use super::{
    instructions::Instruction,
    scope::{DockerfileWord, Scope},
};

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct ShellCommand {
    /// `NAME=value` before it.
    pub(in crate::init) env: Vec<(String, DockerfileWord)>,
    /// The program and its arguments; none where there are only assignments.
    pub(in crate::init) words: Vec<DockerfileWord>,
    /// The targets of `>` and `>>`.
    pub(in crate::init) writes: Vec<DockerfileWord>,
    /// Whether the assignments reach the program of this command, or by `export` the following ones.
    pub(in crate::init) exports: bool,
    /// Whether it is inside of an `if`, a `case` or a loop: it may not run, or several times.
    pub(in crate::init) conditional: bool,
}

impl ShellCommand {
    /// The argument at `at`, without its unknown parts.
    pub(in crate::init) fn text(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| word.text.as_str())
    }

    /// The program without its folder.
    pub(in crate::init) fn program(&self) -> &str {
        self.text(0).rsplit('/').next().unwrap_or_default()
    }
}

/// Keywords of a shell before a command.
const LEADING: [&str; 10] = ["if", "then", "elif", "else", "while", "until", "do", "!", "{", "time"];
/// Keywords of a shell that stand alone, or before an operator.
const CLOSING: [&str; 4] = ["fi", "done", "esac", "}"];

/// The commands of a `RUN` in their order, with any operators between them.
pub(in crate::init) fn commands(run: &Instruction, scope: &Scope) -> Vec<ShellCommand> {
    if let Some(words) = run.json() {
        let words = words.iter().map(|text| DockerfileWord::literal(text)).collect();
        return command(words, 0).into_iter().collect();
    }
    let mut text = if run.heredocs.is_empty() { run.rest.clone() } else { String::new() };
    for heredoc in &run.heredocs {
        text.push_str(&heredoc.text);
    }
    // A shell joins lines at a backslash, whatever the escape character of the Dockerfile.
    let text = substitutions(&text.replace("\\\n", " "));
    let mut depth = 0_usize;
    let mut commands = Vec::new();
    for piece in pieces(&text) {
        let mut words: Vec<_> = scope.words(&piece);
        if let Some(comment) = words.iter().position(|word| word.text.starts_with('#')) {
            words.truncate(comment);
        }
        let before = depth;
        strip_grammar(&mut words, &mut depth);
        commands.extend(command(words, before.max(depth)));
    }
    commands
}

/// Removes shell keywords, and counts the nesting depth.
fn strip_grammar(words: &mut Vec<DockerfileWord>, depth: &mut usize) {
    while let Some(first) = words.first().map(|word| word.text.clone()) {
        match first.as_str() {
            "for" | "case" | "select" | "function" => {
                *depth += 1;
                words.clear();
                return;
            }
            "if" | "while" | "until" | "{" => *depth += 1,
            closing if CLOSING.contains(&closing) => *depth = depth.saturating_sub(1),
            leading if LEADING.contains(&leading) => {}
            _ => return,
        }
        words.remove(0);
    }
}

/// Rewrites `` `command` `` as `$(command)`.
fn substitutions(text: &str) -> String {
    let (mut changed, mut open, mut single) = (String::new(), false, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                changed.push(c);
                changed.extend(chars.next());
            }
            '\'' if !open => {
                single = !single;
                changed.push(c);
            }
            '`' if !single => {
                changed.push_str(if open { ")" } else { "$(" });
                open = !open;
            }
            c => changed.push(c),
        }
    }
    changed
}

/// Splits the text into commands, outside of quotes. Patterns of a `case` are not commands.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quote = None;
    let mut chars = text.chars().peekable();
    let mut nested = 0_usize;
    // The nesting depth of `case`, and whether a pattern may follow.
    let (mut cases, mut pattern) = (0_usize, false);
    while let Some(c) = chars.next() {
        let Some(piece) = pieces.last_mut() else { break };
        match (quote, c) {
            (_, '\\') => {
                piece.push(c);
                piece.extend(chars.next());
            }
            (Some(open), c) => {
                piece.push(c);
                if c == open {
                    quote = None;
                }
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                piece.push(c);
            }
            (None, '(') if nested > 0 || piece.ends_with('$') => {
                nested += 1;
                piece.push(c);
            }
            (None, ')') if nested > 0 => {
                nested -= 1;
                piece.push(c);
            }
            (None, ')') if pattern => {
                piece.clear();
                pattern = false;
            }
            (None, '|' | '(') if pattern => {}
            (None, '&') if piece.ends_with('>') => piece.push(c),
            (None, ';' | '\n' | '|' | '&' | '(' | ')') if nested == 0 => {
                if cases > 0 && piece.trim() == "esac" {
                    (cases, pattern) = (cases - 1, false);
                } else if c == ';' && cases > 0 && chars.next_if_eq(&';').is_some() {
                    pattern = true;
                }
                pieces.push(String::new());
            }
            (None, c) => {
                piece.push(c);
                let header = piece.trim_start().starts_with("case ") && piece.ends_with(" in");
                if header && chars.peek().is_none_or(|c| c.is_whitespace()) {
                    (cases, pattern) = (cases + 1, true);
                    pieces.push(String::new());
                }
                if pattern && pieces.last().is_some_and(|piece| piece.trim() == "esac") {
                    (cases, pattern) = (cases.saturating_sub(1), false);
                }
            }
        }
    }
    pieces
}

/// Builds a command; `None` without words.
fn command(words: Vec<DockerfileWord>, depth: usize) -> Option<ShellCommand> {
    let mut words = words.into_iter().peekable();
    let (mut env, mut exported) = (Vec::new(), false);
    let assigned = |word: &DockerfileWord| {
        let (name, value) = word.split()?;
        let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        good.then_some((name, value))
    };
    while let Some(word) = words
        .next_if(|word| assigned(word).is_some() || ["export", "env", "time", "exec"].contains(&word.text.as_str()))
    {
        exported |= word.text == "export";
        env.extend(assigned(&word));
    }
    let exports = exported || words.peek().is_some();
    let (mut arguments, mut writes) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        // A redirection and its target are not arguments.
        let bare = word.text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
        if !bare.starts_with(['>', '<']) {
            arguments.push(word);
            continue;
        }
        let target = bare.trim_start_matches(['>', '<', '|']);
        let writes_file = bare.starts_with('>') && !target.starts_with('&');
        let target = if target.is_empty() { words.next() } else { Some(DockerfileWord::literal(target)) };
        writes.extend(target.filter(|target| writes_file && !target.text.starts_with("/dev/")));
    }
    let some = !arguments.is_empty() || !env.is_empty() || !writes.is_empty();
    some.then_some(ShellCommand { env, words: arguments, writes, exports, conditional: depth > 0 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::rc::Rc;

    use super::{
        super::{instructions::Dockerfile, scope::VariableValue},
        *,
    };

    fn shown(text: &str) -> Vec<String> {
        let file = Dockerfile::parse(text).unwrap();
        let mut scope = Scope::new('\\', &Rc::default());
        scope.set("V".into(), VariableValue { text: "1.2".into(), template: "1.2".into(), ..VariableValue::default() });
        let all = commands(file.instructions.first().unwrap(), &scope);
        all.iter()
            .map(|command| {
                let env: Vec<_> = command.env.iter().map(|(name, value)| format!("{name}={}", value.text)).collect();
                let words: Vec<_> = command.words.iter().map(|word| word.text.clone()).collect();
                [env, words].concat().join("|")
            })
            .collect()
    }

    #[test]
    fn a_line_is_its_commands() {
        assert_eq!(
            shown(
                "RUN CGO_ENABLED=0 go build -ldflags=\"-s -X main.v=$V\" -o /x ./cmd/x && rm -rf /tmp; (cd a && b) | c > /dev/null"
            ),
            ["CGO_ENABLED=0|go|build|-ldflags=-s -X main.v=1.2|-o|/x|./cmd/x", "rm|-rf|/tmp", "cd|a", "b", "c"]
        );
        assert_eq!(shown("RUN [\"go\", \"build\"]"), ["go|build"]);
        assert_eq!(shown("RUN <<EOF\nset -e\ngo build \\\n  -o x .\nEOF\n"), ["set|-e", "go|build|-o|x|."]);
        assert_eq!(shown("RUN export A=1 && go build"), ["A=1", "go|build"]);
        assert_eq!(shown("RUN go build -ldflags \"-X a=$(git x)\" ."), ["go|build|-ldflags|-X a=|."]);
        assert_eq!(shown("RUN go build -ldflags -X=a=`git x --tags` ."), ["go|build|-ldflags|-X=a=|."]);
    }

    #[test]
    fn the_grammar_of_the_shell_is_no_command() {
        for (text, commands) in [
            (
                "RUN case \"$A\" in amd64) B=x86_64 ;; arm64|aarch64) B=arm ;; *) exit 1;; esac && go build .",
                &["B=x86_64", "B=arm", "exit|1", "go|build|."][..],
            ),
            (
                "RUN <<EOF\ncase $A in\n  (a | b)\n    one\n    two ;;\n  c) ;;\nesac\nthree\nEOF\n",
                &["one", "two", "three"],
            ),
            ("RUN if [ -f x ]; then go build .; else two; fi; three", &["[|-f|x|]", "go|build|.", "two", "three"]),
            ("RUN for x in a b; do one $x; done; two", &["one|", "two"]),
            ("RUN { one; two; } >/dev/null 2>&1 && ! three # four", &["one", "two", "three"]),
            ("RUN one 2>&1 | two > file.txt 2> log", &["one", "two"]),
            ("RUN while read x; do one; done", &["read|x", "one"]),
        ] {
            assert_eq!(shown(text), commands, "{text}");
        }
    }
}
