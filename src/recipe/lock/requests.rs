//! What a recipe needs pinned: bases, downloads, certificates, time zones, compilers.
//!
//! `hardpan lock` resolves these requests, and the comparison with a lock finds pins that are missing or unused.

use std::collections::BTreeMap;

use super::{Compiler, Pin};
use crate::{
    oci::{Digest, Platform},
    recipe::{BinarySource, CargoBinary, Certificates, FileSource, GoBinary, Located, Recipe},
    report::Origin,
};

/// The words of a recipe that a lock pins, and where they stand.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// `base`, where it names an image.
    pub base: Option<Located<String>>,
    /// For which platforms.
    pub platforms: Vec<Platform>,
    /// Every `url`, once, with its digest.
    pub urls: BTreeMap<String, (Located<String>, Located<Digest>)>,
    /// Mozilla's roots.
    pub bundle: Option<Origin>,
    /// IANA's time zones.
    pub timezones: Option<Origin>,
    /// Compilers, by kind and `dir`.
    pub toolchains: BTreeMap<(Compiler, String), ToolchainRequest>,
}

/// A compiler that a recipe needs.
#[derive(Debug, Clone)]
pub struct ToolchainRequest {
    /// The first program that needs it.
    pub origin: Origin,
    /// `dir` of it, where it is written.
    pub dir: Option<Located<String>>,
    /// The programs by what they take of the machine, under the name that the lock has for it.
    pub scopes: BTreeMap<String, ToolchainScope>,
    /// C compilers of programs with cgo, and what `cc` and `linker` of Rust programs name: for each platform, and for
    /// each name that the recipe gives for it.
    pub cc: BTreeMap<String, CCompilerRequest>,
}

/// A C compiler that a program with cgo needs, or a program that `cc` or `linker` of a Rust program names.
#[derive(Debug, Clone)]
pub struct CCompilerRequest {
    /// The place that needs it.
    pub origin: Origin,
    /// For which platform it compiles.
    pub platform: Platform,
    /// For which target of Rust it compiles or links.
    pub target: Option<String>,
    /// The name in the recipe, which may hold variables.
    pub named: Option<Located<String>>,
    /// For a program with cgo: the libraries of this machine that it takes.
    pub libraries: Vec<Located<String>>,
}

/// Programs that take the same compilers, linkers and libraries of the machine: they are for one target, or for one
/// platform with cgo, and the recipe names the same `cc` and `linker` for them, if any.
#[derive(Debug, Clone)]
pub struct ToolchainScope {
    /// Where the first of them is written.
    pub origin: Origin,
    /// Whether they are certain to hold files of the machine: those for a gnu target and those with cgo.
    pub has_files: bool,
    /// The Rust programs among them, whose variables are not replaced yet, each with its platform.
    pub programs: Vec<(CargoBinary, Platform)>,
}

/// The name of the scope of a Rust program: the target, and in brackets what the recipe names.
pub(crate) fn cargo_scope(cargo: &CargoBinary, platform: &Platform) -> String {
    let target = cargo.target.as_ref().map_or_else(|| platform.rust_target(), |target| target.value.as_str());
    let named = cargo.linker.iter().chain(&cargo.cc).chain(&cargo.libraries);
    let named: Vec<_> = named.map(|named| named.value.as_str()).collect();
    if named.is_empty() { target.to_owned() } else { format!("{target} ({})", named.join(", ")) }
}

/// The name of the scope of a program with cgo, which is also that of its C compiler: the platform, `cc` and `libraries`.
pub(crate) fn cgo_scope(go: &GoBinary, platform: &Platform) -> String {
    let named = go.cc.iter().chain(&go.libraries).map(|named| format!(" {}", named.value));
    format!("{platform}{}", named.collect::<String>())
}

