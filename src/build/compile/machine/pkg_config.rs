//! Finds the libraries of this machine that a recipe names: by pkg-config, linked as archives, pinned by the lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{Toolchain, child::Child, environment::Environment},
    MachineFile, MachineInputs,
};
use crate::{
    oci::Digest,
    recipe::Located,
    report::{ErrorName, Failure, printable},
};

/// Libraries that bring others: more of them are no dependencies any more.
const MOST_MODULES: usize = 500;

/// Where libraries are looked for.
pub(in super::super) struct PkgConfigSearch<'a> {
    pub(in super::super) toolchain: &'a Toolchain<'a>,
    pub(in super::super) dir: &'a Path,
    pub(in super::super) environment: &'a Environment,
    /// `pkg-config`, or that of another architecture.
    pub(in super::super) program: &'a Path,
    /// The folder that gets the descriptions of the libraries and of all that they need, and nothing else.
    pub(in super::super) folder: &'a Path,
}

/// The program by which the libraries of the recipe are found: `pkg-config`, or that of another target.
pub(in super::super) fn pkg_config(
    toolchain: &Toolchain<'_>,
    target: Option<&str>,
    names: &[Located<String>],
) -> Result<PathBuf, Failure> {
    let name = target
        .map_or_else(|| "pkg-config".to_owned(), |target| format!("{}-pkg-config", target.replace("-unknown", "")));
    toolchain.program(&name).ok_or_else(|| {
        let failure = Failure::error(
            ErrorName::ToolMissing,
            format!("`{name}`, by which `libraries` are found, is not in `PATH`"),
        );
        let failure = names.iter().take(1).fold(failure, |failure, name| failure.at(&name.origin));
        failure.hint("`apt install pkg-config`")
    })
}

impl PkgConfigSearch<'_> {
    /// Adds the libraries that the recipe names to what the compile uses of this machine.
    pub(in super::super) fn add(&self, names: &[Located<String>], machine: &mut MachineInputs) -> Result<(), Failure> {
        fs::create_dir_all(self.folder).map_err(|error| Failure::io("create the folder", self.folder, &error))?;
        for name in names {
            self.describe(name, machine).map_err(|failure| failure.at(&name.origin))?;
            self.add_archives(&name.value, machine).map_err(|failure| failure.at(&name.origin))?;
        }
        machine.has_libraries = true;
        Ok(())
    }

    /// Copies the description of a library and of all that it needs.
    fn describe(&self, name: &Located<String>, machine: &mut MachineInputs) -> Result<(), Failure> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![name.value.clone()]);
        while let Some(module) = open.pop() {
            if !seen.insert(module.clone()) {
                continue;
            }
            if seen.len() > MOST_MODULES {
                return Err(Failure::error(
                    ErrorName::ToolUnsupported,
                    format!("`{}` needs more than {MOST_MODULES} others", printable(&name.value)),
                ));
            }
            let Some(folder) = self.query(&["--variable=pcfiledir", &module])?.filter(|folder| !folder.is_empty())
            else {
                return Err(unknown(&module, &name.value));
            };
            let path = Path::new(&folder).join(format!("{module}.pc"));
            let text = fs::read_to_string(&path).map_err(|error| Failure::io("read", &path, &error))?;
            let digest = Digest::of(text.as_bytes());
            let file = format!("{module}.pc");
            // What is said relative to the file's own place holds for the copy, too.
            let copy = self.folder.join(&file);
            fs::write(&copy, text.replace("${pcfiledir}", &folder))
                .map_err(|error| Failure::io("write", &copy, &error))?;
            machine.files.add(&file, &MachineFile { path, digest });
            for question in ["--print-requires", "--print-requires-private"] {
                let answer = self.query(&[question, &module])?.unwrap_or_default();
                // A version may follow: `libpng >= 1.6`.
                open.extend(answer.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned));
            }
        }
        Ok(())
    }

    /// Pins the archives that the library is linked by, and notes where its headers are.
    fn add_archives(&self, name: &str, machine: &mut MachineInputs) -> Result<(), Failure> {
        let flags = self.query(&["--static", "--libs", "--keep-system-libs", name])?.unwrap_or_default();
        let given = |prefix: &'static str, text: &str| -> Vec<String> {
            text.split_whitespace().filter_map(|word| word.strip_prefix(prefix)).map(str::to_owned).collect()
        };
        let folders: Vec<_> =
            given("-L", &flags).into_iter().map(PathBuf::from).chain(machine.libraries.iter().cloned()).collect();
        for library in given("-l", &flags) {
            let file = format!("lib{library}.a");
            let Some(path) = folders.iter().map(|folder| folder.join(&file)).find(|path| path.is_file()) else {
                let what = format!(
                    "the library `{}` has no archive `{}` on this machine, and programs are linked statically",
                    printable(name),
                    printable(&file)
                );
                return Err(Failure::error(ErrorName::ToolMissing, what)
                    .hint("install the package of the library that has it, often `lib...-dev`"));
            };
            let digest = super::inquiry::file_digest(&path)?;
            machine.linked.extend(fs::canonicalize(&path));
            machine.files.add(&file, &MachineFile { path, digest });
        }
        let headers = self.query(&["--cflags", name])?.unwrap_or_default();
        let headers = given("-I", &headers).into_iter().filter_map(|folder| fs::canonicalize(folder).ok());
        for folder in headers.filter(|folder| !super::headers::is_shared(folder)) {
            if !machine.include.contains(&folder) {
                let digests = self.toolchain.header_digests(std::slice::from_ref(&folder), true)?;
                let file = |digest| MachineFile { path: folder.clone(), digest };
                machine.elsewhere.extend(digests.elsewhere);
                let digests = digests.base.into_iter().chain(digests.kernel);
                digests.for_each(|digest| machine.files.add(&format!("headers of {name}"), &file(digest)));
                machine.include.push(folder);
            }
        }
        Ok(())
    }

    /// The output of pkg-config; `None` where it does not know the library.
    fn query(&self, words: &[&str]) -> Result<Option<String>, Failure> {
        let mut environment = self.environment.clone();
        environment.retain(|name, _| !name.to_string_lossy().starts_with("PKG_CONFIG"));
        let ended = Child::new(self.program, self.dir, &environment).args(words).run()?;
        Ok(ended.status.success().then(|| ended.text()))
    }
}

/// The variables by which build scripts and cgo find exactly the libraries that the recipe names.
pub(in super::super) fn variables(folder: &Path, is_foreign: bool) -> BTreeMap<&'static str, OsString> {
    let mut variables = BTreeMap::from([
        ("PKG_CONFIG_LIBDIR", folder.as_os_str().to_owned()),
        ("PKG_CONFIG_PATH", OsString::new()),
        // As the `pkg-config` crate reads it.
        ("PKG_CONFIG_ALL_STATIC", "1".into()),
    ]);
    if is_foreign {
        variables.insert("PKG_CONFIG_ALLOW_CROSS", "1".into());
    }
    variables
}

fn unknown(module: &str, name: &str) -> Failure {
    let what = if module == name {
        format!("pkg-config does not know the library `{}`", printable(name))
    } else {
        let (module, name) = (printable(module), printable(name));
        format!("pkg-config does not know `{module}`, which the library `{name}` needs")
    };
    Failure::error(ErrorName::ToolMissing, what).hint("install the package that has its `.pc` file, often `lib...-dev`")
}
