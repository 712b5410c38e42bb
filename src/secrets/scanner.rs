//! [`SecretScanner`]: searches one file for secrets, as a stream.

use std::cell::OnceCell;

use super::{
    detector::Detector,
    document::{self, Exposed},
    found_secret::{FoundSecret, KeywordWindow},
    harmless,
    hit::{Hits, SecretFingerprint, SecretHit, mask},
    keys,
    keywords::Keywords,
    kind::{ContentKind, Narrow},
    location::Location,
    names::Format,
};
use crate::report::{Limits, Rule, Severity};

/// Looks for secrets in one file, given in chunks of any size; the sizes change nothing.
#[derive(Debug)]
pub struct SecretScanner {
    /// How the path changes the severity of a secret; computed when something is found.
    location: OnceCell<Location>,
    format: Option<Format>,
    path: String,
    /// Whether nothing but private keys is looked for.
    only_keys: bool,
    /// `None` until enough bytes have come to tell.
    kind: Option<ContentKind>,
    /// The first bytes, until the kind is known.
    sniffed: Vec<u8>,
    narrow: Option<Narrow>,
    /// The buffered part of the stream, always with [`Limits::SECRET_BEHIND`] bytes before `next`.
    window: Vec<u8>,
    /// The offset in the stream of the window's first byte.
    start: u64,
    /// The first place in the window where a keyword has not been looked for.
    next: usize,
    /// The whole text, as long as it is small enough to be read as a document or a DER key.
    whole: Option<Vec<u8>>,
    hits: Hits,
    work: u64,
}

impl SecretScanner {
    /// For the file at `path`, absolute or not, that holds bytes of that kind.
    pub fn new(kind: ContentKind, path: &str) -> Self {
        let mut scanner = Self::sniffing(path);
        scanner.decide(kind);
        scanner
    }

    /// Whether there can be anything in a text without a path: most have no keyword, and are neither a document nor a key
    /// as a whole. Sooner asked than a scanner is made.
    pub(super) fn may_hold(text: &str) -> bool {
        let bytes = text.as_bytes();
        matches!(bytes.first(), Some(0x30 | b'{')) || Keywords::get(false).any(bytes)
    }

    /// For the file at `path`; the first bytes tell what it holds.
    pub fn sniffing(path: &str) -> Self {
        Self {
            location: OnceCell::new(),
            format: Format::of(path),
            path: path.to_owned(),
            only_keys: false,
            kind: None,
            sniffed: Vec::new(),
            narrow: None,
            window: Vec::new(),
            start: 0,
            next: 0,
            whole: Some(Vec::new()),
            hits: Hits::default(),
            work: 0,
        }
    }

    /// For private keys alone, in a file without a path; the first bytes tell what it holds.
    pub(super) fn for_keys() -> Self {
        Self { only_keys: true, ..Self::sniffing("") }
    }

    /// Whether something was found so far.
    pub(super) fn has_hits(&self) -> bool {
        self.hits.any(|_| true)
    }

