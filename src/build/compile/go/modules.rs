//! Finds the module, the workspace and the vendor folder of a Go program, and fetches its modules.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{
        Toolchain,
        caller_folders::{cannot_write, denial},
        child::{Child, ChildOutput},
        enclosure::Enclosure,
    },
    GoJob,
};
use crate::{
    recipe::GoBinary,
    report::{ErrorName, Failure, printable},
};

/// What the system says where nothing can be written.
const READ_ONLY: [&str; 2] = ["permission denied", "read-only file system"];

/// Whether Go by itself builds from a vendor folder (`setDefaultBuildMod` of `cmd/go/internal/modload`): that of the
/// workspace `work` if there is a workspace, else that of `module`; a vendor folder that was made for another one is none.
pub(super) fn has_vendor(module: &Path, work: &OsStr) -> bool {
    let (file, is_workspace) = if work == "off" { (module, false) } else { (Path::new(work), true) };
    let folder = file.with_file_name("vendor");
    let list = fs::read_to_string(folder.join("modules.txt")).unwrap_or_default();
    let first = list.lines().next().and_then(|line| line.strip_prefix("## ")).unwrap_or_default();
    let is_for_workspace = first.split(';').any(|word| word.trim() == "workspace");
    folder.is_dir() && takes_vendor(file) && is_for_workspace == is_workspace
}

/// Whether Go in `dir`, without a vendor folder, still chooses the `module` that it chose before: the closest `go.mod`, and no
/// vendor folder has come.
pub(super) fn is_chosen(dir: &Path, module: &Path, work: &OsStr) -> bool {
    let closest = dir.ancestors().map(|folder| folder.join("go.mod")).find(|file| file.is_file());
    closest.as_deref() == Some(module) && !has_vendor(module, work)
}

