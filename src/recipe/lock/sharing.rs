//! A lock that all recipes of a workspace share: what one of them sees of it, and what it gives to it.
//!
//! A pin is asked for by the same words whichever recipe asks: a base by its text, a download by its address, a compiler by its
//! kind and the folder that it runs in, from the workspace on. What depends on more than that is kept for each recipe.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Compiler, Lock, LockFile, LockedBase, LockedToolchain, Pin, Requests, ToolchainRequest, changes, file_key,
};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure, Origin, printable},
};

/// Where a recipe is in the workspace whose lock it shares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockMember {
    /// The recipe, from the folder of the workspace on: `services/api/hardpan.toml`.
    pub recipe: String,
}

/// What all recipes of a workspace ask for.
#[derive(Debug, Clone, Default)]
pub struct SharedRequests {
    members: BTreeSet<LockMember>,
    bases: BTreeMap<String, BTreeSet<Platform>>,
    urls: BTreeMap<String, (crate::oci::Digest, Origin)>,
    has_bundle: bool,
    has_timezones: bool,
    toolchains: BTreeMap<(Compiler, String), SharedToolchain>,
}

/// A compiler that recipes of a workspace ask for.
#[derive(Debug, Clone, Default)]
struct SharedToolchain {
    members: BTreeSet<LockMember>,
    scopes: BTreeSet<String>,
    /// Names that `cc` may have, those of scopes included.
    cc: BTreeSet<String>,
}

impl LockMember {
    /// The folder that a compiler runs in, from the workspace on.
    fn dir(&self, dir: &str) -> String {
        if dir.starts_with('/') {
            return dir.to_owned();
        }
        let folder = self.recipe.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut parts: Vec<&str> = Vec::new();
        for part in folder.split('/').chain(dir.split('/')) {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }

    /// The name of a scope or C compiler; one with a variable is that of the recipe alone.
    fn name(&self, name: &str) -> String {
        if name.contains('{') { format!("{name} of {}", self.recipe) } else { name.to_owned() }
    }

    /// What the shared lock calls a pin of the recipe.
    pub fn pin(&self, pin: &Pin) -> Pin {
        match pin {
            Pin::Toolchain(compiler, dir) => Pin::Toolchain(*compiler, self.dir(dir)),
            pin => pin.clone(),
        }
    }
}

impl LockFile {
    /// The pins that a recipe with these `requests` takes from a shared lock, under the names that the recipe has for them.
    #[must_use]
    pub fn for_member(&self, member: &LockMember, requests: &Requests) -> Self {
        let lock = self.lock.for_member(member, requests);
        let mut places = BTreeMap::new();
        let mut copy = |pin: &Pin, key: String, theirs: String| {
            if let Some(place) = self.places.get(&(member.pin(pin), theirs)) {
                places.insert((pin.clone(), key), place.clone());
            }
        };
        let same = lock.lines().into_keys().filter(|(pin, _)| !matches!(pin, Pin::Toolchain(..)));
        for (pin, key) in same {
            copy(&pin, String::new(), String::new());
            copy(&pin, key.clone(), key);
        }
        for ((compiler, dir), toolchain) in &lock.toolchains {
            let pin = Pin::Toolchain(*compiler, dir.clone());
            for key in ["", "version", "commit", "llvm"] {
                copy(&pin, key.to_owned(), key.to_owned());
            }
            for (scope, files) in &toolchain.files {
                copy(&pin, scope.clone(), member.name(scope));
                for name in files.keys() {
                    copy(&pin, file_key(scope, name), file_key(&member.name(scope), name));
                }
            }
            for name in toolchain.cc.keys() {
                copy(&pin, format!("cc {name}"), format!("cc {}", member.name(name)));
            }
        }
        Self { lock, source: self.source.clone(), places }
    }
}

impl Lock {
    /// The pins that a recipe takes from a shared lock.
    #[must_use]
    pub fn for_member(&self, member: &LockMember, requests: &Requests) -> Self {
        let mut own = Self {
            bundle: self.bundle.clone().filter(|_| requests.bundle.is_some()),
            timezones: self.timezones.clone().filter(|_| requests.timezones.is_some()),
            ..Self::default()
        };
        if let Some(base) = &requests.base
            && let Some(locked) = self.bases.get(&base.value)
        {
            let mut locked = locked.clone();
            locked.platforms.retain(|(platform, _)| requests.platforms.contains(platform));
            own.bases.insert(base.value.clone(), locked);
        }
        let urls = self.urls.iter().filter(|(url, _)| requests.urls.contains_key(*url));
        own.urls.extend(urls.map(|(url, locked)| (url.clone(), *locked)));
        for ((compiler, dir), request) in &requests.toolchains {
            if let Some(locked) = self.toolchains.get(&(*compiler, member.dir(dir))) {
                own.toolchains.insert((*compiler, dir.clone()), toolchain_of(locked, member, request));
            }
        }
        own
    }

