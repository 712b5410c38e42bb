//! Parses `[policy]`, of a recipe and of a policy file. A recipe's can only be stricter than the build's own policy.

use std::{collections::BTreeMap, ops::Range};

use super::{
    super::{
        GitVariables, Located, PolicySettings, TagPatterns,
        shapes::{Day, Spanned, TomlTable},
        wording::quoted,
        written,
    },
    recipe_text::{RecipeText, all, unknown},
};
use crate::{
    policy::{PathGlob, Waiver, is_fingerprint},
    report::{ErrorName, Failure, Rule, Severity, printable},
};

/// Units of a size, in bytes.
const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// The built-in policies.
const PROFILES: [&str; 2] = ["default", "hardened"];

/// The severity from which on a finding fails a build, where no policy file says otherwise.
const BUILD_FAILS_ON: Severity = Severity::Medium;

/// `[policy]` of a recipe, or an empty one.
///
/// It only tightens. What makes an image weaker is an exception, which has a name, a scope, a reason and a day.
pub(super) fn policy(
    page: &RecipeText,
    at: Option<Spanned<TomlTable<written::WrittenPolicy>>>,
) -> Result<PolicySettings, Failure> {
    let Some(Spanned { value: TomlTable(table), .. }) = at else { return Ok(PolicySettings::default()) };
    if let Some(at) = table.profile.as_ref().filter(|at| at.value == "default") {
        return Err(page
            .failure(&at.span, "a recipe cannot loosen the policy: builds keep to `hardened`")
            .named(ErrorName::Policy)
            .hint("except one rule with `[[policy.allow]]`, with a reason and a day"));
    }
    if let Some(at) = &table.fail_on
        && severity(page, at)? > BUILD_FAILS_ON
    {
        return Err(page
            .failure(&at.span, format!("a recipe cannot loosen the policy: builds fail on `{BUILD_FAILS_ON}`"))
            .named(ErrorName::Policy)
            .hint("except one rule with `[[policy.allow]]`, with a reason and a day"));
    }
    for (key, value) in &table.severity.0 {
        let usual = rule(page, key)?.facts().severity;
        if value.value == "off" || severity(page, value)? < usual {
            let what = format!("a recipe cannot loosen the policy: {} weighs `{usual}`", quoted(&key.value));
            return Err(page
                .failure(&value.span, what)
                .named(ErrorName::Policy)
                .hint("except it with `[[policy.allow]]`, with a reason and a day"));
        }
    }
    let settings = policy_settings(page, table)?;
    match settings.allow.iter().find(|waiver| waiver.fingerprint.is_some()) {
        Some(waiver) => Err(Failure::error(
            ErrorName::RecipeValue,
            "a `fingerprint` names a finding of an audit, and a build has none",
        )
        .at(&waiver.origin)
        .hint("name a `path`, or put the exception into the policy file of the audit")),
        None => Ok(settings),
    }
}

/// Refuses a policy that is looser than that of a file which the recipe shares with others (`far`). Both are checked already.
pub(super) fn check_tightens(
    page: &RecipeText,
    near: &written::WrittenPolicy,
    far: &written::WrittenPolicy,
) -> Result<(), Failure> {
    let loosened = |span: &Range<usize>, far: &Range<usize>, says: &str| {
        let what = format!("this loosens the policy of {}, which {says}", page.origin(far));
        let failure = page.failure(span, what).named(ErrorName::Policy);
        Err(failure.hint("except one rule with `[[policy.allow]]`, with a reason and a day"))
    };
    if let (Some(at), Some(other)) = (&near.fail_on, &far.fail_on)
        && severity(page, at)? > severity(page, other)?
    {
        return loosened(&at.span, &other.span, &format!("fails on `{}`", other.value));
    }
    for (key, at) in &near.severity.0 {
        let named = rule(page, key)?;
        for (other, weight) in &far.severity.0 {
            if rule(page, other)? == named && severity(page, at)? < severity(page, weight)? {
                return loosened(&at.span, &weight.span, &format!("weighs {} `{}`", named.name(), weight.value));
            }
        }
    }
    if let (Some(at), Some(other)) = (&near.waivers, &far.waivers)
        && at.value
        && !other.value
    {
        return loosened(&at.span, &other.span, "lets no exception count");
    }
    if let (Some(at), Some(other)) = (&near.max_size, &far.max_size)
        && bytes(&at.value) > bytes(&other.value)
    {
        return loosened(&at.span, &other.span, &format!("allows {}", quoted(&other.value)));
    }
    let (Some(at), Some(other)) = (&near.registries, &far.registries) else { return Ok(()) };
    let is_within =
        |one: &str, all: &str| one.strip_prefix(all).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_allowed = |one: &Spanned<String>| other.value.0.iter().any(|all| is_within(&one.value, &all.value));
    if other.value.0.is_empty() {
        return Ok(());
    }
    match at.value.0.iter().find(|one| !is_allowed(one)) {
        Some(one) => loosened(&one.span, &other.span, "allows other registries alone"),
        None if at.value.0.is_empty() => loosened(&at.span, &other.span, "allows certain registries alone"),
        None => Ok(()),
    }
}

