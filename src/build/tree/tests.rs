#![allow(clippy::unwrap_used)]

use std::{os::unix::fs::symlink, sync::Arc};

use super::*;
use crate::report::{Origin, SourceText};

fn located(text: &str) -> Located<String> {
    let source = Arc::new(SourceText { path: "r.toml".into(), text: String::new() });
    Located { value: text.into(), origin: Origin::new(&source, 0..0) }
}

fn tree(include: &[&str], exclude: &[&str]) -> TreeEntry {
    let list = |texts: &[&str]| texts.iter().map(|text| located(text)).collect();
    let to = located("x");
    TreeEntry {
        origin: to.origin.clone(),
        from: located("."),
        to: Located { value: ImagePath::parse("/srv").unwrap(), origin: to.origin },
        include: list(include),
        exclude: list(exclude),
        executable: Vec::new(),
        replace: false,
        platforms: None,
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for (path, text) in [("a.html", "a"), ("sub/b.html", "b"), (".env", "s"), ("sub/.git/config", "c"), ("d.bak", "d")]
    {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    (folder, root)
}

/// What a tree takes where nothing is written.
fn taken(tree: &TreeEntry, root: &Path) -> Result<Vec<FolderLeaves>, Failure> {
    walk_tree(tree, root, &OutputPaths::default()).map(|walked| walked.found)
}

fn names(found: &[FolderLeaves]) -> Vec<String> {
    found.iter().flat_map(|beside| &beside.leaves).map(|leaf| leaf.to.to_string()).collect()
}

#[test]
fn what_is_staged_beside_the_files_is_none_of_them() {
    let (_keep, root) = folder();
    for path in [".out.hardpan-abcDEF12/a/index.json", ".out.hardpan-abc/b", "out.hardpan-abcDEF12/b"] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let found = taken(&tree(&["**/.*", ".*/**", "*.hardpan*/**"], &["**/.git/**"]), &root).unwrap();
    assert_eq!(names(&found), ["/srv/.env", "/srv/.out.hardpan-abc/b", "/srv/out.hardpan-abcDEF12/b"]);
}

#[test]
fn leaves_come_in_the_order_of_their_paths_and_name_their_folders() {
    let (_keep, root) = folder();
    for path in ["sub.x", "sub-x", "sub/a/b/c", "sub/a-b/c", "sub/a.b", "sub/z", "subx/a", "sub0"] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let found = taken(&tree(&["**/*"], &[]), &root).unwrap();
    let found_names = names(&found);
    let mut sorted = found_names.clone();
    sorted.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    assert_eq!(found_names, sorted);
    assert_eq!(found_names.len(), 11);
    for beside in &found {
        for leaf in &beside.leaves {
            let host = beside.folder.join(leaf.to.file_name());
            assert_eq!(host.strip_prefix(&root).unwrap(), Path::new(&leaf.to.to_string()[5..]));
            assert!(host.is_file());
        }
    }
}

#[test]
fn patterns_take_what_they_name_and_no_dotfiles() {
    let (_keep, root) = folder();
    let found = taken(&tree(&["**/*"], &["*.bak"]), &root).unwrap();
    assert_eq!(names(&found), ["/srv/a.html", "/srv/sub/b.html"]);
    let found = taken(&tree(&[".env"], &[]), &root).unwrap();
    assert_eq!(names(&found), ["/srv/.env"]);
}

#[test]
fn a_file_in_a_whiteout_folder_never_stands_for_another_one() {
    let (_keep, root) = folder();
    std::fs::create_dir(root.join(".wh.x")).unwrap();
    for path in ["+a", ".wh.x/+a"] {
        std::fs::write(root.join(path), path).unwrap();
    }
    let mut wanted = tree(&["**/*", ".wh.x/*"], &[]);
    wanted.to.value = ImagePath::root();
    let failure = taken(&wanted, &root).unwrap_err();
    assert!(failure.what.starts_with("`.wh.x`: a name that begins with `.wh.`"), "{}", failure.what);
    wanted.include.pop();
    assert!(taken(&wanted, &root).is_ok());
}

#[test]
fn a_pattern_that_matches_nothing_says_so_and_knows_folders() {
    let (_keep, root) = folder();
    let failure = taken(&tree(&["*.css"], &[]), &root).unwrap_err();
    assert_eq!(failure.what, "no file matches `*.css`");
    let failure = taken(&tree(&["sub"], &[]), &root).unwrap_err();
    assert_eq!(failure.hint.as_deref(), Some("it is a folder; write `sub/**`"));
}

#[test]
fn links_stay_links_and_must_lead_to_what_is_taken() {
    let (_keep, root) = folder();
    symlink("../a.html", root.join("sub/up")).unwrap();
    let found = taken(&tree(&["**/*"], &[]), &root).unwrap();
    let up = found.iter().flat_map(|beside| &beside.leaves).find(|leaf| leaf.to.as_bytes() == b"/srv/sub/up");
    assert!(matches!(&up.unwrap().kind, TreeLeafKind::Link { target } if **target == *"../a.html"));
    for (target, what) in [
        ("../../outside", "leads to nothing"),
        ("loop", "leads back to itself"),
        ("/etc/passwd", "leaves the tree"),
        (".env", "leads to what the patterns leave out"),
    ] {
        let link = root.join("loop");
        symlink(target, &link).unwrap();
        let failure = taken(&tree(&["**/*"], &[]), &root).unwrap_err();
        assert!(failure.what.ends_with(what), "{target}: {}", failure.what);
        std::fs::remove_file(link).unwrap();
    }
    let back = format!("../{}/a.html", root.file_name().unwrap().to_string_lossy());
    symlink(back, root.join("out-and-in")).unwrap();
    assert!(taken(&tree(&["**/*"], &[]), &root).unwrap_err().what.ends_with("leaves the tree"));
}

/// The tree's files, and what it leaves out.
fn split(wanted: &TreeEntry, root: &Path, outputs: &OutputPaths) -> (Vec<String>, Vec<(String, OutputKind)>) {
    let walked = walk_tree(wanted, root, outputs).unwrap();
    let left_out = walked.left_out.iter().map(|(path, what)| (path.to_string_lossy().into_owned(), *what));
    (names(&walked.found), left_out.collect())
}

#[test]
fn what_is_written_is_left_out_unless_it_is_named() {
    let (_keep, root) = folder();
    for path in ["out/app/index.json", "out/app/blobs/x", "out/page.js", "digest", "hardpan.toml", "app.lock", ".x/y"] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let written = ["out/app", "digest", "not/there/yet"].map(|path| root.join(path));
    let mut outputs = OutputPaths::for_recipe(&root.join("app.toml"), &[], None);
    outputs.written = Arc::new(written.into());
    let (taken, left_out) = split(&tree(&["**/*", "**/.*/**"], &["*.bak"]), &root, &outputs);
    assert_eq!(taken, ["/srv/.env", "/srv/.x/y", "/srv/a.html", "/srv/out/page.js", "/srv/sub/b.html"]);
    let expected = [
        ("app.lock", OutputKind::Lock),
        ("digest", OutputKind::Written),
        ("hardpan.toml", OutputKind::Recipe),
        ("out/app", OutputKind::Written),
        ("sub/.git", OutputKind::Git),
    ];
    assert_eq!(left_out, expected.map(|(path, what)| (path.to_owned(), what)));
    // What no pattern matches is not worth a line.
    assert_eq!(split(&tree(&["**/*.html"], &[]), &root, &outputs).1, []);
    let (taken, _) = split(&tree(&["hardpan.toml", "sub/.git/config", "app.lock"], &[]), &root, &outputs);
    assert_eq!(taken, ["/srv/app.lock", "/srv/hardpan.toml", "/srv/sub/.git/config"]);
    for pattern in ["digest", "out/app/**", "out/app/index.json", "not/there/yet"] {
        let failure = walk_tree(&tree(&["**/*", pattern], &[]), &root, &outputs).unwrap_err();
        assert!(failure.what.ends_with("an output of this build"), "{pattern}: {}", failure.what);
    }
    outputs.is_assumed = true;
    assert_eq!(split(&tree(&["digest"], &[]), &root, &outputs).0, ["/srv/digest"]);
}

#[test]
fn a_pattern_that_matches_only_what_is_left_out_says_so() {
    let (_keep, root) = folder();
    std::fs::write(root.join("hardpan.lock"), "").unwrap();
    let failure = taken(&tree(&["*.lock"], &[]), &root).unwrap_err();
    assert_eq!(failure.what, "no file matches `*.lock`");
    assert!(failure.hint.unwrap().contains("`hardpan.lock` (a lock)"));
}

#[test]
fn staged_files_and_folders_are_nobodys_input() {
    let (_keep, root) = folder();
    std::fs::write(root.join(".hardpan-abcDEF12"), "x").unwrap();
    let staged = crate::output::staging_file(&root, crate::report::FileAccess::Umask).unwrap();
    assert_eq!(names(&taken(&tree(&[".*"], &[]), &root).unwrap()), ["/srv/.env"]);
    drop(staged);
}
