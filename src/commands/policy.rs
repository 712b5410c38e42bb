//! What images must keep to: profiles, policy files, and what a recipe adds.

use std::path::Path;

use crate::{
    inspect::audit::{Policy, Waiver},
    recipe::{self, Allow},
    report::{Failure, Limits, Severity, printable},
};

/// Reads a policy file.
pub(super) fn read(path: &Path) -> Result<recipe::Policy, Failure> {
    use std::io::Read as _;
    let fault = |error: std::io::Error| Failure::io("read the policy", path, &error);
    let file = std::fs::File::open(path).map_err(fault)?;
    let mut text = String::new();
    file.take(Limits::RECIPE_BYTES + 1).read_to_string(&mut text).map_err(fault)?;
    recipe::parse_policy(&path.to_string_lossy(), &text)
}

/// What an audit demands: a profile, then the file, then the options.
pub(super) fn of_audit(
    file: Option<recipe::Policy>,
    profile: Option<&str>,
    fail_on: Option<Severity>,
) -> Result<Policy, Failure> {
    let written = file.as_ref().and_then(|file| file.profile.as_ref()).map(|profile| profile.value.clone());
    let mut policy = named(profile.or(written.as_deref()).unwrap_or("default"))?;
    if let Some(file) = file {
        // A profile of the command line brings its own threshold.
        add_file(&mut policy, file, profile.is_none());
    }
    if let Some(severity) = fail_on {
        policy.fail_on = severity;
    }
    Ok(policy)
}

/// What a build must pass: `hardened`, or what the file of whoever runs it says, and on top of it the recipe, which can
/// demand more and never less. `recipe` gets what the file says about sizes and exceptions, for the checks before the
/// audit.
pub(super) fn of_build(file: Option<&recipe::Policy>, recipe: &mut recipe::Policy) -> Result<Policy, Failure> {
    let written = file.and_then(|file| file.profile.as_ref()).map(|profile| profile.value.as_str());
    let mut policy = named(written.unwrap_or("hardened"))?;
    if let Some(file) = file.cloned() {
        let budgets = [file.max_size.clone(), recipe.max_size.take()];
        recipe.max_size = budgets.into_iter().flatten().min_by_key(|size| size.value);
        recipe.allow.extend(file.allow.iter().cloned());
        recipe.waivers &= file.waivers;
        recipe.registries_above.clone_from(&file.registries);
        add_file(&mut policy, file, true);
    }
    // Every build passes `hardened` where nobody else decides: a recipe that says so decides, too.
    let named = recipe.profile.is_some().then_some(Severity::Medium);
    for severity in [recipe.fail_on, named].into_iter().flatten() {
        policy.fail_on = policy.fail_on.min(severity);
    }
    for (rule, severity) in &recipe.severities {
        if let Some(severity) = severity {
            policy.least.insert(*rule, *severity);
        }
    }
    policy.allow_waivers = recipe.waivers;
    policy.max_size = None; // `build` knows the line of the budget.
    if !recipe.registries.is_empty() {
        policy.registries.push(recipe.registries.iter().map(|registry| registry.value.clone()).collect());
    }
    // What is promised of every image that hardpan builds has no exception.
    let allowed = recipe.allow.iter().filter(|allow| allow.rule.waivable() && !allow.rule.is_of_build());
    policy.waivers = allowed.cloned().map(waiver).collect();
    Ok(policy)
}

fn named(profile: &str) -> Result<Policy, Failure> {
    Policy::profile(profile).ok_or_else(|| {
        Failure::new(format!("unknown profile `{}`", printable(profile))).hint("known: `default`, `hardened`")
    })
}

/// Puts what a policy file says over a profile.
fn add_file(policy: &mut Policy, file: recipe::Policy, threshold: bool) {
    if let Some(severity) = file.fail_on.filter(|_| threshold) {
        policy.fail_on = severity;
    }
    policy.allow_waivers = file.waivers;
    policy.severities = file.severities;
    if !file.registries.is_empty() {
        policy.registries.push(file.registries.into_iter().map(|registry| registry.value).collect());
    }
    policy.max_size = file.max_size.map(|size| size.value);
    policy.waivers = file.allow.into_iter().map(waiver).collect();
}

fn waiver(allow: Allow) -> Waiver {
    Waiver {
        rule: allow.rule,
        path: allow.path.map(|path| path.value),
        reason: allow.reason,
        until: allow.until,
        origin: allow.origin.to_string(),
    }
}
