//! The commands of a `RUN` line, as far as they can be told without a shell.

use super::{
    lines::Instruction,
    words::{Scope, Word},
};

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct Command {
    /// `NAME=value` before it.
    pub(in crate::init) env: Vec<(String, Word)>,
    /// The program and its arguments; at least one.
    pub(in crate::init) words: Vec<Word>,
}

impl Command {
    /// The argument at `at`, without its unknown parts.
    pub(in crate::init) fn text(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| word.text.as_str())
    }

    /// The program without its folder.
    pub(in crate::init) fn program(&self) -> &str {
        self.text(0).rsplit('/').next().unwrap_or_default()
    }
}

/// The commands of a `RUN` in their order, whatever joins them.
pub(in crate::init) fn commands(run: &Instruction, scope: &Scope) -> Vec<Command> {
    if let Some(words) = run.json() {
        let words = words.into_iter().map(|text| Word { text, unknown: None }).collect();
        return command(words).into_iter().collect();
    }
    let mut text = if run.heredocs.is_empty() { run.rest.clone() } else { String::new() };
    for heredoc in &run.heredocs {
        text.push_str(&heredoc.text);
    }
    // A shell joins lines that end with a backslash, whatever escapes in the Dockerfile.
    let text = text.replace("\\\n", " ");
    pieces(&text).into_iter().filter_map(|piece| command(scope.words(&piece))).collect()
}

/// The text cut where a command ends, quotes respected.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quote = None;
    let mut chars = text.chars().peekable();
    let mut nested = 0_usize;
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
            (None, ';' | '\n' | '|' | '&' | '(' | ')') if nested == 0 => pieces.push(String::new()),
            (None, c) => piece.push(c),
        }
    }
    pieces
}

/// Words as a command; none for words that are only assignments.
fn command(words: Vec<Word>) -> Option<Command> {
    let mut words = words.into_iter().peekable();
    let mut env = Vec::new();
    let assigned = |word: &Word| {
        let (name, _) = word.text.split_once('=')?;
        let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        good.then(|| name.to_owned())
    };
    while let Some(word) = words
        .next_if(|word| assigned(word).is_some() || ["export", "env", "time", "exec"].contains(&word.text.as_str()))
    {
        if let Some(name) = assigned(&word) {
            let value = word.text.get(name.len() + 1..).unwrap_or_default().to_owned();
            env.push((name, Word { text: value, unknown: word.unknown }));
        }
    }
    // A redirection and what follows it are no arguments.
    let words: Vec<_> =
        words.take_while(|word| !word.text.starts_with(['>', '<']) && !word.text.starts_with("2>")).collect();
    (!words.is_empty() || !env.is_empty()).then_some(Command { env, words })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::lines::Dockerfile, *};

    fn shown(text: &str) -> Vec<String> {
        let file = Dockerfile::parse(text).unwrap();
        let scope = Scope { values: [("V".to_owned(), "1.2".to_owned())].into(), escape: '\\' };
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
        assert_eq!(shown("RUN go build -ldflags \"-X a=$(git x)\" ."), ["go|build|-ldflags|-X a=(git x)|."]);
    }
}
