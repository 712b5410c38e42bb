//! A YAML document as a tree with line numbers, as far as `.ko.yaml` needs it.
//!
//! The parser is `saphyr-parser`. Anchors and merge keys are resolved here, within bounds, because the file may come
//! from an attacker.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::report::{ErrorName, Failure, printable};

/// The most nodes of a document, those of resolved aliases included.
const NODES: usize = 20_000;
/// The greatest depth of lists and mappings.
const DEPTH: usize = 64;

/// A value and the line on which it begins, from 1.
#[derive(Debug, Clone)]
pub(super) struct YamlNode {
    pub(super) line: usize,
    pub(super) value: YamlValue,
}

/// The value of a node.
#[derive(Debug, Clone)]
pub(super) enum YamlValue {
    /// Nothing, `~` or `null`.
    Null,
    Scalar(String),
    List(Vec<YamlNode>),
    /// Pairs in the order of the document; keys are unique.
    Map(Vec<(YamlText, YamlNode)>),
}

/// A text and its line.
#[derive(Debug, Clone)]
pub(super) struct YamlText {
    pub(super) line: usize,
    pub(super) text: String,
}

/// A list or mapping while it is parsed.
struct OpenNode {
    line: usize,
    anchor: usize,
    nodes: Vec<YamlNode>,
    is_map: bool,
}

/// Parses `text`, which must be one document; messages call it `name`.
pub(super) fn parse(name: &str, text: &str) -> Result<YamlNode, Failure> {
    // The parser may give a line behind the last one.
    let last = text.split(['\n', '\r']).count();
    let fault =
        |line: usize, what: &str| Failure::error(ErrorName::KoYaml, what).in_path(format!("{name}:{}", line.min(last)));
    let mut anchors: BTreeMap<usize, YamlNode> = BTreeMap::new();
    let (mut open, mut done, mut nodes): (Vec<OpenNode>, Option<YamlNode>, usize) = (Vec::new(), None, 0);
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| fault(error.marker().line(), &format!("invalid YAML: {}", printable(error.info()))))?;
        let line = span.start.line();
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (YamlNode { line, value: scalar(&text, style) }, anchor),
            Event::Alias(anchor) => {
                let node = anchors.get(&anchor).cloned().ok_or_else(|| fault(line, "this alias refers to itself"))?;
                (YamlNode { line, ..node }, 0)
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() >= DEPTH {
                    return Err(fault(line, "the document is nested too deeply"));
                }
                let is_map = matches!(event, Event::MappingStart(..));
                open.push(OpenNode { line, anchor, nodes: Vec::new(), is_map });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(OpenNode { line, anchor, nodes, is_map }) = open.pop() else { continue };
                let value = if is_map { map(nodes, &fault)? } else { YamlValue::List(nodes) };
                (YamlNode { line, value }, anchor)
            }
            _ => continue,
        };
        nodes += count(&node);
        if nodes > NODES {
            return Err(fault(line, "the file has too many values"));
        }
        if anchor > 0 {
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            Some(parent) => parent.nodes.push(node),
            None if done.is_some() => {
                return Err(fault(node.line, "a second document begins here, and only one is read"));
            }
            None => done = Some(node),
        }
    }
    Ok(done.unwrap_or(YamlNode { line: 1, value: YamlValue::Null }))
}

fn scalar(text: &str, style: ScalarStyle) -> YamlValue {
    if style == ScalarStyle::Plain && ["", "~", "null", "Null", "NULL"].contains(&text) {
        return YamlValue::Null;
    }
    YamlValue::Scalar(text.to_owned())
}

/// A mapping of keys and values in turn.
fn map(nodes: Vec<YamlNode>, fault: &impl Fn(usize, &str) -> Failure) -> Result<YamlValue, Failure> {
    let (mut pairs, mut merged) = (Vec::<(YamlText, YamlNode)>::new(), Vec::new());
    let mut nodes = nodes.into_iter();
    while let (Some(key), Some(node)) = (nodes.next(), nodes.next()) {
        let YamlValue::Scalar(text) = key.value else { return Err(fault(key.line, "this key is not a string")) };
        if text == "<<" {
            let sources = if let YamlValue::List(sources) = node.value { sources } else { vec![node] };
            for source in sources {
                let YamlValue::Map(more) = source.value else {
                    return Err(fault(source.line, "`<<` takes a mapping"));
                };
                merged.extend(more);
            }
        } else if pairs.iter().any(|(known, _)| known.text == text) {
            return Err(fault(key.line, &format!("duplicate key `{}`", printable(&text))));
        } else {
            pairs.push((YamlText { line: key.line, text }, node));
        }
    }
    // Own keys win over merged ones, and the first merged mapping over the next.
    for (key, node) in merged {
        if pairs.iter().all(|(known, _)| known.text != key.text) {
            pairs.push((key, node));
        }
    }
    Ok(YamlValue::Map(pairs))
}

/// The node and all below it.
fn count(node: &YamlNode) -> usize {
    1 + match &node.value {
        YamlValue::Null | YamlValue::Scalar(_) => 0,
        YamlValue::List(nodes) => nodes.iter().map(count).sum(),
        YamlValue::Map(pairs) => pairs.iter().map(|(_, node)| 1 + count(node)).sum(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shown(node: &YamlNode) -> String {
        match &node.value {
            YamlValue::Null => "null".into(),
            YamlValue::Scalar(text) => text.clone(),
            YamlValue::List(nodes) => format!("[{}]", nodes.iter().map(shown).collect::<Vec<_>>().join(" ")),
            YamlValue::Map(pairs) => {
                let pairs = pairs.iter().map(|(key, node)| format!("{}@{}={}", key.text, key.line, shown(node)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn anchors_and_merge_keys_are_followed_and_lines_kept() {
        let text = "a: &one\n  x: 1\n  y: [p, 'q r']\nb:\n  <<: *one\n  x: 2\nc: *one\nd:\n";
        let expected = "{a@1={x@2=1 y@3=[p q r]} b@4={x@6=2 y@3=[p q r]} c@7={x@2=1 y@3=[p q r]} d@8=null}";
        assert_eq!(shown(&parse("x", text).unwrap()), expected);
        assert_eq!(shown(&parse("x", "# nothing\n").unwrap()), "null");
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_line() {
        let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, at| {
            format!("{text}a{at}: &a{at} [*a{}, *a{}]\n", at - 1, at - 1)
        });
        for (text, says) in [
            ("a: 1\na: 2\n", "x:2: duplicate key `a`"),
            ("a: 1\n---\nb: 2\n", "x:3: a second document"),
            ("a: [1\nb", "x:2: invalid YAML"),
            ("{\"a\"", "x:1: invalid YAML"),
            ("a: *b\n", "invalid YAML"),
            ("a: &a [*a]\n", "x:1: this alias refers to itself"),
            (&"[".repeat(200), "nested too deeply"),
            (&bomb, "too many values"),
        ] {
            let failure = parse("x", text).unwrap_err().to_string();
            assert!(failure.contains(says), "{text}: {failure}");
        }
    }
}
