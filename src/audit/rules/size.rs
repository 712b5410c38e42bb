//! REP006 to REP008: size, wasted bytes and duplicate files.

use std::collections::BTreeMap;

use super::{
    super::{FindingPlace, Presence, image_view::ImageView, rule_notes::RuleNotes},
    group::Groups,
    rule_check::RuleCheck,
};
use crate::report::{Limits, Rule};
use crate::rootfs::{EntryIndex, TarEntryKind};

pub(super) const CHECK: RuleCheck =
    RuleCheck { rules: &[Rule::WastedBytes, Rule::DuplicateContent, Rule::SizeBudget], files: true, run: check_sizes };

fn check_sizes(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let layers = view.scans.len();
    if layers > Limits::AUDIT_LAYERS {
        let message = format!("the image has {layers} layers");
        notes.found(Rule::WastedBytes, FindingPlace::key("manifest.layers"), message);
    }
    check_waste(view, notes);
    check_duplicates(view, notes);
    let stored: u64 = view.image.layers.iter().map(|layer| layer.descriptor.size).fold(0, u64::saturating_add);
    match view.max_size {
        None => notes.not_applicable(Rule::SizeBudget, "the policy sets no `max-size`"),
        Some(most) if stored > most => {
            let message = format!("the stored layers have {stored} bytes, the policy allows {most}");
            notes.found(Rule::SizeBudget, FindingPlace::key("manifest.layers"), message);
        }
        Some(_) => {}
    }
}

/// Bytes of files that no container sees: more than a tenth of all is waste, as for dive.
fn check_waste(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let (mut all, mut lost) = (0_u64, 0_u64);
    let mut paths: BTreeMap<&str, (u64, EntryIndex)> = BTreeMap::new();
    for (at, entry) in view.entries().filter(|(_, entry)| entry.kind == TarEntryKind::File) {
        all = all.saturating_add(entry.size);
        let is_gone = matches!(view.rootfs.presence(at), Presence::RemovedIn(_) | Presence::ReplacedIn(_));
        // What a hard link shares stays, whatever becomes of its first name.
        if is_gone && view.rootfs.seen_as(at).is_none() {
            lost = lost.saturating_add(entry.size);
            let one = paths.entry(&entry.path).or_insert((0, at));
            one.0 = one.0.saturating_add(entry.size);
        }
    }
    if lost <= all / 10 || lost < Limits::AUDIT_DUPLICATE_BYTES {
        return;
    }
    let mut worst: Vec<(u64, &str, EntryIndex)> =
        paths.into_iter().map(|(path, (size, at))| (size, path, at)).collect();
    worst.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let Some((_, _, first)) = worst.first().copied() else { return };
    let names: Vec<String> = worst.iter().take(3).map(|(size, path, _)| format!("`{path}` ({size})")).collect();
    let message =
        format!("{lost} of {all} bytes are replaced or removed by later layers, most of them in {}", names.join(", "));
    notes.found(Rule::WastedBytes, view.place(first), message);
}

/// Files of one size and checksum.
fn check_duplicates(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut contents: BTreeMap<(u64, u32), usize> = BTreeMap::new();
    let large = |size: u64| size >= Limits::AUDIT_DUPLICATE_BYTES;
    for (_, _, entry) in view.files().filter(|(_, _, entry)| large(entry.size)) {
        *contents.entry((entry.size, entry.checksum)).or_default() += 1;
    }
    let mut groups = Groups::new(Rule::DuplicateContent);
    for (_, node, entry) in view.files().filter(|(_, _, entry)| large(entry.size)) {
        if contents.get(&(entry.size, entry.checksum)).is_some_and(|number| *number > 1) {
            let key = format!("{}:{:08x}", entry.size, entry.checksum);
            groups.add(Rule::DuplicateContent.facts().severity, key, || view.place(node.inode));
        }
    }
    groups.report(notes, |key, number| {
        let size = key.split(':').next().unwrap_or_default();
        format!("{number} files have the same {size} bytes of content")
    });
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, has};
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn waste_and_duplicates_are_found() {
        let big = |letter: &str| letter.repeat(100_000);
        let rules = |sample: SampleImage| has(&sample.audit(), CHECK.rules);
        let two = SampleImage::new().layer([SampleFile::text("a", &big("x")), SampleFile::text("b", &big("x"))]);
        assert_eq!(rules(two), [Rule::DuplicateContent]);
        let linked = SampleImage::new().layer([
            SampleFile::text("a", &big("x")),
            SampleFile::hard_link("b", "a"),
            SampleFile::text("c", &big("y")),
        ]);
        assert_eq!(rules(linked), []);
        let removed = SampleImage::new().layer([SampleFile::text("a", &big("x"))]).layer([SampleFile::whiteout("a")]);
        assert_eq!(rules(removed), [Rule::WastedBytes]);
        // A hard link to what a whiteout of its layer removes keeps the content.
        let kept = SampleImage::new()
            .layer([SampleFile::text("a", &big("x"))])
            .layer([SampleFile::hard_link("b", "a"), SampleFile::whiteout("a")]);
        assert_eq!(rules(kept), []);
    }

    #[test]
    fn a_budget_is_one_of_stored_bytes() {
        let sample = SampleImage::new().layer([SampleFile::text("a", "x")]);
        let size = |most| {
            let policy = Policy { max_size: Some(most), ..Policy::profile("default").expect("a profile") };
            has(&sample.audit_by(&policy), CHECK.rules)
        };
        assert_eq!(size(100), [Rule::SizeBudget]);
        assert_eq!(size(1 << 20), []);
    }
}
