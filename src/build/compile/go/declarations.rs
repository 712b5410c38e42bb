//! Parses the declarations of Go source files: names, and which variables are strings. Go has a parser only for
//! programs in Go, and `go doc` needs sources that compile; this one skips the bodies of functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::tokens::{GoToken, tokens};
use crate::report::{ErrorName, Failure, Limits};

/// The kind of a declared name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    /// A variable of the type `string`.
    TextVariable,
    /// A variable whose type only the compiler knows.
    SomeVariable,
    /// A variable of another type.
    OtherVariable,
    Constant,
    Function,
    Type,
}

/// The declarations of several files of one package.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    /// Every name of the package's own block.
    pub(super) names: BTreeMap<String, Declared>,
    /// Methods, as `Type.Method`.
    pub(super) methods: BTreeSet<String>,
    /// Types that have more methods than the files declare for them: aliases, interfaces, structs that embed others.
    open_types: BTreeSet<String>,
    /// Whether a file runs code when the program starts.
    pub(super) has_init: bool,
    /// Functions of other packages that make something known there, such as `sql.Register`.
    pub(super) registers: BTreeSet<String>,
}

impl Declarations {
    /// Reads `files` in `folder`. A file that is larger than a source can be is a failure.
    pub(super) fn read<'a>(folder: &Path, files: impl IntoIterator<Item = &'a String>) -> Result<Self, Failure> {
        let mut all = Self::default();
        for file in files {
            let path = folder.join(file);
            let fault = |error: &std::io::Error| Failure::io("read the source", &path, error);
            if fs::metadata(&path).map_err(|error| fault(&error))?.len() > Limits::CHILD_OUTPUT_BYTES {
                return Err(Failure::error(ErrorName::FileTooLarge, "this Go source file is too large").in_path(path));
            }
            all.add(&String::from_utf8_lossy(&fs::read(&path).map_err(|error| fault(&error))?));
        }
        Ok(all)
    }

    /// The names that other packages can use, methods of exported types among them.
    pub(super) fn exported(&self) -> impl Iterator<Item = &str> {
        let names = self.names.keys().map(String::as_str);
        names.chain(self.methods.iter().map(String::as_str)).filter(|name| name.split('.').all(is_exported))
    }

    /// Whether `name`, as [`exported`](Self::exported) has it, is there, or may be.
    pub(super) fn has(&self, name: &str) -> bool {
        match name.split_once('.') {
            None => self.names.contains_key(name),
            Some((owner, _)) => self.methods.contains(name) || self.open_types.contains(owner),
        }
    }

    /// Adds the declarations of a file.
    pub(super) fn add(&mut self, text: &str) {
        let tokens = tokens(text);
        for pair in tokens.windows(4) {
            if let [GoToken::Word(package), GoToken::Sign('.'), GoToken::Word(function), GoToken::Sign('(')] = pair
                && function.starts_with("Register")
            {
                self.registers.insert(format!("{package}.{function}"));
            }
        }
        for statement in statements(&tokens) {
            match statement {
                [GoToken::Word("func"), rest @ ..] => self.add_function(rest),
                [GoToken::Word(word @ ("var" | "const" | "type")), GoToken::Sign('('), rest @ ..] => {
                    let inner = rest.strip_suffix(&[GoToken::Sign(')')]).unwrap_or(rest);
                    statements(inner).for_each(|spec| self.add_specification(word, spec));
                }
                [GoToken::Word(word @ ("var" | "const" | "type")), spec @ ..] => self.add_specification(word, spec),
                _ => {}
            }
        }
    }

    /// Adds a function or method, from the tokens after `func`.
    fn add_function(&mut self, rest: &[GoToken<'_>]) {
        match rest {
            [GoToken::Word("init"), GoToken::Sign('('), ..] => self.has_init = true,
            [GoToken::Word(name), ..] => {
                self.names.insert((*name).to_owned(), Declared::Function);
            }
            [GoToken::Sign('('), rest @ ..] => {
                let end = rest.iter().position(|token| *token == GoToken::Sign(')') || *token == GoToken::Sign('['));
                let receiver = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                let owner = receiver.iter().rev().find_map(|token| match token {
                    GoToken::Word(name) => Some(*name),
                    _ => None,
                });
                let closed = rest.iter().position(|token| *token == GoToken::Sign(')'));
                let after = closed.and_then(|at| rest.get(at..)).unwrap_or_default();
                let name = after.iter().find_map(|token| match token {
                    GoToken::Word(name) => Some(*name),
                    _ => None,
                });
                if let (Some(owner), Some(name)) = (owner, name) {
                    self.methods.insert(format!("{owner}.{name}"));
                }
            }
            _ => {}
        }
    }

    /// One declaration of a `var`, `const` or `type`.
    fn add_specification(&mut self, word: &str, spec: &[GoToken<'_>]) {
        let mut names = Vec::new();
        let mut rest = spec;
        while let [GoToken::Word(name), after @ ..] = rest {
            names.push(*name);
            rest = after;
            match rest {
                [GoToken::Sign(','), after @ ..] if word != "type" => rest = after,
                _ => break,
            }
        }
        let equals = rest.iter().position(|token| *token == GoToken::Sign('='));
        let (written, values) = rest.split_at(equals.unwrap_or(rest.len()));
        let values: Vec<_> = expressions(values.get(1..).unwrap_or_default());
        for (at, name) in names.into_iter().enumerate() {
            let declared = match word {
                "type" => {
                    if is_open(rest) {
                        self.open_types.insert(name.to_owned());
                    }
                    Declared::Type
                }
                "const" => Declared::Constant,
                _ => variable(written, values.get(at).copied().unwrap_or_default()),
            };
            self.names.insert(name.to_owned(), declared);
        }
    }
}

/// Whether other packages can use a name: it begins with a capital letter.
fn is_exported(name: &str) -> bool {
    name.chars().next().is_some_and(char::is_uppercase)
}

/// The statements of a block: what is between semicolons outside of all brackets.
fn statements<'t, 'a>(tokens: &'t [GoToken<'a>]) -> impl Iterator<Item = &'t [GoToken<'a>]> {
    split(tokens, GoToken::End).into_iter().filter(|statement| !statement.is_empty())
}

