//! Parses a policy file: the `[policy]` that the caller of `hardpan audit` or `build` gives with `--policy`.

use std::sync::Arc;

use super::{
    super::{
        PolicySettings,
        shapes::{Spanned, TomlTable},
        written,
    },
    RecipeText, policy, syntax,
};
use crate::report::{ErrorName, Failure, Limits, SourceText, printable};

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
    let Some(Spanned { value: TomlTable(table), .. }) = written.policy else {
        return Err(page.failure(&(0..0), "the policy has no table `[policy]`"));
    };
    policy::policy_settings(&page, table)
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
