//! Runs the rules on all images of a place, and judges the findings by the policy.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use oci_spec::image::Os;
use serde_json::Value;

use super::{
    Audit, Finding, FindingPlace, ImageAudit, LayerFacts, NotApplicable, PolicySummary, SizedPath, Unknown, Unread,
    Waived,
    accounts::{AccountFile, RunUser},
    image_view::ImageView,
    layer_watch::{LayerName, SeenLayers, name_of},
    path_masks::PathMasks,
    policy, readings,
    rule_notes::RuleNotes,
    rules,
};
use crate::{
    image::{BlobRef, ImageSet, Skipped, StoredImage},
    oci::Digest,
    policy::{Policy, PolicyJudge},
    report::{Limits, Rule},
    rootfs::{EntryIndex, LayerScan, LayeredRootfs, LinkReading, ScanBudget, TarEntryKind},
};

/// What to audit, and by which policy.
#[derive(Debug, Clone)]
pub struct AuditQuery<'a> {
    /// The place, as it was named.
    pub image: &'a str,
    /// The policy.
    pub policy: &'a Policy,
    /// The day by which exceptions and the support of distributions are judged: year, month, day.
    pub today: (u16, u8, u8),
}

/// Layers that were read already: images of one index share them.
type Scans<'a> = BTreeMap<LayerName<'a>, Arc<LayerScan>>;

/// The judged findings of one image, or of the index, the name and the policy together: all that a build needs, without
/// the facts of a report.
#[derive(Debug, Default)]
pub struct Judged {
    /// The findings, with the severities of the policy.
    pub findings: Vec<Finding>,
    /// The findings that a waiver covers.
    pub waived: Vec<Waived>,
    /// What could not be examined.
    pub unknown: Vec<Unknown>,
}

/// One name of a place, judged.
#[derive(Debug)]
pub struct Judgement {
    /// In the order of the index.
    pub images: Vec<Judged>,
    /// About the index, the name and the policy.
    pub around: Judged,
}

/// Audits one name of a place. Each layer is read once, whatever the number of images that have it.
///
/// A layer that cannot be read leaves rules without an answer, which the report says.
pub fn audit(set: &ImageSet, request: &AuditQuery<'_>) -> Audit {
    let (images, around) = judge_images(set, request, &mut SeenLayers::default(), |view, judged| {
        image_facts(view, judged, request.policy)
    });
    let top = set.root.as_ref().or(set.images.first().map(|image| &image.config_descriptor)).cloned();
    let top = top.unwrap_or_else(|| BlobRef { media_type: String::new(), digest: Digest::of(b""), size: 0 });
    let skipped = set.skipped.iter().map(Skipped::report);
    Audit {
        image: request.image.to_owned(),
        reference: set.reference.clone(),
        digest: top.digest,
        media_type: top.media_type,
        policy: PolicySummary::of(request.policy),
        images,
        findings: around.findings,
        waived: around.waived,
        baseline: Vec::new(),
        unknown: around.unknown,
        skipped: skipped.collect(),
    }
}

/// Audits without the facts of a report. Layers that were scanned while they were written are not read again.
pub fn judge_seen(set: &ImageSet, request: &AuditQuery<'_>, seen: &mut SeenLayers) -> Judgement {
    let (images, around) = judge_images(set, request, seen, |_, judged| judged.judged);
    Judgement { images, around }
}

