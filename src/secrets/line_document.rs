//! [`LineDocument`]: finds secrets in files of credentials and settings that have a meaning line by line.

use std::{borrow::Cow, iter};

use super::{
    assignment::{self, Demand},
    command, connection,
    exposed::Exposed,
    line_splitter::{LineSplitter, StreamLine},
    placeholder,
    scan_result::{SecretUnreadReason, Unread},
};
use crate::report::Severity;

/// How the lines of a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFormat {
    /// Names and values. The detector's name, what a value must show, and what one weighs.
    Settings(&'static str, Demand, Severity),
    /// `machine HOST login USER password VALUE`, in any lines.
    Netrc,
    /// `host:port:database:user:password`.
    Pgpass,
    /// `user:hash:..`, of that detector and weight.
    Hashes(&'static str, Severity),
    /// A configuration of git, of which only headers with a login are read here.
    GitConfig,
    /// Commands of a shell.
    Script,
}

/// Reads a file line by line, of any length.
#[derive(Debug)]
pub(super) struct LineDocument {
    format: LineFormat,
    splitter: LineSplitter,
    state: LineState,
}

/// What one line leaves for the next.
#[derive(Debug, Default)]
struct LineState {
    /// The name of a `name: X`, whose `value: Y` may follow.
    pair: Option<String>,
    /// Whether the last word was `password`, in a netrc.
    is_password_next: bool,
}

impl LineDocument {
    /// For a file of that format.
    pub(super) fn new(format: LineFormat) -> Self {
        Self { format, splitter: LineSplitter::new(), state: LineState::default() }
    }

    /// Reads the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], unread: &mut Unread, see: &mut dyn FnMut(Exposed)) {
        let Self { format, splitter, state } = self;
        splitter.push(bytes, |line| read_line(*format, state, line, unread, see));
    }

    /// Reads the last line.
    pub(super) fn finish(mut self, unread: &mut Unread, see: &mut dyn FnMut(Exposed)) {
        let Self { format, splitter, state } = &mut self;
        splitter.finish(|line| read_line(*format, state, line, unread, see));
    }
}

/// Reads one line.
fn read_line(
    format: LineFormat,
    state: &mut LineState,
    line: StreamLine<'_>,
    unread: &mut Unread,
    see: &mut dyn FnMut(Exposed),
) {
    if line.is_cut {
        unread.note(SecretUnreadReason::LongLine, line.offset);
    }
    let text = text_of(line.bytes);
    let text = text.as_ref();
    // A part of the text is found again in the bytes: two secrets that differ in bytes outside of UTF-8 alone are two.
    let mut found = |detector, severity, name: &str, value: &str| {
        let at = offset_in(text, value);
        let raw = line.bytes.get(at..at + value.len()).unwrap_or(value.as_bytes());
        see(Exposed::new(detector, severity, name, raw).at(line.offset + at as u64, line.number));
    };
    match format {
        LineFormat::Settings(detector, demand, severity) => {
            if let Some((name, value)) = setting(text, detector, demand, state) {
                found(detector, severity, &name, value);
            } else if let Some((name, value)) = assignment::of_line(text)
                && let Some(password) = connection::password(value)
            {
                found("connection-string", Severity::High, name, password);
            }
        }
        LineFormat::Netrc => netrc(text, state, |value| found("netrc", Severity::High, "password", value)),
        LineFormat::Script => script(text, &mut |name, value, at| {
            see(Exposed::new("script-secret", Severity::High, name, value).at(line.offset + at as u64, line.number));
        }),
        LineFormat::Pgpass | LineFormat::Hashes(..) | LineFormat::GitConfig if text.starts_with('#') => {}
        LineFormat::Pgpass => {
            if let Some(value) = pgpass(text) {
                found("pgpass", Severity::High, "", value);
            }
        }
        LineFormat::Hashes(detector, severity) => {
            if let Some(value) = hash(text) {
                found(detector, severity, "", value);
            }
        }
        LineFormat::GitConfig => {
            if let Some(value) = git_header(text) {
                found("git-header", Severity::High, "", value);
            }
        }
    }
}