impl Requests {
    /// The requests of `recipe`.
    pub fn of(recipe: &Recipe) -> Self {
        let mut requests = Self {
            base: recipe.base.clone().filter(|base| !is_local_base(&base.value)),
            platforms: recipe.platforms.clone(),
            bundle: (recipe.system.certificates == Certificates::Mozilla).then(|| recipe.system.origin.clone()),
            timezones: recipe.system.timezones.then(|| recipe.system.origin.clone()),
            ..Self::default()
        };
        for file in &recipe.files {
            if let FileSource::Url { url, sha256 } = &file.source {
                requests.urls.entry(url.value.clone()).or_insert_with(|| (url.clone(), sha256.clone()));
            }
        }
        for binary in &recipe.binaries {
            let (compiler, dir, at) = match &binary.source {
                BinarySource::Go(go) => (Compiler::Go, &go.dir, &go.package.origin),
                BinarySource::Cargo(cargo) => (Compiler::Rust, &cargo.dir, &cargo.package.origin),
                BinarySource::Path(_) => continue,
            };
            let key = (compiler, dir.as_ref().map_or_else(|| ".".to_owned(), |dir| dir.value.clone()));
            let request = requests.toolchains.entry(key).or_insert_with(|| ToolchainRequest {
                origin: at.clone(),
                dir: dir.clone(),
                scopes: BTreeMap::new(),
                cc: BTreeMap::new(),
            });
            let on = |platform: &&Platform| binary.platforms.as_ref().is_none_or(|own| own.contains(platform));
            for platform in recipe.platforms.iter().filter(on) {
                match &binary.source {
                    BinarySource::Go(go) if go.cgo => request.add_cgo(go, platform),
                    BinarySource::Cargo(cargo) => request.add_cargo(cargo, platform),
                    _ => {}
                }
            }
        }
        requests
    }

    /// The digest that the recipe itself names its base by.
    pub fn base_digest(&self) -> Option<Digest> {
        let (_, digest) = self.base.as_ref()?.value.split_once('@')?;
        Digest::parse(digest).ok()
    }

    /// Every pin that a lock of the recipe has, and the words of the recipe that ask for it.
    pub fn pins(&self) -> BTreeMap<Pin, Origin> {
        let bundle = self.bundle.iter().map(|at| (Pin::Certificates, at.clone()));
        let timezones = self.timezones.iter().map(|at| (Pin::Timezones, at.clone()));
        let base = self.base.iter().map(|base| (Pin::Base(base.value.clone()), base.origin.clone()));
        let urls = self.urls.iter().map(|(url, (at, _))| (Pin::Url(url.clone()), at.origin.clone()));
        let toolchains = self.toolchains.iter();
        let toolchains = toolchains
            .map(|((compiler, dir), request)| (Pin::Toolchain(*compiler, dir.clone()), request.origin.clone()));
        bundle.chain(timezones).chain(base).chain(urls).chain(toolchains).collect()
    }
}

impl ToolchainRequest {
    /// Adds the C compiler of a program with cgo.
    fn add_cgo(&mut self, go: &GoBinary, platform: &Platform) {
        let scope = cgo_scope(go, platform);
        let origin = go.package.origin.clone();
        self.scopes.entry(scope.clone()).or_insert_with(|| ToolchainScope {
            origin,
            has_files: true,
            programs: Vec::new(),
        });
        self.cc.entry(scope).or_insert_with(|| CCompilerRequest {
            origin: go.package.origin.clone(),
            platform: platform.clone(),
            target: None,
            named: go.cc.clone(),
            libraries: go.libraries.clone(),
        });
    }

    /// Adds a Rust program, and what `cc` and `linker` of it name.
    fn add_cargo(&mut self, cargo: &CargoBinary, platform: &Platform) {
        let target = cargo.target.as_ref().map_or_else(|| platform.rust_target(), |target| target.value.as_str());
        for named in cargo.cc.iter().chain(&cargo.linker) {
            self.cc.entry(format!("{platform} {}", named.value)).or_insert_with(|| CCompilerRequest {
                origin: named.origin.clone(),
                platform: platform.clone(),
                target: Some(target.to_owned()),
                named: Some(named.clone()),
                libraries: Vec::new(),
            });
        }
        let written = cargo.target.as_ref().map_or(&cargo.package.origin, |target| &target.origin);
        let scope = self.scopes.entry(cargo_scope(cargo, platform)).or_insert_with(|| ToolchainScope {
            origin: written.clone(),
            has_files: target.contains("-linux-gnu"),
            programs: Vec::new(),
        });
        scope.programs.push((cargo.clone(), platform.clone()));
    }
}

/// Whether a base is on this disk: an input like any file, which lies there and is not looked up anywhere.
pub(in crate::recipe) fn is_local_base(base: &str) -> bool {
    base.starts_with(['.', '/'])
        || ["oci:", "oci-archive:", "docker-archive:"].iter().any(|known| base.starts_with(known))
}