/// The values of a list of them.
fn expressions<'t, 'a>(tokens: &'t [GoToken<'a>]) -> Vec<&'t [GoToken<'a>]> {
    split(tokens, GoToken::Sign(','))
}

/// Cut at a token outside of all brackets.
fn split<'t, 'a>(tokens: &'t [GoToken<'a>], at: GoToken<'_>) -> Vec<&'t [GoToken<'a>]> {
    let mut depth = 0_usize;
    let is_cut = |token: &GoToken<'_>| {
        match token {
            GoToken::Sign('(' | '[' | '{') => depth += 1,
            GoToken::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *token == at
    };
    tokens.split(is_cut).collect()
}

/// The kind of a variable, by its written type and its value.
fn variable(written: &[GoToken<'_>], value: &[GoToken<'_>]) -> Declared {
    match (written, value) {
        ([GoToken::Word("string")], _) | ([], [GoToken::Text, ..]) => Declared::TextVariable,
        (
            [
                GoToken::Word("map" | "chan" | "func" | "struct" | "interface" | "any" | "error" | "bool")
                | GoToken::Sign('[' | '*'),
                ..,
            ],
            _,
        )
        | (
            [],
            [
                GoToken::Number
                | GoToken::Sign('&' | '-' | '!' | '[')
                | GoToken::Word("true" | "false" | "map" | "func" | "nil"),
                ..,
            ],
        ) => Declared::OtherVariable,
        ([GoToken::Word(name)], _) if is_number(name) => Declared::OtherVariable,
        _ => Declared::SomeVariable,
    }
}

fn is_number(name: &str) -> bool {
    let bare = name.strip_prefix('u').unwrap_or(name);
    ["int", "float", "complex"]
        .iter()
        .any(|kind| bare.strip_prefix(kind).is_some_and(|width| width.bytes().all(|byte| byte.is_ascii_digit())))
        || ["byte", "rune", "uintptr"].contains(&name)
}

