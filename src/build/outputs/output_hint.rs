//! [`OutputHint`]: which output of hardpan a file may be, by its first bytes alone.

/// The first bytes of a file that decide what it may be.
pub(super) const HEAD: usize = 4 << 10;
/// Bytes of a digest file: `sha256:` and 64 digits, without the end of a line.
const DIGEST_BYTES: u64 = 71;
/// The unit of a tar.
const BLOCK_BYTES: u64 = 512;
/// How the report of an audit begins, as JSON.
const AUDIT_JSON: &[u8] = b"{\n  \"format\": 1,\n  \"outcome\": \"";
/// The identity of an audit in SARIF: the first key of a run.
const AUDIT_SARIF: &[u8] = b"\"id\": \"hardpan/";
/// The title of the page of an audit.
const AUDIT_HTML: &[u8] = b"<title>Audit of ";

/// The kind of output that a file may be, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputHint {
    Archive,
    Digest,
    Metadata,
    Lock,
    AuditJson,
    AuditSarif,
    AuditHtml,
}

impl OutputHint {
    /// The kind, if any. `head` is the begin of the file: [`HEAD`] bytes, or all of them.
    pub(super) fn from_head(head: &[u8], size: u64) -> Option<Self> {
        let head = head.get(..HEAD).unwrap_or(head);
        let has = |part: &[u8]| memchr::memmem::find(head, part).is_some();
        if size.is_multiple_of(BLOCK_BYTES) && head.get(257..262) == Some(b"ustar") {
            return Some(Self::Archive);
        }
        if size == DIGEST_BYTES && head.starts_with(b"sha256:") {
            return Some(Self::Digest);
        }
        match head.first()? {
            b'{' if head.starts_with(AUDIT_JSON) => Some(Self::AuditJson),
            b'{' if has(b"\"containerimage.") || has(b"\"hardpan.") => Some(Self::Metadata),
            b'{' if has(AUDIT_SARIF) => Some(Self::AuditSarif),
            b'<' if has(AUDIT_HTML) => Some(Self::AuditHtml),
            b'#' if has(b"`hardpan lock`") => Some(Self::Lock),
            _ => None,
        }
    }
}

/// Whether a file of `size` bytes that begins with `head` may be an output of hardpan; no is certain. A head that is shorter
/// than it could be says nothing.
pub(in crate::build) fn may_be_output(head: &[u8], size: u64) -> bool {
    let is_whole = head.len() >= HEAD || head.len() as u64 >= size;
    !is_whole || OutputHint::from_head(head, size).is_some()
}
