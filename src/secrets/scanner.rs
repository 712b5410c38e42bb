//! [`SecretScanner`]: searches one file for secrets, as a stream.

use std::cell::OnceCell;

use super::{
    detector::Detector,
    document::Document,
    encoded_words::EncodedWords,
    exposed::Exposed,
    found_secret::{FoundSecret, KeywordWindow},
    harmless,
    hit::{Hits, SecretFingerprint, SecretHit, mask},
    keys,
    keywords::Keywords,
    kind::{ContentKind, Narrow},
    line_cursor::LineCursor,
    location::{Evidence, Location},
    names::Format,
    scan_result::{ScannedSecrets, SecretUnread, SecretUnreadReason, Unread},
    stores::StoreMagic,
    whole_file,
};
use crate::report::{Limits, Rule, Severity};

/// Looks for secrets in one file, given in chunks of any size; the sizes change nothing.
#[derive(Debug)]
pub struct SecretScanner {
    place: FilePlace,
    format: Option<Format>,
    scope: Scope,
    /// The kind that the caller knows.
    known: Option<ContentKind>,
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
    lines: LineCursor,
    /// The whole text, as long as it is small enough to be a token or a DER key.
    whole: Option<Vec<u8>>,
    /// Bytes that have come.
    taken: u64,
    document: Option<Document>,
    encoded: Option<EncodedWords>,
    hits: Hits,
    unread: Unread,
    work: u64,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Everything, in a file.
    File,
    /// Nothing but private keys.
    Keys,
    /// In what a word of base64 encodes: what proves itself.
    Encoded,
    /// Of that nothing but private keys.
    EncodedKeys,
}

impl Scope {
    fn is_keys(self) -> bool {
        matches!(self, Self::Keys | Self::EncodedKeys)
    }

    fn is_encoded(self) -> bool {
        matches!(self, Self::Encoded | Self::EncodedKeys)
    }
}

impl SecretScanner {
    /// For the file at `path`, absolute or not, that holds bytes of that kind.
    pub fn new(kind: ContentKind, path: &str) -> Self {
        Self { known: Some(kind), ..Self::sniffing(path) }
    }

    /// Whether there can be anything in a text without a path: most have no keyword, and are neither a document nor a key
    /// as a whole. Sooner asked than a scanner is made.
    pub(super) fn may_hold(bytes: &[u8]) -> bool {
        Self::may_hold_bytes(bytes) || EncodedWords::any(bytes)
    }

    /// The same of bytes in which no words of base64 are looked for.
    pub(super) fn may_hold_bytes(bytes: &[u8]) -> bool {
        let head = bytes.get(..Limits::SNIFF_BYTES).unwrap_or(bytes);
        bytes.first() == Some(&0x30)
            || Keywords::get(false).any(bytes)
            || Document::of(None, Location::of(""), head, false).is_some()
    }

    /// For the file at `path`; the first bytes tell what it holds.
    pub fn sniffing(path: &str) -> Self {
        Self {
            place: FilePlace {
                path: path.to_owned(),
                location: OnceCell::new(),
                kind: ContentKind::Text,
                is_encoded: false,
            },
            format: Format::of(path),
            scope: Scope::File,
            known: None,
            kind: None,
            sniffed: Vec::new(),
            narrow: None,
            window: Vec::new(),
            start: 0,
            next: 0,
            lines: LineCursor::new(),
            whole: Some(Vec::new()),
            taken: 0,
            document: None,
            encoded: None,
            hits: Hits::default(),
            unread: Unread::default(),
            work: 0,
        }
    }

    /// For private keys alone, in a file without a path; the first bytes tell what it holds.
    pub(super) fn for_keys() -> Self {
        Self { scope: Scope::Keys, ..Self::sniffing("") }
    }

