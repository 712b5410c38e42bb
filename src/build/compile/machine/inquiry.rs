//! Asks a compiler driver which files of this machine it uses. The answers are cached, and asked again when they may
//! differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    super::{
        Toolchain,
        child::{Child, ChildOutput},
        compile_folder::CompileFolder,
        environment::Environment,
    },
    CXX_HEADERS, HEADERS, KERNEL_HEADERS, MachineFile, MachineFiles, MachineInputs,
    link_trace::{LinkerFlags, TraceForm},
    own_folders,
};
use crate::{
    oci::Digest,
    report::{ErrorName, Failure, printable},
};

/// The file in which the answers are.
const FILE: &str = "answers.json";

/// Archives of the compiler and the C library that a program names by `-l`.
const OPTIONAL: [&str; 14] = [
    "libanl.a",
    "libatomic.a",
    "libcrypt.a",
    "libdl.a",
    "libgomp.a",
    "libm.a",
    "libpthread.a",
    "libquadmath.a",
    "libresolv.a",
    "librt.a",
    "libstdc++.a",
    "libstdc++fs.a",
    "libsupc++.a",
    "libutil.a",
];

/// The questions to one driver.
pub(in super::super) struct Inquiry<'a> {
    pub(in super::super) toolchain: &'a Toolchain<'a>,
    pub(in super::super) dir: &'a Path,
    /// Of the compile.
    pub(in super::super) environment: &'a Environment,
    /// The driver, and the arguments that come before those of each call.
    pub(in super::super) driver: &'a [OsString],
    /// The languages that it compiles, as `-x` has them: `c`, `c++`.
    pub(in super::super) languages: &'a [&'a str],
    /// The recipe names libraries of this machine, whose headers count.
    pub(in super::super) has_libraries: bool,
    /// The link of an empty program, where the driver links.
    pub(in super::super) link: Option<ProbeLink<'a>>,
}

/// How an empty program is compiled and linked.
pub(in super::super) struct ProbeLink<'a> {
    /// The compiler. It is called in an empty folder.
    pub(in super::super) program: &'a Path,
    /// Its arguments, the source and `-o` included.
    pub(in super::super) arguments: Vec<OsString>,
    /// The name and the text of the source.
    pub(in super::super) source: (&'a str, &'a str),
    /// How the compiler takes a flag of the linker.
    pub(in super::super) flags: LinkerFlags,
    /// Whether programs may need the archives of [`OPTIONAL`].
    pub(in super::super) has_optional: bool,
    /// Folders whose files are no files of the machine: the toolchain's own.
    pub(in super::super) toolchain: Vec<PathBuf>,
}

/// The answers of a driver.
#[derive(Debug, Default, Serialize, Deserialize)]
struct DriverAnswers {
    /// The driver, the one it stands for, and its specs, each with the fingerprint that it had.
    asked: BTreeMap<PathBuf, String>,
    /// The compilers, assembler and linker that it calls, where they have a path of their own.
    programs: BTreeSet<PathBuf>,
    /// The programs that it searches in `PATH`.
    in_path: BTreeMap<String, PathBuf>,
    include: Vec<PathBuf>,
    libraries: Vec<PathBuf>,
    /// The files that the link of an empty program read, as the linker names them.
    linked: BTreeSet<PathBuf>,
    trace: Option<TraceForm>,
    /// SHA-256 of each fingerprint.
    digests: BTreeMap<String, String>,
}

