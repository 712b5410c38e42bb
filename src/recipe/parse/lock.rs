//! Parses a lock: TOML to [`LockFile`], with the place of every pin.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Range,
    sync::Arc,
};

use serde::Deserialize;

use super::{
    super::{
        Compiler, Lock, LockFile, LockedBase, LockedBundle, LockedToolchain, LockedUrl, Pin,
        lock::file_key,
        shapes::{Pairs, Spanned, TomlTable},
        wording::quoted,
    },
    recipe_text::{RecipeText, unknown},
    syntax,
};
use crate::{
    oci::{Digest, Platform},
    report::{ErrorName, Failure, Limits, Origin, SourceText, printable},
};

/// A lock as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLock {
    version: Spanned<i64>,
    format: Spanned<i64>,
    certificates: Option<Spanned<TomlTable<WrittenBundle>>>,
    timezones: Option<Spanned<TomlTable<WrittenTimezones>>>,
    #[serde(default)]
    base: Vec<Spanned<TomlTable<WrittenBase>>>,
    #[serde(default)]
    file: Vec<Spanned<TomlTable<WrittenUrl>>>,
    #[serde(default)]
    toolchain: Vec<Spanned<TomlTable<WrittenToolchain>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBundle {
    name: Spanned<String>,
    version: Spanned<String>,
    digest: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTimezones {
    version: Spanned<String>,
    digest: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBase {
    name: Spanned<String>,
    digest: Spanned<String>,
    platforms: Pairs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUrl {
    url: Spanned<String>,
    sha256: Spanned<String>,
    size: Spanned<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenToolchain {
    name: Spanned<String>,
    dir: Spanned<String>,
    version: Spanned<String>,
    commit: Option<Spanned<String>>,
    llvm: Option<Spanned<String>>,
    #[serde(default)]
    files: Pairs<Pairs>,
    /// A key of earlier versions, which `files` replaces.
    libc: Option<Spanned<Pairs>>,
    #[serde(default)]
    cc: Pairs,
}

/// Reads a lock. `path` is the name it is printed under.
pub fn parse_lock(path: &str, text: &str) -> Result<LockFile, Failure> {
    // The checks are those of recipes, and so are the names that they give.
    read_lock(path, text).map_err(|failure| failure.named(ErrorName::LockSyntax))
}

/// [`parse_lock`], whose failures have the names that a recipe's would have.
fn read_lock(path: &str, text: &str) -> Result<LockFile, Failure> {
    if text.len() as u64 > Limits::LOCK_BYTES {
        let what = format!("the lock is larger than {} MiB", Limits::LOCK_BYTES >> 20);
        return Err(Failure::error(ErrorName::LockSyntax, what).in_path(path));
    }
    let source = Arc::new(SourceText { path: printable(path).into_owned(), text: text.to_owned() });
    let page = RecipeText { is_recipe: false, ..RecipeText::new(Arc::clone(&source)) };
    let written: WrittenLock = syntax::read(&page)?;
    for (at, what) in [(&written.version, "a lock of version"), (&written.format, "format")] {
        if at.value != 1 {
            return Err(page
                .failure(&at.span, format!("{what} {} is not known to this version", at.value))
                .hint("a newer hardpan wrote it"));
        }
    }
    let mut reader = LockReader { page: &page, lock: Lock::default(), places: BTreeMap::new() };
    if let Some(at) = written.certificates {
        reader.bundle(at)?;
    }
    if let Some(at) = written.timezones {
        reader.timezones(at)?;
    }
    written.base.into_iter().try_for_each(|at| reader.base(at))?;
    written.file.into_iter().try_for_each(|at| reader.url(at))?;
    written.toolchain.into_iter().try_for_each(|at| reader.toolchain(at))?;
    let LockReader { lock, places, .. } = reader;
    Ok(LockFile { lock, source, places })
}

/// The lock so far.
struct LockReader<'a> {
    page: &'a RecipeText,
    lock: Lock,
    places: BTreeMap<(Pin, String), Origin>,
}

impl LockReader<'_> {
    fn bundle(&mut self, at: Spanned<TomlTable<WrittenBundle>>) -> Result<(), Failure> {
        let TomlTable(written) = at.value;
        if written.name.value != "mozilla" {
            return Err(unknown(self.page, &written.name, "bundle of certificates", &["mozilla"]));
        }
        let pin = Pin::Certificates;
        self.begin(&pin, &at.span)?;
        let digest = self.digest(&pin, "digest", &written.digest)?;
        let version = self.text(&pin, "version", written.version)?;
        self.lock.bundle = Some(LockedBundle { version, digest });
        Ok(())
    }

    fn timezones(&mut self, at: Spanned<TomlTable<WrittenTimezones>>) -> Result<(), Failure> {
        let TomlTable(written) = at.value;
        let pin = Pin::Timezones;
        self.begin(&pin, &at.span)?;
        let digest = self.digest(&pin, "digest", &written.digest)?;
        let version = self.text(&pin, "version", written.version)?;
        self.lock.timezones = Some(LockedBundle { version, digest });
        Ok(())
    }

    fn base(&mut self, at: Spanned<TomlTable<WrittenBase>>) -> Result<(), Failure> {
        let TomlTable(written) = at.value;
        let pin = Pin::Base(self.page.filled("`name`", written.name.clone())?.value);
        self.begin(&pin, &written.name.span)?;
        let digest = self.digest(&pin, "digest", &written.digest)?;
        let mut platforms = Vec::new();
        for (key, value) in written.platforms.0 {
            let platform = Platform::parse(&key.value)
                .ok()
                .filter(|platform| platform.to_string() == key.value)
                .ok_or_else(|| self.page.failure(&key.span, format!("{} is no platform", quoted(&key.value))))?;
            platforms.push((platform, self.digest(&pin, &key.value, &value)?));
        }
        self.lock.bases.insert(written.name.value, LockedBase { digest, platforms });
        Ok(())
    }

    fn url(&mut self, at: Spanned<TomlTable<WrittenUrl>>) -> Result<(), Failure> {
        let TomlTable(written) = at.value;
        let pin = Pin::Url(self.page.filled("`url`", written.url.clone())?.value);
        self.begin(&pin, &written.url.span)?;
        let sha256 = Digest::parse_hex(&written.sha256.value)
            .map_err(|error| self.page.failure(&written.sha256.span, format!("`sha256` is {error}")))?;
        self.note(&pin, "sha256", &written.sha256.span);
        let size = u64::try_from(written.size.value).ok().filter(|size| *size <= Limits::DOWNLOAD_BYTES);
        let size = size.ok_or_else(|| {
            let what = format!("no download has a size of {}", written.size.value);
            self.page.failure(&written.size.span, what)
        })?;
        self.note(&pin, "size", &written.size.span);
        self.lock.urls.insert(written.url.value, LockedUrl { sha256, size });
        Ok(())
    }

    fn toolchain(&mut self, at: Spanned<TomlTable<WrittenToolchain>>) -> Result<(), Failure> {
        let TomlTable(written) = at.value;
        if let Some(libc) = written.libc {
            let what = "`libc` pins less than programs take of this machine, and is no longer enough";
            let hint = "an earlier hardpan wrote it: remove the file, and `hardpan lock` writes it anew";
            return Err(self.page.failure(&libc.span, what).hint(hint));
        }
        let compiler = Compiler::ALL.into_iter().find(|compiler| compiler.name() == written.name.value);
        let compiler = compiler
            .ok_or_else(|| unknown(self.page, &written.name, "toolchain", &Compiler::ALL.map(Compiler::name)))?;
        let dir = self.page.filled("`dir`", written.dir)?.value;
        let pin = Pin::Toolchain(compiler, dir.clone());
        self.begin(&pin, &written.name.span)?;
        let version = self.text(&pin, "version", written.version)?;
        let commit = written.commit.map(|at| self.text(&pin, "commit", at)).transpose()?;
        let llvm = written.llvm.map(|at| self.text(&pin, "llvm", at)).transpose()?;
        let mut files: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (scope, written) in written.files.0 {
            self.note(&pin, &scope.value, &scope.span);
            let scope = self.page.filled("a target", scope)?.value;
            for (name, value) in written.0 {
                let digest = self.digest(&pin, &file_key(&scope, &name.value), &value)?;
                files.entry(scope.clone()).or_default().insert(self.page.filled("a file", name)?.value, digest);
            }
        }
        let mut cc = BTreeMap::new();
        for (platform, name) in written.cc.0 {
            let name = self.text(&pin, &format!("cc {}", platform.value), name)?;
            cc.insert(self.page.filled("a platform", platform)?.value, name);
        }
        self.lock.toolchains.insert((compiler, dir), LockedToolchain { version, commit, llvm, files, cc });
        Ok(())
    }

    /// Notes where a pin is; each is there once.
    fn begin(&mut self, pin: &Pin, span: &Range<usize>) -> Result<(), Failure> {
        match self.places.entry((pin.clone(), String::new())) {
            Entry::Occupied(first) => {
                let (line, _) = first.get().line_column();
                Err(self.page.failure(span, format!("{pin} is on line {line} already")))
            }
            Entry::Vacant(place) => {
                place.insert(self.page.origin(span));
                Ok(())
            }
        }
    }

    fn note(&mut self, pin: &Pin, key: &str, span: &Range<usize>) {
        self.places.insert((pin.clone(), key.to_owned()), self.page.origin(span));
    }

    fn text(&mut self, pin: &Pin, key: &str, at: Spanned<String>) -> Result<String, Failure> {
        self.note(pin, key, &at.span);
        Ok(self.page.filled(&format!("`{key}`"), at)?.value)
    }

    fn digest(&mut self, pin: &Pin, key: &str, at: &Spanned<String>) -> Result<Digest, Failure> {
        self.note(pin, key, &at.span);
        Digest::parse(&at.value)
            .map_err(|error| self.page.failure(&at.span, format!("{} is {error}", quoted(&at.value))))
    }
}
