#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::{recipe::parse, report::SourceText};

/// `value` as it would come from the recipe `args = ["value"]`.
fn located(value: &str) -> Located<String> {
    let source = Arc::new(SourceText { path: "x.toml".into(), text: format!("\"{value}\"") });
    let span = 0..source.text.len();
    Located { value: value.to_owned(), origin: Origin::new(&source, span) }
}

fn expand(value: &str) -> Result<String, Failure> {
    let git = |word| match word {
        GitWord::Revision => Ok("abc".to_owned()),
        GitWord::Tag => Ok("v1\n".to_owned()),
        GitWord::Describe => Ok("v1-2-gabc".to_owned()),
        GitWord::Branch => Ok("main".to_owned()),
        GitWord::Dirty => Err(Failure::error(ErrorName::Git, "git is not there")),
    };
    let variables = VariableValues {
        words: [("name", "hello".to_owned()), ("variant", String::new())].into(),
        vars: [("channel".to_owned(), "{name}".to_owned())].into(),
        git: &git,
    };
    let expanded = variables.expand(&located(value));
    let text = variables.expand_text(value);
    assert_eq!(expanded.is_ok(), text.is_ok());
    expanded
}

#[test]
fn variables_are_replaced_once_and_double_braces_are_braces() {
    for (text, expanded) in [
        ("", ""),
        ("plain", "plain"),
        ("{name}-{git.revision}{variant}", "hello-abc"),
        ("{{name}}", "{name}"),
        ("{{{name}}}", "{hello}"),
        ("{channel}", "{name}"),
        ("ä{name}ö", "ähelloö"),
    ] {
        assert_eq!(expand(text).unwrap(), expanded, "{text}");
    }
}

#[test]
fn what_cannot_be_replaced_is_refused_at_its_bytes() {
    for (text, what, hint) in [
        ("a {nmae}", "x.toml:1:4: unknown variable `nmae`", "did you mean `name`?"),
        ("{chanel}", "x.toml:1:2: unknown variable `chanel`", "did you mean `channel`?"),
        ("ä}b", "x.toml:1:3: a `}` stands alone", "write `}}` for a brace, or `{name}` for a variable"),
        ("{name", "x.toml:1:2: a `{` stands alone", "write `{{` for a brace, or `{name}` for a variable"),
        ("{a{name}", "x.toml:1:2: a `{` stands alone", "write `{{` for a brace, or `{name}` for a variable"),
        ("{}", "x.toml:1:2: unknown variable ``", "write `{{` and `}}` for braces"),
        ("{ name }", "x.toml:1:2: unknown variable ` name `", "write `{{` and `}}` for braces"),
    ] {
        let failure = expand(text).unwrap_err();
        assert_eq!((failure.to_string().as_str(), failure.hint.as_deref()), (what, Some(hint)), "{text}");
    }
    assert_eq!(
        expand("{git.tag}").unwrap_err().to_string(),
        "x.toml:1:2: the value of `{git.tag}` has a control character"
    );
    assert_eq!(expand("{git.dirty}").unwrap_err().to_string(), "x.toml:1:2: git is not there");
    assert_eq!(expand("{os}").unwrap_err().to_string(), "x.toml:1:2: `{os}` has no single value for several platforms");
}

#[test]
fn a_string_with_escapes_is_underlined_as_a_whole() {
    let failure = parse("x.toml", "run.args = [\"\\u0041{nmae}\"]").unwrap_err();
    assert_eq!(failure.to_string(), "x.toml:1:13: unknown variable `nmae`");
}

#[test]
fn set_changes_what_the_recipe_declares_and_nothing_else() {
    let mut recipe = parse("x.toml", "vars = { channel = \"stable\" }").unwrap();
    let mut set = |pair: &str| set_variables(&mut recipe, &[pair.to_owned()]).map(|()| recipe.vars["channel"].clone());
    assert_eq!(set("channel=beta=1").unwrap(), "beta=1");
    assert_eq!(set("channel=").unwrap(), "");
    assert_eq!(set("chanel=x").unwrap_err().hint.as_deref(), Some("did you mean `channel`?"));
    assert!(set("channel").is_err());
    assert!(set("channel=\u{1b}[2J").is_err());
}
