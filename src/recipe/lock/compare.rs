//! Compares a lock with its recipe and with a newer lock.
//!
//! `hardpan lock --check` and `--locked` report the differences; each is a failure at a line of the lock or the recipe.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiler, Lock, LockFile, LockedToolchain, Pin, Requests, ToolchainScope, file_key, model::FILE_OF};
use crate::{
    oci::Digest,
    report::{Failure, Origin, printable},
};

/// A line in which two locks differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The pin that the line belongs to.
    pub pin: Pin,
    /// Which line of it.
    pub key: String,
    /// The old value; `None` if the line is new.
    pub was: Option<String>,
    /// The new value; `None` if the line goes.
    pub now: Option<String>,
}

impl Difference {
    /// For a file of the machine: the scope of the programs that take it.
    pub fn scope(&self) -> Option<&str> {
        let (_, scope) = self.key.split_once(FILE_OF).filter(|_| matches!(self.pin, Pin::Toolchain(..)))?;
        Some(scope)
    }
}

/// The lines by which `now` differs from `was`, in the order of pins.
pub fn changes(was: &Lock, now: &Lock) -> Vec<Difference> {
    let (was, now) = (was.lines(), now.lines());
    let keys: BTreeSet<_> = was.keys().chain(now.keys()).collect();
    let differ = keys.into_iter().filter(|key| was.get(*key) != now.get(*key));
    differ
        .map(|key| Difference {
            pin: key.0.clone(),
            key: key.1.clone(),
            was: was.get(key).cloned(),
            now: now.get(key).cloned(),
        })
        .collect()
}

impl LockFile {
    /// The lines in which newly resolved pins (`now`) differ from the lock (`was`), each at its place in the lock. Pins that
    /// only one of the two has are reported by [`Requests::stale`].
    pub fn moved(&self, was: &Lock, now: &Lock) -> Vec<Failure> {
        let differences = changes(was, now).into_iter();
        differences
            .filter_map(|difference| {
                let (was, now) = (difference.was?, difference.now?);
                let key = printable(&difference.key).into_owned();
                let what =
                    format!("{}: `{key}` is `{}` now, not `{}`", difference.pin, printable(&now), printable(&was));
                let hint = match &difference.pin {
                    Pin::Url(_) if difference.key == "sha256" => {
                        "the download has changed; examine it before you put its digest into the recipe".to_owned()
                    }
                    pin => pins_anew(pin),
                };
                Some(Failure::answer(what).at(&self.place(&difference.pin, &difference.key)).hint(hint))
            })
            .collect()
    }

    /// How the files of this machine that programs of `scope` take (by name) differ from those that the pin has; nothing
    /// where the lock has no such pin, which [`Requests::stale`] tells.
    pub fn other_files(
        &self,
        compiler: Compiler,
        dir: &str,
        scope: &str,
        files: &BTreeMap<String, Digest>,
    ) -> Vec<Failure> {
        let key = (compiler, dir.to_owned());
        let Some(locked) = self.lock.toolchains.get(&key) else { return Vec::new() };
        let known = locked.files.get(scope).cloned().unwrap_or_default();
        let lock_of = |files: BTreeMap<String, Digest>| {
            let files = [(scope.to_owned(), files)].into();
            let toolchain = LockedToolchain { version: locked.version.clone(), files, ..LockedToolchain::default() };
            Lock { toolchains: [(key.clone(), toolchain)].into(), ..Lock::default() }
        };
        let mut differ = self.moved(&lock_of(known), &lock_of(files.clone()));
        differ.extend(self.unpinned(&lock_of(files.clone())));
        differ
    }

    /// The files of this machine that the world (`now`) has for pins of this lock, and the lock has no line for.
    pub fn unpinned(&self, now: &Lock) -> Vec<Failure> {
        let mut unpinned = Vec::new();
        for ((compiler, dir), toolchain) in &now.toolchains {
            let Some(locked) = self.lock.toolchains.get(&(*compiler, dir.clone())) else { continue };
            let pin = Pin::Toolchain(*compiler, dir.clone());
            for (scope, files) in &toolchain.files {
                let lacks = |name: &&String| locked.files.get(scope).is_none_or(|known| !known.contains_key(*name));
                unpinned.extend(files.keys().filter(lacks).map(|name| {
                    let what = format!("{pin}: `{}` has no pin here", printable(&file_key(scope, name)));
                    Failure::answer(what).at(&self.place(&pin, "")).hint(pins_anew(&pin))
                }));
            }
        }
        unpinned
    }
}

fn pins_anew(pin: &Pin) -> String {
    format!("`hardpan lock --update {}` pins it anew", printable(pin.printable_name()))
}

