//! Cuts texts of an image at the secrets in them, before a report shows them.

use crate::secrets::{SecretHit, TextContext, scan_text};

/// A command of the history, cut at its first secret.
pub(super) fn history(text: &str) -> String {
    cut(text, &scan_text(TextContext::History, text))
}

/// `text` up to its first secret, of which the masked form follows.
pub(super) fn cut(text: &str, hits: &[SecretHit]) -> String {
    let Some(first) = hits.iter().min_by_key(|hit| hit.offset) else { return text.to_owned() };
    let before = usize::try_from(first.offset).ok().and_then(|at| text.get(..at)).unwrap_or_default();
    format!("{before}{} \u{2026}", first.masked)
}

/// What is shown of a text that is a secret as a whole.
pub(super) fn hidden() -> String {
    "\u{2026} (hidden)".to_owned()
}
