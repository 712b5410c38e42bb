//! Resolves what a recipe leaves open (tags, bundles, URLs, toolchains) to the pins of a lock. `hardpan lock` and `build --locked` use it.

use std::path::{Path, PathBuf};

use super::{
    base, bundles, downloads::Downloads, host_bound::HostBound, resolve::Resolver, settings::BuildSettings, timezones,
    variable_resolver::VariableResolver,
};
use crate::{
    oci::Digest,
    recipe::{
        Compiler, Located, Lock, LockedBase, LockedBundle, LockedToolchain, LockedUrl, Pin, Recipe, Requests,
        ToolchainRequest,
    },
    report::{ErrorName, Failure, Progress},
};

/// Resolves one recipe against registries, servers and the toolchains of this machine.
#[derive(Debug)]
pub struct LockResolver<'a> {
    recipe: &'a Recipe,
    folder: &'a Path,
    settings: &'a BuildSettings,
    progress: &'a dyn Progress,
    bound: HostBound,
    downloads: Downloads<'a>,
}

impl<'a> LockResolver<'a> {
    /// Opens the recipe's folder. `folder` is where the recipe is.
    pub fn open(
        recipe: &'a Recipe,
        folder: &'a Path,
        settings: &'a BuildSettings,
        progress: &'a dyn Progress,
    ) -> Result<Self, Failure> {
        let bound = HostBound::of(folder, settings.allow_outside)?;
        let downloads = Downloads::new(settings, progress);
        Ok(Self { recipe, folder, settings, progress, bound, downloads })
    }

    /// A lock for `requests`: keeps the pins of `old` that are still requested and that `moves` does not name, and resolves
    /// the others.
    pub fn pin(&self, requests: &Requests, old: &Lock, moves: &dyn Fn(&Pin) -> bool) -> Result<Lock, Failure> {
        let mut lock = Lock::default();
        if requests.bundle.is_some() {
            let kept = old.bundle.clone().filter(|_| !moves(&Pin::Certificates));
            lock.bundle = Some(kept.map_or_else(Self::bundle, Ok)?);
        }
        if requests.timezones.is_some() {
            let kept = old.timezones.clone().filter(|_| !moves(&Pin::Timezones));
            lock.timezones = Some(kept.map_or_else(Self::timezones, Ok)?);
        }
        if let Some(base) = &requests.base {
            let kept = old.bases.get(&base.value).filter(|_| !moves(&Pin::Base(base.value.clone())));
            lock.bases.insert(base.value.clone(), self.base_kept(base, requests, kept)?);
        }
        for (url, (at, sha256)) in &requests.urls {
            let moves = moves(&Pin::Url(url.clone()));
            let kept = old.urls.get(url).copied().filter(|kept| kept.sha256 == sha256.value && !moves);
            let found = match kept {
                Some(kept) => kept,
                None if moves && !self.settings.offline => self.url_now(at, sha256)?,
                None => self.url(at, sha256)?,
            };
            lock.urls.insert(url.clone(), found);
        }
        for (key, request) in &requests.toolchains {
            let kept = old.toolchains.get(key).filter(|kept| still_asked(request, kept));
            let kept = kept.filter(|_| !moves(&Pin::Toolchain(key.0, key.1.clone())));
            let toolchain = kept.cloned().map_or_else(|| self.toolchain(key.0, request), Ok)?;
            lock.toolchains.insert(key.clone(), toolchain);
        }
        Ok(lock)
    }

    /// The newest of Mozilla's roots that are here.
    pub fn bundle() -> Result<LockedBundle, Failure> {
        let version = bundles::MOZILLA_VERSION;
        let digest = bundles::digest(version).ok_or_else(|| bundles::unknown(version))?;
        Ok(LockedBundle { version: version.to_owned(), digest })
    }

    /// The newest of the time zones that are here.
    pub fn timezones() -> Result<LockedBundle, Failure> {
        let version = timezones::IANA_VERSION;
        let digest = timezones::digest(version).ok_or_else(|| timezones::unknown(version))?;
        Ok(LockedBundle { version: version.to_owned(), digest })
    }

    /// The digests that `base` has now.
    pub fn base(&self, base: &Located<String>, requests: &Requests) -> Result<LockedBase, Failure> {
        base::check_allowed(base, &self.recipe.policy, self.settings)?;
        let mut found = base::look_up(base, &requests.platforms, self.folder, self.settings)?;
        found.platforms.sort_by_key(|(platform, _)| platform.to_string());
        Ok(found)
    }

