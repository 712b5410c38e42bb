//! Reads the keys of a `.ko.yaml`, each with its line. Keys that ko does not have become notes.

use crate::{
    init::{
        dockerfile::LeftOutNotes,
        yaml::{YamlNode, YamlText, YamlValue},
    },
    report::{ErrorName, Failure, printable},
};

/// Keys that ko reads at the top, in small letters: its reader takes them in any case.
const KEYS: [&str; 7] = [
    "builds",
    "defaultbaseimage",
    "baseimageoverrides",
    "defaultplatforms",
    "defaultenv",
    "defaultflags",
    "defaultldflags",
];

/// The content of a `.ko.yaml`.
#[derive(Debug, Default)]
pub(super) struct KoFile {
    pub(super) builds: Vec<KoBuild>,
    pub(super) base: Option<YamlText>,
    /// Import path, image.
    pub(super) overrides: Vec<(YamlText, YamlText)>,
    pub(super) platforms: Vec<YamlText>,
    /// Defaults for builds without own values.
    pub(super) env: Vec<YamlText>,
    pub(super) flags: Vec<YamlText>,
    pub(super) ldflags: Vec<YamlText>,
}

/// One of `builds`.
#[derive(Debug, Default, Clone)]
pub(super) struct KoBuild {
    pub(super) line: usize,
    pub(super) id: Option<String>,
    pub(super) dir: Option<YamlText>,
    pub(super) main: Option<YamlText>,
    pub(super) env: Vec<YamlText>,
    pub(super) flags: Vec<YamlText>,
    pub(super) ldflags: Vec<YamlText>,
}

/// Whether a file is a `.ko.yaml`, by its name or its keys; anything else is a Dockerfile.
pub(in crate::init) fn is_ko(name: &str, text: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(['#', ' ', '-'])).unwrap_or_default();
    let key = first.split_once(':').map(|(key, _)| key.trim_matches(['"', '\'']).to_ascii_lowercase());
    file.rsplit_once('.').is_some_and(|(_, end)| ["yaml", "yml"].contains(&end))
        || key.is_some_and(|key| KEYS.contains(&key.as_str()))
}

impl KoFile {
    /// Reads the keys of the document; an unknown key becomes a note.
    pub(super) fn read(name: &str, document: YamlNode, notes: &mut LeftOutNotes) -> Result<Self, Failure> {
        let at = |line: usize, what: String| Failure::error(ErrorName::KoYaml, what).in_path(format!("{name}:{line}"));
        let mut file = Self::default();
        let pairs = match document.value {
            YamlValue::Null => Vec::new(),
            YamlValue::Map(pairs) => pairs,
            _ => return Err(at(document.line, "not a `.ko.yaml`: the document is no mapping".into())),
        };
        let known = |key: &YamlText| KEYS.contains(&key.text.to_ascii_lowercase().as_str());
        if let Some((key, _)) = pairs.first().filter(|_| !pairs.iter().any(|(key, _)| known(key))) {
            let what = format!("not a `.ko.yaml`: it has `{}`, and no key that ko reads", printable(&key.text));
            return Err(at(key.line, what).hint("`--from` takes a Dockerfile or a `.ko.yaml`"));
        }
        for (key, node) in pairs {
            match key.text.to_ascii_lowercase().as_str() {
                "builds" => file.builds = builds(node, notes, &at)?,
                "defaultbaseimage" => file.base = parse_text(&key, node, &at)?,
                "baseimageoverrides" => file.overrides = overrides(&key, node, &at)?,
                "defaultplatforms" => file.platforms = parse_list(&key, node, &at)?,
                "defaultenv" => file.env = parse_list(&key, node, &at)?,
                "defaultflags" => file.flags = flags(&key, node, &at)?,
                "defaultldflags" => file.ldflags = parse_list(&key, node, &at)?,
                _ => notes.add(key.line, format!("`{}`: ko has no such key, and a recipe neither", key.text)),
            }
        }
        Ok(file)
    }
}

