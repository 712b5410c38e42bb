//! Entry point for the fuzz target to the reader of packed files. Nothing else uses it.

use std::io::BufReader;

use super::{FileUnpacker, PackedBudget, PackedFindings};

/// What the file at `path` with that content is found to hold, given in pieces of `piece` bytes: the members with secrets, and
/// what is unread.
///
/// # Panics
/// A byte was not shown, or not in order.
pub fn unpack(path: &str, bytes: &[u8], piece: usize) -> (Vec<String>, Vec<String>) {
    let mut findings = PackedFindings::default();
    let mut shown = 0;
    let mut observe = |chunk: &[u8]| {
        assert!(bytes.get(shown..shown + chunk.len()) == Some(chunk), "the bytes are shown in their order");
        shown += chunk.len();
    };
    let mut source = BufReader::with_capacity(piece.max(1), bytes);
    let file = (0, path, bytes.len() as u64);
    FileUnpacker::read(file, &mut source, &mut observe, &PackedBudget::default(), &mut findings);
    assert!(shown == bytes.len(), "every byte is shown");
    let secrets = findings.secrets.iter().map(|found| found.member.clone().into()).collect();
    let unread = findings.unread.iter();
    let unread = unread.map(|part| format!("{}: {}", part.member.as_deref().unwrap_or_default(), part.reason));
    (secrets, unread.collect())
}
