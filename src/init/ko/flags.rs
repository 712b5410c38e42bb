//! Translates `flags`, `ldflags` and `env` of a ko build into keys of a `[[binary]]`. A setting without a counterpart
//! becomes a note.

use std::collections::BTreeMap;

use super::{
    ko_file::KoBuild,
    ko_templates::{KoTemplates, accepted},
};
use crate::init::{
    dockerfile::LeftOutNotes,
    draft::DraftProgram,
    toml_text::{self, braces, texts},
    yaml::YamlText,
};

/// Flags of `go build` whose value may be the next word (`go help build`).
const WITH_VALUE: [&str; 16] = [
    "C",
    "asmflags",
    "buildmode",
    "buildvcs",
    "compiler",
    "covermode",
    "coverpkg",
    "gccgoflags",
    "gcflags",
    "installsuffix",
    "ldflags",
    "mod",
    "modfile",
    "o",
    "p",
    "pgo",
];
/// Flags that hardpan sets itself, or that do not change the program.
const WITHOUT_EFFECT: [&str; 8] = ["trimpath", "v", "x", "a", "p", "work", "json", "n"];

/// Adds the settings of a build to the table of its program.
pub(super) fn take(
    build: &KoBuild,
    program: &mut DraftProgram,
    templates: &mut KoTemplates<'_>,
    notes: &mut LeftOutNotes,
) {
    let mut env = BTreeMap::new();
    let mut flags = build.flags.clone();
    for text in &build.env {
        let Some((name, value)) = text.text.split_once('=') else {
            notes.add(text.line, format!("`{}`: a variable is written as `NAME=value`", text.text));
            continue;
        };
        env.insert(name.to_owned(), value.to_owned());
        match (name, value) {
            // The default of hardpan.
            ("CGO_ENABLED", "0" | "") => {}
            ("CGO_ENABLED", "1") => program.cgo = true,
            ("CGO_ENABLED", _) => {
                notes.add(
                    text.line,
                    format!("`{}`: Go knows `0` and `1`; the program is compiled without cgo", text.text),
                );
            }
            _ if value.contains("{{") => {
                notes.add(text.line, format!("`{}`: a template is translated in `ldflags` only", text.text));
            }
            ("GOFLAGS", flags_of_env) => {
                let words = flags_of_env.split_whitespace();
                flags.extend(words.map(|word| YamlText { line: text.line, text: word.to_owned() }));
            }
            ("GOOS" | "GOARCH", _) => notes.add(text.line, format!("`{}`: `platforms` says it", text.text)),
            ("GOAMD64", level) => {
                let what = format!("`GOAMD64={level}`: the platform says it, as `linux/amd64/{level}`");
                notes.add(text.line, what);
            }
            ("GOWORK", "off") => program.work = None,
            ("GOWORK", _) => notes.add(text.line, format!("`{}`: the `go.work` of the project counts", text.text)),
            _ => {
                let value = braces(value);
                match accepted(&format!("env = {{ {name} = {} }}", toml_text::text(&value)), templates.vars) {
                    Ok(()) => {
                        program.env.insert(name.to_owned(), value);
                    }
                    Err(why) => notes.add(text.line, format!("`{}`: {why}", text.text)),
                }
            }
        }
    }
    let mut ldflags = build.ldflags.clone();
    let before = ldflags.len();
    go_flags(&flags, &env, program, &mut ldflags, templates, notes);
    let of_flags = ldflags.split_off(before);
    if build.ldflags.is_empty() {
        linker(&of_flags, &env, program, templates, notes);
    } else {
        for text in of_flags {
            notes.add(text.line, format!("`-ldflags={}`: the build's own `ldflags` take its place", text.text));
        }
        linker(&ldflags, &env, program, templates, notes);
    }
}

/// Translates `flags`, and those of `GOFLAGS`.
fn go_flags(
    flags: &[YamlText],
    env: &BTreeMap<String, String>,
    program: &mut DraftProgram,
    ldflags: &mut Vec<YamlText>,
    templates: &mut KoTemplates<'_>,
    notes: &mut LeftOutNotes,
) {
    let mut flags = flags.iter().peekable();
    while let Some(YamlText { line, text }) = flags.next() {
        let mut text = text.clone();
        let bare = text.trim_start_matches('-').to_owned();
        if !bare.contains('=') && (WITH_VALUE.contains(&bare.as_str()) || bare == "tags") {
            // The value may be the next entry.
            if let Some(value) = flags.next_if(|next| !next.text.starts_with('-') || bare == "ldflags") {
                text = format!("-{bare}={}", value.text);
            }
        }
        let bare = text.trim_start_matches('-').to_owned();
        let (name, value) = bare.split_once('=').unwrap_or((&bare, ""));
        if name == "ldflags" {
            ldflags.push(YamlText { line: *line, text: value.to_owned() });
            continue;
        }
        let plain = match text.contains("{{").then(|| literal(&text, env)) {
            None => text.clone(),
            Some(Ok(plain)) => plain,
            Some(Err(why)) => {
                notes.add(*line, format!("`{text}`: {why}"));
                continue;
            }
        };
        let value = plain.split_once('=').map_or("", |(_, value)| value);
        match name {
            "tags" => {
                let tags = value.trim_matches(['"', '\'']).split([',', ' ']).filter(|tag| !tag.is_empty());
                for tag in tags {
                    match accepted(&format!("tags = {}", texts(&[tag])), templates.vars) {
                        Ok(()) => program.tags.push(tag.to_owned()),
                        Err(why) => notes.add(*line, format!("`-tags={tag}`: {why}")),
                    }
                }
            }
            "buildvcs" if value == "false" => {}
            "buildvcs" => notes.add(*line, format!("`{text}`: `vcs = true` in the table stamps the revision")),
            "race" | "msan" | "asan" => {
                notes.add(*line, format!("`{text}`: it is for tests, and a static program cannot have it"));
            }
            _ if WITHOUT_EFFECT.contains(&name) => {}
            _ => match accepted(&format!("flags = {}", texts(&[&plain])), templates.vars) {
                Ok(()) => program.flags.push(plain),
                Err(why) => notes.add(*line, format!("`{text}`: {why}")),
            },
        }
    }
}