    /// A pin of the last lock, extended to the platforms that the recipe has now. It is looked up by its digest, so that a
    /// tag moves only with `--update`.
    fn base_kept(
        &self,
        base: &Located<String>,
        requests: &Requests,
        kept: Option<&LockedBase>,
    ) -> Result<LockedBase, Failure> {
        // A pin that differs from the digest in the recipe is not used.
        let kept = kept.filter(|kept| requests.base_digest().is_none_or(|written| written == kept.digest));
        let Some(kept) = kept else { return self.base(base, requests) };
        base::check_allowed(base, &self.recipe.policy, self.settings)?;
        let mut pin = kept.clone();
        pin.platforms.retain(|(platform, _)| requests.platforms.contains(platform));
        if pin.platforms.len() == requests.platforms.len() {
            return Ok(pin);
        }
        let pinned = Located { value: pinned(&base.value, kept.digest), origin: base.origin.clone() };
        self.base(&pinned, requests)
    }

    /// The file at a `url`, and how large it is.
    fn url(&self, url: &Located<String>, sha256: &Located<Digest>) -> Result<LockedUrl, Failure> {
        let found = self.downloads.get(url, sha256)?;
        Ok(LockedUrl { sha256: sha256.value, size: found.size })
    }

    /// The file that is at a `url` now, past the cache, which must be the one of the recipe.
    fn url_now(&self, url: &Located<String>, wanted: &Located<Digest>) -> Result<LockedUrl, Failure> {
        let (sha256, size) = self.downloads.observe(url)?;
        if sha256 != wanted.value {
            let what = format!("{} is `{sha256}` now, not `{}`", Pin::Url(url.value.clone()), wanted.value);
            return Err(Failure::error(ErrorName::DownloadDigest, what)
                .at(&url.origin)
                .hint("the download has changed; examine it before you put its digest into the recipe"));
        }
        Ok(LockedUrl { sha256, size })
    }

    /// The compiler that a program of the recipe gets here, as a compile would, with the files of this machine.
    pub fn toolchain(&self, compiler: Compiler, request: &ToolchainRequest) -> Result<LockedToolchain, Failure> {
        self.identity(compiler, request, true)
    }

    /// As [`Self::toolchain`], without the files of this machine, which each compile compares itself.
    pub fn named_toolchain(&self, compiler: Compiler, request: &ToolchainRequest) -> Result<LockedToolchain, Failure> {
        self.identity(compiler, request, false)
    }

    fn identity(
        &self,
        compiler: Compiler,
        request: &ToolchainRequest,
        with_files: bool,
    ) -> Result<LockedToolchain, Failure> {
        let dir = match &request.dir {
            Some(dir) => self.bound.resolve(dir, &dir.value)?,
            None => self.bound.folder.clone(),
        };
        let checkout: PathBuf = self.bound.checkout(&dir);
        let toolchain = self.settings.toolchain(&checkout, self.progress);
        let identity = self.with_values(request).and_then(|request| match compiler {
            Compiler::Go => toolchain.go_identity(&dir, &request.cc, with_files),
            Compiler::Rust => toolchain.rust_identity(&dir, &request, with_files),
        });
        identity.map_err(|failure| failure.at(&request.origin))
    }

    /// A request with the variables replaced in its programs and in the names of C compilers and linkers.
    fn with_values(&self, request: &ToolchainRequest) -> Result<ToolchainRequest, Failure> {
        let resolver = Resolver::within(self.recipe, self.bound.clone(), self.settings, self.progress)?;
        let variables = VariableResolver::new(self.recipe, &self.bound, self.settings)?;
        let mut request = request.clone();
        for compiler in request.cc.values_mut() {
            if let Some(named) = &mut compiler.named {
                named.value = variables.expand(named, &compiler.platform)?;
            }
        }
        for (program, platform) in request.scopes.values_mut().flat_map(|scope| &mut scope.programs) {
            *program = resolver.expanded_cargo(program, platform)?;
        }
        Ok(request)
    }
}

/// Whether a pin of the last lock is about what is asked for now.
fn still_asked(request: &ToolchainRequest, kept: &LockedToolchain) -> bool {
    let certain = request.scopes.iter().filter(|(_, scope)| scope.has_files).map(|(name, _)| name);
    request.cc.keys().all(|name| kept.cc.contains_key(name))
        && kept.cc.keys().all(|name| request.cc.contains_key(name) || request.scopes.contains_key(name))
        && certain.into_iter().all(|name| kept.files.contains_key(name))
        && kept.files.keys().all(|name| request.scopes.contains_key(name))
}

/// The text of a base with the digest that it is pinned by.
fn pinned(text: &str, digest: Digest) -> String {
    format!("{}@{digest}", text.split('@').next().unwrap_or(text))
}
