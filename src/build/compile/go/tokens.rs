//! Splits a Go source file into the tokens that [`super::declarations`] needs (The Go Programming Language
//! Specification, "Lexical elements").

/// A word of a Go file. Operators come one character at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GoToken<'a> {
    /// An identifier or a keyword.
    Word(&'a str),
    /// A string literal.
    Text,
    /// A number or a rune.
    Number,
    /// Any other character.
    Sign(char),
    /// A semicolon, be it written or implied by the end of a line.
    End,
}

impl GoToken<'_> {
    /// Whether a line that ends with it ends a statement. That of `++` does as well, which no declaration has.
    fn ends_statement(self) -> bool {
        match self {
            Self::Word(word) => {
                !["package", "import", "func", "var", "const", "type", "struct", "interface", "map", "chan"]
                    .contains(&word)
            }
            Self::Text | Self::Number | Self::Sign(')' | ']' | '}') => true,
            Self::Sign(_) | Self::End => false,
        }
    }
}

/// The words of `text`, comments left out.
pub(super) fn tokens(text: &str) -> Vec<GoToken<'_>> {
    let mut tokens: Vec<GoToken<'_>> = Vec::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\n' => {
                if tokens.last().is_some_and(|last| last.ends_statement()) {
                    tokens.push(GoToken::End);
                }
                1
            }
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                let length = rest.get(2..).and_then(|rest| rest.find("*/")).map_or(rest.len(), |end| end + 4);
                let comment = rest.get(..length).unwrap_or_default();
                if comment.contains('\n') && tokens.last().is_some_and(|last| last.ends_statement()) {
                    tokens.push(GoToken::End);
                }
                length
            }
            '`' => {
                push(&mut tokens, GoToken::Text, rest.get(1..).and_then(|rest| rest.find('`')).map(|end| end + 2), rest)
            }
            '"' => push(&mut tokens, GoToken::Text, quoted(rest, '"'), rest),
            '\'' => push(&mut tokens, GoToken::Number, quoted(rest, '\''), rest),
            ';' => push(&mut tokens, GoToken::End, Some(1), rest),
            space if space.is_whitespace() => space.len_utf8(),
            digit if digit.is_ascii_digit() => push(&mut tokens, GoToken::Number, Some(word(rest)), rest),
            letter if letter.is_alphabetic() || letter == '_' => {
                let length = word(rest);
                push(&mut tokens, GoToken::Word(rest.get(..length).unwrap_or_default()), Some(length), rest)
            }
            sign => push(&mut tokens, GoToken::Sign(sign), Some(sign.len_utf8()), rest),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    if tokens.last().is_some_and(|last| last.ends_statement()) {
        tokens.push(GoToken::End);
    }
    tokens
}

/// Adds a token; its length, or everything that is left where it has no end.
fn push<'a>(tokens: &mut Vec<GoToken<'a>>, token: GoToken<'a>, length: Option<usize>, rest: &str) -> usize {
    tokens.push(token);
    length.unwrap_or(rest.len())
}

/// The length of the identifier or number at the beginning.
fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

/// The length of the literal at the beginning, up to the next `quote` without a backslash before it.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    rest.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at + 1)
    })
}
