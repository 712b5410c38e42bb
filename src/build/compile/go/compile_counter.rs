//! Counts the packages that `go build -v` names and reports them as progress.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::Mutex;

use super::{
    super::child::ChildOutput,
    packages::{GoPackage, GoPackages},
};
use crate::report::{Failure, Progress, ProgressLevel, Task, printable};

/// Receives the lines that Go prints, and reports how many of all packages are reached.
#[derive(Debug)]
pub(super) struct CompileCounter<'a> {
    packages: BTreeMap<&'a str, &'a GoPackage>,
    /// Those that were named, and all that they import: Go begins with a package when those are compiled, or were found
    /// in its cache and are never named.
    reached: Mutex<BTreeSet<&'a str>>,
    running: &'a dyn Task,
    progress: &'a dyn Progress,
}

impl<'a> CompileCounter<'a> {
    pub(super) fn new(packages: &'a GoPackages, running: &'a dyn Task, progress: &'a dyn Progress) -> Self {
        let packages = packages.iter().map(|package| (package.import_path.as_str(), package)).collect();
        Self { packages, reached: Mutex::default(), running, progress }
    }

    /// The output of Go without the package names of `-v`.
    pub(super) fn without_names(&self, mut ended: ChildOutput) -> ChildOutput {
        let is_name = |line: &[u8]| self.packages.contains_key(String::from_utf8_lossy(line).trim_end());
        let lines = ended.stderr.split_inclusive(|byte| *byte == b'\n');
        ended.stderr = lines.filter(|line| !is_name(line)).flatten().copied().collect();
        ended
    }

    /// How many packages are reached with this one.
    fn reach(&self, package: &'a GoPackage) -> usize {
        let mut reached = self.reached.lock();
        let mut waiting = vec![package];
        while let Some(package) = waiting.pop() {
            if reached.insert(&package.import_path) {
                waiting.extend(package.imports().filter_map(|import| self.packages.get(import)));
            }
        }
        reached.len()
    }
}

impl Progress for CompileCounter<'_> {
    fn detail(&self, line: &str) {
        let Some(package) = self.packages.get(line.trim()) else { return self.progress.detail(line) };
        let reached = self.reach(package);
        let line = format!("compile {reached}/{} {}", self.packages.len(), printable(line.trim()));
        self.running.now(&line);
        self.progress.detail(&format!("  {line}"));
    }

    fn step(&self, line: &str) {
        self.progress.step(line);
    }

    fn trace(&self, line: &str) {
        self.progress.trace(line);
    }

    fn warn(&self, failure: &Failure) {
        self.progress.warn(failure);
    }

    fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
        self.progress.task(what, bytes)
    }

    fn shows(&self, line: ProgressLevel) -> bool {
        self.progress.shows(line)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::*;
    use crate::report::Silent;

    #[derive(Debug, Default)]
    struct Shown(Mutex<Vec<String>>);

    impl Task for Shown {
        fn advance(&self, _bytes: u64) {}

        fn now(&self, what: &str) {
            self.0.lock().push(what.to_owned());
        }
    }

    #[test]
    fn packages_are_counted_by_their_place_and_left_out_of_what_a_failure_shows() {
        let packages = GoPackages::parse(
            br#"{"ImportPath":"a"}{"ImportPath":"b/c","Imports":["x"],"ImportMap":{"x":"a"}}{"ImportPath":"d","Imports":["C"]}"#,
        ).unwrap();
        let shown = Shown::default();
        let count = CompileCounter::new(&packages, &shown, &Silent);
        for line in ["  b/c", "  # b/c", "  a", "  d"] {
            count.detail(line);
        }
        assert_eq!(*shown.0.lock(), ["compile 2/3 b/c", "compile 2/3 a", "compile 3/3 d"]);
        let stderr = b"a\nb/c\n# d\nd/x.go:1:2: undefined: a\nd".to_vec();
        let ended = count.without_names(ChildOutput { status: ExitStatus::from_raw(256), stdout: Vec::new(), stderr });
        assert_eq!(ended.stderr, b"# d\nd/x.go:1:2: undefined: a\n");
    }
}