/// Whether a type, by what follows its name, may have methods that are declared elsewhere.
fn is_open(rest: &[GoToken<'_>]) -> bool {
    // Type parameters, which look like the length of an array as far as this goes.
    let rest = match rest {
        [GoToken::Sign('['), GoToken::Word(_), GoToken::Word(_) | GoToken::Sign(','), ..] => {
            let end = rest.iter().position(|token| *token == GoToken::Sign(']')).map_or(rest.len(), |at| at + 1);
            rest.get(end..).unwrap_or_default()
        }
        rest => rest,
    };
    match rest {
        [GoToken::Sign('=') | GoToken::Word("interface"), ..] => true,
        [GoToken::Word("struct"), GoToken::Sign('{'), body @ ..] => {
            statements(body.strip_suffix(&[GoToken::Sign('}')]).unwrap_or(body)).any(is_embedded)
        }
        _ => false,
    }
}

/// Whether a field of a struct is a type without a name before it.
fn is_embedded(field: &[GoToken<'_>]) -> bool {
    let field = field.strip_suffix(&[GoToken::Text]).unwrap_or(field);
    let field = field.strip_prefix(&[GoToken::Sign('*')]).unwrap_or(field);
    matches!(field, [GoToken::Word(_)] | [GoToken::Word(_), GoToken::Sign('.'), ..])
        || matches!(field, [GoToken::Word(_), GoToken::Sign('['), .., GoToken::Sign(']')])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FILE: &str = r#"// var inComment string
package x // import "C" below

/*
var alsoInComment string
*/
import "C"
import (
	"database/sql"
	_ "embed"
)

var version string
var (
	Commit, date = "none", "unknown" // both
	count = 5
	/* a comment
	over lines */ raw = `var inRaw = "x"
var stillRaw string`
	asked = os.Getenv("X"); after = ""
	named Version
	typed Text = "x"
	list []string
	quote = '"'
	table = map[string]string{
		"a": "b",
	}
	a, b string
)

const Limit, other = 1, 2

type (
	Version string
	Open = other.Open
	Embeds struct {
		*base.Conn `json:"x"`
		Name string
	}
	Plain struct {
		Name, Other string
		f func(a int) error
	}
	Generic[T any] struct { value T }
)

func init() { sql.Register("x", nil) }

func (g *Generic[T]) Get() T { var local string; return g.value }

func (Plain) Do(a string) (
	string, error,
) {
	type inner struct{}
	var hidden = "x"
	return hidden, nil
}

func Exported[T any](t T) {}
"#;

    #[test]
    fn declarations_of_a_package_are_found_and_nothing_in_bodies_comments_and_literals() {
        let mut found = Declarations::default();
        found.add(FILE);
        let of = |kind| -> Vec<&str> {
            found.names.iter().filter(|(_, declared)| **declared == kind).map(|(name, _)| name.as_str()).collect()
        };
        assert_eq!(of(Declared::TextVariable), ["Commit", "a", "after", "b", "date", "raw", "version"]);
        assert_eq!(of(Declared::SomeVariable), ["asked", "named", "typed"]);
        assert_eq!(of(Declared::OtherVariable), ["count", "list", "quote", "table"]);
        assert_eq!(of(Declared::Constant), ["Limit", "other"]);
        assert_eq!(of(Declared::Type), ["Embeds", "Generic", "Open", "Plain", "Version"]);
        assert_eq!(of(Declared::Function), ["Exported"]);
        assert_eq!(found.methods, ["Generic.Get", "Plain.Do"].map(str::to_owned).into());
        assert!(found.has_init && found.registers.contains("sql.Register"));
        let exported: Vec<_> = found.exported().collect();
        assert_eq!(exported.len(), 10, "{exported:?}");
    }

    #[test]
    fn methods_of_a_type_that_has_more_than_its_file_says_are_not_missed() {
        let mut found = Declarations::default();
        found.add(FILE);
        assert!(found.has("Open.Anything") && found.has("Embeds.Close") && found.has("Plain.Do"));
        assert!(!found.has("Plain.Close") && !found.has("Generic.Set") && !found.has("Missing"));
    }

    #[test]
    fn a_file_that_is_cut_off_or_no_go_at_all_ends() {
        for text in [
            "",
            "package",
            "package x\nvar (",
            "var x = \"open",
            "var `",
            "func (",
            "func (a *b",
            "type x struct {",
            "/*",
            "'\\",
        ] {
            Declarations::default().add(text);
        }
    }
}