    /// For what a word of base64 encodes.
    pub(super) fn of_encoded(only_keys: bool) -> Self {
        let mut scanner = Self::sniffing("");
        scanner.scope = if only_keys { Scope::EncodedKeys } else { Scope::Encoded };
        scanner.place.is_encoded = true;
        scanner
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

    /// What was found, and what was not looked at.
    pub fn finish(self) -> ScannedSecrets {
        self.finish_counting().0
    }

    /// The hits of what a word of base64 encodes, each of which proves itself, and the steps that the search took.
    pub(super) fn finish_proven(self) -> (Vec<SecretHit>, u64) {
        let (secrets, work) = self.finish_counting();
        (secrets.hits, work)
    }

    /// What was found, and the steps that the search took.
    pub(super) fn finish_counting(mut self) -> (ScannedSecrets, u64) {
        if self.kind.is_none() {
            self.sniff();
        }
        let Self { place, document, encoded, hits, unread, work, .. } = &mut self;
        if let Some(document) = document.take() {
            document.finish(unread, &mut |exposed| hits.extend(place.exposed(&exposed)));
        }
        if let Some(encoded) = encoded.take() {
            encoded.finish(work, &mut |hit| hits.extend(Some(place.encoded(hit))));
        }
        self.search_window(true);
        self.read_whole();
        let unread = self.unread.0.map(|unread| SecretUnread { offset: self.place.offset(unread.offset), ..unread });
        (ScannedSecrets { hits: self.hits.sorted(), unread }, self.work)
    }

    fn is_binary(&self) -> bool {
        self.kind == Some(ContentKind::Binary)
    }

    fn sniff(&mut self) {
        let head = std::mem::take(&mut self.sniffed);
        let kind = self.known.unwrap_or_else(|| ContentKind::of(&self.place.path, &head));
        self.kind = Some(kind);
        self.place.kind = kind;
        self.narrow = Narrow::of(kind);
        let is_binary = self.is_binary();
        if !self.scope.is_encoded() && !is_binary {
            self.encoded = Some(EncodedWords::new(self.scope.is_keys()));
        }
        if !self.scope.is_keys() {
            self.see_store(&head);
            let mut plain = Vec::new();
            if let Some(mut narrow) = Narrow::of(kind) {
                narrow.push(&head, &mut plain);
            }
            let head = if self.narrow.is_some() { &plain } else { &head };
            self.document = Document::of(self.format, self.place.location(), head, is_binary);
        }
        self.feed(&head);
    }

    /// Reports a store of keys or passwords, which its name and its first bytes make one.
    fn see_store(&mut self, head: &[u8]) {
        if head.is_empty() {
            return;
        }
        let (detector, severity, evidence) = match (self.format, StoreMagic::of(head)) {
            // Its keys need no password, whatever its name.
            (_, Some(StoreMagic::Keytab)) if self.is_binary() => ("kerberos-keytab", Severity::High, Evidence::Proof),
            (Some(Format::Store(detector, kinds)), Some(magic)) if kinds.contains(&magic) => {
                (detector, Severity::High, Evidence::Guess)
            }
            (Some(Format::Store(detector, _)), _) => (detector, Severity::Low, Evidence::Guess),
            _ => return,
        };
        self.hits.add(SecretHit {
            rule: Rule::CredentialFile,
            detector,
            severity: self.place.location().weigh(severity, evidence),
            offset: 0,
            line: None,
            masked: mask(b""),
            fingerprint: SecretFingerprint::of(head),
        });
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
        let Self { place, document, encoded, hits, unread, work, taken, .. } = self;
        if let Some(document) = document {
            *work += bytes.len() as u64;
            document.push(bytes, unread, &mut |exposed| hits.extend(place.exposed(&exposed)));
        }
        if let Some(encoded) = encoded {
            *work += bytes.len() as u64;
            encoded.push(bytes, *taken, work, &mut |hit| hits.extend(Some(place.encoded(hit))));
        }
        *taken += bytes.len() as u64;
        self.window.extend_from_slice(bytes);
        if self.window.len() >= self.next + Limits::SECRET_BLOCK + Limits::SECRET_AHEAD {
            self.search_window(false);
        }
    }

    /// Keeps the whole of a small file, where that can be of use.
    fn keep(&mut self, bytes: &[u8]) {
        let is_token = !self.scope.is_keys() && self.format.is_some_and(Format::is_whole);
        let Some(whole) = &mut self.whole else { return };
        let first = whole.first().or(bytes.first()).copied();
        if (first == Some(0x30) || is_token) && whole.len() + bytes.len() <= Limits::DER_KEY_BYTES {
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
        let Self { place, window, hits, work, lines, start, .. } = self;
        let keywords = if self.scope.is_keys() { Keywords::of_keys() } else { Keywords::get(is_binary) };
        keywords.each(window, self.next, to, |at, detector| {
            let from = at.saturating_sub(Limits::SECRET_BEHIND);
            let end = window.len().min(at + Limits::SECRET_AHEAD);
            let Some(bytes) = window.get(from..end) else { return };
            if let Some(found) = detector.find(KeywordWindow { bytes, keyword: at - from }, is_binary, work) {
                let offset = *start + (from + found.at.start) as u64;
                let line = || (!is_binary).then(|| lines.line_at(offset, window, *start));
                hits.extend(place.hit(detector, &found, offset, line));
            }
        });
        self.next = self.next.max(to);
        let surplus = self.next.saturating_sub(Limits::SECRET_BEHIND);
        if !is_binary {
            // What is gone is counted.
            self.lines.line_at(self.start + surplus as u64, &self.window, self.start);
        }
        self.window.drain(..surplus);
        self.next -= surplus;
        self.start += surplus as u64;
    }

    /// Reads a small file as the token or the key that it may be.
    fn read_whole(&mut self) {
        let format = self.format.filter(|_| !self.scope.is_keys());
        let Some(whole) = self.whole.take() else {
            if matches!(format, Some(Format::Token(_))) {
                self.unread.note(SecretUnreadReason::LongFile, 0);
            }
            return;
        };
        self.work += whole.len() as u64;
        if keys::is_der_key(&whole) && !harmless::is_harmless(&whole) {
            let severity = self.place.location().weigh(Severity::Critical, Evidence::Proof);
            self.hits.add(keys::der_hit(&whole, severity));
        }
        if let Some(token) = format.and_then(|format| whole_file::token(format, &whole)) {
            self.hits.extend(self.place.exposed(&token));
        }
    }
}

/// Where hits of a file are.
#[derive(Debug)]
struct FilePlace {
    path: String,
    /// How the path changes the severity of a secret; computed when something is found.
    location: OnceCell<Location>,
    kind: ContentKind,
    /// Whether the bytes are what a word of base64 encodes: of these counts what proves itself.
    is_encoded: bool,
}

impl FilePlace {
    fn location(&self) -> Location {
        *self.location.get_or_init(|| Location::of(&self.path))
    }

    /// The hit for what `detector` found, unless it is known to be harmless.
    fn hit(
        &self,
        detector: &Detector,
        found: &FoundSecret<'_>,
        offset: u64,
        line: impl FnOnce() -> Option<u64>,
    ) -> Option<SecretHit> {
        if (self.is_encoded && !found.proven) || harmless::is_harmless(&found.value) {
            return None;
        }
        let evidence = match (found.proven, self.kind) {
            (true, _) => Evidence::Proof,
            (false, ContentKind::Binary) => Evidence::BinaryGuess,
            (false, _) => Evidence::Guess,
        };
        // A login in base64 has a password in it.
        let is_chosen = detector.rule == Rule::CredentialFile || found.name.is_some();
        let masked = if is_chosen { mask(b"") } else { mask(&found.value) };
        Some(SecretHit {
            rule: detector.rule,
            detector: found.name.unwrap_or(detector.name),
            severity: self.location().weigh(found.severity.unwrap_or(detector.severity), evidence),
            offset: self.offset(offset),
            line: line(),
            masked,
            fingerprint: SecretFingerprint::of(&found.value),
        })
    }

    /// The hit for a value that a document exposes.
    fn exposed(&self, exposed: &Exposed) -> Option<SecretHit> {
        if (self.is_encoded && !exposed.proven) || harmless::is_harmless(&exposed.value) {
            return None;
        }
        let evidence = if exposed.proven { Evidence::Proof } else { Evidence::Guess };
        Some(SecretHit {
            rule: exposed.rule,
            detector: exposed.detector,
            severity: self.location().weigh(exposed.severity, evidence),
            offset: self.offset(exposed.offset),
            line: (self.kind != ContentKind::Binary).then_some(exposed.line),
            masked: exposed.masked(),
            fingerprint: SecretFingerprint::of(exposed.identity.as_deref().unwrap_or(&exposed.value)),
        })
    }

    /// The hit for one in a word of base64, which has proven itself.
    fn encoded(&self, hit: SecretHit) -> SecretHit {
        let severity = self.location().weigh(hit.severity, Evidence::Proof);
        SecretHit { severity, offset: self.offset(hit.offset), ..hit }
    }

    /// The offset in the file of a place in the text made of it.
    fn offset(&self, narrow: u64) -> u64 {
        match self.kind {
            ContentKind::Utf16Le | ContentKind::Utf16Be => narrow * 2,
            ContentKind::Text | ContentKind::Binary => narrow,
        }
    }
}
