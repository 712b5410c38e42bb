//! Findings that an image passed the gate with: how many there are, and the command that shows them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::report::{Severity, printable};

/// How many findings of each severity there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct PassedFindings([usize; 5]);

impl PassedFindings {
    /// One more finding.
    pub(in crate::commands) fn add(&mut self, severity: Severity) {
        for (count, known) in self.0.iter_mut().zip(Severity::ALL) {
            *count += usize::from(known == severity);
        }
    }

    /// The line about an image at `path`; none where nothing was found.
    pub(in crate::commands) fn note(&self, path: &Path) -> Option<String> {
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
        let mut passed = PassedFindings::default();
        assert_eq!(passed.note(Path::new("out/a")), None);
        passed.add(Severity::Info);
        assert_eq!(
            passed.note(Path::new("out/a")).as_deref(),
            Some("note: 1 finding below the gate (1 info): hardpan audit out/a")
        );
        passed.add(Severity::Low);
        passed.add(Severity::Low);
        let line = passed.note(Path::new("-it's mine")).unwrap_or_default();
        assert_eq!(line, r"note: 3 findings below the gate (2 low, 1 info): hardpan audit './-it'\''s mine'");
    }
}
