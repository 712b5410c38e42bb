//! The policy of an audit or a build: a profile, a policy file, options, and what a recipe adds.

use std::{ffi::OsStr, path::Path};

use crate::{
    build::{BuildSettings, HandedGit, HandedValue, PassedVariables},
    policy::Policy,
    recipe::{self, Located},
    registry::{Access, TokenRealm},
    report::{ErrorName, Failure, Limits, Severity, printable},
};

/// Reads a policy file.
pub(super) fn read(path: &Path) -> Result<recipe::PolicySettings, Failure> {
    use std::io::Read as _;
    let fault = |error: std::io::Error| Failure::io("read the policy", path, &error);
    let file = std::fs::File::open(path).map_err(fault)?;
    let mut text = String::new();
    file.take(Limits::RECIPE_BYTES + 1).read_to_string(&mut text).map_err(fault)?;
    recipe::parse_policy(&path.to_string_lossy(), &text)
}

/// Reads a policy file that says what images must keep to.
pub(super) fn read_of_images(path: &Path) -> Result<recipe::PolicySettings, Failure> {
    let settings = read(path)?;
    if settings.is_written {
        return Ok(settings);
    }
    Err(Failure::error(ErrorName::Policy, "the policy has no table `[policy]`").in_path(path))
}

/// Adds the token realms of a policy file to those of the command line.
///
/// # Errors
/// One that is no host, at its place.
pub(super) fn add_token_realms(file: Option<&recipe::PolicySettings>, access: &mut Access) -> Result<(), Failure> {
    for written in file.iter().flat_map(|file| &file.token_realms) {
        let realm = TokenRealm::parse(&written.value);
        access.token_realms.push(realm.map_err(|failure| failure.named(ErrorName::Policy).at(&written.origin))?);
    }
    Ok(())
}

/// What is handed in of git: by options, else by the variables that the policy file names. A variable that is empty or not set
/// hands in nothing.
pub(super) fn handed_git(
    file: Option<&recipe::PolicySettings>,
    settings: &BuildSettings,
) -> Result<HandedGit, Failure> {
    let value = |name: &Located<String>| {
        let value = settings.caller.get(OsStr::new(&name.value)).filter(|value| !value.is_empty())?;
        Some((value.to_string_lossy().into_owned(), name.value.clone()))
    };
    let mut git = settings.git.clone();
    let Some(file) = file else { return Ok(git) };
    if git.revision.is_none()
        && let Some((text, name)) = file.git.revision.as_ref().and_then(value)
    {
        git.revision = Some(HandedValue::revision(&text, &name, ErrorName::Environment)?);
    }
    if git.branch.is_none()
        && let Some((text, name)) = file.git.branch.as_ref().and_then(value)
    {
        git.branch = Some(HandedValue::branch(&text, &name, ErrorName::Environment)?);
    }
    Ok(git)
}

/// What reaches toolchains: what the command line says, and the variables of `[compile] pass`.
pub(super) fn passed_variables(file: Option<&recipe::PolicySettings>, settings: &BuildSettings) -> PassedVariables {
    let names = file.iter().flat_map(|file| &file.pass).map(|name| name.value.clone());
    PassedVariables { compile: names.collect(), ..settings.passed.clone() }
}

