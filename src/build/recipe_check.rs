//! Checks a recipe without building it: `hardpan check`, and the first look of `hardpan build` at all of its recipes.

use std::collections::BTreeSet;

use super::{
    host_bound::HostBound,
    resolve::{ResolveReach, Resolver, UnseenInput},
    settings::BuildSettings,
};
use crate::{
    oci::Platform,
    policy::Policy,
    recipe::{LockFile, Recipe},
    report::{Failure, Progress},
};

/// A recipe that is checked, and what it is checked against.
#[derive(Debug)]
pub struct RecipeCheck<'a> {
    /// The recipe, with what the policy of the caller adds to it.
    pub recipe: &'a Recipe,
    /// The folder that its paths stay in, and what the call writes.
    pub bound: HostBound,
    /// What its image must keep to.
    pub policy: &'a Policy,
    /// Its lock.
    pub lock: Option<&'a LockFile>,
    /// For which platforms.
    pub platforms: &'a [Platform],
    /// How far the check looks.
    pub reach: ResolveReach,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct CheckedImage {
    /// The image's name, where it has one.
    pub name: Option<String>,
    /// Everything that a build would refuse, once, in the order of platforms and entries.
    pub failures: Vec<Failure>,
    /// What was not looked at.
    pub unseen: BTreeSet<UnseenInput>,
}

impl RecipeCheck<'_> {
    /// Checks every platform.
    pub fn run(self, settings: &BuildSettings, progress: &dyn Progress) -> CheckedImage {
        let mut checked = CheckedImage::default();
        let written = self.bound.written.clone();
        let resolver = match Resolver::within(self.recipe, self.bound, settings, progress) {
            Ok(resolver) => resolver,
            Err(failure) => return CheckedImage { failures: vec![failure], ..checked },
        };
        let resolver = resolver.judged_by(self.policy).locked(self.lock).writing(&written).reaching(self.reach);
        checked.name = Some(resolver.name().to_owned());
        // Platforms have most things in common.
        let mut known = BTreeSet::new();
        for platform in self.platforms {
            let found = resolver.check(platform).err().map_or_else(Vec::new, |failures| failures.0);
            checked.failures.extend(found.into_iter().filter(|failure| known.insert(failure.to_string())));
            checked.unseen.extend(resolver.take_unseen());
        }
        checked
    }
}