/// `[policy]` of a recipe or of a policy file.
pub(super) fn policy_settings(page: &RecipeText, table: written::WrittenPolicy) -> Result<PolicySettings, Failure> {
    if let Some(at) = &table.profile
        && !PROFILES.contains(&at.value.as_str())
    {
        return Err(unknown(page, at, "profile", &PROFILES)
            .named(ErrorName::Policy)
            .hint("known: `default`, `hardened`"));
    }
    let mut severities = BTreeMap::new();
    for (key, value) in table.severity.0 {
        let weight = if value.value == "off" { None } else { Some(severity(page, &value)?) };
        if severities.insert(rule(page, &key)?, weight).is_some() {
            let what = format!("{} has a severity already", quoted(&key.value));
            return Err(page.failure(&key.span, what).named(ErrorName::RecipeConflict));
        }
    }
    Ok(PolicySettings {
        profile: table.profile.map(|at| page.locate(at)),
        fail_on: table.fail_on.map(|at| severity(page, &at)).transpose()?,
        severities,
        waivers: table.waivers.is_none_or(|at| at.value),
        max_size: table.max_size.map(|at| max_size(page, &at)).transpose()?,
        registries: RecipeText::each(table.registries, |at| registry(page, at))?,
        registries_above: Vec::new(),
        allow: all(table.allow, |at| allow(page, at))?,
        is_written: true,
        tags: TagPatterns::default(),
        git: GitVariables::default(),
        pass: Vec::new(),
        token_realms: Vec::new(),
    })
}

/// A rule by its name or code.
fn rule(page: &RecipeText, at: &Spanned<String>) -> Result<Rule, Failure> {
    Rule::named(&at.value).ok_or_else(|| unknown(page, at, "rule", &Rule::names()).named(ErrorName::Policy))
}

/// A severity by its name.
fn severity(page: &RecipeText, at: &Spanned<String>) -> Result<Severity, Failure> {
    let names = Severity::ALL.map(Severity::name);
    at.value.parse().map_err(|_| {
        let known = names.map(|name| format!("`{name}`")).join(", ");
        unknown(page, at, "severity", &names).named(ErrorName::Policy).hint(format!("known: {known}"))
    })
}

/// `max-size`: a number with a unit, in bytes.
fn max_size(page: &RecipeText, at: &Spanned<String>) -> Result<Located<u64>, Failure> {
    match bytes(&at.value) {
        Some(value) => Ok(Located { value, origin: page.origin(&at.span) }),
        None => Err(page
            .failure(&at.span, format!("{} is no size", quoted(&at.value)))
            .hint("write a number with a unit, such as `30MB`; known: `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`")),
    }
}