/// The bytes of a line as a text of the same length, so that a place in the text is the place in the file. Each byte that is
/// no UTF-8 is a DEL in it: no part of a name, a number or base64.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(iter::repeat_n('\u{7f}', chunk.invalid().len()));
    }
    Cow::Owned(text)
}

/// Where `part` begins in `text`, of which it is a slice.
fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr()).min(text.len())
}

/// The name and the value of the secret that a line sets.
fn setting<'a>(
    line: &'a str,
    detector: &str,
    demand: Demand,
    state: &mut LineState,
) -> Option<(Cow<'a, str>, &'a str)> {
    // npm writes `//host/:_authToken=value`.
    let line = line.strip_prefix("//").and_then(|rest| rest.split_once(":_")).map_or(line, |(_, rest)| rest);
    let before = state.pair.take();
    let (name, value) = assignment::of_line(line)?;
    let is_real = || !placeholder::is_placeholder(value);
    let is_special = match detector {
        "npmrc" => matches!(name, "auth" | "_auth") && value.len() >= 8 && is_real(),
        // The name is a host: `BUNDLE_GEMS__EXAMPLE__COM: "user:value"`.
        "bundle-config" => {
            name.starts_with("BUNDLE_")
                && name.contains("__")
                && value.len() >= 8
                && !value.contains("://")
                && is_real()
        }
        _ => false,
    };
    if is_special || assignment::is_secret(name, value, demand) {
        return Some((Cow::Borrowed(name), value));
    }
    // The variables of a container in YAML have two lines each.
    match name {
        "name" | "key" => state.pair = Some(value.chars().take(128).collect()),
        "value" => {
            let name = before?;
            return assignment::is_secret(&name, value, demand).then_some((Cow::Owned(name), value));
        }
        _ => {}
    }
    None
}

/// The passwords of a netrc, of which words may be on lines of their own.
fn netrc(line: &str, state: &mut LineState, mut found: impl FnMut(&str)) {
    for word in line.split_ascii_whitespace() {
        if std::mem::take(&mut state.is_password_next) {
            if !placeholder::is_placeholder(word) {
                found(word);
            }
        } else {
            state.is_password_next = word == "password";
        }
    }
}

/// Calls `found` with the name, the value and the place of each secret of a line of a script.
fn script(line: &str, found: &mut impl FnMut(&str, &[u8], usize)) {
    /// Bytes of a word in which its value is looked for, so that no line is read again and again.
    const NEAR: usize = 1024;
    if line.trim_start().starts_with('#') || !command::may_command(line) {
        return;
    }
    let words = command::split(line);
    command::each_secret(&words, Demand::Chosen, &mut |secret| {
        // The place of the word, where a quote or a backslash parts the value.
        let (value, rest) = (secret.value.as_bytes(), line.as_bytes().get(secret.at..).unwrap_or_default());
        let near = rest.get(..value.len() + NEAR).unwrap_or(rest);
        found(secret.name, value, secret.at + memchr::memmem::find(near, value).unwrap_or(0));
    });
}

/// `host:port:database:user:password`.
fn pgpass(line: &str) -> Option<&str> {
    let value = line.splitn(5, ':').nth(4)?;
    (!value.is_empty() && !placeholder::is_placeholder(value)).then_some(value)
}

/// `user:hash:..`, where the hash is one: crypt's `$id$..`, or `{SHA}..` of htpasswd.
pub(super) fn hash(line: &str) -> Option<&str> {
    let value = line.split(':').nth(1)?;
    let is_crypt = value.starts_with('$') && value.matches('$').count() >= 3 || value.starts_with("{SHA}");
    (is_crypt && value.len() > 20).then_some(value)
}

/// `extraheader = AUTHORIZATION: basic VALUE`.
fn git_header(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    let header = name.trim().eq_ignore_ascii_case("extraheader");
    let secret = value.split_ascii_whitespace().last()?;
    let is_real = secret.len() >= 8 && !placeholder::is_placeholder(secret);
    (header && value.to_ascii_lowercase().contains("authorization:") && is_real).then_some(secret)
}
