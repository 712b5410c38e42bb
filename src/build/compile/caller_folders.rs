//! The folders of the caller that toolchains use (home, cache, cargo home, rustup home), and what takes their place where one
//! is missing or cannot be written, as in a container whose user has no home: a folder in the call's scratch folder.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use super::{Toolchain, compile_folder::CompileFolder, environment::Environment, installed_rust::InstalledRust};
use crate::{
    cache::{SealKey, distrust},
    report::{Failure, io_reason, printable},
};

/// The folder of the scratch folder that is a home.
const HOME: &str = "home";
/// The folder of the scratch folder that is a cache.
const CACHE: &str = "cache";

impl Toolchain<'_> {
    /// The caller's home, if this user can enter it.
    pub(super) fn home(&self) -> Option<PathBuf> {
        let home = self.caller_variable("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        home.filter(|home| is_open(home))
    }

    /// A folder that `variable` of the caller names, else `default` in the caller's home, whether it is there or not; none
    /// without either.
    fn folder(&self, variable: &str, default: &str) -> Result<Option<PathBuf>, Failure> {
        let home = || Some(Path::new(self.caller_variable("HOME")?).join(default));
        let Some(path) = self.caller_variable(variable).map(PathBuf::from).or_else(home) else { return Ok(None) };
        std::path::absolute(&path).map(Some).map_err(|error| Failure::io("make the path absolute", &path, &error))
    }

    /// The folder of cargo: `CARGO_HOME`, else `~/.cargo`, if it can be read or made; else one in the scratch folder.
    pub(super) fn cargo_home(&self) -> Result<PathBuf, Failure> {
        match self.folder("CARGO_HOME", ".cargo")? {
            None => self.cargo_home_in_scratch("`HOME` is not set"),
            Some(folder) => match denial(&folder).filter(|_| !is_open(&folder)) {
                None => Ok(folder),
                Some(why) => self.cargo_home_in_scratch(&cannot_write(&folder, &why)),
            },
        }
    }

    fn cargo_home_in_scratch(&self, why: &str) -> Result<PathBuf, Failure> {
        let folder = self.scratch(why)?.join(HOME).join(".cargo");
        fs::create_dir_all(&folder).map_err(|error| Failure::io("create the folder", &folder, &error))?;
        Ok(folder)
    }

    /// The folder of rustup: `RUSTUP_HOME`, else `~/.rustup`, else the one beside the cargo home whose `rustc` is in `PATH`.
    /// None where there is no sign of rustup.
    pub(super) fn rustup_home(&self) -> Option<PathBuf> {
        let named = self.folder("RUSTUP_HOME", ".rustup").ok().flatten();
        if self.caller_variable("RUSTUP_HOME").is_some() || named.as_deref().is_some_and(is_open) {
            return named;
        }
        let cargo_home = self.program("rustc")?.parent()?.parent()?.to_owned();
        let beside = [".rustup", "rustup"].map(|name| cargo_home.with_file_name(name));
        beside.into_iter().find(|folder| folder.join("toolchains").is_dir()).or(named)
    }

    /// The caller's environment for a fetch by the cargo of `rust` in `dir`: [`fetch_environment`](Self::fetch_environment),
    /// with the folders of cargo and rustup.
    ///
    /// # Errors
    /// The checkout would have the fetch run a program of its own.
    pub(super) fn cargo_fetch_environment(&self, dir: &Path, rust: &InstalledRust) -> Result<Environment, Failure> {
        self.check_fetch(dir)?;
        let mut environment = self.fetch_environment()?;
        // Before what `build.rustc` of a configuration names.
        environment.insert("RUSTC".into(), rust.compiler().into());
        // A relative one would be another folder here than where hardpan was started.
        environment.insert("CARGO_HOME".into(), self.cargo_home()?.into());
        // Empty, so that no configuration of a checkout puts a program of its own before rustc.
        for name in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            environment.insert(name.into(), OsString::new());
        }
        environment.extend(self.rustup_home().map(|home| ("RUSTUP_HOME".into(), home.into())));
        Ok(environment)
    }

    /// A home for children where the caller's cannot be entered; none where it can.
    pub(super) fn home_in_scratch(&self) -> Result<Option<PathBuf>, Failure> {
        if self.home().is_some() {
            return Ok(None);
        }
        let why = match self.caller_variable("HOME") {
            None => "`HOME` is not set".to_owned(),
            Some(home) => format!("`HOME` (`{}`) is no folder that can be entered", printable(&home.to_string_lossy())),
        };
        Ok(Some(self.scratch(&why)?.join(HOME)))
    }

    /// The folder in which one program is compiled: in the caller's cache, else in the scratch folder. What is known from
    /// earlier compiles is looked up in a cache that can only be read as well.
    pub(super) fn compile_folder(&self, kind: &str, key: &[&[u8]]) -> Result<CompileFolder, Failure> {
        let seal_key = self.blobs.map_or_else(SealKey::of_this_call, |cache| cache.seal_key().clone());
        let in_scratch = |why: &str| CompileFolder::open(&self.scratch(why)?.join(CACHE), kind, key, &seal_key);
        let Some(cache) = self.cache else { return in_scratch("neither `XDG_CACHE_HOME` nor `HOME` is set") };
        let folder = CompileFolder::path(cache, kind, key);
        if let Some(why) = self.cache_objection(cache, &folder) {
            return in_scratch(&why);
        }
        match denial(&folder).or_else(|| denial(&folder.join(CompileFolder::LOCK))) {
            None => CompileFolder::open(cache, kind, key, &seal_key),
            Some(why) => Ok(in_scratch(&cannot_write(cache, &why))?.with_records_of(cache.to_owned())),
        }
    }

    /// Why nothing is compiled in this folder of the cache, as part of a sentence. That the cache as a whole is not used has
    /// been said by then, with the reason.
    fn cache_objection(&self, cache: &Path, folder: &Path) -> Option<String> {
        if self.blobs.is_some_and(|cache| !cache.is_readable()) {
            return Some("the cache is not used".to_owned());
        }
        let folders = [Some(cache), folder.parent(), Some(folder)].into_iter().flatten();
        folders.into_iter().find_map(|folder| {
            let why = distrust(folder).ok().flatten()?;
            Some(format!("`{}` is not used: {why}", printable(&folder.to_string_lossy())))
        })
    }

    /// The scratch folder of this call. Its first use says so in a note, with the reason `why`, a sentence without its full
    /// stop.
    pub(super) fn scratch(&self, why: &str) -> Result<PathBuf, Failure> {
        let (path, is_new) = self.scratch.path()?;
        if is_new {
            let shown = path.to_string_lossy();
            self.progress.step(&format!(
                "note: {why}: this call works in `{}` and removes it at the end; `XDG_CACHE_HOME`, `GOMODCACHE` and \
                 `CARGO_HOME` name folders that are kept",
                printable(&shown)
            ));
        }
        Ok(path)
    }
}