impl Inquiry<'_> {
    /// The answers, with the files as they are now.
    pub(in super::super) fn resolve_inputs(&self) -> Result<MachineInputs, Failure> {
        let said =
            format!("{:?} {:?} {:?}", self.driver, self.languages, self.link.as_ref().map(|link| &link.arguments));
        let path = self.toolchain.path();
        let compile_folder = self.toolchain.compile_folder("machine", &[said.as_bytes(), path.as_encoded_bytes()])?;
        let last: Option<DriverAnswers> =
            compile_folder.record(FILE).and_then(|text| serde_json::from_slice(&text).ok());
        let was_known = last.as_ref().map(|answers| answers.digests.len());
        let (mut answers, is_new) = match last.filter(|last| self.is_valid(last)) {
            Some(last) => (last, false),
            None => (self.ask_driver(&compile_folder)?, true),
        };
        let mut files = self.files(&mut answers)?;
        let mut optional = self.optional_files(&mut answers)?;
        let mut elsewhere = BTreeMap::new();
        if let Some(first) = answers.include.first() {
            let digests = self.toolchain.header_digests(&answers.include, self.has_libraries)?;
            let file = |digest| MachineFile { path: first.clone(), digest };
            let name = if self.languages == ["c++"] { CXX_HEADERS } else { HEADERS };
            digests.base.iter().for_each(|digest| files.add(name, &file(*digest)));
            elsewhere = digests.elsewhere;
            digests.kernel.iter().for_each(|digest| optional.add(KERNEL_HEADERS, &file(*digest)));
        }
        if is_new || was_known != Some(answers.digests.len()) {
            let text = serde_json::to_vec(&answers).map_err(|error| {
                Failure::error(ErrorName::Internal, format!("cannot record the answers of a compiler: {error}"))
            })?;
            compile_folder.keep(FILE, &text)?;
        }
        Ok(MachineInputs {
            files,
            include: answers.include,
            elsewhere,
            libraries: answers.libraries,
            linked: answers.linked.iter().filter_map(|path| fs::canonicalize(path).ok()).collect(),
            trace: answers.trace,
            optional,
            cxx: MachineFiles::default(),
            has_libraries: self.has_libraries,
        })
    }

    /// Whether cached answers still hold: the driver is the same file, its programs are where they were in `PATH`, and no
    /// file has appeared that the linker would find earlier.
    fn is_valid(&self, answers: &DriverAnswers) -> bool {
        let is_same = |(path, was): (&PathBuf, &String)| {
            self.toolchain.fingerprint(path).is_ok_and(|fingerprint| fingerprint.hex() == *was)
        };
        let is_first = |file: &PathBuf| {
            let (Some(name), Some(folder)) = (file.file_name(), file.parent().and_then(|at| fs::canonicalize(at).ok()))
            else {
                return false;
            };
            let found = answers.libraries.iter().find(|folder| folder.join(name).exists());
            file.is_file() && found.is_none_or(|found| fs::canonicalize(found).is_ok_and(|found| found == folder))
        };
        answers.asked.iter().all(is_same)
            && answers.in_path.iter().all(|(name, path)| self.toolchain.program(name).as_ref() == Some(path))
            && answers.programs.iter().all(|program| program.is_file())
            && answers.include.iter().all(|folder| folder.is_dir())
            && answers.linked.iter().all(is_first)
    }

    fn ask_driver(&self, compile_folder: &CompileFolder) -> Result<DriverAnswers, Failure> {
        let mut answers = DriverAnswers::default();
        let driver = self.driver.first().map(PathBuf::from).unwrap_or_default();
        let mut asked = BTreeSet::from([driver]);
        for language in self.languages {
            let words = ["-E", "-v", "-x", language, "/dev/null"];
            let said = self.run_driver(&words)?;
            let said = String::from_utf8_lossy(&said.stderr).into_owned();
            asked.extend(stands_for(&said).filter_map(|name| self.absolute(name)));
            for folder in include_folders(&said).map(PathBuf::from).filter(|folder| folder.is_dir()) {
                if !answers.include.contains(&folder) {
                    answers.include.push(folder);
                }
            }
        }
        let compilers = self.languages.iter().map(|language| if *language == "c++" { "cc1plus" } else { "cc1" });
        for name in compilers.chain((!self.languages.is_empty()).then_some("as")) {
            self.ask_program(name, &mut answers)?;
        }
        if let Some(link) = &self.link {
            answers.libraries = self.library_folders()?;
            let arguments = self.probe_link(link, compile_folder, &mut answers)?;
            self.ask_program("collect2", &mut answers)?;
            for name in linkers(&arguments, &link.toolchain) {
                if self.ask_program(&name, &mut answers)? {
                    break;
                }
            }
        }
        for path in asked {
            let fingerprint = self.toolchain.fingerprint(&path)?.hex();
            answers.asked.insert(path, fingerprint);
        }
        Ok(answers)
    }

    /// Asks the driver for the path of the program `name`, and gives whether there is one. It answers a program that it looks
    /// for in `PATH` by the bare name.
    fn ask_program(&self, name: &str, answers: &mut DriverAnswers) -> Result<bool, Failure> {
        let ended = self.run_driver(&[&format!("-print-prog-name={name}")])?;
        let path = PathBuf::from(ended.text());
        if !ended.status.success() || path.as_os_str().is_empty() {
            return Ok(false);
        }
        if path.is_absolute() {
            let is_there = path.is_file();
            answers.programs.extend(is_there.then_some(path));
            return Ok(is_there);
        }
        let found = self.toolchain.program(&path.to_string_lossy());
        let is_there = found.is_some();
        answers.in_path.extend(found.map(|found| (path.to_string_lossy().into_owned(), found)));
        Ok(is_there)
    }

    /// Where the linker looks for archives (`gcc -print-search-dirs`).
    fn library_folders(&self) -> Result<Vec<PathBuf>, Failure> {
        let ended = self.run_driver(&["-print-search-dirs"])?;
        let text = ended.text();
        let line = text.lines().find_map(|line| line.strip_prefix("libraries: ")).filter(|_| ended.status.success());
        let list = line.map(|line| line.trim_start_matches('=')).unwrap_or_default();
        let folders = std::env::split_paths(list).filter(|folder| folder.is_absolute() && folder.is_dir());
        Ok(folders.collect())
    }

    /// Links an empty program and records the files that the linker read; the arguments of the link, where the compiler prints
    /// them. A linker without such a list is refused: the files that it links into programs would be unknown.
    fn probe_link(
        &self,
        link: &ProbeLink<'_>,
        compile_folder: &CompileFolder,
        answers: &mut DriverAnswers,
    ) -> Result<String, Failure> {
        let folder = compile_folder.temporary();
        let source = folder.join(link.source.0);
        fs::write(&source, link.source.1).map_err(|error| Failure::io("write", &source, &error))?;
        let mut environment = self.environment.clone();
        environment.insert("TMPDIR".into(), folder.clone().into_os_string());
        let list = folder.join("linked");
        let mut failure = Failure::error(ErrorName::ToolUnsupported, "no linker was called");
        for form in TraceForm::ALL {
            let child = Child::new(link.program, &folder, &environment).args(&link.arguments);
            let ended = child.args([link.flags.of_trace(form, &list)]).run()?;
            if !ended.status.success() {
                failure = ended.failure_with(ErrorName::ToolUnsupported, "the link of an empty program", &ended.stderr);
                continue;
            }
            let read = form.read(&list)?;
            let folders: Vec<_> = link.toolchain.iter().map(PathBuf::as_path).chain([folder.as_path()]).collect();
            let own = own_folders(&folders);
            answers.linked = read.into_iter().filter(|path| path.is_absolute() && !own(path)).collect();
            answers.trace = Some(form);
            return Ok(ended.text());
        }
        Err(failure.hint("a linker has to say which files a program is made of: GNU ld, lld and mold do"))
    }

    fn run_driver(&self, words: &[&str]) -> Result<ChildOutput, Failure> {
        let Some((program, arguments)) = self.driver.split_first() else {
            return Err(Failure::error(ErrorName::Internal, "the command of a C compiler is empty"));
        };
        Child::new(program.as_ref(), self.dir, self.environment).args(arguments).args(words).run()
    }

    /// A program or file that the driver names.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(name);
        if path.is_absolute() { Some(path).filter(|path| path.is_file()) } else { self.toolchain.program(name) }
    }

    /// The archives of [`OPTIONAL`] that are there.
    fn optional_files(&self, answers: &mut DriverAnswers) -> Result<MachineFiles, Failure> {
        let mut files = MachineFiles::default();
        if self.link.as_ref().is_some_and(|link| link.has_optional) {
            let folders = answers.libraries.clone();
            let find = |name: &&str| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
            for path in OPTIONAL.iter().filter_map(find) {
                for path in in_script(&path).into_iter().chain([path]) {
                    self.add_file(path, &mut files, answers)?;
                }
            }
        }
        Ok(files)
    }

    fn add_file(&self, path: PathBuf, files: &mut MachineFiles, answers: &mut DriverAnswers) -> Result<(), Failure> {
        let fingerprint = self.toolchain.fingerprint(&path)?.hex();
        let known = answers.digests.get(&fingerprint).and_then(|known| Digest::parse(known).ok());
        let digest = known.map_or_else(|| file_digest(&path), Ok)?;
        answers.digests.insert(fingerprint, digest.to_string());
        let name = printable(&path.file_name().unwrap_or(OsStr::new("")).to_string_lossy()).into_owned();
        files.add(&name, &MachineFile { path, digest });
        Ok(())
    }

    /// All files with their digests.
    fn files(&self, answers: &mut DriverAnswers) -> Result<MachineFiles, Failure> {
        let mut files = MachineFiles::default();
        let paths = answers.asked.keys().chain(&answers.programs).chain(answers.in_path.values());
        let paths: Vec<_> = paths.chain(&answers.linked).cloned().collect();
        for path in paths {
            self.add_file(path, &mut files, answers)?;
        }
        Ok(files)
    }
}

