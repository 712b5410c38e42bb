//! [`DeploymentText`]: a deployment file with the places of the image references in it.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{ImageReference, text_cursor::TextCursor};
use crate::report::{ErrorName, Failure, Limits, Origin, SourceText, printable, quoted};

/// The mark that may begin a text of UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A deployment file: its text, and the references in it. JSON is read as the YAML that it is.
#[derive(Debug)]
pub struct DeploymentText {
    source: Arc<SourceText>,
    has_mark: bool,
    /// In the order of the text.
    pub references: Vec<PlacedReference>,
    /// Warnings about values and keys that hold a reference and are not replaced.
    pub unreplaced: Vec<Failure>,
}

/// A reference, and the bytes that are it, without quotes.
#[derive(Debug)]
pub struct PlacedReference {
    /// What it refers to.
    pub reference: ImageReference,
    /// Where it is in the text.
    pub origin: Origin,
}

/// A list or mapping around an event: of a mapping, whether a key comes next.
enum OpenCollection {
    List,
    Map { is_key: bool },
}

impl DeploymentText {
    /// Finds the references in the file called `path`: scalars that are one as a whole, plain or in quotes, and no keys.
    ///
    /// # Errors
    /// Not UTF-8, not YAML, or too large.
    pub fn parse(path: &str, bytes: Vec<u8>) -> Result<Self, Failure> {
        let fault = |what: String| Failure::error(ErrorName::Deployment, what);
        if bytes.len() as u64 > Limits::DEPLOYMENT_BYTES {
            let what = format!("the file is larger than {} MiB", Limits::DEPLOYMENT_BYTES >> 20);
            return Err(fault(what).in_path(path));
        }
        let text = String::from_utf8(bytes).map_err(|_| fault("the file is not UTF-8".to_owned()).in_path(path))?;
        let has_mark = text.starts_with(BYTE_ORDER_MARK);
        let text = if has_mark { text.split_at(BYTE_ORDER_MARK.len()).1.to_owned() } else { text };
        let source = Arc::new(SourceText { path: printable(path).into_owned(), text });
        let mut found = Self { source: Arc::clone(&source), has_mark, references: Vec::new(), unreplaced: Vec::new() };
        let (mut cursor, mut open) = (TextCursor::new(&source.text), Vec::new());
        for event in Parser::new_from_str(&source.text) {
            let (event, span) = event.map_err(|error| {
                // The parser may give a line behind the last one.
                let (line, column) = (error.marker().line(), error.marker().col());
                let at = TextCursor::new(&source.text).offset_of(line, column).unwrap_or(source.text.len());
                let (line, column) = Origin::new(&source, at..at).line_column();
                let what = format!("invalid YAML: {}", printable(error.info()));
                fault(what).in_path(format!("{path}:{line}:{column}"))
            })?;
            let is_key = is_key(&mut open, &event);
            if let Event::Scalar(value, style, _, _) = &event
                && ImageReference::is_within(value)
            {
                let at = cursor.offset_of(span.start.line(), span.start.col());
                let at = at.ok_or_else(|| {
                    fault("the YAML parser gave a place outside of the file".to_owned()).in_path(path)
                })?;
                found.add(value, *style, at, is_key)?;
            }
        }
        Ok(found)
    }

    /// Adds a scalar that begins at byte `at` and holds what looks like a reference.
    fn add(&mut self, value: &str, style: ScalarStyle, at: usize, is_key: bool) -> Result<(), Failure> {
        // The parser gives the place of an anchor or a tag, where there is one before the scalar.
        let at = at + properties(self.source.text.get(at..).unwrap_or_default());
        let place = |length: usize| Origin::new(&self.source, at..at + length);
        let reference = match ImageReference::parse(value) {
            _ if is_key => Err("it is a key"),
            _ if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) => Err("it is in a block scalar"),
            None => Err("it is not the whole value"),
            Some(reference) => Ok(reference),
        };
        match reference {
            Err(why) => {
                let what = format!("a reference is not replaced, because {why}: {}", crate::report::shown(value));
                self.unreplaced.push(Failure::warning(what).at(&place(1)));
            }
            Ok(reference) => {
                let rest = self.source.text.get(at..).unwrap_or_default();
                let span = content(rest, value, style).ok_or_else(|| {
                    let what =
                        format!("the place of {} in the file is not the one that the YAML parser gave", quoted(value));
                    Failure::error(ErrorName::Internal, what).at(&place(1))
                })?;
                let origin = Origin::new(&self.source, at + span.start..at + span.end);
                self.references.push(PlacedReference { reference, origin });
            }
        }
        Ok(())
    }

    /// The file with `image_of` in the place of each reference, and every other byte as it was.
    pub fn resolved<'i>(&self, image_of: impl Fn(&ImageReference) -> Option<&'i str>) -> String {
        let text = &self.source.text;
        let mut out = String::with_capacity(text.len() + 128 * self.references.len() + BYTE_ORDER_MARK.len());
        out.push_str(if self.has_mark { BYTE_ORDER_MARK } else { "" });
        let mut done = 0;
        for PlacedReference { reference, origin } in &self.references {
            let Some(image) = image_of(reference) else { continue };
            out.push_str(text.get(done..origin.span.start).unwrap_or_default());
            out.push_str(image);
            done = origin.span.end;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }
}

