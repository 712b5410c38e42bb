//! `hardpan audit`: checks any image against the rules of the catalogue.

mod baseline;
mod fleet;
mod image_list;
mod waiver_list;

use std::{num::NonZeroUsize, path::PathBuf};

use super::{open_image, policy};
use crate::{
    audit::{self, Audit},
    policy::{DatedWaiver, Policy},
    registry::Access,
    report::{ErrorName, Failure, Failures, Rule, RuleFacts, Severity, printable},
};
pub use baseline::{BaselineReport, GoneFinding, baseline_of};
pub use fleet::{AuditFleet, FleetImage, OtherFile};
use image_list::{ImageList, NamedPlace};
pub use waiver_list::{WaiverListRequest, list_waivers};

/// What to audit, and by what.
#[derive(Debug, Clone)]
pub struct AuditRequest {
    /// Paths or references, with or without skopeo's transport; a folder that is no layout stands for the images in it.
    pub images: Vec<String>,
    /// Lists of such names, one a line; `-` is standard input.
    pub lists: Vec<PathBuf>,
    /// How registries are reached.
    pub access: Access,
    /// A policy file.
    pub policy: Option<PathBuf>,
    /// A built-in profile instead of the policy's.
    pub profile: Option<String>,
    /// A threshold instead of the policy's.
    pub fail_on: Option<Severity>,
    /// The day by which exceptions are judged: year, month, day.
    pub today: (u16, u8, u8),
    /// Exceptions that end within so many days are in the report.
    pub warn_before: Option<u32>,
    /// A file of findings that are accepted.
    pub baseline: Option<PathBuf>,
    /// How many images are audited at a time; the report does not depend on it.
    pub jobs: NonZeroUsize,
}

/// The report of one call.
#[derive(Debug)]
pub struct AuditReport {
    /// What was audited.
    pub subject: AuditSubject,
    /// The exceptions of the policy that end soon, in the order of the policy: those that `warn_before` asks for.
    pub ending: Vec<DatedWaiver>,
    /// What the baseline did, where there is one.
    pub baseline: Option<BaselineReport>,
}

/// What a call is about.
#[derive(Debug)]
pub enum AuditSubject {
    /// One image: an audit for each name in the place.
    One(Vec<Audit>),
    /// Several images, a list or a folder of them.
    Fleet(AuditFleet),
}

/// Audits the images of a call.
///
/// # Errors
/// A policy, a baseline or a list that cannot be read, a name that is no reference; of a single image also a place that cannot be read,
/// or one without an image. Of several images, each has its own failure.
pub fn audit(request: &AuditRequest) -> Result<AuditReport, Failures> {
    let file = request.policy.as_deref().map(policy::read_of_images).transpose()?;
    let mut request = request.clone();
    policy::add_token_realms(file.as_ref(), &mut request.access)?;
    let request = &request;
    let policy = policy::of_audit(file, request.profile.as_deref(), request.fail_on)?;
    let baseline = request.baseline.as_deref().map(baseline::read).transpose()?;
    let list = ImageList::of(&request.images, &request.lists)?;
    let mut subject = match list.places.as_slice() {
        [NamedPlace::Image(image)] if !list.is_fleet => AuditSubject::One(audit_image(image, &policy, request)?),
        _ => AuditSubject::Fleet(AuditFleet::audit(list, &policy, request)),
    };
    let accepted = baseline.as_ref().zip(request.baseline.as_deref());
    let baseline = accepted.map(|(baseline, file)| baseline::apply(baseline, file, &mut subject));
    Ok(AuditReport { subject, baseline, ending: ending_waivers(&policy, request) })
}

/// Audits every image of one place, one audit a name.
fn audit_image(image: &str, policy: &Policy, request: &AuditRequest) -> Result<Vec<Audit>, Failure> {
    let (sets, _) = open_image::open(image, &request.access)?;
    if sets.is_empty() {
        return Err(Failure::error(ErrorName::ImageNotFound, format!("there is no image in `{}`", printable(image))));
    }
    let asked = audit::AuditQuery { image, policy, today: request.today };
    Ok(sets.iter().map(|set| audit::audit(set, &asked)).collect())
}

/// The exceptions that count, and end within the days of the request.
fn ending_waivers(policy: &Policy, request: &AuditRequest) -> Vec<DatedWaiver> {
    let Some(days) = request.warn_before.filter(|_| policy.allow_waivers) else { return Vec::new() };
    let dated = policy.waivers.iter().map(|waiver| DatedWaiver::of(waiver, request.today));
    dated.filter(|waiver| waiver.ends_within(days)).collect()
}

/// Every rule, in the order of the catalogue.
pub fn rules() -> Vec<&'static RuleFacts> {
    Rule::ALL.into_iter().map(Rule::facts).collect()
}

/// What the catalogue says about the rule of that name or code.
///
/// # Errors
/// There is none.
pub fn explain(name: &str) -> Result<&'static RuleFacts, Failure> {
    Rule::named(name).map(Rule::facts).ok_or_else(|| {
        Failure::error(ErrorName::Usage, format!("unknown rule `{}`", printable(name)))
            .hint("`hardpan audit --list-rules` lists all of them")
    })
}