/// Why a folder cannot be written, as part of a sentence.
pub(super) fn cannot_write(folder: &Path, why: &io::Error) -> String {
    format!("`{}` cannot be written ({})", printable(&folder.to_string_lossy()), io_reason(why))
}

/// Why this user cannot write the file or folder at `path`, or create it: permissions, a file system that is read-only, a file
/// above it.
/// None where nothing is known to be in the way.
pub(super) fn denial(path: &Path) -> Option<io::Error> {
    let existing = path.ancestors().find(|above| match above.metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    })?;
    let wanted = if existing.is_dir() { Access::WRITE_OK | Access::EXEC_OK } else { Access::WRITE_OK };
    let kinds = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
    match access(existing, wanted).map_err(io::Error::from) {
        Err(error) => Some(error).filter(|error| kinds.contains(&error.kind())),
        Ok(()) => (existing != path && existing.is_file()).then(|| io::ErrorKind::NotADirectory.into()),
    }
}

/// Whether there is a folder that this user can list and enter.
pub(super) fn is_open(folder: &Path) -> bool {
    folder.is_dir() && access(folder, Access::READ_OK | Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::environment::tests::toolchain, *};

    #[test]
    fn homes_come_from_their_variable_or_from_home() {
        let home = tempfile::tempdir().unwrap();
        let mut caller = Environment::from([("HOME".into(), home.path().into())]);
        let path = Path::new("/x");
        assert_eq!(toolchain(&caller, path, path).cargo_home().unwrap(), home.path().join(".cargo"));
        assert_eq!(toolchain(&caller, path, path).home_in_scratch().unwrap(), None);
        caller.insert("CARGO_HOME".into(), home.path().join("cargo").into());
        assert_eq!(toolchain(&caller, path, path).cargo_home().unwrap(), home.path().join("cargo"));
        caller.clear();
        let toolchain = toolchain(&caller, path, path);
        let (cargo_home, made) = (toolchain.cargo_home().unwrap(), toolchain.home_in_scratch().unwrap().unwrap());
        assert!(cargo_home.is_dir() && cargo_home.starts_with(made));
        drop(toolchain);
        assert!(!cargo_home.exists());
    }

    #[test]
    fn rustup_is_found_beside_the_cargo_home_in_the_path() {
        let home = tempfile::tempdir().unwrap();
        let rustc = home.path().join(".cargo/bin/rustc");
        fs::create_dir_all(rustc.parent().unwrap()).unwrap();
        fs::create_dir_all(home.path().join(".rustup/toolchains")).unwrap();
        fs::write(&rustc, "").unwrap();
        fs::set_permissions(&rustc, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let caller = Environment::from([("PATH".into(), rustc.parent().unwrap().into())]);
        let path = Path::new("/x");
        assert_eq!(toolchain(&caller, path, path).rustup_home(), Some(home.path().join(".rustup")));
    }
}
