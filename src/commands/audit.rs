//! `hardpan audit`: checks any image against the rules of the catalogue.

use std::path::PathBuf;

use super::{open_image, policy};
use crate::{
    audit::{self, Audit},
    registry::Access,
    report::{ErrorName, Failure, Failures, Rule, RuleFacts, Severity, printable},
};

/// What to audit, and by what.
#[derive(Debug, Clone)]
pub struct AuditRequest {
    /// A path or a reference, with or without skopeo's transport.
    pub image: String,
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
}

/// Audits every image of a place, one report a name.
///
/// # Errors
/// A policy that cannot be read, a place that cannot be read, or one without an image.
pub fn audit(request: &AuditRequest) -> Result<Vec<Audit>, Failures> {
    let file = request.policy.as_deref().map(policy::read_of_images).transpose()?;
    let policy = policy::of_audit(file, request.profile.as_deref(), request.fail_on)?;
    let (sets, _) = open_image::open(&request.image, &request.access)?;
    if sets.is_empty() {
        return Err(Failure::error(
            ErrorName::ImageNotFound,
            format!("there is no image in `{}`", printable(&request.image)),
        )
        .into());
    }
    let asked = audit::AuditQuery { image: &request.image, policy: &policy, today: request.today };
    Ok(sets.iter().map(|set| audit::audit(set, &asked)).collect())
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
