//! [`XmlDocument`]: finds secrets in the elements and attributes of XML.

use super::{
    assignment::{self, Demand},
    connection,
    exposed::Exposed,
    line_document::text_of,
    scan_result::{SecretUnreadReason, Unread},
};
use crate::report::{Limits, Severity};

/// Reads XML as a stream, of any length.
#[derive(Debug)]
pub(super) struct XmlDocument {
    detector: &'static str,
    demand: Demand,
    severity: Severity,
    /// The tag or the text that is being read, at most [`Limits::SECRET_TOKEN_BYTES`].
    held: Vec<u8>,
    is_tag: bool,
    is_cut: bool,
    /// Where it begins, and its line.
    start: (u64, u64),
    /// Bytes that have come, and their last line.
    taken: u64,
    line: u64,
    /// The element whose text comes next.
    element: String,
}

impl XmlDocument {
    /// For a document whose settings are reported so.
    pub(super) fn new(detector: &'static str, demand: Demand, severity: Severity) -> Self {
        Self {
            detector,
            demand,
            severity,
            held: Vec::new(),
            is_tag: false,
            is_cut: false,
            start: (0, 1),
            taken: 0,
            line: 1,
            element: String::new(),
        }
    }

    /// Reads the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], unread: &mut Unread, see: &mut dyn FnMut(Exposed)) {
        let mut rest = bytes;
        loop {
            let end = memchr::memchr(if self.is_tag { b'>' } else { b'<' }, rest);
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            let room = Limits::SECRET_TOKEN_BYTES.saturating_sub(self.held.len()).min(part.len());
            self.is_cut |= room < part.len();
            self.held.extend_from_slice(part.get(..room).unwrap_or_default());
            self.taken += part.len() as u64;
            self.line += memchr::memchr_iter(b'\n', part).count() as u64;
            let Some(after) = after.get(1..) else { return };
            self.taken += 1;
            rest = after;
            let is_comment = self.is_tag && self.held.starts_with(b"!--");
            // A comment ends at `-->`, and a sign in it ends nothing.
            if is_comment && !self.held.ends_with(b"--") && self.held.len() < Limits::SECRET_TOKEN_BYTES {
                self.held.push(b'>');
                continue;
            }
            if self.is_cut && self.is_tag && !is_comment {
                unread.note(SecretUnreadReason::LongLine, self.start.0);
            }
            let held = std::mem::take(&mut self.held);
            if self.is_tag {
                self.tag(&held, see);
            } else {
                self.text(&held, see);
            }
            self.held = held;
            self.held.clear();
            (self.is_tag, self.is_cut, self.start) = (!self.is_tag, false, (self.taken, self.line));
        }
    }

    /// Reads what stands between `<` and `>`.
    fn tag(&mut self, tag: &[u8], see: &mut dyn FnMut(Exposed)) {
        self.element.clear();
        if matches!(tag.first(), None | Some(b'/' | b'!' | b'?')) {
            return;
        }
        let text = text_of(tag);
        let (name, rest) = text.split_once(|c: char| c.is_whitespace()).unwrap_or((&text, ""));
        self.element.extend(name.trim_end_matches('/').chars().take(Limits::SECRET_NAME_BYTES));
        let (mut key, mut pair) = (None, None);
        let mut rest = rest;
        while let Some((name, after)) = rest.split_once('=') {
            let name = name.trim();
            let after = after.trim_start();
            let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
            let Some((value, after)) = after.get(1..).and_then(|after| after.split_once(quote)) else { break };
            rest = after;
            match name {
                "key" | "name" => key = Some(value),
                "value" | "connectionString" => pair = Some(value),
                _ => self.judge(name, value, tag, &text, see),
            }
        }
        if let Some(value) = pair {
            self.judge(key.unwrap_or_default(), value, tag, &text, see);
        }
    }

    fn text(&mut self, bytes: &[u8], see: &mut dyn FnMut(Exposed)) {
        if self.element.is_empty() {
            return;
        }
        let text = text_of(bytes);
        let element = std::mem::take(&mut self.element);
        let value = text.trim();
        if !value.is_empty() {
            self.judge(&element, value, bytes, &text, see);
        }
    }

    /// Reports `value`, a part of `text`, if it is a secret. `bytes` are the text as it is written.
    fn judge(&self, name: &str, value: &str, bytes: &[u8], text: &str, see: &mut dyn FnMut(Exposed)) {
        let (detector, severity, value) = if assignment::is_secret(name, value, self.demand) {
            (self.detector, self.severity, value)
        } else if let Some(password) = connection::password(value) {
            ("connection-string", Severity::High, password)
        } else {
            return;
        };
        let at = value.as_ptr().addr().saturating_sub(text.as_ptr().addr()).min(text.len());
        let raw = bytes.get(at..at + value.len()).unwrap_or(value.as_bytes());
        let line = self.start.1 + memchr::memchr_iter(b'\n', bytes.get(..at).unwrap_or_default()).count() as u64;
        see(Exposed::new(detector, severity, name, raw).at(self.start.0 + at as u64, line));
    }
}
