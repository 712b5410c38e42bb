//! Parses `go list -deps -json`: the packages that a Go program is made of.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::declarations::Declarations;
use crate::report::{ErrorName, Failure};

/// Asks for the fields of [`GoPackage`] and no others: some cost Go much time.
pub(super) const FIELDS: &str = "-json=ImportPath,Name,Dir,DepOnly,Standard,GoFiles,CgoFiles,EmbedFiles,EmbedPatterns,\
     SFiles,Imports,ImportMap,CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,CgoFFLAGS,CgoLDFLAGS,CXXFiles,FFiles,MFiles,SwigFiles,SwigCXXFiles";

/// A package (`go help list`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct GoPackage {
    pub(super) import_path: String,
    pub(super) name: String,
    pub(super) dir: PathBuf,
    /// It was not asked for by name, another package imports it.
    pub(super) dep_only: bool,
    /// It is one of Go's own.
    pub(super) standard: bool,
    pub(super) go_files: Vec<String>,
    /// Files that import "C".
    pub(super) cgo_files: Vec<String>,
    #[serde(rename = "CgoCFLAGS")]
    cgo_c_flags: Vec<String>,
    #[serde(rename = "CgoCPPFLAGS")]
    cgo_cpp_flags: Vec<String>,
    #[serde(rename = "CgoCXXFLAGS")]
    cgo_cxx_flags: Vec<String>,
    #[serde(rename = "CgoFFLAGS")]
    cgo_f_flags: Vec<String>,
    #[serde(rename = "CgoLDFLAGS")]
    cgo_ld_flags: Vec<String>,
    #[serde(rename = "CXXFiles")]
    pub(super) cxx: Vec<String>,
    #[serde(rename = "FFiles")]
    pub(super) fortran: Vec<String>,
    #[serde(rename = "MFiles")]
    pub(super) objective_c: Vec<String>,
    #[serde(rename = "SwigFiles")]
    swig: Vec<String>,
    #[serde(rename = "SwigCXXFiles")]
    swig_cxx: Vec<String>,
    /// Embedded files, relative to its folder.
    pub(super) embed_files: Vec<String>,
    /// The patterns of its `//go:embed` lines.
    pub(super) embed_patterns: Vec<String>,
    /// Assembly.
    #[serde(rename = "SFiles")]
    assembly: Vec<String>,
    imports: Vec<String>,
    /// The import path that an import in a file resolves to, where it is another one.
    import_map: BTreeMap<String, String>,
}

impl GoPackage {
    /// Every Go file that is compiled.
    pub(super) fn files(&self) -> impl Iterator<Item = &String> {
        self.go_files.iter().chain(&self.cgo_files)
    }

    /// The import paths of the packages that it imports.
    pub(super) fn imports(&self) -> impl Iterator<Item = &str> {
        self.imports.iter().map(|import| self.import_map.get(import).unwrap_or(import).as_str())
    }

    /// The flags of C compilers and of the linker in its `#cgo` lines, as far as their conditions hold.
    pub(super) fn c_flags(&self) -> impl Iterator<Item = &String> {
        let compilers = [&self.cgo_c_flags, &self.cgo_cpp_flags, &self.cgo_cxx_flags, &self.cgo_f_flags];
        compilers.into_iter().flatten().chain(&self.cgo_ld_flags)
    }

    /// Whether it has assembly, which may include any file beside it.
    pub(super) fn has_assembly(&self) -> bool {
        !self.assembly.is_empty()
    }

    /// Files for SWIG, which writes Go and C code.
    pub(super) fn swig(&self) -> impl Iterator<Item = &String> {
        self.swig.iter().chain(&self.swig_cxx)
    }

    /// The declarations of its files.
    pub(super) fn declarations(&self) -> Result<Declarations, Failure> {
        Declarations::read(&self.dir, self.files())
    }
}

/// All packages of a program, those that others import before them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct GoPackages(Vec<GoPackage>);

impl GoPackages {
    /// Reads the answer of `go list`.
    pub(super) fn parse(answer: &[u8]) -> Result<Self, Failure> {
        let packages: Result<Vec<_>, _> = serde_json::Deserializer::from_slice(answer).into_iter().collect();
        packages.map(Self).map_err(|error| {
            Failure::error(ErrorName::ToolUnsupported, format!("unexpected output of `go list`, invalid JSON: {error}"))
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &GoPackage> {
        self.0.iter()
    }

    /// The packages that were asked for.
    pub(super) fn named(&self) -> Vec<&GoPackage> {
        self.0.iter().filter(|package| !package.dep_only).collect()
    }

    pub(super) fn get(&self, import_path: &str) -> Option<&GoPackage> {
        self.0.iter().find(|package| package.import_path == import_path)
    }

    /// Import paths.
    pub(super) fn paths(&self) -> BTreeSet<&str> {
        self.0.iter().map(|package| package.import_path.as_str()).collect()
    }

    /// The packages of one of several programs that were asked for together: all that it imports, and every package of Go
    /// itself, because some of those are in each program without an import.
    pub(super) fn of_program(&self, import_path: &str) -> Self {
        let by_path: BTreeMap<&str, &GoPackage> =
            self.0.iter().map(|package| (package.import_path.as_str(), package)).collect();
        let mut reached = BTreeSet::new();
        let mut waiting = vec![import_path];
        while let Some(path) = waiting.pop() {
            let Some(package) = by_path.get(path) else { continue };
            if reached.insert(package.import_path.as_str()) {
                waiting.extend(package.imports());
            }
        }
        let of_it = |package: &&GoPackage| package.standard || reached.contains(package.import_path.as_str());
        let with_role = |package: &GoPackage| {
            let dep_only = package.import_path != import_path;
            GoPackage { dep_only, ..package.clone() }
        };
        Self(self.0.iter().filter(of_it).map(with_role).collect())
    }

    /// The shortest chain of imports from the program to `import_path`, both in it.
    pub(super) fn chain<'a>(&'a self, import_path: &'a str) -> Vec<&'a str> {
        let mut by: BTreeMap<&str, &str> = BTreeMap::new();
        let mut waiting: VecDeque<&GoPackage> = self.named().into();
        let roots: BTreeSet<&str> = waiting.iter().map(|package| package.import_path.as_str()).collect();
        while let Some(package) = waiting.pop_front() {
            for import in package.imports() {
                if !roots.contains(import)
                    && !by.contains_key(import)
                    && let Some(imported) = self.get(import)
                {
                    by.insert(&imported.import_path, &package.import_path);
                    waiting.push_back(imported);
                }
            }
        }
        let mut chain = vec![import_path];
        while let Some(importer) = chain.last().and_then(|last| by.get(last)) {
            chain.push(importer);
        }
        chain.reverse();
        chain
    }
}