/// Whether a `go.mod` or `go.work` lets Go take a vendor folder by itself: from `go 1.14` on (go.dev/ref/mod,
/// "Vendoring"). An older module with one is built from the module cache all the same.
fn takes_vendor(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let version = text.lines().find_map(|line| line.trim().strip_prefix("go ")).unwrap_or_default();
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    // `1.21rc1` is a version, too.
    let number = |text: &str| text.get(..digits(text)).and_then(|digits| digits.parse::<u32>().ok());
    let mut numbers = version.trim().split('.').map(|text| number(text).unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (1, 14)
}

/// `GOWORK`: off, unless the recipe names a file of the checkout. So a `go.work` in a parent folder has no effect.
pub(super) fn workspace(toolchain: &Toolchain<'_>, binary: &GoBinary, dir: &Path) -> Result<OsString, Failure> {
    let Some(named) = binary.env.get("GOWORK").filter(|named| named.value != "off" && !named.value.is_empty()) else {
        return Ok("off".into());
    };
    let path = dir.join(&named.value);
    let canonical = fs::canonicalize(&path)
        .map_err(|error| Failure::io("read the `GOWORK` file", &path, &error).at(&named.origin))?;
    if !canonical.starts_with(toolchain.checkout) {
        let what = format!("`{}` is outside of the checkout", printable(&named.value));
        return Err(Failure::error(ErrorName::SourceUnpinned, what).at(&named.origin));
    }
    Ok(canonical.into_os_string())
}

impl GoJob<'_> {
    /// The `go.mod`, which lies in the checkout.
    pub(super) fn module(&self) -> Result<PathBuf, Failure> {
        let answer = self.run_go(["env", "GOMOD"])?;
        if !answer.status.success() {
            return Err(answer.failure(ErrorName::ToolUnsupported, "go env"));
        }
        let file = PathBuf::from(answer.text());
        if !file.is_absolute() || file == Path::new("/dev/null") {
            let hint = "`dir` in the recipe is the folder with the `go.mod`; `go mod init` writes one";
            return Err(Failure::error(ErrorName::SourceInvalid, "there is no `go.mod` in this folder")
                .in_path(self.dir)
                .hint(hint));
        }
        if !file.starts_with(self.toolchain.checkout) {
            return Err(
                Failure::error(ErrorName::SourceUnpinned, "this `go.mod` is outside of the checkout").in_path(file)
            );
        }
        Ok(file)
    }

    /// Brings the modules of this one package, in the caller's environment: proxies, private modules and credentials
    /// are the caller's. `GOFLAGS` is not: `-mod=mod` would write to `go.sum`. Not `go mod download`: that one writes
    /// to `go.sum` itself, and brings modules that only tests need.
    pub(super) fn fetch(&mut self, work: &OsStr) -> Result<(), Failure> {
        let ended = self.fetch_once(work, None)?;
        if ended.status.success() {
            return Ok(());
        }
        let failure = self.toolchain.with_withheld_hint(&ended, self.list_failure(&ended));
        // What is in a module cache that can only be read is taken as from a proxy, and the rest is fetched.
        let lacks_modules = READ_ONLY.iter().any(|words| ended.complains(words));
        let Some(why) = denial(&self.go.module_cache).filter(|_| lacks_modules) else { return Err(failure) };
        let Some(proxy) = self.go.proxy_of_modules() else { return Err(failure) };
        let why = cannot_write(&self.go.module_cache, &why);
        self.go.move_modules(self.toolchain, &why)?;
        self.environment.insert("GOMODCACHE".into(), self.go.module_cache.clone().into());
        let ended = self.fetch_once(work, Some(&proxy))?;
        if ended.status.success() { Ok(()) } else { Err(self.list_failure(&ended)) }
    }

    /// One try at the same; `proxy` takes the place of the caller's `GOPROXY`.
    fn fetch_once(&self, work: &OsStr, proxy: Option<&str>) -> Result<ChildOutput, Failure> {
        let mut environment = self.toolchain.fetch_environment()?;
        environment.extend(proxy.map(|proxy| ("GOPROXY".into(), proxy.into())));
        for (name, value) in &self.environment {
            let name_text = name.to_string_lossy();
            // What selects files, and the caches; not what keeps Go from the network and from the caller's settings.
            if ["GOOS", "GOARCH", "CGO_ENABLED", "GOMODCACHE", "GOCACHE"].contains(&name_text.as_ref()) {
                environment.insert(name.clone(), value.clone());
            }
        }
        environment.insert("GOWORK".into(), work.to_owned());
        // Not empty, which would mean those of `go env -w`. The default, but for a vendor folder, and that one needs no
        // fetch.
        let flags = if self.go.writable_cache { "-mod=readonly -modcacherw" } else { "-mod=readonly" };
        environment.insert("GOFLAGS".into(), flags.into());
        // In a workspace Go adds to `go.work.sum` whatever the command; what was there comes back.
        let mut sums = work.to_owned();
        sums.push(".sum");
        let sums = PathBuf::from(sums);
        let before = fs::read(&sums).ok();
        let arguments = ["list", "-buildvcs=false", "-deps", "-f", ""].map(OsString::from);
        let watch = Enclosure::watched(self.toolchain.program);
        let ended = Child::new(&self.go.program, self.dir, &environment)
            .in_enclosure(watch.as_ref())
            .args(arguments)
            .args(self.selection())
            .with_progress(self.toolchain.progress)
            .run()?;
        if work != "off" && fs::read(&sums).ok() != before {
            let restored = before.map_or_else(|| fs::remove_file(&sums), |bytes| fs::write(&sums, bytes));
            restored.map_err(|error| Failure::io("put back what `go list` changed", &sums, &error))?;
        }
        Ok(ended)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_vendor_folder_of_an_old_module_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("go.mod");
        fs::create_dir(folder.path().join("vendor")).unwrap();
        for (text, used) in [
            ("module x\n", false),
            ("module x\n\ngo 1.13\n", false),
            ("go 1.14\n", true),
            ("go 1.24.1 // new\n", true),
            ("go 1.21rc1\n", true),
        ] {
            fs::write(&file, text).unwrap();
            assert_eq!(has_vendor(&file, OsStr::new("off")), used, "{text}");
        }
    }

    #[test]
    fn a_vendor_folder_is_that_of_the_workspace_or_that_of_the_module() {
        let folder = tempfile::tempdir().unwrap();
        let (module, work) = (folder.path().join("go.mod"), folder.path().join("go.work"));
        for file in [&module, &work] {
            fs::write(file, "go 1.22\n").unwrap();
        }
        let used = || (has_vendor(&module, OsStr::new("off")), has_vendor(&module, work.as_os_str()));
        assert_eq!(used(), (false, false));
        fs::create_dir(folder.path().join("vendor")).unwrap();
        let list = folder.path().join("vendor/modules.txt");
        fs::write(&list, "# example.com/other v1.0.0\n## explicit\n").unwrap();
        assert_eq!(used(), (true, false));
        fs::write(&list, "## workspace\n# example.com/other v1.0.0\n").unwrap();
        assert_eq!(used(), (false, true));
    }
}