/// The linkers that a driver may have called, the likeliest first, by the `arguments` that rustc gave it
/// (`--print=link-args`: words in quotes). None where rustc leads it to the linker of the toolchain, which is the default for
/// some targets since Rust 1.90.
fn linkers(arguments: &str, toolchain: &[PathBuf]) -> Vec<String> {
    let words = || arguments.split('"').map(str::trim);
    let is_own = |word: &str| {
        word.strip_prefix("-B").is_some_and(|folder| toolchain.iter().any(|own| Path::new(folder).starts_with(own)))
    };
    match words().filter_map(|word| word.strip_prefix("-fuse-ld=")).next_back() {
        Some("lld") if words().any(is_own) => Vec::new(),
        Some(chosen) => vec![format!("ld.{chosen}"), chosen.to_owned()],
        None => vec!["ld".to_owned()],
    }
}

/// The files that the text of a linker script names (GNU ld, "Linker Scripts"), as `libm.a` of glibc is one.
fn in_script(path: &Path) -> Vec<PathBuf> {
    const MOST_BYTES: u64 = 64 << 10;
    let is_small = path.metadata().is_ok_and(|metadata| metadata.len() < MOST_BYTES);
    let text = fs::read_to_string(path).ok().filter(|text| is_small && text.contains("GROUP")).unwrap_or_default();
    let words = text.split(|c: char| c.is_whitespace() || "(),".contains(c));
    words.filter(|word| word.starts_with('/')).map(PathBuf::from).filter(|path| path.is_file()).collect()
}

