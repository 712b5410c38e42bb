//! Compares the two readings of layers that write below a symbolic link of a lower layer.
//!
//! Engines differ there: some follow the link, others replace it by a directory.

use std::collections::BTreeSet;

use super::{Finding, Unknown, image_view::ImageView, rule_notes::RuleNotes};
use crate::{
    report::{Rule, Severity},
    rootfs::{EntryIndex, LayerConflict},
};

/// What identifies a finding in both readings, whatever the path of its entry.
type FindingKey = (Rule, Severity, Option<usize>, Option<String>, Option<String>);

/// Adds to `notes`, which are about the file system in which links are followed, what the rules say of the one in which
/// they are replaced and not of the first. Where they differ, the tar is ambiguous.
pub(super) fn compare(view: &ImageView<'_>, notes: &mut RuleNotes, mut replaced: RuleNotes) {
    let followed: BTreeSet<FindingKey> = notes.findings().filter(|one| is_of_both(one)).map(outcome).collect();
    let others: BTreeSet<FindingKey> = replaced.findings().filter(|one| is_of_both(one)).map(outcome).collect();
    let only_followed = notes.findings().find(|one| is_of_both(one) && !others.contains(&outcome(one))).cloned();
    let new: Vec<Finding> =
        replaced.findings().filter(|one| is_of_both(one) && !followed.contains(&outcome(one))).cloned().collect();
    let unknown: Vec<Unknown> =
        std::mem::take(&mut replaced.unknown).into_iter().filter(|one| !notes.unknown.contains(one)).collect();
    let difference = match (&only_followed, new.first(), unknown.first()) {
        (Some(one), ..) => format!("only where the link is followed, {} says: {}", one.rule, one.message),
        (None, Some(one), _) => format!("only where a folder replaces the link, {} says: {}", one.rule, one.message),
        (None, None, Some(one)) => format!("only where a folder replaces the link, {}", one.reason),
        (None, None, None) => return,
    };
    let through = view.rootfs.conflicts().iter().find_map(|(at, conflict)| match conflict {
        LayerConflict::ThroughLink { link, layer, .. } if *layer < at.layer => Some((*at, link)),
        _ => None,
    });
    let Some((at, link)) = through else { return };
    notes.found(Rule::AmbiguousTar, view.place(at), message(view, at, link, &difference));
    for finding in new {
        notes.push(finding);
    }
    notes.unknown.extend(unknown);
}

fn message(view: &ImageView<'_>, at: EntryIndex, link: &str, difference: &str) -> String {
    let path = view.entry(at).map(|entry| entry.path.as_str()).unwrap_or_default();
    format!(
        "engines disagree about `{path}`, which lies below the link `{link}` of a lower layer: some follow the link, \
         others have a folder in its place; {difference}"
    )
}

/// Whether a finding is about both readings alike: that there is a link is what the first one says of itself.
fn is_of_both(finding: &Finding) -> bool {
    finding.rule != Rule::SymlinkParent
}

