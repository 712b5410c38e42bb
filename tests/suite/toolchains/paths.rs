//! The folder of a checkout is in no program, whatever it is called, and whether the kernel allows namespaces or not.

use std::process::Command;

use super::{cargo_project, digest, holds, program};
use crate::support::{case::Case, judges::checked};

/// A program that keeps the two folders that no prefix map reaches.
fn with_folders(case: Case, folder: &str) -> Case {
    cargo_project(case, folder).edit(format!("{folder}prog/src/main.rs"), |text| {
        text.replace(
            "fn main() {",
            "fn main() {\n    println!(\"{} {}\", env!(\"CARGO_MANIFEST_DIR\"), env!(\"OUT_DIR\"));",
        )
    })
}

/// hardpan where neither mount nor user namespaces are to be had, as in a container with a default seccomp filter: without
/// the right to mount, and in a changed root, where Linux makes no user namespace.
fn without_namespaces<'a>(case: &Case, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let root = case.path("../root");
    std::fs::create_dir_all(&root).unwrap();
    let script = "mount --rbind / \"$0\" && dir=$PWD && exec chroot \"$0\" \
                  setpriv --bounding-set=-sys_admin -- sh -c 'cd \"$0\" && exec \"$@\"' \"$dir\" \"$@\"";
    let root = root.canonicalize().unwrap().to_string_lossy().into_owned();
    case.command_under(["unshare", "--mount", "sh", "-c", script, &root], arguments)
}

#[test]
fn a_program_that_keeps_its_folders_is_the_same_from_every_checkout() {
    let (one, other) = (with_folders(Case::new(), ""), with_folders(Case::new().folder("a b='\"\\"), "a b='\"\\/"));
    let other = other.cwd("a b='\"\\");
    assert_eq!(digest(&one), digest(&other));
    let bytes = program(&other);
    assert!(holds(&bytes, "/build/source/prog") && holds(&bytes, "/build/target/"));
    assert!(!holds(&bytes, &other.dir().to_string_lossy()), "the checkout's path is in the program");
}

#[test]
fn without_namespaces_the_same_program_is_made_and_one_that_keeps_its_folder_is_refused() {
    let plain = cargo_project(Case::new(), "");
    let at_fixed_paths = digest(&plain);
    let said = checked(&mut without_namespaces(&plain, ["build", "prog.toml", "--offline", "-v"]));
    assert_eq!(said.trim(), format!("prog@{at_fixed_paths}"), "another program in place");
    let kept = with_folders(Case::new(), "");
    let refused = without_namespaces(&kept, ["build", "prog.toml", "--offline"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error[host-path]") && stderr.contains("the checkout"), "{stderr}");
}