/// SHA-256 of a file.
pub(in crate::build) fn file_digest(path: &Path) -> Result<Digest, Failure> {
    let fault = |error: &std::io::Error| Failure::io("read", path, error);
    let mut file = fs::File::open(path).map_err(|error| fault(&error))?;
    Digest::of_reader(&mut file).map_err(|error| fault(&error))
}

/// The driver that a script calls, and the files by which it does otherwise, from the answer to `-v`: `musl-gcc` is a
/// script around gcc with specs of its own.
fn stands_for(said: &str) -> impl Iterator<Item = &str> {
    let named = |line| ["COLLECT_GCC=", "Reading specs from "].iter().find_map(|start| str::strip_prefix(line, start));
    said.lines().filter_map(named).map(str::trim)
}

/// The folders in which headers are looked for, from the answer to `-E -v`.
fn include_folders(said: &str) -> impl Iterator<Item = &str> {
    let list = said.lines().skip_while(|line| !line.starts_with("#include <...>")).skip(1);
    list.take_while(|line| line.starts_with(' ')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_is_told_by_the_arguments_of_the_link() {
        let toolchain = [PathBuf::from("/rust")];
        for (arguments, expected) in [
            ("LC_ALL=\"C\" \"cc\" \"-m64\" \"x.o\"", &["ld"][..]),
            ("\"cc\" \"-B/rust/lib/bin/gcc-ld\" \"-fuse-ld=lld\"", &[]),
            ("\"cc\" \"-fuse-ld=lld\"", &["ld.lld", "lld"]),
            ("\"cc\" \"-B/rust/lib/bin/gcc-ld\" \"-fuse-ld=lld\" \"-fuse-ld=mold\"", &["ld.mold", "mold"]),
            ("", &["ld"]),
        ] {
            assert_eq!(linkers(arguments, &toolchain), expected, "{arguments}");
        }
    }

    #[test]
    fn the_answer_of_a_script_around_gcc_names_both() {
        let said = "Reading specs from /usr/lib/x86_64-linux-musl/musl-gcc.specs\nCOLLECT_GCC=x86_64-linux-gnu-gcc\n\
            #include \"...\" search starts here:\n#include <...> search starts here:\n /usr/include/x86_64-linux-musl\n \
            /usr/lib/gcc/x86_64-linux-gnu/12/include\nEnd of search list.\n other\n";
        assert_eq!(
            stands_for(said).collect::<Vec<_>>(),
            ["/usr/lib/x86_64-linux-musl/musl-gcc.specs", "x86_64-linux-gnu-gcc"]
        );
        let expected = ["/usr/include/x86_64-linux-musl", "/usr/lib/gcc/x86_64-linux-gnu/12/include"];
        assert_eq!(include_folders(said).collect::<Vec<_>>(), expected);
    }
}