/// The findings of one image by all rules, judged by the policy.
struct JudgedNotes {
    judged: Judged,
    not_applicable: Vec<(Rule, &'static str)>,
}

/// Judges every image, and what is about all of them. `of` makes the result of each image.
fn judge_images<T>(
    set: &ImageSet,
    request: &AuditQuery<'_>,
    seen: &mut SeenLayers,
    of: impl Fn(&ImageView<'_>, JudgedNotes) -> T,
) -> (Vec<T>, Judged) {
    let mut scans = Scans::new();
    let mut room = ScanBudget::default();
    let mut judge = PolicyJudge::new(request.policy, request.today);
    let mut images = Vec::with_capacity(set.images.len());
    for image in &set.images {
        for stored in &image.layers {
            scans.entry(name_of(stored)).or_insert_with(|| seen.scan(stored, &mut room));
        }
        images.push(judge_image(image, &scans, request, &mut judge, &of));
    }
    let mut notes = rules::check_set(set);
    let mut unknown = std::mem::take(&mut notes.unknown);
    let (mut findings, waived) = policy::judge(&mut judge, notes.into_findings(|_| FindingPlace::default()));
    findings.extend(policy::upkeep(&judge));
    super::rule_notes::sort(&mut findings);
    if set.images.is_empty() {
        unknown.push(Unknown {
            rules: Rule::ALL.to_vec(),
            place: FindingPlace::key("index"),
            reason: "there is no image in it".to_owned(),
        });
    }
    (images, Judged { findings, waived, unknown })
}

/// One image.
fn judge_image<T>(
    image: &StoredImage,
    scans: &Scans<'_>,
    request: &AuditQuery<'_>,
    judge: &mut PolicyJudge<'_>,
    of: impl Fn(&ImageView<'_>, JudgedNotes) -> T,
) -> T {
    let scans: Vec<&LayerScan> =
        image.layers.iter().filter_map(|stored| scans.get(&name_of(stored)).map(AsRef::as_ref)).collect();
    let apply = |reading| {
        let rootfs = LayeredRootfs::of(&scans, reading);
        (rootfs.is_some(), rootfs.unwrap_or_default())
    };
    let (is_layered, rootfs) = apply(LinkReading::Followed);
    let view = view_of(image, scans.clone(), &rootfs, is_layered, request);
    let mut notes = notes_of(&view, is_layered);
    if rootfs.has_two_readings() {
        let (is_layered, rootfs) = apply(LinkReading::Replaced);
        let replaced = view_of(image, scans.clone(), &rootfs, is_layered, request);
        readings::compare(&view, &mut notes, notes_of(&replaced, is_layered));
    }
    of(&view, apply_policy(&view, notes, request.policy, judge))
}

/// The view of an image that rules read.
pub(super) fn view_of<'a>(
    image: &'a StoredImage,
    scans: Vec<&'a LayerScan>,
    rootfs: &'a LayeredRootfs,
    is_layered: bool,
    request: &AuditQuery<'a>,
) -> ImageView<'a> {
    let document = &image.config_document;
    ImageView {
        image,
        document,
        config: document.get("config").unwrap_or(&Value::Null),
        complete: is_layered && scans.iter().all(|scan| scan.fault.is_none()),
        scans,
        layers: OnceCell::new(),
        rootfs,
        user: RunUser::of("", &[], &[]),
        passwd: AccountFile::default(),
        group: AccountFile::default(),
        entrypoint: OnceCell::new(),
        config_scan: OnceCell::new(),
        settings: OnceCell::new(),
        registries: &request.policy.registries,
        max_size: request.policy.max_size,
        today: request.today,
    }
    .with_accounts()
}

/// Runs all rules on an image.
fn notes_of(view: &ImageView<'_>, is_layered: bool) -> RuleNotes {
    let mut notes = RuleNotes::default();
    let os = view.image.config.os();
    if *os != Os::Linux {
        let reason = format!("not a Linux image: it is for `{os}`, and the rules are for Linux only");
        notes.unknown.push(Unknown { rules: Rule::ALL.to_vec(), place: FindingPlace::key("os"), reason });
    }
    if *os == Os::Windows {
        // Users, paths and programs mean something else there: what the rules say of them would be wrong.
        return notes;
    }
    note_unread_layers(view, is_layered, &mut notes);
    for check in rules::ALL {
        (check.run)(view, &mut notes);
    }
    if view.rootfs.is_exhausted() {
        let reason = "resolving its symbolic links takes too many steps".to_owned();
        notes.unknown.push(Unknown { rules: rules::about_files(), place: FindingPlace::default(), reason });
    }
    notes
}

/// Reports layers that could not be read, or not to their end: rules about files have no answer then.
fn note_unread_layers(view: &ImageView<'_>, is_layered: bool, notes: &mut RuleNotes) {
    if !is_layered {
        let what = "applying the layers takes too many steps";
        notes.found(Rule::ResourceBomb, FindingPlace::default(), what);
    }
    for (index, scan) in view.scans.iter().enumerate() {
        let Some((reason, rule)) = &scan.fault else { continue };
        let place = view.layer(index);
        if let Some(rule) = rule {
            notes.found(*rule, place.clone(), format!("the layer cannot be trusted: {reason}"));
        }
        notes.unknown.push(Unknown { rules: rules::about_files(), place, reason: reason.clone() });
    }
    if !is_layered {
        let reason = "its layers could not be applied".to_owned();
        notes.unknown.push(Unknown { rules: rules::about_files(), place: FindingPlace::default(), reason });
    }
}

/// Applies the policy to the findings of the rules.
fn apply_policy(
    view: &ImageView<'_>,
    mut notes: RuleNotes,
    policy: &Policy,
    judge: &mut PolicyJudge<'_>,
) -> JudgedNotes {
    let masks = PathMasks::of(view);
    let mut unknown = std::mem::take(&mut notes.unknown);
    unknown.retain_mut(|one| {
        one.rules.retain(|rule| !policy.is_off(*rule));
        !one.rules.is_empty()
    });
    for one in &mut unknown {
        masks.unknown(one);
    }
    let not_applicable = std::mem::take(&mut notes.not_applicable);
    let mut findings = notes.into_findings(|path| view.folder(path));
    for finding in &mut findings {
        masks.finding(finding);
    }
    let (findings, waived) = policy::judge(judge, findings);
    JudgedNotes { judged: Judged { findings, waived, unknown }, not_applicable }
}

/// The report of one image.
fn image_facts(view: &ImageView<'_>, judged: JudgedNotes, policy: &Policy) -> ImageAudit {
    let word = |key: &str| view.document.get(key).and_then(Value::as_str);
    let mut platform = format!("{}/{}", word("os").unwrap_or_default(), word("architecture").unwrap_or_default());
    if let Some(variant) = word("variant") {
        platform = format!("{platform}/{variant}");
    }
    let created = word("created").map(str::to_owned);
    let masks = PathMasks::of(view);
    let JudgedNotes { judged: Judged { findings, waived, unknown }, mut not_applicable } = judged;
    not_applicable.sort_by_key(|(rule, _)| *rule);
    not_applicable.dedup_by_key(|(rule, _)| *rule);
    let open: BTreeSet<Rule> = unknown.iter().flat_map(|one| one.rules.iter().copied()).collect();
    let absent: BTreeSet<Rule> = not_applicable.iter().map(|(rule, _)| *rule).collect();
    let checked = rules::ALL.iter().flat_map(|check| check.rules.iter().copied());
    let mut checked: Vec<Rule> =
        checked.filter(|rule| !open.contains(rule) && !absent.contains(rule) && !policy.is_off(*rule)).collect();
    checked.sort_unstable();
    ImageAudit {
        platform,
        digest: view.image.descriptor.as_ref().unwrap_or(&view.image.config_descriptor).digest,
        config_digest: view.image.config_descriptor.digest,
        created,
        config: view.config_scan().shown.clone(),
        layers: layer_facts(view, &masks),
        findings,
        waived,
        baseline: Vec::new(),
        unknown,
        unread: unread_parts(view, &masks),
        unread_count: view.scans.iter().map(|scan| scan.packed.unread_count).sum(),
        checked,
        not_applicable: not_applicable
            .into_iter()
            .map(|(rule, why)| NotApplicable { rule, why: why.to_owned() })
            .collect(),
    }
}

/// What of the files was not read.
fn unread_parts(view: &ImageView<'_>, masks: &PathMasks) -> Vec<Unread> {
    let parts = view.scans.iter().enumerate().flat_map(|(layer, scan)| {
        scan.packed.unread.iter().map(move |part| (EntryIndex { layer, entry: part.entry }, part))
    });
    let unread = parts.take(Limits::AUDIT_UNREAD).map(|(at, part)| {
        let mut place = view.member_place(at, part.member.as_deref());
        masks.place(&mut place);
        // Mode and owner of a file say nothing of how it is packed.
        Unread {
            place: FindingPlace { mode: None, uid: None, gid: None, ..place },
            reason: part.reason.clone().into_owned(),
        }
    });
    unread.collect()
}

fn layer_facts(view: &ImageView<'_>, masks: &PathMasks) -> Vec<LayerFacts> {
    let stored = view.image.layers.iter().zip(&view.scans).zip(view.layers());
    stored
        .map(|((stored, scan), layer)| {
            let mut sizes: Vec<(u64, &str)> = scan
                .entries
                .iter()
                .filter(|entry| entry.kind == TarEntryKind::File && entry.size > 0)
                .map(|entry| (entry.size, entry.path.as_str()))
                .collect();
            sizes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            sizes.truncate(Limits::AUDIT_LARGEST);
            LayerFacts {
                digest: stored.descriptor.digest,
                diff_id: stored.diff_id,
                media_type: stored.descriptor.media_type.clone(),
                size: stored.descriptor.size,
                unpacked_size: scan.unpacked_size,
                created_by: layer.created_by.clone(),
                entries: scan.entries.len() as u64,
                largest: sizes.into_iter().map(|(size, path)| SizedPath { path: masks.text(path), size }).collect(),
            }
        })
        .collect()
}
