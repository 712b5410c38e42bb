//! Searches a finished program for paths of folders of this machine. The cargo compile refuses such a program by
//! `host-path`.
//!
//! Prefix maps reach what a compiler writes by itself: file names of panics and debug information. They do not reach
//! `env!("CARGO_MANIFEST_DIR")`, `env!("OUT_DIR")` and what a build script writes into a source file.

use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::report::{Failure, Rule, printable};

/// Bytes of a string that a message shows.
const SHOWN_BYTES: usize = 160;

/// A folder whose path no program should hold.
#[derive(Debug, Clone)]
pub(super) struct HostFolder {
    /// Absolute.
    pub(super) path: PathBuf,
    /// What it is, with its article: `the checkout`.
    pub(super) what: &'static str,
    /// A path of one component such as `/app` is part of many other texts, so it counts only where it stands alone.
    /// With this it counts everywhere: dep-info says that a crate of the program reads a variable with it.
    pub(super) anywhere: bool,
}

/// A folder of this machine in a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPath {
    /// The path as the program has it, and the printable text that follows. Programs hold texts without a mark of
    /// their end, so the next text of the program may follow.
    pub(super) text: String,
    /// What the folder is.
    pub(super) what: &'static str,
    /// The package that the path leads to, such as `ring-0.17.8`, or a folder of the workspace.
    pub(super) package: Option<String>,
}

/// The first place in `program` that holds one of `folders`; at one place, the longest path.
pub(super) fn find(program: &[u8], folders: &[HostFolder]) -> Option<HostPath> {
    let hits = folders.iter().filter_map(|folder| Some((first(program, folder)?, folder)));
    let (at, folder) = hits.min_by_key(|(at, folder)| (*at, usize::MAX - folder.path.as_os_str().len()))?;
    let found = program.get(at..)?;
    let rest = found.get(folder.path.as_os_str().len()..)?;
    Some(HostPath { text: text(found), what: folder.what, package: package(&text(rest)) })
}

impl HostPath {
    /// The refusal of the program `name`.
    pub(super) fn refusal(&self, name: &str) -> Failure {
        let of = self.package.as_ref().map_or_else(String::new, |package| format!(" of `{}`", printable(package)));
        let what = format!(
            "the program `{}` holds `{}`, a path{of} in {} of this machine: from another folder it is another program",
            printable(name),
            printable(&self.text),
            self.what
        );
        Failure::refused(Rule::HostPath, what).hint(
            "do not keep `env!(\"CARGO_MANIFEST_DIR\")` or `env!(\"OUT_DIR\")` in the program, or build where user \
             namespaces are allowed",
        )
    }
}

/// Where `program` first holds the folder's path.
fn first(program: &[u8], folder: &HostFolder) -> Option<usize> {
    let path = folder.path.as_os_str().as_encoded_bytes();
    let components = Path::new(&folder.path).components().count().saturating_sub(1);
    if components == 0 {
        return None;
    }
    // Texts of a program follow each other without a gap: what is around a long path says nothing.
    let everywhere = folder.anywhere || components > 1;
    memmem::find_iter(program, path).find(|at| {
        let before = at.checked_sub(1).and_then(|before| program.get(before)).copied();
        let after = program.get(at + path.len()).copied().filter(|byte| *byte != b'/');
        let alone = !before.is_some_and(is_of_path) && !after.is_some_and(is_of_path);
        everywhere || alone
    })
}

/// Whether names of files usually have the byte.
fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+@~%".contains(&byte) || !byte.is_ascii()
}

/// The printable beginning of `bytes`.
fn text(bytes: &[u8]) -> String {
    let bytes = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let end = bytes.iter().position(|byte| matches!(byte, 0..b' ' | b'"' | 0x7f)).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default().utf8_chunks().next().map_or_else(String::new, |chunk| chunk.valid().to_owned())
}