impl Requests {
    /// Where the lock does not fit the recipe: a request without a pin, a pin without a request, a digest that differs from
    /// the recipe's. Each is an answer, and says which line of which file it is about.
    pub fn stale(&self, file: &LockFile) -> Vec<Failure> {
        let asked = self.pins();
        let has = |pin: &Pin| file.places.contains_key(&(pin.clone(), String::new()));
        let name = printable(&file.source.path);
        let mut stale = Vec::new();
        let mut missing = |what: &str, at: &Origin| {
            stale.push(Failure::answer(format!("{what} has no pin in `{name}`")).at(at));
        };
        for (pin, at) in asked.iter().filter(|(pin, _)| !has(pin)) {
            missing(&pin.to_string(), at);
        }
        if let Some(base) = &self.base
            && let Some(locked) = file.lock.bases.get(&base.value)
        {
            let lacks = |platform| locked.platforms.iter().all(|(known, _)| known != platform);
            for platform in self.platforms.iter().filter(|platform| lacks(*platform)) {
                missing(&format!("{} for {platform}", Pin::Base(base.value.clone())), &base.origin);
            }
        }
        for (key, request) in &self.toolchains {
            let Some(locked) = file.lock.toolchains.get(key) else { continue };
            let lacks =
                |(name, scope): &(&String, &ToolchainScope)| scope.has_files && !locked.files.contains_key(*name);
            for (name, scope) in request.scopes.iter().filter(lacks) {
                missing(&format!("the C library of `{}`", printable(name)), &scope.origin);
            }
            for (platform, wanted) in request.cc.iter().filter(|(platform, _)| !locked.cc.contains_key(*platform)) {
                let kind = match key.0 {
                    Compiler::Go => "the C compiler for",
                    Compiler::Rust => "`cc` or `linker` for",
                };
                missing(&format!("{kind} `{}`", printable(platform)), &wanted.origin);
            }
        }
        stale.extend(self.contradicted(file));
        let unasked = |pin: &Pin, key: &str| {
            let what = if key.is_empty() {
                format!("nothing asks for {pin} any more")
            } else {
                format!("nothing asks for {pin} for `{}` any more", printable(key))
            };
            Failure::answer(what).at(&file.place(pin, key))
        };
        stale.extend(
            file.places
                .keys()
                .filter(|(pin, key)| key.is_empty() && !asked.contains_key(pin))
                .map(|(pin, _)| unasked(pin, "")),
        );
        stale.extend(self.surplus(file).iter().map(|(pin, key)| unasked(pin, key)));
        stale.into_iter().map(|failure| failure.hint("`hardpan lock` brings the lock up to date")).collect()
    }

    /// Digests of the base and of downloads that the two files say differently.
    fn contradicted(&self, file: &LockFile) -> Vec<Failure> {
        let base = self.base.as_ref().and_then(|base| {
            let (written, locked) = (self.base_digest()?, file.lock.bases.get(&base.value)?);
            let pin = Pin::Base(base.value.clone());
            let what = format!("{pin} is `{}` here, and the recipe says otherwise at {}", locked.digest, base.origin);
            (written != locked.digest).then(|| Failure::answer(what).at(&file.place(&pin, "digest")))
        });
        let differ = self.urls.iter().filter_map(|(url, (_, sha256))| {
            let locked = file.lock.urls.get(url).filter(|locked| locked.sha256 != sha256.value)?;
            let pin = Pin::Url(url.clone());
            let what =
                format!("{pin} is `{}` here, and `{}` at {}", locked.sha256.hex(), sha256.value.hex(), sha256.origin);
            Some(Failure::answer(what).at(&file.place(&pin, "sha256")))
        });
        base.into_iter().chain(differ).collect()
    }

    /// Platforms and targets of pins that the recipe does not have any more.
    fn surplus(&self, file: &LockFile) -> Vec<(Pin, String)> {
        let mut surplus = Vec::new();
        if let Some(base) = &self.base
            && let Some(locked) = file.lock.bases.get(&base.value)
        {
            let platforms = locked.platforms.iter().filter(|(platform, _)| !self.platforms.contains(platform));
            surplus.extend(platforms.map(|(platform, _)| (Pin::Base(base.value.clone()), platform.to_string())));
        }
        for (key, request) in &self.toolchains {
            let Some(locked) = file.lock.toolchains.get(key) else { continue };
            let asks = |scope: &String| request.scopes.contains_key(scope);
            let files = locked.files.keys().filter(|scope| !asks(scope)).cloned();
            let platforms = locked.cc.keys().filter(|name| !request.cc.contains_key(*name) && !asks(name));
            let surplus_keys = files.chain(platforms.map(|platform| format!("cc {platform}")));
            surplus.extend(surplus_keys.map(|line| (Pin::Toolchain(key.0, key.1.clone()), line)));
        }
        surplus
    }
}
