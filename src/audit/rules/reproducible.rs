//! REP001 to REP005: times, orders and names that differ between two builds of the same source.

use serde_json::Value;

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    group::count,
    rule_check::RuleCheck,
};
use crate::{
    image::Packing,
    report::Rule,
    rootfs::{EntryIndex, Flaw, Orphans, TarEntry},
};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::VaryingCreated, Rule::VaryingTimes, Rule::GzipMetadata, Rule::OwnerNames, Rule::UnsortedEntries],
    files: true,
    run: check_reproducible,
};

fn check_reproducible(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let created = created(view, notes);
    orphans(view, notes);
    let gzip = view.image.layers.iter().any(|layer| Packing::of(&layer.descriptor.media_type) == Packing::Gzip);
    if !gzip {
        notes.not_applicable(Rule::GzipMetadata, "no layer is compressed with gzip");
    }
    for (layer, scan) in view.scans.iter().enumerate() {
        if let Some(what) = &scan.gzip {
            notes.found(Rule::GzipMetadata, view.layer(layer), format!("the gzip header of the layer holds {what}"));
        }
        times(view, notes, layer, &scan.entries, created);
        if let Some(entry) = scan.entries.iter().position(|entry| entry.names) {
            let number = scan.entries.iter().filter(|entry| entry.names).count();
            let message =
                format!("{number} entries of the layer name the users or groups of the machine that built it");
            notes.found(Rule::OwnerNames, view.place(EntryIndex { layer, entry }), message);
        }
        if scan.flaws.iter().any(|(_, flaw)| *flaw == Flaw::ProcessId) {
            let message = "names of pax headers contain the ID of the process that wrote them";
            notes.found(Rule::OwnerNames, view.layer(layer), message);
        }
        let unsorted = scan.entries.windows(2).position(|pair| match pair {
            [a, b] => components(&a.path).gt(components(&b.path)) && a.path > b.path,
            _ => false,
        });
        if let Some(entry) = unsorted {
            let message = "the entries of the layer are not sorted";
            notes.found(Rule::UnsortedEntries, view.place(EntryIndex { layer, entry: entry + 1 }), message);
        }
    }
}

/// Paths whose folder no layer has: each runtime makes it with a mode and time of its own.
fn orphans(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let Orphans { number, first } = view.rootfs.orphans();
    if let Some(node) = view.rootfs.get(first) {
        let message =
            format!("no layer has entries for the folders of {}, such as `{first}`", count(*number, "path", "paths"));
        notes.found(Rule::UnsortedEntries, view.place(node.at), message);
    }
}

/// Sorted by whole paths or by components is both sorted.
fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
}

/// The config's date: none, a whole day's beginning or a whole second is fine; parts of a second are the clock's.
///
/// Gives the date back, where there is one.
fn created(view: &ImageView<'_>, notes: &mut RuleNotes) -> Option<jiff::Timestamp> {
    let text = view.document.get("created").and_then(Value::as_str)?;
    let place = || FindingPlace::key("created");
    let Ok(time) = text.parse::<jiff::Timestamp>() else {
        notes.found(Rule::VaryingCreated, place(), format!("`created` is not a date: `{text}`"));
        return None;
    };
    if time.subsec_nanosecond() != 0 {
        let message = format!("`created` has fractions of a second, as the clock does: `{text}`");
        notes.found(Rule::VaryingCreated, place(), message);
    }
    Some(time)
}

/// Times of entries: parts of seconds, or later than the image.
fn times(
    view: &ImageView<'_>,
    notes: &mut RuleNotes,
    layer: usize,
    entries: &[TarEntry],
    created: Option<jiff::Timestamp>,
) {
    let limit = created.map_or(u64::MAX, |time| u64::try_from(time.as_second()).unwrap_or(0));
    if let Some(entry) = entries.iter().position(|entry| entry.fine_times) {
        let number = entries.iter().filter(|entry| entry.fine_times).count();
        let message = format!("{number} entries of the layer have sub-second times or access times");
        notes.found(Rule::VaryingTimes, view.place(EntryIndex { layer, entry }), message);
    } else if let Some(entry) = entries.iter().position(|entry| entry.mtime > limit) {
        let number = entries.iter().filter(|entry| entry.mtime > limit).count();
        let message = format!("{number} entries of the layer are newer than the image's `created` date");
        notes.found(Rule::VaryingTimes, view.place(EntryIndex { layer, entry }), message);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::super::sample_image::{SampleFile, SampleImage, has},
        *,
    };

    fn rules(files: Vec<SampleFile>) -> Vec<Rule> {
        has(&SampleImage::new().layer(files).audit(), CHECK.rules)
    }

    #[test]
    fn dates_of_the_clock_are_found() {
        let with =
            |created: &str| has(&SampleImage::new().document("created", json!(created)).layer([]).audit(), CHECK.rules);
        assert_eq!(with("1970-01-01T00:00:00Z"), []);
        assert_eq!(with("2024-05-01T12:13:14Z"), []);
        assert_eq!(with("2024-05-01T12:13:14.123456789Z"), [Rule::VaryingCreated]);
        assert_eq!(with("yesterday"), [Rule::VaryingCreated]);
        assert_eq!(rules(vec![SampleFile::text("a", "x").mtime(1)]), [Rule::VaryingTimes]);
        assert_eq!(rules(vec![SampleFile::text("a", "x").pax("mtime", b"0.5")]), [Rule::VaryingTimes]);
        assert_eq!(rules(vec![SampleFile::text("a", "x").pax("atime", b"0")]), [Rule::VaryingTimes]);
        assert_eq!(rules(vec![SampleFile::text("a", "x").pax("mtime", b"0.0")]), []);
    }

    #[test]
    fn names_order_and_gzip_headers_are_found() {
        assert_eq!(rules(vec![SampleFile::text("a", "x").names("alice", "staff")]), [Rule::OwnerNames]);
        assert_eq!(rules(vec![SampleFile::text("a", "x").names("root", "root")]), []);
        assert_eq!(rules(vec![SampleFile::text("b", "x"), SampleFile::text("a", "x")]), [Rule::UnsortedEntries]);
        assert_eq!(rules(vec![SampleFile::text("a/b", "x")]), [Rule::UnsortedEntries], "without its folder");
        // Before or behind `a/b`: `.` sorts before `/`.
        assert_eq!(
            rules(vec![SampleFile::folder("a"), SampleFile::text("a.b", "x"), SampleFile::text("a/b", "x")]),
            []
        );
        assert_eq!(
            rules(vec![SampleFile::folder("a"), SampleFile::text("a/b", "x"), SampleFile::text("a.b", "x")]),
            []
        );
        let packed =
            |time| has(&SampleImage::new().gzip(time).layer([SampleFile::text("a", "x")]).audit(), CHECK.rules);
        assert_eq!(packed(0), []);
        assert_eq!(packed(7), [Rule::GzipMetadata]);
    }
}
