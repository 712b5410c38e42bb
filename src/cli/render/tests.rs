#![allow(clippy::unwrap_used)]

use std::{fmt::Write as _, sync::Arc};

use super::*;
use crate::{
    recipe::parse,
    report::{ErrorName, SourceText},
};

const SAID: &str = include_str!("tests/said.txt");

/// A failure at `span` of `text`.
fn wrong(text: &str, span: Range<usize>) -> Failure {
    let source = Arc::new(SourceText { path: "a.toml".into(), text: text.into() });
    Failure::error(ErrorName::RecipeValue, "wrong").at(&Origin::new(&source, span))
}

/// The line of the source and the line below it.
fn lines(failure: &Failure) -> (String, String) {
    let text = render(failure, false);
    let mut lines = text.lines().skip(2).map(str::to_owned);
    (lines.next().unwrap(), lines.next().unwrap())
}

/// `tests/said.txt` has recipes and what is said about them. `HARDPAN_BLESS=1 cargo test render` writes it anew.
#[test]
fn what_a_user_reads_about_a_wrong_recipe() {
    let mut now = String::new();
    for case in SAID.split_inclusive("=====\n") {
        let (recipe, _) = case.split_once("-----\n").unwrap();
        let said = render(&parse("hello.toml", recipe).unwrap_err(), false);
        write!(now, "{recipe}-----\n{said}=====\n").unwrap();
    }
    if std::env::var_os("HARDPAN_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/render/tests/said.txt"), &now).unwrap();
        return;
    }
    assert_eq!(now, SAID);
}

#[test]
fn colours_come_only_when_asked_for() {
    let failure = wrong("user = 0\n", 7..8).hint("another");
    assert!(!render(&failure, false).contains('\u{1b}'));
    let colored = render(&failure, true);
    assert!(colored.contains("\u{1b}["), "{colored:?}");
    let plain = anstream::adapter::strip_str(&colored).to_string();
    assert_eq!(plain, render(&failure, false));
}

#[test]
fn a_failure_without_a_line_is_one_line() {
    let failure = Failure::error(ErrorName::RecipeMissing, "no recipe").in_path("a\u{1b}b");
    assert_eq!(render(&failure, false), "error[recipe-missing]: a\\u{1b}b: no recipe\n");
}

#[test]
fn a_warning_has_no_name() {
    let failure = Failure::error(ErrorName::LockStale, "the lock is stale").in_path("a.lock").hint("`hardpan lock`");
    assert_eq!(render_warning(&failure), "warning: a.lock: the lock is stale\nhint: `hardpan lock`\n");
    let refusal = Failure::refused(Rule::RootUser, "an error");
    assert_eq!(render_warning(&refusal), "warning: an error\n");
}

#[test]
fn escapes_of_the_source_are_visible_and_the_underline_stays_right() {
    let (line, mark) = lines(&wrong("a = \"\u{1b}[31m\u{202e}\" # \u{7}x", 18..19));
    assert_eq!(line, "1 | a = \"\\u{1b}[31m\\u{202e}\" # \\u{7}x");
    assert_eq!(mark.find('^').and_then(|at| line.get(at..)), Some("x"));
    let (line, mark) = lines(&wrong("\ta = 1", 5..6));
    assert_eq!((line.as_str(), mark.as_str()), ("1 |  a = 1", "  |      ^"));
    let (line, mark) = lines(&wrong("日本 = 1", 9..10));
    assert_eq!((line.as_str(), mark.as_str()), ("1 | 日本 = 1", "  |        ^"));
}

#[test]
fn long_lines_are_cut_around_what_is_marked() {
    let text = format!("{}!{}", "a".repeat(100_000), "b".repeat(100_000));
    let (line, mark) = lines(&wrong(&text, 100_000..100_001));
    assert!(line.len() < 140, "{}", line.len());
    assert_eq!(mark.find('^').and_then(|at| line.get(at..=at)), Some("!"));
    let (line, mark) = lines(&wrong(&text, 0..200_001));
    assert!(line.len() < 140 && mark.len() < 140 && line.ends_with("..."), "{line}\n{mark}");
}

#[test]
fn places_at_the_edges_of_a_text_are_rendered() {
    for (text, span) in
        [("", 0..0), ("\n", 1..1), ("a", 1..1), ("a\n", 2..2), ("a\r\nb\r\n", 0..6), ("a\n\nb", 2..2), ("\r", 0..1)]
    {
        let rendered = render(&wrong(text, span.clone()), false);
        assert!(
            rendered.starts_with("error[recipe-value]: a.toml:") && rendered.ends_with('\n'),
            "{text:?} {span:?}: {rendered:?}"
        );
        assert!(!rendered.contains('\r'), "{rendered:?}");
    }
}

#[test]
fn whatever_is_left_of_a_recipe_can_be_shown() {
    let full = include_str!("../../recipe/parse/tests/full.toml").replace("hello", "ä日\u{1b}\u{200b}");
    for (cut, _) in full.char_indices() {
        if let Err(failure) = parse("x.toml", &full[..cut]) {
            let rendered = render(&failure, false);
            assert!(!rendered.contains('\u{1b}') && rendered.lines().count() <= 5, "{rendered}");
        }
    }
}

#[test]
fn a_line_in_which_a_key_may_begin_is_not_shown() {
    for text in
        ["key = '-----BEGIN PRIVATE KEY-----\\nMIG'", "a = \"AGE-SECRET-KEY-1QQ\"", "a = 'PuTTY-User-Key-File-3: x'"]
    {
        // Also where something else of the line is wrong.
        for span in [0..1, 6..text.len()] {
            let rendered = render(&wrong(text, span), false);
            assert_eq!(rendered.lines().count(), 1, "{rendered}");
            assert!(!rendered.contains("KEY") && !rendered.contains("PuTTY"), "{rendered}");
        }
    }
}

#[test]
fn a_line_with_a_login_in_a_reference_is_not_shown() {
    for text in ["base = \"me:pw@r.example/a\"", "base = 'docker://me:pw@r.example/a'"] {
        assert_eq!(render(&wrong(text, 0..4), false).lines().count(), 1, "{text}");
    }
    assert!(render(&wrong("base = \"r.example/a:1@sha256:00\"", 0..4), false).lines().count() > 1);
}
