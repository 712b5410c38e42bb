//! Applies the exceptions of a recipe (`[[policy.allow]]`) and of the policy file to refusals of a build.

use std::sync::Arc;

use super::{check::Objection, settings::Date};
use crate::{
    oci::ImagePath,
    policy::{Waiver, WaiverAnswer, WaiverTarget, Waivers},
    recipe::PolicySettings,
    report::{Failure, FailurePlace, Rule},
};

/// The failures that no exception covers on the day `today`, in their order.
///
/// Only findings about content can be excepted. That the run user is not root, that the entrypoint runs, and what a
/// mode may be are promises about every image.
///
/// With `--locked` (`locked`) an exception does not help against a rule whose breach makes the lock's promise false.
pub(super) fn apply_waivers(
    policy: &PolicySettings,
    today: Date,
    locked: bool,
    objections: Vec<Objection>,
) -> Vec<Failure> {
    let mut left = Vec::new();
    for Objection { path, failure } in objections {
        let waived = unless_excepted(policy, today, path.as_ref(), failure.clone());
        let failure = match (waived, failure.rule) {
            (Err(failure), _) => failure,
            (Ok(()), Some(rule)) if locked && rule.breaks_lock() => {
                Failure { hint: Some(format!("`--locked` allows no exception from `{rule}`")), ..failure }
            }
            (Ok(()), _) => continue,
        };
        if !left.contains(&failure) {
            left.push(failure);
        }
    }
    left
}

/// Drops a refusal that an exception covers. `path` is the path of the image that the refusal is about; without one, the
/// rule gives the target.
pub fn unless_excepted(
    policy: &PolicySettings,
    today: Date,
    path: Option<&ImagePath>,
    failure: Failure,
) -> Result<(), Failure> {
    let path = path.map(ImagePath::as_str);
    let target = path.map_or_else(|| target_of(failure.rule), WaiverTarget::Path);
    unless_all_excepted(policy, today, &[target], failure)
}

/// Drops a refusal whose targets all have an exception. Otherwise the hint says why an exception of that rule does not
/// cover it.
pub fn unless_all_excepted(
    policy: &PolicySettings,
    today: Date,
    targets: &[WaiverTarget<'_>],
    failure: Failure,
) -> Result<(), Failure> {
    let Some(rule) = failure.rule else { return Err(failure) };
    let hint = match recipe_waivers(policy, today).answer(rule, targets) {
        WaiverAnswer::Waived(_) => return Ok(()),
        WaiverAnswer::Unmentioned => match policy.allow.iter().find(|waiver| waiver.rule == rule) {
            Some(waiver) if !matches!(targets, [WaiverTarget::Path(_), ..]) => {
                format!("the exception {} is about a `path`, and this is about none", waiver_place(waiver, &failure))
            }
            _ => return Err(failure),
        },
        WaiverAnswer::Promised(waiver) => {
            format!("no exception waives `{rule}`, not even the one {}", waiver_place(waiver, &failure))
        }
        WaiverAnswer::Forbidden(waiver) => {
            format!("the policy allows no exceptions, not even the one {}", waiver_place(waiver, &failure))
        }
        WaiverAnswer::Ended(waiver) => {
            format!("the exception {} ended on {}", waiver_place(waiver, &failure), waiver.last_day())
        }
        WaiverAnswer::Partial(waiver) => {
            format!("the exception {} does not cover all places of it", waiver_place(waiver, &failure))
        }
    };
    Err(Failure { hint: Some(hint), ..failure })
}

/// The exceptions of a recipe and of the policy file above it, as a build takes them.
pub(super) fn recipe_waivers(policy: &PolicySettings, today: Date) -> Waivers<'_> {
    let Date(year, month, day) = today;
    Waivers::new(&policy.allow, policy.waivers, (year, month, day)).keeping_promises()
}

