//! Parses a policy file: the `[policy]` that the caller of `hardpan audit` or `build` gives with `--policy`.

use std::sync::Arc;

use super::{
    super::{
        GitVariables, Located, PolicySettings, TagPatterns,
        shapes::{Spanned, TomlTable},
        wording::quoted,
        written,
    },
    RecipeText, policy, syntax,
};
use crate::{
    policy::PathGlob,
    report::{ErrorName, Failure, Limits, SourceText, printable},
};

/// Reads a policy file. `path` is the name it is printed under.
///
/// # Errors
/// The first thing that is wrong, at its place, as for a recipe.
pub fn parse_policy(path: &str, text: &str) -> Result<PolicySettings, Failure> {
    // The checks are those of recipes, and so are the names that they give.
    read_policy(path, text).map_err(|failure| failure.named(ErrorName::Policy))
}

/// [`parse_policy`], whose failures have the names that a recipe's would have.
fn read_policy(path: &str, text: &str) -> Result<PolicySettings, Failure> {
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > Limits::RECIPE_BYTES {
        let what = format!("the policy is larger than {} MiB", Limits::RECIPE_BYTES >> 20);
        return Err(Failure::error(ErrorName::Policy, what).in_path(path));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    let source = Arc::new(SourceText { path: printable(path).into_owned(), text });
    let page = RecipeText::new(source);
    let written: written::PolicyFile = syntax::read(&page)?;
    let mut settings = match written.policy {
        Some(Spanned { value: TomlTable(table), .. }) => policy::policy_settings(&page, table)?,
        // A file that says nothing of images is a mistake, unless it says something else.
        None if written.git.is_none()
            && written.push.is_none()
            && written.registry.is_none()
            && written.compile.is_none() =>
        {
            return Err(page.failure(&(0..0), "the policy has no table `[policy]`"));
        }
        None => PolicySettings::default(),
    };
    if let Some(Spanned { value: TomlTable(table), .. }) = written.push {
        let globs = |list| RecipeText::each(list, |at| tag_glob(&page, &at));
        settings.tags = TagPatterns {
            immutable: globs(table.immutable_tags)?,
            moving: if table.moving_tags.is_some() { Some(globs(table.moving_tags)?) } else { None },
        };
    }
    if let Some(Spanned { value: TomlTable(table), .. }) = written.registry {
        settings.token_realms = RecipeText::each(table.token_realms, |at| Ok(page.locate(at)))?;
    }
    if let Some(Spanned { value: TomlTable(table), .. }) = written.git {
        let variable = |at| variable(&page, at);
        settings.git = GitVariables {
            revision: table.revision_from.map(variable).transpose()?,
            branch: table.branch_from.map(variable).transpose()?,
        };
    }
    if let Some(Spanned { value: TomlTable(table), .. }) = written.compile {
        settings.pass = RecipeText::each(table.pass, |at| passed(&page, at))?;
    }
    Ok(settings)
}

/// The variables of the environment that a policy file can let through to compilers.
const PASSED: [&str; 2] = ["GOCACHEPROG", "RUSTC_WRAPPER"];

/// One of `[compile] pass`.
fn passed(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    if !PASSED.contains(&at.value.as_str()) {
        let what = format!("{} is no variable that reaches a compile", quoted(&at.value));
        return Err(page.failure(&at.span, what).hint("known: `GOCACHEPROG`, `RUSTC_WRAPPER`"));
    }
    Ok(page.locate(at))
}

/// A pattern of tags.
fn tag_glob(page: &RecipeText, at: &Spanned<String>) -> Result<PathGlob, Failure> {
    let wrong = |why: &str| {
        page.failure(&at.span, format!("{} is no pattern of tags: {why}", quoted(&at.value)))
            .hint("such as `v*` or `main-*`")
    };
    if at.value.is_empty() || at.value.contains(['/', ':', '@']) {
        return Err(wrong("a tag has no `/`, `:` or `@`"));
    }
    PathGlob::parse(&at.value).map_err(|why| wrong(&why))
}

/// The name of a variable of the environment.
fn variable(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if at.value.is_empty() || !at.value.bytes().all(fits) || at.value.starts_with(|c: char| c.is_ascii_digit()) {
        let what = format!("{} is no name of a variable of the environment", quoted(&at.value));
        return Err(page.failure(&at.span, what).hint("such as `CI_COMMIT_SHA`, without a `$`"));
    }
    Ok(page.locate(at))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::report::{Rule, Severity};

    #[test]
    fn a_policy_says_threshold_weights_and_exceptions() {
        let text = "[policy]\nprofile = \"hardened\"\nfail-on = \"low\"\nwaivers = false\nregistries = [\"ghcr.io/acme\"]\n\
                    max-size = \"30MB\"\nseverity = { shell = \"critical\", USR002 = \"off\" }\n\
                    [[policy.allow]]\nrule = \"setuid\"\npath = \"/bin/*\"\nreason = \"x\"\nuntil = 2027-01-01\n";
        let policy = parse_policy("p.toml", text).unwrap();
        assert_eq!(policy.profile.unwrap().value, "hardened");
        assert_eq!((policy.fail_on, policy.waivers), (Some(Severity::Low), false));
        let weights: Vec<_> = policy.severities.into_iter().collect();
        assert_eq!(weights, [(Rule::NamedUser, None), (Rule::Shell, Some(Severity::Critical))]);
        assert_eq!(policy.allow.len(), 1);
        assert_eq!(policy.max_size.unwrap().value, 30_000_000);
    }

    #[test]
    fn a_pipeline_says_what_reaches_compilers() {
        let pass = |text: &str| parse_policy("p.toml", text).map(|policy| policy.pass);
        let passed = pass("[compile]\npass = [\"GOCACHEPROG\", \"RUSTC_WRAPPER\"]").unwrap();
        assert_eq!(passed.iter().map(|at| at.value.as_str()).collect::<Vec<_>>(), PASSED);
        let failure = pass("[compile]\npass = \"RUSTFLAGS\"").unwrap_err();
        assert!(failure.to_string().contains("no variable that reaches a compile"), "{failure}");
        assert!(pass("[compile]\nflags = \"x\"").is_err());
    }

    #[test]
    fn a_pipeline_says_which_tags_move() {
        let tags = |text: &str| parse_policy("p.toml", text).map(|policy| policy.tags);
        let patterns = tags("[push]\nimmutable-tags = [\"v*\"]\nmoving-tags = \"edge\"").unwrap();
        assert!(patterns.fixes("v1").is_some() && patterns.fixes("edge").is_none() && patterns.fixes("x").is_some());
        assert!(tags("[push]\nmoving-tags = []").unwrap().fixes("edge").is_some());
        let bad = |text: &str| tags(text).unwrap_err().to_string();
        assert!(bad("[push]\nimmutable-tags = [\"a/b\"]").contains("`a/b` is no pattern of tags: a tag has no `/`"));
        assert!(bad("[push]\nimmutable-tags = [\"[\"]").starts_with("p.toml:2:19: `[` is no pattern of tags"));
    }

    #[test]
    fn a_pipeline_names_hosts_that_make_tokens() {
        let realms = |text: &str| {
            let policy = parse_policy("p.toml", text).map_err(|failure| failure.to_string())?;
            Ok::<_, String>(policy.token_realms.into_iter().map(|realm| realm.value).collect::<Vec<_>>())
        };
        assert_eq!(realms("[registry]\ntoken-realms = [\"a.example\", \"b.example:8443\"]").unwrap().len(), 2);
        assert_eq!(realms("[registry]\ntoken-realms = \"a.example\"").unwrap(), ["a.example"]);
        assert_eq!(realms("[registry]\ntoken-realm = []").unwrap_err(), "p.toml:2:1: unknown key `token-realm`");
    }

    #[test]
    fn a_pipeline_names_the_variables_of_its_commit_and_branch() {
        let git = |text: &str| parse_policy("p.toml", text).map(|policy| policy.git.revision.map(|name| name.value));
        assert_eq!(git("[git]\nrevision-from = \"CI_COMMIT_SHA\"").unwrap().as_deref(), Some("CI_COMMIT_SHA"));
        assert_eq!(git("[policy]\n[git]\nbranch-from = \"B\"").unwrap(), None);
        let bad = git("[git]\nrevision-from = \"$CI_COMMIT_SHA\"").unwrap_err();
        assert_eq!(bad.to_string(), "p.toml:2:17: `$CI_COMMIT_SHA` is no name of a variable of the environment");
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let said = |text: &str| parse_policy("p.toml", text).unwrap_err().to_string();
        assert_eq!(said("[policy]\nfail-on = \"hgih\""), "p.toml:2:11: unknown severity `hgih`");
        assert_eq!(said("[policy]\nprofile = \"strict\""), "p.toml:2:11: unknown profile `strict`");
        assert_eq!(said("[policy]\nseverity = { shel = \"low\" }"), "p.toml:2:14: unknown rule `shel`");
        assert_eq!(said("[policy]\nfail_on = \"high\""), "p.toml:2:1: unknown key `fail_on`");
        assert_eq!(said(""), "p.toml:1:1: the policy has no table `[policy]`");
        let twice = "[policy]\nseverity = { shell = \"low\", TOOL001 = \"low\" }";
        assert_eq!(said(twice), "p.toml:2:14: `shell` has a severity already");
    }
}