/// The package that `rest`, what follows the folder's path, leads to.
fn package(rest: &str) -> Option<String> {
    let parts: Vec<_> = rest.strip_prefix('/')?.split('/').collect();
    let after = |wanted: &str| parts.iter().skip_while(|part| **part != wanted).nth(1).copied();
    // `build/ring-0123456789abcdef/out` of a target folder.
    let made = after("build")
        .and_then(|folder| folder.rsplit_once('-'))
        .filter(|(_, hash)| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // `registry/src/index.crates.io-0123456789abcdef/ring-0.17.8`, or what of it is behind the folder.
    let versioned = parts.iter().find(|part| is_versioned(part)).copied();
    // `git/checkouts/tokio-0123456789abcdef/0123456`.
    let git = after("checkouts").and_then(|folder| folder.rsplit_once('-')).map(|(name, _)| name);
    let source = parts.iter().position(|part| *part == "src").filter(|at| *at > 0);
    let folder = source.and_then(|at| parts.get(..at)).map(|parts| parts.join("/"));
    made.map(|(name, _)| name).or(git).or(versioned).map(str::to_owned).or(folder)
}

/// `ring-0.17.8`: a name and a version with at least two dots.
fn is_versioned(part: &str) -> bool {
    part.match_indices('-').any(|(at, _)| {
        let version = part.get(at + 1..).unwrap_or_default();
        let mut numbers = version.split('.');
        let number =
            |text: Option<&str>| text.is_some_and(|text| text.starts_with(|first: char| first.is_ascii_digit()));
        let is_number = |text: Option<&str>| text.is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let (major, minor, patch) = (numbers.next(), numbers.next(), numbers.next());
        number(major) && is_number(major) && number(minor) && is_number(minor) && number(patch)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder(path: &str, what: &'static str) -> HostFolder {
        HostFolder { path: path.into(), what, anywhere: false }
    }

    fn found(program: &str, paths: &[&str]) -> Option<String> {
        let folders: Vec<_> = paths.iter().map(|path| folder(path, "the checkout")).collect();
        find(program.as_bytes(), &folders).map(|found| found.text)
    }

    #[test]
    fn a_folder_is_found_whatever_texts_are_beside_it() {
        for program in ["\0/home/u/app\0", "hello/home/u/appworld", "x/home/u/app/src/main.rs", "/home/u/app"] {
            assert!(found(program, &["/home/u/app"]).is_some(), "{program}");
        }
        assert_eq!(found("\0/build/source/src/main.rs\0/home/v/app\0", &["/home/u/app"]), None);
        assert_eq!(found("\0anything\0", &["/"]), None);
    }

    #[test]
    fn a_folder_of_one_component_is_found_only_where_it_stands_alone() {
        for program in ["\0/src/main.rs\0", "\0/src\0", "(/src)", "\"/src\"", "/src/lib.rs"] {
            assert!(found(program, &["/src"]).is_some(), "{program}");
        }
        for program in ["\0tokio-1.0/src/lib.rs\0", "\0/srcs/x\0", "../src/x", "/rust/src/x"] {
            assert_eq!(found(program, &["/src"]), None, "{program}");
        }
        let read = HostFolder { anywhere: true, ..folder("/app", "the checkout") };
        assert!(find(b"hello/appworld", &[read]).is_some());
    }

    #[test]
    fn the_text_ends_with_what_can_be_shown() {
        assert_eq!(found("..\0/h/u/a b/c\n/d", &["/h/u"]).unwrap(), "/h/u/a b/c");
        assert_eq!(found("\0/h/u/\u{e9}\u{fffd}", &["/h/u"]).unwrap(), "/h/u/\u{e9}\u{fffd}");
        assert!(found(&format!("/h/u/{}", "x".repeat(10_000)), &["/h/u"]).unwrap().len() <= SHOWN_BYTES);
        let cut = [b"/h/u/".as_slice(), &[b'x', 0xff]].concat();
        assert_eq!(find(&cut, &[folder("/h/u", "x")]).unwrap().text, "/h/u/x");
    }

    #[test]
    fn the_first_place_counts_and_there_the_longest_path() {
        let folders = [folder("/h/u", "the home"), folder("/h/u/app", "the checkout")];
        assert_eq!(find(b"\0/h/u/app/x\0/h/u/y\0", &folders).unwrap().what, "the checkout");
        assert_eq!(find(b"\0/h/u/y\0/h/u/app/x\0", &folders).unwrap().what, "the home");
    }

    #[test]
    fn the_package_is_named_where_the_path_says_it() {
        for (path, package) in [
            ("/h/u/registry/src/index.crates.io-1949cf8c6b5b557f/ring-0.17.8/src/x.rs", Some("ring-0.17.8")),
            ("/h/u/tokio-util-0.7.13-rc.1", Some("tokio-util-0.7.13-rc.1")),
            ("/h/u/git/checkouts/tokio-0123456789abcdef/0123abc/x.rs", Some("tokio")),
            ("/h/u/release/build/ring-0123456789abcdef/out/x.rs", Some("ring")),
            ("/h/u/crates/app/src/main.rs", Some("crates/app")),
            ("/h/u/src/main.rs", None),
            ("/h/u", None),
            ("/h/u/node-16/x", None),
        ] {
            assert_eq!(find(path.as_bytes(), &[folder("/h/u", "x")]).unwrap().package.as_deref(), package, "{path}");
        }
    }

    #[test]
    fn a_refusal_names_the_text_the_package_and_the_folder() {
        let found = find(b"/h/u/release/build/ring-0123456789abcdef/out", &[folder("/h/u", "the target folder")]);
        let failure = found.unwrap().refusal("app");
        assert_eq!(failure.rule, Some(Rule::HostPath));
        assert_eq!(
            failure.what,
            "the program `app` holds `/h/u/release/build/ring-0123456789abcdef/out`, a path of `ring` in the target \
             folder of this machine: from another folder it is another program"
        );
    }
}