/// The target of a rule that is about no path: the key that the audit has for it.
const fn target_of(rule: Option<Rule>) -> WaiverTarget<'static> {
    match rule {
        Some(Rule::SizeBudget) => WaiverTarget::Key("manifest.layers"),
        Some(Rule::BaseNotAllowed) => WaiverTarget::Key("manifest.annotations[org.opencontainers.image.base.name]"),
        _ => WaiverTarget::Image,
    }
}

/// Where an exception is: a line of the recipe, or of a policy file.
fn waiver_place(waiver: &Waiver, failure: &Failure) -> String {
    match &failure.place {
        Some(FailurePlace::Recipe(origin)) if !Arc::ptr_eq(&origin.source, &waiver.origin.source) => {
            format!("at {}", waiver.origin)
        }
        _ => format!("on line {}", waiver.origin.line_column().0),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::Origin;

    const TODAY: Date = Date(2026, 5, 9);

    /// What is left of refusals by `rule` about `path` under the given `[[policy.allow]]`.
    fn left(allow: &str, rule: Rule, path: Option<&str>) -> Option<Failure> {
        left_of(false, allow, rule, path)
    }

    fn left_of(locked: bool, allow: &str, rule: Rule, path: Option<&str>) -> Option<Failure> {
        let recipe = crate::recipe::parse("x.toml", &format!("[[policy.allow]]\nreason = \"test\"\n{allow}")).unwrap();
        let objection = || Objection {
            path: path.map(|path| ImagePath::parse(path).unwrap()),
            failure: Failure::refused(rule, "no").at(&Origin::new(&recipe.source, 0..0)),
        };
        let mut left = apply_waivers(&recipe.policy, TODAY, locked, vec![objection(), objection()]);
        assert!(left.len() <= 1, "the same thing is said once");
        left.pop()
    }

    #[test]
    fn an_exception_holds_for_its_rule_its_paths_and_its_last_day() {
        let allow = "rule = \"private-key\"\nuntil = 2026-05-09\n";
        assert_eq!(left(allow, Rule::PrivateKey, Some("/a/b")), None);
        assert_eq!(left(allow, Rule::PrivateKey, None), None);
        assert!(left(allow, Rule::DynamicBinary, Some("/a/b")).is_some());
        for (glob, path, covered) in [
            ("/a/*", Some("/a/b"), true),
            ("a/*", Some("/a/b"), true),
            ("/a/*", Some("/a/b/c"), false),
            ("/a/**", Some("/a/b/c"), true),
            ("/a/*", Some("/a/.b"), true),
            ("/**", None, false),
        ] {
            let found = left(&format!("{allow}path = \"{glob}\""), Rule::PrivateKey, path);
            assert_eq!(found.is_none(), covered, "{glob} {path:?}");
        }
    }

    #[test]
    fn a_locked_build_has_no_exception_from_what_makes_its_lock_false() {
        let allow = "rule = \"host-path\"\nuntil = 2026-05-09";
        assert_eq!(left_of(false, allow, Rule::HostPath, Some("/app")), None);
        let kept = left_of(true, allow, Rule::HostPath, Some("/app")).unwrap();
        assert_eq!(kept.hint.as_deref(), Some("`--locked` allows no exception from `host-path`"));
        assert_eq!(left_of(true, "rule = \"private-key\"\nuntil = 2026-05-09", Rule::PrivateKey, None), None);
    }

    #[test]
    fn an_exception_that_does_not_help_is_named_in_the_hint() {
        let ended = left("rule = \"private-key\"\nuntil = 2026-05-08", Rule::PrivateKey, None).unwrap();
        assert_eq!(ended.hint.as_deref(), Some("the exception on line 1 ended on 2026-05-08"));
        let never =
            left("rule = \"wrong-architecture\"\nuntil = 2999-01-01", Rule::WrongArchitecture, Some("/a")).unwrap();
        assert_eq!(never.hint.as_deref(), Some("no exception waives `wrong-architecture`, not even the one on line 1"));
    }
}
