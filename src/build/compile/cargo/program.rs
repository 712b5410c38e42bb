//! What happens to a finished Rust program: its debug symbols are split off, and it is searched for paths of this
//! machine.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{child::Child, host_paths},
    CargoJob,
};
use crate::{
    oci::Digest,
    recipe::{Located, Strip},
    report::{ErrorName, Failure},
};

impl CargoJob<'_> {
    /// Splits the debug symbols for `debug-file` off `program`; the path of the symbols.
    pub(super) fn split_debug_symbols(&self, program: &Path) -> Result<Option<PathBuf>, Failure> {
        let Some(wanted) = &self.binary.debug_file else { return Ok(None) };
        let Some(objcopy) = self.rust.objcopy() else {
            let what = "this Rust has no `rust-objcopy`, which `debug-file` needs";
            return Err(Failure::error(ErrorName::ToolMissing, what)
                .at(&wanted.origin)
                .hint("take a toolchain of rustup, 1.84 or newer"));
        };
        let symbols = self.compile_folder.temporary().join("symbols");
        let mut environment = self.environment.clone();
        // Rustup's `rust-objcopy` does not find the LLVM of its toolchain by itself.
        environment.insert("LD_LIBRARY_PATH".into(), self.rust.libraries_of_compiler().into());
        let strip = if self.binary.strip == Strip::DebugInfo { "--strip-debug" } else { "--strip-all" };
        let (from, to) = (program.as_os_str(), symbols.as_os_str());
        for arguments in [vec![OsStr::new("--only-keep-debug"), from, to], vec![OsStr::new(strip), from]] {
            let ended = Child::new(&objcopy, self.compile_folder.root(), &environment).args(arguments).run()?;
            if !ended.status.success() {
                return Err(ended.failure(ErrorName::ToolUnsupported, "rust-objcopy"));
            }
        }
        Ok(Some(symbols))
    }

    /// The refusal of a program that holds a path of this machine. A program compiled at fixed paths can hold only the folder
    /// of a registry or of a git dependency.
    pub(super) fn find_host_path(&self, made: &Path, name: &str) -> Result<Option<Failure>, Failure> {
        let program = fs::read(made).map_err(|error| Failure::io("read the program", made, &error))?;
        Ok(host_paths::find(&program, &self.paths.host_folders()).map(|found| found.refusal(name)))
    }

    /// A digest of everything that distinguishes this compile of a program: the name of its output folder.
    pub(super) fn variant(&self, package: &str) -> String {
        let binary = self.binary;
        let words = |list: &[Located<String>]| list.iter().map(|word| word.value.clone()).collect::<Vec<_>>();
        let env: BTreeMap<_, _> = binary.env.iter().map(|(name, value)| (name, &value.value)).collect();
        let said = format!(
            "{} {package} {} {} {:?} {:?} {:?} {env:?} {:?} {:?} {:?}",
            self.dir.display(),
            self.target,
            self.profile(),
            words(&binary.flags),
            words(&binary.features),
            words(&binary.rustflags),
            binary.strip,
            binary.auditable,
            (&binary.linker, &binary.cc, binary.debug_file.is_some()),
        );
        Digest::of(said.as_bytes()).hex().chars().take(16).collect()
    }
}