/// Replaces templates whose values are known; variables of the recipe are for `ldflags` only.
fn literal(text: &str, env: &BTreeMap<String, String>) -> Result<String, String> {
    let mut plain = text.to_owned();
    for (name, value) in env {
        for template in [format!("{{{{.Env.{name}}}}}"), format!("{{{{ .Env.{name} }}}}")] {
            plain = plain.replace(&template, value);
        }
    }
    if plain.contains("{{") { Err("a template is translated in `ldflags` only".into()) } else { Ok(plain) }
}

/// Translates the linker's flags: `-X` is taken over, `-s`, `-w` and a static link are the default.
fn linker(
    ldflags: &[YamlText],
    env: &BTreeMap<String, String>,
    program: &mut DraftProgram,
    templates: &mut KoTemplates<'_>,
    notes: &mut LeftOutNotes,
) {
    let mut words = Vec::new();
    for YamlText { line, text } in ldflags {
        for word in split(text) {
            if word.starts_with("{{") {
                notes.add(*line, format!("`{word}`: these flags come from outside, and are not known here"));
            } else {
                words.push((*line, word));
            }
        }
    }
    let mut words = words.into_iter().peekable();
    while let Some((line, word)) = words.next() {
        let bare = word.trim_start_matches('-');
        let (name, mut value) =
            bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value.to_owned())));
        let is_flag = word.starts_with('-');
        if is_flag && value.is_none() && ["s", "w"].contains(&name) {
            continue;
        }
        if is_flag && value.is_none() {
            // The value of `-extldflags` begins with a dash itself.
            let next = words.next_if(|(_, next)| ["X", "extldflags"].contains(&name) || !next.starts_with('-'));
            value = next.map(|(_, next)| next);
        }
        let whole = value.as_ref().map_or_else(|| word.clone(), |value| format!("-{name} {value}"));
        if name == "extldflags" && value.as_deref() == Some("-static") {
            continue;
        }
        let flag = flag(&word, name, value.as_deref(), env, templates);
        for note in templates.notes.drain(..) {
            notes.add(line, note);
        }
        let taken = flag.and_then(|flag| {
            accepted(&format!("ldflags = {}", texts(&[&flag])), templates.vars)?;
            Ok(flag)
        });
        match taken {
            Ok(flag) => program.ldflags.push(flag),
            Err(why) => notes.add(line, format!("`{whole}`: {why}")),
        }
    }
}

/// One flag of the linker, its templates translated.
fn flag(
    word: &str,
    name: &str,
    value: Option<&str>,
    env: &BTreeMap<String, String>,
    templates: &mut KoTemplates<'_>,
) -> Result<String, String> {
    let Some(value) = value else { return templates.translate(word, env) };
    let value = templates.translate(value, env)?;
    let value = quoted(&value).ok_or("its quotes cannot be written in one flag")?;
    Ok(format!("-{name} {value}"))
}

/// Quotes a value as Go's splitter expects it: where it has white space or quotes.
fn quoted(value: &str) -> Option<String> {
    let needs = value.is_empty() || value.contains(char::is_whitespace) || value.contains(['"', '\'']);
    match (needs, value.contains('\''), value.contains('"')) {
        (false, ..) => Some(value.to_owned()),
        (_, false, _) => Some(format!("'{value}'")),
        (_, _, false) => Some(format!("\"{value}\"")),
        _ => None,
    }
}

/// Splits a text as Go splits flags: at white space, with quoted words. A template is part of its word.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '"' | '\'') {
            let inner = rest.get(1..).unwrap_or_default();
            let (word, after) = inner.split_once(first).unwrap_or((inner, ""));
            words.push(word.to_owned());
            rest = after.trim_start();
            continue;
        }
        let mut end = 0;
        while let Some(c) = rest.get(end..).and_then(|left| left.chars().next()).filter(|c| !c.is_whitespace()) {
            let left = rest.get(end..).unwrap_or_default();
            let template = left.starts_with("{{").then(|| left.find("}}")).flatten();
            end += template.map_or(c.len_utf8(), |close| close + 2);
        }
        words.push(rest.get(..end).unwrap_or_default().to_owned());
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_at_white_space_outside_of_quotes_and_templates() {
        assert_eq!(split(" -s -w\t-X a.b={{ .Env.V }}-x "), ["-s", "-w", "-X", "a.b={{ .Env.V }}-x"]);
        assert_eq!(split("-X 'a.b=c d' -X=a.b='c"), ["-X", "a.b=c d", "-X=a.b='c"]);
        assert_eq!(split("{{ if .X }} {{open"), ["{{ if .X }}", "{{open"]);
        assert!(split(" ").is_empty());
    }
}
