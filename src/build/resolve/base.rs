//! How a resolver starts from a base and completes an image on it.

use std::path::Path;

use super::{
    super::{
        base::{BaseConfig, FoundBase, PulledBase, check_output, complete_accounts},
        certificates::BUNDLE_PATH,
        system::base_bundle,
    },
    PreparedImage, Resolver,
};
use crate::{
    recipe::{Certificates, Passwd},
    report::{ErrorName, Failure},
};

/// The annotation that says what an image is built on (image-spec, `annotations.md`).
const NAME: &str = "org.opencontainers.image.base.name";
/// The annotation with the digest of that image.
const DIGEST: &str = "org.opencontainers.image.base.digest";

impl Resolver<'_> {
    /// Puts the base of the platform below everything else, and gives its settings.
    pub(super) fn begin_on_base(&self, prepared: &mut PreparedImage) -> Result<Option<BaseConfig>, Failure> {
        if self.is_unseen_base()? {
            return Ok(None);
        }
        let Some(found) = self.base()? else { return Ok(None) };
        let PulledBase { plan, config, rootfs } =
            found.pull(&prepared.platform, self.lock, self.settings, self.progress)?;
        for key in [NAME, DIGEST] {
            if let Some(written) = self.recipe.annotations.get(key) {
                let failure = Failure::error(ErrorName::RecipeConflict, format!("`{key}` follows from `base`"))
                    .at(&written.origin);
                return Err(failure.hint("leave it out"));
            }
        }
        if let Some(reference) = &plan.reference {
            prepared.annotations.insert(NAME.to_owned(), reference.unpinned().to_string());
        }
        if let Some(digest) = plan.digest {
            prepared.annotations.insert(DIGEST.to_owned(), digest.to_string());
        }
        prepared.rootfs = rootfs;
        prepared.base = Some(plan);
        Ok(Some(config))
    }

    /// Refuses an output that is the recipe's own base.
    ///
    /// # Errors
    /// At the line of `base`.
    pub fn check_output(&self, output: &Path) -> Result<(), Failure> {
        self.recipe.base.as_ref().map_or(Ok(()), |base| check_output(base, &self.bound, output))
    }

    /// The base, found once for all platforms.
    pub(super) fn base(&self) -> Result<Option<&FoundBase>, Failure> {
        if let Some(known) = self.base.get() {
            return Ok(known.as_ref());
        }
        let find = |written| FoundBase::find(written, self.recipe, self.lock, &self.bound, self.settings);
        let found = self.recipe.base.as_ref().map(find).transpose()?;
        Ok(self.base.get_or_init(|| found).as_ref())
    }

    /// Settings that the recipe leaves to the base, and the run user's line in the base's accounts.
    pub(super) fn finish_on_base(&self, prepared: &mut PreparedImage, config: &BaseConfig) -> Result<(), Failure> {
        config.merge_into(&mut prepared.config);
        let has_roots =
            self.recipe.system.certificates == Certificates::Base && base_bundle(&prepared.rootfs).is_some();
        let env = &mut prepared.config.env;
        if has_roots && !env.iter().any(|line| line.starts_with("SSL_CERT_FILE=")) {
            env.push(format!("SSL_CERT_FILE={BUNDLE_PATH}"));
            env.sort_by(|a, b| a.split('=').next().cmp(&b.split('=').next()));
        }
        if self.recipe.system.passwd == Passwd::Base {
            let at = self.recipe.base.as_ref().map_or(&self.recipe.run.origin, |base| &base.origin);
            let added = complete_accounts(&mut prepared.rootfs, self.recipe.run.user, at);
            added.map_err(|failure| failure.at(at))?;
        }
        Ok(())
    }
}