    /// Puts the pins of a recipe, which are newer, into a shared lock. What others ask for stays.
    ///
    /// # Errors
    /// A file of this machine has another digest than one that this call (`settled`) has found for another recipe.
    pub fn add_member(&mut self, member: &LockMember, own: Self, settled: &BTreeSet<Pin>) -> Result<(), Failure> {
        self.bundle = own.bundle.or(self.bundle.take());
        self.timezones = own.timezones.or(self.timezones.take());
        for (name, base) in own.bases {
            match self.bases.get_mut(&name).filter(|shared| shared.digest == base.digest) {
                Some(shared) => add_platforms(shared, base),
                None => drop(self.bases.insert(name, base)),
            }
        }
        self.urls.extend(own.urls);
        for ((compiler, dir), toolchain) in own.toolchains {
            let key = (compiler, member.dir(&dir));
            let pin = Pin::Toolchain(key.0, key.1.clone());
            let shared = self.toolchains.entry(key).or_default();
            shared.version = toolchain.version;
            shared.commit = toolchain.commit;
            shared.llvm = toolchain.llvm;
            for (scope, files) in toolchain.files {
                let shared = shared.files.entry(member.name(&scope)).or_default();
                for (name, digest) in files {
                    let other = shared.insert(name.clone(), digest).filter(|other| *other != digest);
                    if other.is_some() && settled.contains(&pin) {
                        let what = format!(
                            "`{}` takes another `{}` of this machine than a recipe that shares its lock",
                            printable(&member.recipe),
                            printable(&file_key(&scope, &name))
                        );
                        return Err(Failure::error(ErrorName::RecipeConflict, what)
                            .hint("give one of them a `cc`, `linker` or `libraries` of its own"));
                    }
                }
            }
            shared.cc.extend(toolchain.cc.into_iter().map(|(name, cc)| (member.name(&name), cc)));
        }
        Ok(())
    }
}

/// What a recipe takes of a compiler's pin.
fn toolchain_of(locked: &LockedToolchain, member: &LockMember, request: &ToolchainRequest) -> LockedToolchain {
    let mut own = LockedToolchain {
        version: locked.version.clone(),
        commit: locked.commit.clone(),
        llvm: locked.llvm.clone(),
        ..LockedToolchain::default()
    };
    for scope in request.scopes.keys() {
        own.files.extend(locked.files.get(&member.name(scope)).map(|files| (scope.clone(), files.clone())));
    }
    for name in request.cc.keys().chain(request.scopes.keys()) {
        own.cc.extend(locked.cc.get(&member.name(name)).map(|cc| (name.clone(), cc.clone())));
    }
    own
}

/// Adds the platforms of the same base.
fn add_platforms(shared: &mut LockedBase, own: LockedBase) {
    shared.platforms.retain(|(platform, _)| own.platforms.iter().all(|(other, _)| other != platform));
    shared.platforms.extend(own.platforms);
    shared.platforms.sort_by_key(|(platform, _)| platform.to_string());
}

impl SharedRequests {
    /// Adds what a recipe asks for.
    ///
    /// # Errors
    /// At its line: another recipe says another digest of the same download.
    pub fn add(&mut self, member: &LockMember, requests: &Requests) -> Result<(), Failure> {
        self.members.insert(member.clone());
        if let Some(base) = &requests.base {
            self.bases.entry(base.value.clone()).or_default().extend(requests.platforms.iter().cloned());
        }
        for (url, (_, sha256)) in &requests.urls {
            let entry = self.urls.entry(url.clone()).or_insert_with(|| (sha256.value, sha256.origin.clone()));
            if entry.0 != sha256.value {
                let what = format!("this `url` has another digest at {}, and both recipes share a lock", entry.1);
                return Err(Failure::error(ErrorName::RecipeConflict, what)
                    .at(&sha256.origin)
                    .hint("one address has one content; one digest is wrong"));
            }
        }
        self.has_bundle |= requests.bundle.is_some();
        self.has_timezones |= requests.timezones.is_some();
        for ((compiler, dir), request) in &requests.toolchains {
            let shared = self.toolchains.entry((*compiler, member.dir(dir))).or_default();
            shared.members.insert(member.clone());
            shared.scopes.extend(request.scopes.keys().map(|scope| member.name(scope)));
            shared.cc.extend(request.cc.keys().chain(request.scopes.keys()).map(|name| member.name(name)));
        }
        Ok(())
    }

    /// Whether the recipe is one of those that share the lock.
    pub fn has_member(&self, member: &LockMember) -> bool {
        self.members.contains(member)
    }