/// Whether an event is a key of a mapping; keeps track of what is open.
fn is_key(open: &mut Vec<OpenCollection>, event: &Event<'_>) -> bool {
    let is_node =
        matches!(event, Event::Scalar(..) | Event::Alias(_) | Event::SequenceStart(..) | Event::MappingStart(..));
    let mut was_key = false;
    if let (true, Some(OpenCollection::Map { is_key })) = (is_node, open.last_mut()) {
        was_key = *is_key;
        *is_key = !*is_key;
    }
    match event {
        Event::SequenceStart(..) => open.push(OpenCollection::List),
        Event::MappingStart(..) => open.push(OpenCollection::Map { is_key: true }),
        Event::SequenceEnd | Event::MappingEnd => drop(open.pop()),
        _ => {}
    }
    was_key
}

/// The length of the anchor and the tag before a node (YAML 1.2.2, section 6.9), with the blanks, line breaks and comments that
/// follow them.
fn properties(raw: &str) -> usize {
    let mut rest = raw;
    while rest.starts_with(['&', '!']) {
        rest = rest.trim_start_matches(|c: char| !c.is_ascii_whitespace()).trim_start();
        while rest.starts_with('#') {
            rest = rest.trim_start_matches(|c| c != '\n' && c != '\r').trim_start();
        }
    }
    raw.len() - rest.len()
}