fn builds(
    node: YamlNode,
    notes: &mut LeftOutNotes,
    at: &impl Fn(usize, String) -> Failure,
) -> Result<Vec<KoBuild>, Failure> {
    let list = match node.value {
        YamlValue::Null => Vec::new(),
        YamlValue::List(list) => list,
        _ => return Err(at(node.line, "`builds` must be a list".into())),
    };
    let mut builds = Vec::new();
    for node in list {
        let YamlValue::Map(pairs) = node.value else { return Err(at(node.line, "a build must be a mapping".into())) };
        let mut build = KoBuild { line: node.line, ..KoBuild::default() };
        for (key, node) in pairs {
            match key.text.to_ascii_lowercase().as_str() {
                "id" => build.id = parse_text(&key, node, at)?.map(|id| id.text),
                "dir" => build.dir = parse_text(&key, node, at)?,
                "main" => build.main = parse_text(&key, node, at)?,
                "env" => build.env = parse_list(&key, node, at)?,
                "flags" => build.flags = flags(&key, node, at)?,
                "ldflags" => build.ldflags = parse_list(&key, node, at)?,
                "linux_capabilities" => {
                    let list: Vec<_> = parse_list(&key, node, at)?.into_iter().map(|text| text.text).collect();
                    let what = format!("`linux_capabilities: {}`: there are no file capabilities", list.join(" "));
                    notes.add(key.line, what);
                }
                _ => notes.add(key.line, format!("`{}`: ko reads no such key of a build", key.text)),
            }
        }
        builds.push(build);
    }
    Ok(builds)
}

/// A string, or `None` for null.
fn parse_text(
    key: &YamlText,
    node: YamlNode,
    at: &impl Fn(usize, String) -> Failure,
) -> Result<Option<YamlText>, Failure> {
    match node.value {
        YamlValue::Null => Ok(None),
        YamlValue::Scalar(text) => Ok(Some(YamlText { line: node.line, text })),
        _ => Err(at(node.line, format!("`{}` must be a string", printable(&key.text)))),
    }
}

/// A list of strings, or one string.
fn parse_list(
    key: &YamlText,
    node: YamlNode,
    at: &impl Fn(usize, String) -> Failure,
) -> Result<Vec<YamlText>, Failure> {
    let nodes = match node.value {
        YamlValue::Null => Vec::new(),
        YamlValue::List(nodes) => nodes,
        YamlValue::Scalar(_) => vec![node],
        YamlValue::Map(_) => {
            return Err(at(node.line, format!("`{}` must be a list of strings", printable(&key.text))));
        }
    };
    let mut texts = Vec::new();
    for node in nodes {
        texts.extend(parse_text(key, node, at)?);
    }
    Ok(texts)
}

/// A list of flags, or one string with all of them.
fn flags(key: &YamlText, node: YamlNode, at: &impl Fn(usize, String) -> Failure) -> Result<Vec<YamlText>, Failure> {
    let is_text = matches!(node.value, YamlValue::Scalar(_));
    let list = parse_list(key, node, at)?;
    let split = |text: &YamlText| -> Vec<YamlText> {
        text.text.split_whitespace().map(|word| YamlText { line: text.line, text: word.to_owned() }).collect()
    };
    Ok(if is_text { list.iter().flat_map(split).collect() } else { list })
}

fn overrides(
    key: &YamlText,
    node: YamlNode,
    at: &impl Fn(usize, String) -> Failure,
) -> Result<Vec<(YamlText, YamlText)>, Failure> {
    let pairs = match node.value {
        YamlValue::Null => Vec::new(),
        YamlValue::Map(pairs) => pairs,
        _ => return Err(at(node.line, format!("`{}` has a key for each import path", printable(&key.text)))),
    };
    let mut overrides = Vec::new();
    for (path, node) in pairs {
        if let Some(image) = parse_text(&path, node, at)? {
            overrides.push((path, image));
        }
    }
    Ok(overrides)
}
