//! What is built also starts, and is found: faults by which a finished image was refused later.

use crate::support::{
    case::{APP, Case},
    elf::{Elf, Machine},
};

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A dynamic program whose loader and library are in the image, below `folder`.
fn dynamic(loader: &str, folder: &str, mode: &str) -> Case {
    let recipe = format!(
        "{APP}[[file]]\nfrom = \"loader\"\nto = \"{loader}\"\nmode = \"{mode}\"\n\
         [[file]]\nfrom = \"libfoo.so\"\nto = \"{folder}/libfoo.so\"\n[system]\ncertificates = \"none\"\n"
    );
    Case::new()
        .recipe(&recipe)
        .file("app", Elf::executable(Machine::Amd64).interpreter(loader).needs("libfoo.so").bytes())
        .file("loader", Elf::static_pie(Machine::Amd64).bytes())
        .file("libfoo.so", Elf::shared_object(Machine::Amd64, "libfoo.so").bytes())
}

#[test]
fn a_loader_without_execute_permission_is_refused() {
    dynamic(LOADER, "/lib", "0555").build().ok();
    dynamic(LOADER, "/lib", "0444")
        .build()
        .fails(1)
        .says("dynamic-binary")
        .says("`/lib64/ld-linux-x86-64.so.2` is not");
}

#[test]
fn a_library_where_only_the_other_libc_looks_is_missing() {
    let musl = "/lib/ld-musl-x86_64.so.1";
    dynamic(musl, "/usr/local/lib", "0555").build().ok();
    dynamic(LOADER, "/usr/local/lib", "0555").build().fails(1).says("dynamic-binary").says("libfoo.so");
    dynamic(LOADER, "/usr/lib/x86_64-linux-gnu", "0555").build().ok();
    dynamic(musl, "/lib64", "0555").build().fails(1).says("dynamic-binary").says("libfoo.so");
}

#[test]
fn a_working_directory_that_is_a_file_is_refused() {
    let case = |workdir: &str| {
        let recipe = format!("{APP}[run]\nworkdir = \"{workdir}\"\n");
        Case::new().recipe(&recipe).file("app", Elf::executable(Machine::Amd64).bytes())
    };
    case("/etc/passwd").build().fails(2).says("the working directory `/etc/passwd` is a file");
    case("/etc/ssl").build().ok();
}

#[test]
fn a_layout_is_found_by_skopeos_name_for_it() {
    let case = Case::new().recipe(APP).file("app", Elf::executable(Machine::Amd64).bytes());
    let digest = case.build().ok().digest();
    let shown = case.run(["inspect", "oci:out/app:app"]).ok();
    assert!(shown.stdout.contains(&digest), "{}", shown.stdout);
    case.run(["inspect", "oci:out/app:other"]).fails(2).says("no image called `other`");
    case.run(["inspect", "oci:"]).fails(2).says("not followed by a path");
}

#[test]
fn a_missing_blob_is_called_missing() {
    let case = Case::new().recipe(APP).file("app", Elf::static_pie(Machine::Amd64).size(70_000).bytes());
    case.build().ok();
    let blobs = std::fs::read_dir(case.path("out/app/blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
    let largest = blobs.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let name = largest.file_name().unwrap().to_string_lossy().into_owned();
    std::fs::remove_file(largest).unwrap();
    case.run(["inspect", "out/app"]).fails(2).says(&name).says("the blob is missing");
}

#[test]
fn private_key_in_the_recipe() {
    let body = "MC4CAQAwBQYDK2VwBCIEIOVzf1VZ0mJp3hPTSTF4ebYAtGy2xKzZb0h8T0bCqGx1";
    for line in [
        "entrypoint = [\"/usr/bin/app\", \"KEY\"]",
        "args = [\"KEY\"]",
        "env = { A = \"KEY\" }",
        "labels = { a = \"KEY\" }",
    ] {
        for (space, code) in [(" ", 1), ("\\n", 2)] {
            let key = format!("-----BEGIN PRIVATE KEY-----{space}{body}{space}-----END PRIVATE KEY-----");
            let recipe = format!("{APP}[run]\n{}\n", line.replace("KEY", &key));
            let case = Case::new().recipe(&recipe).file("app", Elf::executable(Machine::Amd64).bytes());
            let output = case.build().fails(code).says("app.toml:5:");
            assert!(!output.messages().contains("MC4CAQAw"), "{}", output.messages());
        }
    }
}

#[test]
fn a_user_without_a_home_is_not_looked_up_in_the_user_database() {
    let case = Case::new().recipe(APP).file("app", Elf::executable(Machine::Amd64).bytes());
    let case = case.without_env("HOME").without_env("XDG_CACHE_HOME");
    for words in [&["build", "app.toml"][..], &["inspect", "out/app"], &["audit", "out/app"], &["init", "--help"]] {
        let (output, opened) = case.traced(&["--trace=open,openat,connect"], words);
        assert!(output.code < 2, "{}", output.messages());
        for database in ["nsswitch.conf", "/etc/passwd", "libnss", "nscd"] {
            assert!(!opened.iter().any(|call| call.contains(database)), "{words:?} asked {database}");
        }
    }
}