/// Where the content of a scalar is in `raw`, which begins with the scalar, quotes included. Checked against `value`, as far as
/// it is written without escapes.
fn content(raw: &str, value: &str, style: ScalarStyle) -> Option<std::ops::Range<usize>> {
    let quote = match style {
        ScalarStyle::Plain => return raw.starts_with(value).then_some(0..value.len()),
        ScalarStyle::SingleQuoted => '\'',
        ScalarStyle::DoubleQuoted => '"',
        ScalarStyle::Literal | ScalarStyle::Folded => return None,
    };
    let inner = raw.strip_prefix(quote)?;
    let end = if inner.starts_with(value) && inner.get(value.len()..)?.starts_with(quote) {
        value.len()
    } else {
        // With escapes, it ends at the first quote that is none.
        let mut chars = inner.char_indices().peekable();
        loop {
            match chars.next()? {
                (_, '\\') if quote == '"' => drop(chars.next()),
                (_, '\'') if quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') => drop(chars.next()),
                (at, c) if c == quote => break at,
                _ => {}
            }
        }
    };
    Some(1..1 + end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> DeploymentText {
        DeploymentText::parse("x.yaml", text.as_bytes().to_vec()).unwrap()
    }

    fn resolved(text: &str) -> String {
        parse(text).resolved(|_| Some("R@sha256:00"))
    }

    #[test]
    fn whole_scalars_are_replaced_and_every_other_byte_stays() {
        for (text, expected) in [
            ("image: hardpan://app\n", "image: R@sha256:00\n"),
            ("image: hardpan://app", "image: R@sha256:00"),
            (
                "\u{feff}image:   'hardpan://app'   # hardpan://app\r\nx: 1\r\n",
                "\u{feff}image:   'R@sha256:00'   # hardpan://app\r\nx: 1\r\n",
            ),
            (
                "# \u{fc}ber \u{65e5}\u{672c}\n- \"ko://a.b/c\"\n- \u{fc}: {i: ko://./x, k: [hardpan://y ]}\n",
                "# \u{fc}ber \u{65e5}\u{672c}\n- \"R@sha256:00\"\n- \u{fc}: {i: R@sha256:00, k: [R@sha256:00 ]}\n",
            ),
            (
                "a: &one hardpan://app\nb: *one\nc: !!str hardpan://app\n---\nd: hardpan://app\n...\n",
                "a: &one R@sha256:00\nb: *one\nc: !!str R@sha256:00\n---\nd: R@sha256:00\n...\n",
            ),
            (
                "{\"image\":\"hardpan:\\/\\/app\",\"b\":\"\\u0068ardpan://x\"}",
                "{\"image\":\"R@sha256:00\",\"b\":\"R@sha256:00\"}",
            ),
            ("a: !t &a # x\n  # y\n  'hardpan://app'\n", "a: !t &a # x\n  # y\n  'R@sha256:00'\n"),
            ("a:\n  hardpan://app\nb: !x 'hardpan://it''s'\n", "a:\n  R@sha256:00\nb: !x 'R@sha256:00'\n"),
            ("a: hardpan://app\rb: hardpan://app\r", "a: R@sha256:00\rb: R@sha256:00\r"),
            ("? hardpan://key\n: hardpan://value\n", "? hardpan://key\n: R@sha256:00\n"),
        ] {
            assert_eq!(resolved(text), expected);
        }
    }

    #[test]
    fn what_holds_a_reference_and_is_not_replaced_is_a_warning() {
        for (text, warning) in [
            (
                "a: --image=hardpan://app\n",
                "x.yaml:1:4: a reference is not replaced, because it is not the whole value: --image=hardpan://app",
            ),
            ("hardpan://app: 1\n", "x.yaml:1:1: a reference is not replaced, because it is a key: hardpan://app"),
            (
                "a: [\"see ko://b\"]\n",
                "x.yaml:1:5: a reference is not replaced, because it is not the whole value: see ko://b",
            ),
        ] {
            let found = parse(text);
            assert_eq!(found.resolved(|_| Some("R")), text);
            assert_eq!(found.unreplaced.iter().map(ToString::to_string).collect::<Vec<_>>(), [warning]);
        }
        let block = parse("a: |\n  hardpan://app\nb: >-\n  ko://x\nc: 1 # hardpan://comment\n");
        assert_eq!(block.unreplaced.len(), 2);
        assert!(block.references.is_empty() && block.unreplaced.iter().all(|one| one.what.contains("block scalar")));
    }

    #[test]
    fn what_is_no_yaml_is_refused_at_its_place() {
        let said = |bytes: &[u8]| DeploymentText::parse("x.yaml", bytes.to_vec()).unwrap_err().to_string();
        assert!(said(b"a: 1\nb: ]\n").starts_with("x.yaml:2:4: invalid YAML: "), "{}", said(b"a: 1\nb: ]\n"));
        assert!(said(b"{\"kind\"").starts_with("x.yaml:1:8: invalid YAML: "), "a line of the file");
        assert_eq!(said(b"a: \xff\n"), "x.yaml: the file is not UTF-8");
        assert_eq!(said(&vec![b' '; 5 << 20]), "x.yaml: the file is larger than 4 MiB");
    }

    proptest! {
        /// Whatever stands around a value: what the parser reads afterwards differs in that value alone.
        #[test]
        fn a_value_in_any_surroundings_is_found_where_it_is(
            before in "(# [a-z\u{e4}\u{65e5} ]{0,12}\r?\n|[a-z]{1,5}: [a-z\u{e4}0-9]{1,8}( # \u{65e5}{1,9})?\r?\n|b[0-9]{1,6}: \"\u{1f600}\u{e9}\\\\n\"\n){0,6}",
            style in 0..3_usize,
            after in "( # hardpan://x \u{e4})?",
        ) {
            // Keys may come again, which this reader leaves to the cluster.
            let quote = ["", "'", "\""][style];
            let text = format!("{before}image: {quote}hardpan://app{quote}{after}\n");
            if let Ok(found) = DeploymentText::parse("x", text.clone().into_bytes()) {
                prop_assert_eq!(found.references.len(), 1, "{}", text);
                prop_assert_eq!(found.resolved(|_| Some("R")), format!("{before}image: {quote}R{quote}{after}\n"));
            } else {
                prop_assert!(false, "{}", text);
            }
        }
    }
}
