//! The stamp of `vcs = true`: commit, time, whether files differ, and the version.
//!
//! Go asks git for them, and git's answers hang on more than the commit and the files: on `core.fileMode`, filters and
//! other settings of the clone, `info/exclude`, marks in the index, replaced commits, tags of other branches. So git gets
//! a repository of its own beside the clone's objects, made from nothing but the commit and the tags in its history, and
//! an index that compares every file by content.
//!
//! Where modules cannot be looked up (`GOPROXY=off`), Go takes the version of a commit from the module cache, if it is
//! there, also when a tag came since (`readDiskStat` of `cmd/go/internal/modfetch`, Go 1.26). So the compile has a
//! place to look them up, in which there is none.

use std::{ffi::OsString, fs, path::Path};

use super::{
    super::{
        Toolchain,
        child::Child,
        compile_folder::CompileFolder,
        environment::Environment,
        git::{require_success, untracked_outputs},
    },
    git_checkout::GitCheckout,
};
use crate::report::{ErrorName, Failure, printable};

/// The settings of the repository. Modes of files reach no Go program, and not every file system keeps them.
const SETTINGS: &str = "[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tfileMode = false\n";

/// The stamp of a program.
#[derive(Debug)]
pub(super) struct GoRevision {
    commit: String,
    is_modified: bool,
    variables: Environment,
}

impl GoRevision {
    /// Reads the checkout around `dir`, whose module is the file `module`; refuses a checkout
    /// for which Go would stamp another revision or none.
    pub(super) fn read(
        toolchain: &Toolchain<'_>,
        compile_folder: &CompileFolder,
        dir: &Path,
        module: &Path,
    ) -> Result<Self, Failure> {
        let checkout = GitCheckout::find(toolchain, dir)?;
        let commit = checkout.commit()?;
        checkout.refuse_incomplete()?;
        checkout.refuse_foreign(&commit, module)?;
        let repository = compile_folder.temporary().join("revision");
        let write = || -> std::io::Result<()> {
            for folder in ["refs", "objects", "info"] {
                fs::create_dir_all(repository.join(folder))?;
            }
            fs::write(repository.join("HEAD"), format!("{commit}\n"))?;
            fs::write(repository.join("info/exclude"), output_patterns(checkout.root(), dir))
        };
        let fault = |error: std::io::Error| Failure::io("write", &repository, &error);
        write().map_err(fault)?;
        fs::write(repository.join("packed-refs"), checkout.tags(&commit)?).map_err(fault)?;
        let format = if checkout.has_sha256()? { "[extensions]\n\tobjectFormat = sha256\n" } else { "" };
        fs::write(repository.join("config"), format!("{SETTINGS}{format}")).map_err(fault)?;
        let mut variables = Environment::from([
            ("GIT_DIR".into(), repository.clone().into_os_string()),
            ("GIT_WORK_TREE".into(), checkout.root().into()),
            ("GIT_OBJECT_DIRECTORY".into(), checkout.objects()?),
        ]);
        let fixed = [
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            // Has no module.
            ("GOPROXY", "file:///dev/null"),
            ("GONOPROXY", "none"),
        ];
        variables.extend(fixed.map(|(name, value)| (name.into(), value.into())));
        let git = |arguments: &[&str]| checkout.ask_with(&variables, arguments);
        require_success(git(&["read-tree", &commit])?, "git read-tree")?;
        let outputs = untracked_outputs(toolchain, checkout.root(), &git)?;
        let mut patterns = output_patterns(checkout.root(), dir);
        for output in &outputs {
            add_pattern(output, &mut patterns);
        }
        fs::write(repository.join("info/exclude"), patterns).map_err(fault)?;
        let is_modified = is_modified(&checkout, &variables)?;
        Ok(Self { commit, is_modified, variables })
    }

    /// Adds what makes Go stamp this revision and no other.
    pub(super) fn add_to(&self, environment: &mut Environment) {
        environment.extend(self.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Refuses a program that has another stamp, or none: Go leaves it out in silence where a module and the folder of
    /// the compile are of different checkouts.
    pub(super) fn check(&self, go: &Path, made: &Path, environment: &Environment) -> Result<(), Failure> {
        let arguments = [OsString::from("version"), "-m".into(), made.into()];
        let dir = made.parent().unwrap_or(Path::new("/"));
        let ended = Child::new(go, dir, environment).args(arguments).run()?;
        if !ended.status.success() {
            return Err(ended.failure(ErrorName::ToolUnsupported, "go version"));
        }
        let text = ended.text();
        let said = |wanted: &str| text.lines().any(|line| line.trim() == wanted);
        let revision = said(&format!("build\tvcs.revision={}", self.commit));
        if revision && said(&format!("build\tvcs.modified={}", self.is_modified)) {
            return Ok(());
        }
        if revision {
            let failure =
                Failure::error(ErrorName::InputChanged, "files of the checkout changed while the program was compiled");
            return Err(failure.hint("build again when nothing writes there"));
        }
        let failure = Failure::error(ErrorName::Git, "Go did not stamp the revision of this checkout into the program");
        Err(failure.hint("name the package by its folder, in a module of this checkout, or leave `vcs` out"))
    }
}

/// Compares every file with the commit in the index by content, and leaves an index behind that makes the next comparison quick.
fn is_modified(checkout: &GitCheckout, variables: &Environment) -> Result<bool, Failure> {
    let git = |arguments: &[&str]| checkout.ask_with(variables, arguments);
    // It exits with 1 where files differ, which `git status` then reports.
    git(&["update-index", "-q", "--refresh"])?;
    let status = require_success(git(&["status", "--porcelain"])?, "git status")?;
    if status.stdout.is_empty() {
        return Ok(false);
    }
    let filtered = git(&["ls-files", "--modified", "-z", "--", ":(top)", ":(top,exclude,attr:!filter)"])?;
    let filtered = require_success(filtered, "git ls-files")?;
    if let Some(path) = filtered.stdout.split(|byte| *byte == 0).find(|path| !path.is_empty()) {
        let what = format!(
            "`{}` is kept through a filter of git (`.gitattributes`), such as git-lfs, which no compile runs: whether it \
             is that of the commit is unknown",
            printable(&String::from_utf8_lossy(path))
        );
        let hint = "leave `vcs` out, and stamp by `ldflags`, such as `-X main.revision={git.revision}`";
        return Err(Failure::error(ErrorName::Git, what).in_path(checkout.root()).hint(hint));
    }
    Ok(true)
}

/// Lets git pass over the folder `out`, at the top of the checkout and in `dir`, where hardpan itself writes: a program
/// that is stamped with the state of the checkout would be another one the second time.
fn output_patterns(root: &Path, dir: &Path) -> Vec<u8> {
    let mut patterns = b"/out/\n".to_vec();
    add_pattern(&dir.strip_prefix(root).unwrap_or(Path::new("")).join("out/"), &mut patterns);
    patterns
}

/// Adds the pattern of gitignore for the path `below` the top of a checkout.
fn add_pattern(below: &Path, patterns: &mut Vec<u8>) {
    patterns.push(b'/');
    for byte in below.as_os_str().as_encoded_bytes() {
        // What gitignore takes for a pattern, and a blank, which it drops at the end of a line.
        if b"*?[\\ ".contains(byte) {
            patterns.push(b'\\');
        }
        patterns.push(*byte);
    }
    patterns.push(b'\n');
}
