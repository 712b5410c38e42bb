//! Findings that an image passed the gate with: how many there are, and the command that shows them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::report::{Severity, printable};

/// How many findings of each severity there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Below([usize; 5]);

impl Below {
    /// One more finding.
    pub(super) fn add(&mut self, severity: Severity) {
        for (count, known) in self.0.iter_mut().zip(Severity::ALL) {
            *count += usize::from(known == severity);
        }
    }

    /// The line about an image at `path`; none where nothing was found.
    pub(super) fn note(&self, path: &Path) -> Option<String> {
        let all: usize = self.0.iter().sum();
        if all == 0 {
            return None;
        }
        let counts = Severity::ALL.into_iter().zip(self.0).rev().filter(|(_, count)| *count > 0);
        let counts: Vec<_> = counts.map(|(severity, count)| format!("{count} {severity}")).collect();
        let findings = if all == 1 { "finding" } else { "findings" };
        let path = word(&path.to_string_lossy());
        Some(format!("note: {all} {findings} below the gate ({}): hardpan audit {path}", counts.join(", ")))
    }
}

/// A path as a shell takes it for one word that is no option.
fn word(path: &str) -> String {
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@,=".contains(c);
    if path.chars().all(is_plain) { path } else { format!("'{}'", printable(&path).replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_by_severity_and_can_be_pasted() {
        let mut below = Below::default();
        assert_eq!(below.note(Path::new("out/a")), None);
        below.add(Severity::Info);
        assert_eq!(
            below.note(Path::new("out/a")).as_deref(),
            Some("note: 1 finding below the gate (1 info): hardpan audit out/a")
        );
        below.add(Severity::Low);
        below.add(Severity::Low);
        let said = below.note(Path::new("-it's mine")).unwrap_or_default();
        assert_eq!(said, r"note: 3 findings below the gate (2 low, 1 info): hardpan audit './-it'\''s mine'");
    }
}