/// `30MB`, `1.5 GiB` in bytes; at least 1. Exact, in integers: a size is compared with a size.
pub fn bytes(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let number = number.strip_suffix(' ').unwrap_or(number);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, part)| (whole, Some(part)));
    let fraction = match fraction {
        Some("") => return None,
        fraction => fraction.unwrap_or_default(),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // Nine places are more than any unit needs, and keep the product within 128 bits.
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let parts = u128::from(whole.parse::<u64>().ok()?) * scale
        + if fraction.is_empty() { 0 } else { fraction.parse::<u128>().ok()? };
    u64::try_from(parts * u128::from(*unit) / scale).ok().filter(|bytes| *bytes > 0)
}

/// One of `registries`: a host, and maybe whole components of a path.
fn registry(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let good = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]".contains(&byte);
        !part.is_empty() && part.bytes().all(inner)
    };
    if at.value.contains("://") || !at.value.split('/').all(good) {
        return Err(page
            .failure(&at.span, format!("{} is no registry", quoted(&at.value)))
            .hint("write a host and maybe a path, such as `ghcr.io/acme`"));
    }
    Ok(page.locate(at))
}

/// One `[[policy.allow]]`.
fn allow(page: &RecipeText, at: Spanned<TomlTable<written::Allow>>) -> Result<Waiver, Failure> {
    let TomlTable(table) = at.value;
    let rule = rule(page, &table.rule)?;
    if table.reason.value.trim().is_empty() {
        return Err(page.failure(&table.reason.span, "an exception has a reason, this one is blank"));
    }
    let path = table.path.map(|at| page.filled("`path`", at)).transpose()?;
    let path = path.map(|at| path_glob(&at)).transpose()?;
    let fingerprint = table.fingerprint.map(|at| fingerprint(page, at, path.is_some())).transpose()?;
    Ok(Waiver {
        origin: page.origin(&at.span),
        rule,
        path,
        fingerprint,
        reason: table.reason.value,
        until: until(page, &table.until)?,
    })
}

/// The fingerprint of a finding, as reports have it.
fn fingerprint(page: &RecipeText, at: Spanned<String>, has_path: bool) -> Result<String, Failure> {
    if has_path {
        return Err(page.failure(&at.span, "an exception has a `path` or a `fingerprint`, this one has both"));
    }
    if is_fingerprint(&at.value) {
        return Ok(at.value);
    }
    let what = format!("{} is no fingerprint", quoted(&at.value));
    Err(page.failure(&at.span, what).hint("take it from `fingerprint` in the report of `hardpan audit --json`"))
}

/// A pattern over paths of the image.
fn path_glob(at: &Located<String>) -> Result<PathGlob, Failure> {
    PathGlob::parse(&at.value).map_err(|why| {
        let what = format!("{} is no pattern: {}", quoted(&at.value), printable(&why));
        Failure::error(ErrorName::RecipePattern, what).at(&at.origin)
    })
}

/// `until`: a day, without a time.
fn until(page: &RecipeText, at: &Spanned<Day>) -> Result<(u16, u8, u8), Failure> {
    let Day(datetime) = at.value;
    match (datetime.date, datetime.time, datetime.offset) {
        // TOML has checked that there is such a day.
        (Some(date), None, None) => Ok((date.year, date.month, date.day)),
        _ => {
            Err(page.failure(&at.span, "`until` is a day, without a time").hint("write it as in `until = 2027-06-30`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_exact_and_have_a_unit() {
        for (text, size) in [
            ("30MB", Some(30_000_000)),
            ("30 MB", Some(30_000_000)),
            ("1.5MB", Some(1_500_000)),
            ("1.5 GiB", Some(1_610_612_736)),
            ("1B", Some(1)),
            ("0.5kB", Some(500)),
            ("4KiB", Some(4096)),
            ("17179869183GiB", Some(18_446_744_072_635_809_792)),
            ("17179869184GiB", None),
            ("0MB", None),
            ("0.1B", None),
            ("30", None),
            ("MB", None),
            ("30mb", None),
            ("30  MB", None),
            ("-1MB", None),
            ("1e3MB", None),
            ("1.MB", None),
            (".5MB", None),
            ("1.0000000001GB", None),
            ("3\u{664}MB", None),
            ("99999999999999999999MB", None),
        ] {
            assert_eq!(bytes(text), size, "{text}");
        }
    }
}
