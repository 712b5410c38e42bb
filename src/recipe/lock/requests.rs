//! What a recipe asks for that could move.

use std::collections::BTreeMap;

use super::{Compiler, Pin};
use crate::{
    oci::{Digest, Platform},
    recipe::{BinarySource, Certificates, FileSource, Located, Recipe},
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
    /// Targets whose C library becomes part of programs.
    pub gnu: BTreeMap<String, GnuTarget>,
    /// C compilers of programs with cgo: for each platform, and for each one that the recipe names for it.
    pub cc: BTreeMap<String, CCompilerRequest>,
}

/// A C compiler that a program with cgo needs.
#[derive(Debug, Clone)]
pub struct CCompilerRequest {
    /// The program.
    pub origin: Origin,
    /// For which platform it compiles.
    pub platform: Platform,
    /// `cc` of the recipe, which may hold variables.
    pub named: Option<Located<String>>,
}

/// A target with the C library of GNU.
#[derive(Debug, Clone)]
pub struct GnuTarget {
    /// Where it is written.
    pub origin: Origin,
    /// The linker that the recipe's own environment names for it.
    pub linker: Option<String>,
}

impl Requests {
    /// What `recipe` asks for.
    pub fn of(recipe: &Recipe) -> Self {
        let mut requests = Self {
            base: recipe.base.clone().filter(|base| !lies_here(&base.value)),
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
            let (compiler, dir, at, cargo) = match &binary.source {
                BinarySource::Go(go) => (Compiler::Go, &go.dir, &go.package.origin, None),
                BinarySource::Cargo(cargo) => (Compiler::Rust, &cargo.dir, &cargo.package.origin, Some(cargo)),
                BinarySource::Path(_) => continue,
            };
            let key = (compiler, dir.as_ref().map_or_else(|| ".".to_owned(), |dir| dir.value.clone()));
            let request = requests.toolchains.entry(key).or_insert_with(|| ToolchainRequest {
                origin: at.clone(),
                dir: dir.clone(),
                gnu: BTreeMap::new(),
                cc: BTreeMap::new(),
            });
            if let BinarySource::Go(go) = &binary.source
                && go.cgo
            {
                let on = |platform: &&Platform| binary.platforms.as_ref().is_none_or(|own| own.contains(platform));
                for platform in recipe.platforms.iter().filter(on) {
                    let named = go.cc.as_ref().map(|cc| format!(" {}", cc.value)).unwrap_or_default();
                    request.cc.entry(format!("{platform}{named}")).or_insert_with(|| CCompilerRequest {
                        origin: at.clone(),
                        platform: platform.clone(),
                        named: go.cc.clone(),
                    });
                }
            }
            let target = cargo.and_then(|cargo| Some((cargo, cargo.target.as_ref()?)));
            if let Some((cargo, target)) = target.filter(|(_, target)| target.value.contains("-linux-gnu")) {
                let variable = target.value.to_uppercase().replace(['-', '.'], "_");
                let linker = cargo.env.get(&format!("CARGO_TARGET_{variable}_LINKER")).map(|at| at.value.clone());
                let gnu = || GnuTarget { origin: target.origin.clone(), linker };
                request.gnu.entry(target.value.clone()).or_insert_with(gnu);
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

/// Whether a base is on this disk: an input like any file, which lies there and is not looked up anywhere.
pub(in crate::recipe) fn lies_here(base: &str) -> bool {
    base.starts_with(['.', '/'])
        || ["oci:", "oci-archive:", "docker-archive:"].iter().any(|known| base.starts_with(known))
}