    /// Looks at the next bytes.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.kind.is_some() {
            self.feed(chunk);
            return;
        }
        let (head, rest) = chunk.split_at(chunk.len().min(Limits::SNIFF_BYTES - self.sniffed.len()));
        self.sniffed.extend_from_slice(head);
        if self.sniffed.len() == Limits::SNIFF_BYTES {
            self.sniff();
            self.feed(rest);
        }
    }

    /// All hits, by offset: at most [`Limits::SECRETS_PER_FILE`].
    pub fn finish(self) -> Vec<SecretHit> {
        self.finish_counting().0
    }

    /// All hits, and the steps that the search took.
    pub(super) fn finish_counting(mut self) -> (Vec<SecretHit>, u64) {
        if self.kind.is_none() {
            self.sniff();
        }
        self.search_window(true);
        self.read_whole();
        (self.hits.sorted(), self.work)
    }

    fn is_binary(&self) -> bool {
        self.kind == Some(ContentKind::Binary)
    }

    fn decide(&mut self, kind: ContentKind) {
        self.kind = Some(kind);
        self.narrow = Narrow::of(kind);
    }

    fn sniff(&mut self) {
        let head = std::mem::take(&mut self.sniffed);
        self.decide(ContentKind::of(&self.path, &head));
        self.feed(&head);
    }

    fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(Limits::SECRET_BLOCK) {
            match &mut self.narrow {
                Some(narrow) => {
                    let mut plain = Vec::with_capacity(piece.len() / 2 + 1);
                    narrow.push(piece, &mut plain);
                    self.take(&plain);
                }
                None => self.take(piece),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.keep(bytes);
        self.window.extend_from_slice(bytes);
        if self.window.len() >= self.next + Limits::SECRET_BLOCK + Limits::SECRET_AHEAD {
            self.search_window(false);
        }
    }

    /// Keeps the whole of a small file, where that can be of use.
    fn keep(&mut self, bytes: &[u8]) {
        let is_binary = self.is_binary();
        let may_be_document = !is_binary && !self.only_keys;
        let Some(whole) = &mut self.whole else { return };
        let most = if is_binary { Limits::DER_KEY_BYTES } else { Limits::SECRET_DOCUMENT_BYTES };
        let first = whole.first().or(bytes.first()).copied();
        let is_of_use = first == Some(0x30) || (may_be_document && (self.format.is_some() || first == Some(b'{')));
        if is_of_use && whole.len() + bytes.len() <= most {
            whole.extend_from_slice(bytes);
        } else if first.is_some() {
            self.whole = None;
        }
    }

    /// Searches for keywords in the part of the stream whose windows are complete; at the end in all that is left.
    fn search_window(&mut self, is_last: bool) {
        let margin = if is_last { 0 } else { Limits::SECRET_AHEAD };
        let to = self.window.len().saturating_sub(margin);
        let is_binary = self.is_binary();
        let (window, hits, work) = (&self.window, &mut self.hits, &mut self.work);
        let place = HitPlace {
            path: &self.path,
            location: &self.location,
            start: self.start,
            kind: self.kind.unwrap_or(ContentKind::Binary),
        };
        let keywords = if self.only_keys { Keywords::of_keys() } else { Keywords::get(is_binary) };
        keywords.each(window, self.next, to, |at, detector| {
            let from = at.saturating_sub(Limits::SECRET_BEHIND);
            let end = window.len().min(at + Limits::SECRET_AHEAD);
            let Some(bytes) = window.get(from..end) else { return };
            if let Some(found) = detector.find(KeywordWindow { bytes, keyword: at - from }, is_binary, work) {
                hits.extend(place.hit(detector, &found, from));
            }
        });
        self.next = self.next.max(to);
        let surplus = self.next.saturating_sub(Limits::SECRET_BEHIND);
        self.window.drain(..surplus);
        self.next -= surplus;
        self.start += surplus as u64;
    }

    /// Reads a small file as the document or the key that it may be.
    fn read_whole(&mut self) {
        let Some(whole) = self.whole.take().filter(|whole| !whole.is_empty()) else { return };
        let kind = self.kind.unwrap_or(ContentKind::Binary);
        let place = HitPlace { path: &self.path, location: &self.location, start: 0, kind };
        self.work += whole.len() as u64;
        if keys::is_der_key(&whole) {
            self.hits.add(SecretHit {
                rule: Rule::PrivateKey,
                detector: "private-key",
                severity: place.location().weigh(Severity::Critical, false),
                offset: 0,
                masked: mask(&whole),
                fingerprint: SecretFingerprint::of(&whole),
            });
        }
        if self.is_binary() || self.only_keys {
            return;
        }
        let text = document::text_of(&whole);
        for exposed in document::read(self.format, place.location(), &text) {
            let at = exposed.offset..exposed.offset + exposed.value.len();
            // Two secrets that differ in bytes outside of UTF-8 alone are two.
            let raw = whole.get(at.clone()).filter(|_| text.get(at) == Some(&exposed.value));
            self.hits.extend(place.exposed(&exposed, raw.unwrap_or(exposed.value.as_bytes())));
        }
    }
}

/// Where hits of a stream are.
#[derive(Debug, Clone, Copy)]
struct HitPlace<'a> {
    path: &'a str,
    location: &'a OnceCell<Location>,
    /// The offset of the window.
    start: u64,
    kind: ContentKind,
}

impl HitPlace<'_> {
    fn location(self) -> Location {
        *self.location.get_or_init(|| Location::of(self.path))
    }

    /// The hit for what `detector` found in the window that begins at `from`, unless it is known to be harmless.
    fn hit(self, detector: &Detector, found: &FoundSecret<'_>, from: usize) -> Option<SecretHit> {
        if harmless::is_harmless(&found.value) {
            return None;
        }
        let severity =
            self.location().weigh(found.severity.unwrap_or(detector.severity), self.kind == ContentKind::Binary);
        let severity = if self.kind == ContentKind::Binary { severity.min(Severity::Medium) } else { severity };
        // A login in base64 has a password in it.
        let is_chosen = detector.rule == Rule::CredentialFile || found.name.is_some();
        let masked = if is_chosen { mask(b"") } else { mask(&found.value) };
        Some(SecretHit {
            rule: detector.rule,
            detector: found.name.unwrap_or(detector.name),
            severity,
            offset: self.offset(self.start + (from + found.at.start) as u64),
            masked,
            fingerprint: SecretFingerprint::of(&found.value),
        })
    }

    /// The hit for a value that a document exposes; `value` is how it stands in the file.
    fn exposed(self, exposed: &Exposed, value: &[u8]) -> Option<SecretHit> {
        (!harmless::is_harmless(value)).then(|| SecretHit {
            rule: exposed.rule,
            detector: exposed.detector,
            severity: self.location().weigh(exposed.severity, false),
            offset: self.offset(exposed.offset as u64),
            masked: exposed.masked(),
            fingerprint: SecretFingerprint::of(exposed.identity.as_deref().unwrap_or(value)),
        })
    }

    /// The offset in the file of a place in the text made of it.
    fn offset(self, narrow: u64) -> u64 {
        match self.kind {
            ContentKind::Utf16Le | ContentKind::Utf16Be => narrow * 2,
            ContentKind::Text | ContentKind::Binary => narrow,
        }
    }
}
