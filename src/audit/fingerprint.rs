//! Names findings so that the next build's audit calls the same ones the same.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Finding, FindingPlace};
use crate::{oci::Digest, report::Rule};

/// Hexadecimal digits of a fingerprint: 128 bits, so that no one can make two findings with the same fingerprint.
const DIGITS: usize = 32;

/// Gives every finding of one image, or of what is around the images, its fingerprint. The findings are sorted: of those
/// that are alike, the first has the plain one, and each further one its number behind it, so that one more is never
/// taken for one that was there before.
pub(super) fn assign(findings: &mut [Finding]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let plain = of(finding.rule, &finding.place, finding.detector.as_deref());
        let count = seen.entry(plain.clone()).or_default();
        *count += 1;
        finding.fingerprint = if *count == 1 { plain } else { format!("{plain}-{count}") };
    }
}

/// The digest of what a finding is about. The path is that of the entry, so that it does not change with the path that
/// the image uses. Neither the secret nor its digest is in it: who tries all weak passwords would learn it.
fn of(rule: Rule, place: &FindingPlace, detector: Option<&str>) -> String {
    let parts = [
        ("rule", Some(rule.name())),
        ("path", place.entry_path()),
        ("member", place.member.as_deref()),
        ("key", place.key.as_deref()),
        ("detector", detector),
    ];
    let mut text = "hardpan finding 1\n".to_owned();
    for (name, part) in parts {
        // With its length, so that no part can pass for the next one.
        if let Some(part) = part {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} {} {part}", part.len());
        }
    }
    Digest::of(text.as_bytes()).hex().chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;

    fn finding(path: &str, detector: Option<&str>) -> Finding {
        let place = FindingPlace { path: Some(path.to_owned()), ..FindingPlace::default() };
        let detector = detector.map(str::to_owned);
        Finding { detector, ..Finding::new(Rule::CredentialFile, Severity::High, place, "a message") }
    }

    fn prints(mut findings: Vec<Finding>) -> Vec<String> {
        assign(&mut findings);
        findings.into_iter().map(|finding| finding.fingerprint).collect()
    }

    #[test]
    fn what_a_build_changes_is_not_in_a_fingerprint() {
        let one = finding("/a", Some("netrc"));
        let mut other = one.clone();
        (other.severity, other.message, other.evidence) = (Severity::Low, "other".to_owned(), Some("x".to_owned()));
        (other.place.offset, other.place.line, other.place.mode) = (Some(7), Some(3), Some(0o644));
        (other.left_off, other.also) = (9, vec![FindingPlace::key("x")]);
        assert_eq!(prints(vec![one.clone()]), prints(vec![other]));
        let mut linked = one.clone();
        linked.place.real_path = linked.place.path.replace("/link".to_owned());
        assert_eq!(prints(vec![one]), prints(vec![linked]));
    }

    #[test]
    fn what_a_finding_is_about_is_in_its_fingerprint() {
        let key = Finding { place: FindingPlace::key("/a"), ..finding("/a", None) };
        let rule = Finding { rule: Rule::Setuid, ..finding("/a", None) };
        let joined = finding("/a\ndetector 1 b", None);
        let all = prints(vec![finding("/a", None), finding("/b", None), finding("/a", Some("b")), key, rule, joined]);
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|print| print.len() == DIGITS), "{all:?}");
    }

    #[test]
    fn one_more_of_the_same_has_another_fingerprint() {
        let all = prints(vec![finding("/a", None), finding("/a", None), finding("/b", None), finding("/a", None)]);
        assert_eq!(all[1], format!("{}-2", all[0]));
        assert_eq!(all[3], format!("{}-3", all[0]));
    }

    #[test]
    fn a_fingerprint_never_moves_without_being_meant() {
        assert_eq!(prints(vec![finding("/srv/.netrc", Some("netrc"))]), ["18b9d5275e128117604f1ed2288310ea"]);
    }
}
