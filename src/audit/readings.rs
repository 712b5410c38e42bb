//! Layers that write below a link of a lower layer, which engines read in two ways: what the rules say of both is compared.

use std::collections::BTreeSet;

use super::{Finding, Unknown, notes::Notes, view::View};
use crate::{
    report::{Rule, Severity},
    rootfs::{At, LayerConflict},
};

/// What makes two findings the same, whatever the path at which a reading has the entry.
type Outcome = (Rule, Severity, Option<usize>, Option<String>, Option<String>);

/// Adds to `notes`, which are about the file system in which links are followed, what the rules say of the one in which
/// they are replaced and not of the first. Where they differ, the tar is ambiguous.
pub(super) fn compare(view: &View<'_>, notes: &mut Notes, mut replaced: Notes) {
    let followed: BTreeSet<Outcome> = notes.findings().filter(|one| is_of_both(one)).map(outcome).collect();
    let others: BTreeSet<Outcome> = replaced.findings().filter(|one| is_of_both(one)).map(outcome).collect();
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

fn message(view: &View<'_>, at: At, link: &str, difference: &str) -> String {
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

fn outcome(finding: &Finding) -> Outcome {
    let place = &finding.place;
    let layer = place.layer.as_ref().map(|layer| layer.index);
    (finding.rule, finding.severity, layer, place.path.clone(), place.key.clone())
}
