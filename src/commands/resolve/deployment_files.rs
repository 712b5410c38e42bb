//! Finds and reads deployment files, and writes them with their references replaced.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    commands::staged_file::StagedFile,
    deploy::DeploymentText,
    output::CreatedFolders,
    report::{ErrorName, Failure, Failures, Limits, folder_of, printable},
};

/// The name of the file that is standard input.
const STDIN: &str = "-";
/// The ends of files that are read in folders, as kubectl and ko read them.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// A deployment file.
#[derive(Debug)]
pub(super) struct DeploymentFile {
    /// Where it is; none is standard input.
    path: Option<PathBuf>,
    /// Its path below the folder that was named; of a file that was named, its name.
    below: PathBuf,
    pub(super) text: DeploymentText,
}

/// The files of a call, staged, with the names that they will have.
#[derive(Debug)]
pub(super) struct OutputFiles(Vec<StagedFile>);

/// Reads all files: those that are named, and of folders those whose names end in `.yaml`, `.yml` or `.json`, sorted by path.
///
/// # Errors
/// Every file that cannot be read, or no file.
pub(super) fn read_files(named: &[PathBuf], recursive: bool) -> Result<Vec<DeploymentFile>, Failures> {
    let mut found: Vec<(Option<PathBuf>, PathBuf)> = Vec::new();
    for path in named {
        if path == Path::new(STDIN) {
            found.push((None, PathBuf::from(STDIN)));
        } else if path.is_dir() {
            let before = found.len();
            add_folder(path, Path::new(""), recursive, &mut found)?;
            if found.len() == before {
                let failure =
                    Failure::error(ErrorName::FileNotFound, "the folder holds no `.yaml`, `.yml` or `.json` file");
                let failure = failure.in_path(path);
                return Err(if recursive { failure } else { failure.hint("`-R` also reads the folders in it") }.into());
            }
        } else {
            let name = path.file_name().map(PathBuf::from).unwrap_or_default();
            found.push((Some(path.clone()), name));
        }
    }
    if found.iter().filter(|(path, _)| path.is_none()).count() > 1 {
        return Err(Failure::error(ErrorName::Usage, "`-f -` is given twice, and stdin is read once").into());
    }
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    for (path, below) in found {
        match read_file(path, below) {
            Ok(file) => files.push(file),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { Ok(files) } else { Err(Failures(failures)) }
}

/// Adds the files of a folder, and with `recursive` those of the folders in it. Links to files are followed, links to folders
/// are not.
fn add_folder(
    root: &Path,
    below: &Path,
    recursive: bool,
    found: &mut Vec<(Option<PathBuf>, PathBuf)>,
) -> Result<(), Failure> {
    let folder = root.join(below);
    let fault = |error: io::Error| Failure::io("read the folder", &folder, &error);
    let entries = fs::read_dir(&folder).map_err(fault)?.collect::<io::Result<Vec<_>>>().map_err(fault)?;
    let mut names: Vec<_> = entries.iter().map(fs::DirEntry::file_name).collect();
    names.sort_unstable();
    for name in names {
        let inside = below.join(&name);
        let path = root.join(&inside);
        let is_link = path.is_symlink();
        if path.is_dir() && !is_link && recursive {
            add_folder(root, &inside, recursive, found)?;
        }
        let has_extension = inside.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end == *known));
        // A link that leads nowhere is a file that cannot be read, not one that is passed over.
        if has_extension && !path.is_dir() {
            found.push((Some(path), inside));
        }
        if found.len() > Limits::DEPLOYMENT_FILES {
            let what = format!("more than {} files", Limits::DEPLOYMENT_FILES);
            return Err(Failure::error(ErrorName::Deployment, what).in_path(root));
        }
    }
    Ok(())
}

fn read_file(path: Option<PathBuf>, below: PathBuf) -> Result<DeploymentFile, Failure> {
    let shown = path.as_ref().map_or_else(|| "stdin".to_owned(), |path| path.to_string_lossy().into_owned());
    let fault = |error: io::Error| Failure::io("read the file", &shown, &error);
    let mut bytes = Vec::new();
    let mut read =
        |input: &mut dyn Read| input.take(Limits::DEPLOYMENT_BYTES + 1).read_to_end(&mut bytes).map_err(fault);
    match &path {
        None => read(&mut io::stdin().lock())?,
        Some(path) => {
            let found = fs::metadata(path).map_err(fault)?;
            if !found.is_file() {
                return Err(Failure::error(ErrorName::FileKind, "is neither a folder nor a regular file").in_path(path));
            }
            read(&mut File::open(path).map_err(fault)?)?
        }
    };
    Ok(DeploymentFile { text: DeploymentText::parse(&shown, bytes)?, path, below })
}

impl OutputFiles {
    /// Stages a file for each of `files` in `folder`, with the path that it has below the folder it was found in.
    ///
    /// # Errors
    /// Two files with one path, a file that would replace an input, standard input, or a folder that cannot be written to.
    pub(super) fn begin(folder: &Path, files: &[DeploymentFile], made: &CreatedFolders) -> Result<Self, Failure> {
        let inputs: Vec<_> = files.iter().filter_map(|file| file.path.as_ref()?.canonicalize().ok()).collect();
        let mut taken: BTreeMap<&Path, &DeploymentFile> = BTreeMap::new();
        let mut staged = Vec::new();
        for file in files {
            let Some(input) = &file.path else {
                return Err(Failure::error(
                    ErrorName::Usage,
                    "`--output` writes files by their names, and stdin has none",
                )
                .hint("leave `--output` out: the result goes to stdout"));
            };
            if let Some(other) = taken.insert(&file.below, file).and_then(|other| other.path.as_ref()) {
                let what = format!("`{}` would be written to the same path", printable(&other.to_string_lossy()));
                return Err(Failure::error(ErrorName::OutputConflict, what).in_path(input));
            }
            let target = folder.join(&file.below);
            if target.canonicalize().is_ok_and(|real| inputs.contains(&real)) {
                let what = "`--output` would replace a file that is read";
                return Err(Failure::error(ErrorName::OutputConflict, what)
                    .in_path(&target)
                    .hint("name another folder"));
            }
            made.make(folder_of(&target))?;
            staged.push(StagedFile::begin("--output", &target, "without `--output` the result goes to stdout")?);
        }
        Ok(Self(staged))
    }

    /// Writes every file whole, then gives all of them their names.
    pub(super) fn publish(mut self, texts: impl Iterator<Item = String>) -> Result<(), Failure> {
        for (file, text) in self.0.iter_mut().zip(texts) {
            file.write(text)?;
        }
        self.0.into_iter().try_for_each(StagedFile::publish)
    }
}
