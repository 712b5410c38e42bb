//! Formats a [`Failure`] for stderr: label, place, sentence, source line, hint. `terminal` prints the result. A line
//! that may hold a secret is never shown.

use std::{fmt::Write as _, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};

use crate::{
    report::{Failure, FailurePlace, Origin, Rule, holds_login, printable},
    secrets::{TextContext, scan_text},
};

/// How many cells of a source line are shown: the rest of a longer line is cut on both sides.
const LINE_CELLS: usize = 120;

/// The failure as text: the place and the sentence, the source line underlined where there is one that may be shown,
/// the hint. Ends with a line break. `color` puts escape sequences into it.
///
/// ```text
/// error[root-user]: hello.toml:12:8: the run user is root
///    |
/// 12 | user = "0:0"
///    |        ^^^^^
/// hint: write a numeric user, such as `65532:65532`
/// ```
pub(super) fn render(failure: &Failure, color: bool) -> String {
    let label = match (failure.rule, failure.name) {
        (Some(rule), _) => format!("error[{rule}]"),
        (None, Some(name)) => format!("error[{name}]"),
        (None, None) => "error".to_owned(),
    };
    render_as(&label, failure, color)
}

/// A failure that stops nothing, as text without colors. It has no name: names are those of errors.
pub(super) fn render_warning(failure: &Failure) -> String {
    render_as("warning", failure, false)
}

/// The failure below `label`.
fn render_as(label: &str, failure: &Failure, color: bool) -> String {
    let paint = |style: Style| if color { style } else { Style::new() };
    let (error, hint) = (AnsiColor::BrightRed.on_default().bold(), AnsiColor::BrightCyan.on_default().bold());
    let (error, hint, bold) = (paint(error), paint(hint), paint(Style::new().bold()));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{error}{label}{error:#}: {bold}{failure}{bold:#}");
    if let Some(FailurePlace::Recipe(origin)) = &failure.place
        && !failure.rule.is_some_and(Rule::is_about_secrets)
    {
        text.push_str(&snippet(origin, color));
    }
    if let Some(words) = &failure.hint {
        let _ = writeln!(text, "{hint}hint{hint:#}: {words}");
    }
    text
}

/// The source line of `origin`, underlined. Empty where the source has no text, or the line may hold a secret.
fn snippet(origin: &Origin, color: bool) -> String {
    let source = &origin.source.text;
    if source.is_empty() {
        return String::new();
    }
    let (number, _) = origin.line_column();
    let start = source.get(..origin.span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = source.get(start..).unwrap_or_default();
    let line = line.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    // A line that is wrong for another reason may hold a key as well, and CI logs are public.
    if may_hold_a_secret(line) {
        return String::new();
    }
    let marked = origin.span.start - start..origin.span.end.saturating_sub(start);
    let (line, marked) = safe_line(line, &marked);
    let renderer = if color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let renderer = renderer.term_width(LINE_CELLS * 4);
    let annotation = AnnotationKind::Primary.span(marked);
    let snippet = Snippet::source(line).line_start(number).annotation(annotation);
    let mut text = renderer.render(&[Group::with_level(Level::ERROR).element(snippet)]);
    text.push('\n');
    text
}

/// Whether a private key may begin in this line, or another secret is in it: then only the place is printed, and the
/// line appears in no log.
fn may_hold_a_secret(line: &str) -> bool {
    ["-----BEGIN ", "AGE-SECRET-KEY-", "PuTTY-User-Key-File-"].iter().any(|mark| line.contains(mark))
        || has_login(line)
        || has_query(line)
        || !scan_text(TextContext::History, line).is_empty()
}

/// Whether a URL or a reference in the line has a user name or a password before its host.
fn has_login(line: &str) -> bool {
    let end = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'');
    line.split("://").skip(1).any(|rest| rest.split(end).next().is_some_and(|authority| authority.contains('@')))
        || line.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).any(holds_login)
}

/// Whether a URL in the line has a query, which may hold a token.
fn has_query(line: &str) -> bool {
    let end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    line.split("://").skip(1).any(|rest| rest.split(end).next().is_some_and(|address| address.contains('?')))
}

/// The line with control characters escaped, cut around the marked bytes where it is long, and the new range of the
/// marked bytes.
fn safe_line(line: &str, marked: &Range<usize>) -> (String, Range<usize>) {
    let (start, end) = (marked.start.min(line.len()), marked.end.min(line.len()));
    let at = line.get(..start).unwrap_or_default().chars().count();
    // A cut line begins a little before the marked bytes.
    let skip = if line.chars().count() <= LINE_CELLS { 0 } else { at.saturating_sub(LINE_CELLS / 3) };
    let mut safe = String::from(if skip > 0 { "..." } else { "" });
    let (mut from, mut to) = (None, None);
    for (count, (index, c)) in line.char_indices().enumerate().skip(skip) {
        if count >= skip + LINE_CELLS {
            to.get_or_insert(safe.len());
            from.get_or_insert(safe.len());
            safe.push_str("...");
            break;
        }
        if index >= start {
            from.get_or_insert(safe.len());
        }
        if index >= end {
            to.get_or_insert(safe.len());
        }
        // A tab would be wider than one column, and the underline would be misplaced.
        if c == '\t' { safe.push(' ') } else { safe.push_str(&printable(c.encode_utf8(&mut [0; 4]))) }
    }
    let from = from.unwrap_or(safe.len());
    (safe.clone(), from..to.unwrap_or(safe.len()).max(from))
}

#[cfg(test)]
mod tests;