fn outcome(finding: &Finding) -> FindingKey {
    let place = &finding.place;
    let layer = place.layer.as_ref().map(|layer| layer.index);
    (finding.rule, finding.severity, layer, place.path.clone(), place.key.clone())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{
        super::{
            AuditQuery, FindingPlace, engine,
            finding_place::LayerRef,
            sample_image::{SampleFile, SampleImage},
        },
        *,
    };
    use crate::{
        oci::{DiffId, Digest},
        policy::Policy,
        rootfs::{LayerScan, LayeredRootfs, LinkReading, ScanBudget, ScanDepth},
    };

    /// A finding at a path of that layer.
    fn setuid(layer: usize, path: &str) -> Finding {
        let digest = Digest::of(b"");
        let layer = Some(LayerRef { index: layer, digest, diff_id: DiffId::new(digest), created_by: None });
        let place = FindingPlace { layer, path: Some(path.to_owned()), ..FindingPlace::default() };
        Finding::new(Rule::Setuid, Severity::High, place, "a file is setuid")
    }

    /// The findings and the unknown, once what the rules say of a link that is followed was compared with what they say of
    /// one that a folder replaces.
    fn compared(followed: Vec<Finding>, replaced: Vec<Finding>, unread: Option<&str>) -> (Vec<String>, Vec<String>) {
        let sample = SampleImage::new().layer([SampleFile::folder("d"), SampleFile::symlink("l", "d")]);
        let upper = [SampleFile::symlink("own", "d"), SampleFile::text("own/y", "y"), SampleFile::text("l/x", "x")];
        let set = sample.layer(upper).set();
        let image = &set.images[0];
        let scan = |stored: &crate::image::StoredLayer| {
            LayerScan::unpacked(stored.open_tar(), ScanDepth::Full, &mut ScanBudget::default())
        };
        let scans: Vec<LayerScan> = image.layers.iter().map(scan).collect();
        let scans: Vec<&LayerScan> = scans.iter().collect();
        let rootfs = LayeredRootfs::of(&scans, LinkReading::Followed).unwrap();
        let policy = Policy::hardened();
        let request = AuditQuery { image: "x", policy: &policy, today: (2026, 1, 1) };
        let view = engine::view_of(image, scans, &rootfs, true, &request);
        let (mut notes, mut others) = (RuleNotes::default(), RuleNotes::default());
        for finding in followed {
            notes.push(finding);
        }
        for finding in replaced {
            others.push(finding);
        }
        if let Some(reason) = unread {
            others.unknown(Rule::Setuid, FindingPlace::default(), reason);
        }
        compare(&view, &mut notes, others);
        let said = notes.findings().map(|finding| format!("{}: {}", finding.rule, finding.message)).collect();
        (said, notes.unknown.into_iter().map(|unknown| unknown.reason).collect())
    }

    /// The finding of an image whose layers engines read differently.
    fn disagreement(difference: &str) -> String {
        format!(
            "ambiguous-tar: engines disagree about `/l/x`, which lies below the link `/l` of a lower layer: some follow the \
             link, others have a folder in its place; {difference}"
        )
    }

    #[test]
    fn readings_that_say_the_same_are_no_finding() {
        let one = || setuid(1, "/d/x");
        let said = Finding { message: "the same in other words".to_owned(), ..one() };
        let parent = Finding { rule: Rule::SymlinkParent, ..one() };
        assert_eq!(compared(vec![], vec![], None), (vec![], vec![]));
        assert_eq!(compared(vec![one()], vec![said], None).0, ["setuid: a file is setuid"]);
        assert_eq!(compared(vec![], vec![parent], None), (vec![], vec![]));
    }

    #[test]
    fn readings_that_differ_in_anything_but_words_are_a_finding_with_what_both_say() {
        let one = || setuid(1, "/d/x");
        let setuid_said = "setuid: a file is setuid".to_owned();
        let only = |reading: &str| disagreement(&format!("only where {reading}, setuid says: a file is setuid"));
        let (followed, replaced) = (only("the link is followed"), only("a folder replaces the link"));
        assert_eq!(compared(vec![one()], vec![], None).0, [setuid_said.clone(), followed.clone()]);
        assert_eq!(compared(vec![], vec![one()], None).0, [setuid_said.clone(), replaced]);
        for other in [
            setuid(0, "/d/x"),
            setuid(1, "/l/x"),
            Finding { severity: Severity::Low, ..one() },
            Finding { place: FindingPlace { key: Some("config".to_owned()), ..one().place }, ..one() },
        ] {
            let all = [setuid_said.clone(), setuid_said.clone(), followed.clone()];
            assert_eq!(compared(vec![one()], vec![other.clone()], None).0, all, "{other:?}");
        }
    }

    #[test]
    fn what_only_one_reading_cannot_answer_is_unknown() {
        let (said, unknown) = compared(vec![], vec![], Some("it is too large"));
        assert_eq!(said, [disagreement("only where a folder replaces the link, it is too large")]);
        assert_eq!(unknown, ["it is too large"]);
    }
}