/// What an audit demands: a profile, then the file, then the options.
pub(super) fn of_audit(
    file: Option<recipe::PolicySettings>,
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

/// What a build must pass: `hardened`, or the policy file of the caller, and on top of it the recipe, which can
/// demand more and never less. `recipe` gets what the file says about sizes and exceptions, for the checks before the
/// audit.
pub(super) fn of_build(
    file: Option<&recipe::PolicySettings>,
    recipe: &mut recipe::PolicySettings,
) -> Result<Policy, Failure> {
    // One without a `[policy]` says nothing of images.
    let file = file.filter(|file| file.is_written);
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
    // Without a policy file every build passes `hardened`; a recipe that names a profile raises the threshold, too.
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
    // What is promised of every image that hardpan builds has no exception. One by fingerprint is for audits: the checks
    // before the image is there know none, and the gate after them would say something else.
    recipe.allow.retain(|allow| allow.fingerprint.is_none());
    let allowed = recipe.allow.iter().filter(|allow| allow.rule.waivable() && !allow.rule.is_of_build());
    policy.waivers = allowed.cloned().collect();
    Ok(policy)
}

fn named(profile: &str) -> Result<Policy, Failure> {
    Policy::profile(profile).ok_or_else(|| {
        Failure::error(ErrorName::Usage, format!("unknown profile `{}`", printable(profile)))
            .hint("known: `default`, `hardened`")
    })
}

/// Puts what a policy file says over a profile.
fn add_file(policy: &mut Policy, file: recipe::PolicySettings, threshold: bool) {
    if let Some(severity) = file.fail_on.filter(|_| threshold) {
        policy.fail_on = severity;
    }
    policy.allow_waivers = file.waivers;
    policy.severities = file.severities;
    if !file.registries.is_empty() {
        policy.registries.push(file.registries.into_iter().map(|registry| registry.value).collect());
    }
    policy.max_size = file.max_size.map(|size| size.value);
    policy.waivers = file.allow;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{Finding, FindingPlace},
        build::{Date, unless_excepted},
        oci::ImagePath,
        policy::PolicyJudge,
        report::Rule,
    };

    const TODAY: (u16, u8, u8) = (2026, 5, 9);

    /// What a refusal of a build is about, and where the audit finds the same.
    #[derive(Clone, Copy)]
    enum About {
        Path(&'static str),
        /// Nothing that a build has a path for; the key of the audit.
        Key(&'static str),
    }
    use About::{Key, Path as At};

    const LAYERS: About = Key("manifest.layers");
    const BASE: About = Key("manifest.annotations[org.opencontainers.image.base.name]");

    impl About {
        fn place(self) -> FindingPlace {
            match self {
                At(path) => FindingPlace { path: Some(path.to_owned()), ..FindingPlace::default() },
                Key(key) => FindingPlace::key(key),
            }
        }

        fn path(self) -> Option<ImagePath> {
            match self {
                At(path) => Some(ImagePath::parse(path).unwrap()),
                Key(_) => None,
            }
        }
    }

    /// Whether the policy leaves nothing of a finding.
    fn excepts(policy: &Policy, rule: Rule, place: FindingPlace) -> bool {
        let finding = Finding::new(rule, Severity::Critical, place, "");
        PolicyJudge::new(policy, TODAY).judge(vec![finding]).0.is_empty()
    }

    /// Whether an exception helps in the early check of a build, in its gate, and in an audit.
    fn answers(text: &str, rule: Rule, about: About) -> [bool; 3] {
        let mut recipe = recipe::parse("x.toml", text).unwrap().policy;
        let gate = of_build(None, &mut recipe).unwrap();
        let (year, month, day) = TODAY;
        let failure = Failure::refused(rule, "no");
        let early = unless_excepted(&recipe, Date(year, month, day), about.path().as_ref(), failure).is_ok();
        let audit = of_audit(Some(recipe::parse_policy("p.toml", text).unwrap()), None, None).unwrap();
        [early, excepts(&gate, rule, about.place()), excepts(&audit, rule, about.place())]
    }

    #[test]
    fn an_exception_helps_in_a_build_where_it_helps_in_an_audit() {
        let allow = |rule: &str, more: &str| {
            format!("[[policy.allow]]\nrule = \"{rule}\"\nreason = \"x\"\nuntil = 2026-05-09\n{more}")
        };
        let none = || "[policy]\nwaivers = false\n".to_owned();
        let (key, size, base) = (Rule::PrivateKey, Rule::SizeBudget, Rule::BaseNotAllowed);
        for (text, rule, about, expected) in [
            ("[policy]\n".to_owned(), key, At("/a/b"), false),
            (allow("private-key", ""), key, At("/a/b"), true),
            (allow("SEC001", ""), key, At("/a/b"), true),
            (allow("private-key", ""), Rule::Shell, At("/a/b"), false),
            (allow("private-key", "").replace("05-09", "05-08"), key, At("/a/b"), false),
            (none() + &allow("private-key", ""), key, At("/a/b"), false),
            (allow("private-key", "path = \"/a/*\""), key, At("/a/b"), true),
            (allow("private-key", "path = \"a/*\""), key, At("/a/b"), true),
            (allow("private-key", "path = \"/a/*\""), key, At("/a/.b"), true),
            (allow("private-key", "path = \"/a/*\""), key, At("/a/b/c"), false),
            (allow("private-key", "path = \"/a/**\""), key, At("/a/b/c"), true),
            (allow("base-not-allowed", ""), base, BASE, true),
            (allow("base-not-allowed", "path = \"manifest.annotations*\""), base, BASE, true),
            (allow("base-not-allowed", "path = \"/usr/**\""), base, BASE, false),
        ] {
            assert_eq!(answers(&text, rule, about), [expected; 3], "{text} {rule}");
        }
        // The budget is the build's alone: its gate does not look.
        for (text, expected) in [
            (allow("size-budget", ""), true),
            (allow("size-budget", "path = \"manifest.layers\""), true),
            (allow("size-budget", "path = \"/usr/bin/app\""), false),
        ] {
            let [early, _, audit] = answers(&text, size, LAYERS);
            assert_eq!((early, audit), (expected, expected), "{text}");
        }
        // What is promised of every image of hardpan has an exception in audits of other images only.
        let promise = allow("wrong-architecture", "");
        assert_eq!(answers(&promise, Rule::WrongArchitecture, At("/a")), [false, false, true]);
    }
}