    /// Whether all recipes that ask for a compiler are among `members`.
    pub fn are_all_in(&self, pin: &Pin, members: &BTreeSet<LockMember>) -> bool {
        let Pin::Toolchain(compiler, dir) = pin else { return true };
        self.toolchains.get(&(*compiler, dir.clone())).is_none_or(|shared| shared.members.is_subset(members))
    }

    /// What no recipe asks for of a lock: pins, each under an empty key, and platforms, scopes and C compilers of others.
    pub fn orphans(&self, lock: &Lock) -> BTreeSet<(Pin, String)> {
        let pruned = self.pruned(lock);
        let kept: BTreeSet<Pin> = pruned.pins().into_iter().map(|(pin, _)| pin).collect();
        let orphans = changes(lock, &pruned).into_iter().map(|line| {
            let key = if kept.contains(&line.pin) {
                line.scope().map_or_else(|| line.key.clone(), str::to_owned)
            } else {
                String::new()
            };
            (line.pin, key)
        });
        orphans.collect()
    }

    /// The lock without what no recipe asks for.
    #[must_use]
    pub fn pruned(&self, lock: &Lock) -> Lock {
        let mut lock = lock.clone();
        lock.bundle = lock.bundle.filter(|_| self.has_bundle);
        lock.timezones = lock.timezones.filter(|_| self.has_timezones);
        lock.urls.retain(|url, _| self.urls.contains_key(url));
        lock.bases.retain(|name, base| {
            let Some(platforms) = self.bases.get(name) else { return false };
            base.platforms.retain(|(platform, _)| platforms.contains(platform));
            true
        });
        lock.toolchains.retain(|key, toolchain| {
            let Some(shared) = self.toolchains.get(key) else { return false };
            toolchain.files.retain(|scope, _| shared.scopes.contains(scope));
            toolchain.cc.retain(|name, _| shared.cc.contains(name));
            true
        });
        lock
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::recipe::{parse, parse_lock};

    fn member(recipe: &str) -> LockMember {
        LockMember { recipe: recipe.to_owned() }
    }

    #[test]
    fn a_folder_is_named_from_the_workspace_on() {
        for (recipe, dir, named) in [
            ("a.toml", ".", "."),
            ("recipes/a.toml", "..", "."),
            ("recipes/a.toml", "../go/./x", "go/x"),
            ("s/a/hardpan.toml", ".", "s/a"),
            ("a.toml", "../x", "../x"),
            ("r/a.toml", "../../../x", "../../x"),
            ("r/a.toml", "/x", "/x"),
        ] {
            assert_eq!(member(recipe).dir(dir), named, "{recipe} {dir}");
        }
    }

    #[test]
    fn what_a_recipe_gives_to_a_shared_lock_it_finds_there_again_at_its_place() {
        let text = "base = \"r.example/b:1\"\n[[binary]]\ncargo = \"x\"\ndir = \"..\"\ncc = \"{name}-cc\"\n\
                    target = \"x86_64-unknown-linux-gnu\"\n[[binary]]\ngo = \".\"\ncgo = true\n";
        let recipe = parse("r/a.toml", text).unwrap();
        let (requests, own) = (Requests::of(&recipe), member("r/a.toml"));
        let digest = crate::oci::Digest::of(b"x");
        let mut lock = Lock::default();
        lock.bases.insert(
            "r.example/b:1".into(),
            LockedBase { digest, platforms: vec![(recipe.platforms[0].clone(), digest)] },
        );
        for (key, request) in &requests.toolchains {
            let files =
                request.scopes.keys().map(|scope| (scope.clone(), [("libc.a".to_owned(), digest)].into())).collect();
            let cc = request.cc.keys().map(|name| (name.clone(), "cc 1".to_owned())).collect();
            lock.toolchains
                .insert(key.clone(), LockedToolchain { version: "1".into(), files, cc, ..Default::default() });
        }
        let mut shared = Lock::default();
        shared.add_member(&own, lock.clone(), &BTreeSet::new()).unwrap();
        let (mut all, other) = (SharedRequests::default(), member("s/b.toml"));
        all.add(&own, &requests).unwrap();
        assert_eq!(all.orphans(&shared), BTreeSet::new());
        shared.add_member(&other, lock.clone(), &BTreeSet::new()).unwrap();
        assert!(!all.orphans(&shared).is_empty(), "scopes with variables are each recipe's own");
        let file = parse_lock("w.lock", &shared.to_text(None)).unwrap();
        let view = file.for_member(&own, &requests);
        assert_eq!(view.lock, lock);
        assert_eq!(requests.stale(&view), []);
        for (pin, key) in lock.lines().into_keys() {
            let place = view.place(&pin, &key);
            assert!(!place.span.is_empty(), "{pin} {key}");
        }
        assert_eq!(all.pruned(&shared).for_member(&own, &requests), lock);
    }
}
