//! Limits of the system: threads, sizes of files, folders that may be written and not be read, devices that never end.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    process::Command,
};

use super::{assert_told, build_all, change, digests, leftovers, three};
use crate::support::{
    case::{APP, Case, HARDPAN},
    elf, elf_writer,
    registry::Registry,
};

/// A user of whom nothing else runs.
fn lonely_user() -> u32 {
    2_000_000 + std::process::id()
}

/// Gives the case to a user, who has a program of their own.
fn owned_by(case: Case, user: u32) -> Case {
    fs::copy(HARDPAN, case.path("../hardpan")).unwrap();
    let status = Command::new("chown").args(["-R", &format!("{user}:{user}")]).arg(case.path("..")).status().unwrap();
    assert!(status.success());
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(case.path(".."), mode).unwrap();
    case
}

/// What runs a program as a user with at most so many processes, threads included.
fn limited(user: u32, processes: &str) -> Vec<String> {
    let user = user.to_string();
    let words = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups", "prlimit", processes];
    words.map(str::to_owned).to_vec()
}

#[test]
fn no_thread_to_be_had() {
    let user = lonely_user();
    let noise = elf_writer::noise(3_000_000);
    let recipe = format!("{APP}\n[[file]]\nfrom = \"noise\"\nto = \"/srv/noise\"\n");
    let case = Case::new().recipe(&recipe).file("app", elf::static_amd64()).file("noise", noise).folder("../tmp");
    let tmp = case.path("../tmp");
    let case = owned_by(case.env("XDG_CACHE_HOME", "/dev/null/no-folder").env("TMPDIR", &tmp).env("HOME", &tmp), user);
    let digest = case.run(["build", "--quiet", "app.toml", "--output", "free"]).ok().digest();
    let registry = Registry::start();
    let program = case.path("../hardpan").display().to_string();
    for processes in ["--nproc=1", "--nproc=2", "--nproc=3"] {
        let limited = [limited(user, processes), vec![program.clone()]].concat();
        let run = |words: &[&str]| {
            let output = case.run_under(wrapper(&limited), words);
            assert_told(&output, &format!("{processes} {words:?}"));
            output
        };
        drop(fs::remove_dir_all(case.path("out")));
        assert_eq!(run(&["build", "app.toml", "-v"]).ok().digest(), digest, "{processes}");
        assert_ne!(run(&["audit", "out/app"]).code, 2, "{processes}");
        let pushed =
            run(&["push", "out/app", &format!("{}/app:{}", registry.host(), processes.trim_start_matches("--nproc="))]);
        pushed.ok();
        run(&["inspect", "out/app"]).ok();
        // These need other processes: they may fail, and say so.
        run(&["build", "app.toml", "--load", "podman"]);
        run(&["affected", "--since", "HEAD"]);
    }
}

/// Runs, behind the limits, the user's own program with the words for that of the tests, which is dropped.
fn wrapper(limited: &[String]) -> Vec<String> {
    let script = format!("shift; exec {} \"$@\"", limited.join(" "));
    ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

#[test]
fn a_file_size_limit_is_told_like_a_full_disk() {
    let app = |more: usize| [elf::static_amd64(), elf_writer::noise(400_000 + more)].concat();
    let case = three("one").file("app", app(0));
    // In blocks of 512 bytes; the errors go to a file as well.
    for (limit, options) in
        [("6", &[][..]), ("200", &[]), ("900", &["--format", "oci-archive"]), ("6", &["--metadata-file", "m.json"])]
    {
        let under = ["sh", "-c", "ulimit -f \"$1\"; shift; exec \"$@\"", "sh", limit];
        let output = case.run_under(under, build_all(options));
        output.fails(2).says("file too large");
        assert!(!case.path("out").exists() && leftovers(&case.path("..")).is_empty(), "{limit} {options:?}");
    }
    // Over what is there.
    case.run(build_all(&[])).ok();
    let before = digests(&case);
    let case = change(case, "two").file("app", app(1));
    case.run_under(["sh", "-c", "ulimit -f 6; exec \"$@\"", "sh"], build_all(&[])).fails(2).says("file too large");
    assert_eq!(digests(&case), before);
}

#[test]
fn a_folder_that_may_be_written_and_not_be_read() {
    let case = three("one").folder("../drop").folder("../tmp");
    let user = lonely_user();
    let tmp = case.path("../tmp");
    let case = owned_by(case.env("TMPDIR", tmp), user);
    let drop_folder = case.path("../drop");
    chown(&drop_folder, Some(0), Some(0)).unwrap();
    fs::set_permissions(&drop_folder, fs::Permissions::from_mode(0o1733)).unwrap();
    let output = drop_folder.join("{name}").display().to_string();
    let program = case.path("../hardpan").display().to_string();
    let limited = [limited(user, "--nproc=1000"), vec![program]].concat();
    for text in ["one", "two"] {
        let case = change(case.clone(), text);
        for form in ["layout", "oci-archive"] {
            let output = if form == "layout" { output.clone() } else { format!("{output}.tar") };
            case.run_under(wrapper(&limited), build_all(&["--output", &output, "--format", form])).ok();
        }
    }
    assert_eq!(fs::read_dir(&drop_folder).unwrap().count(), 6);
    assert_eq!(leftovers(&case.path("..")), Vec::<String>::new());
}

#[test]
fn devices_that_never_end() {
    let case = Case::new().file("app", elf::static_amd64()).recipe(APP);
    for words in [
        &["init", "--from", "/dev/zero"][..],
        &["build", "/dev/zero"],
        &["build", "app.toml", "--policy", "/dev/zero"],
        &["audit", "/dev/zero"],
        &["audit", "--from-file", "/dev/zero"],
        &["lock", "/dev/zero"],
        &["resolve", "-f", "/dev/zero", "--metadata", "/dev/zero"],
        &["merge", "/dev/zero"],
    ] {
        let output = case.run(words);
        assert_told(&output, &format!("{words:?}"));
        assert_eq!(output.code, 2, "{words:?}: {}", output.stderr);
    }
    let script = "FROM scratch\nCOPY run.sh /\nENTRYPOINT [\"/run.sh\"]\n";
    let case = Case::new().file("Dockerfile", script).link("run.sh", "/dev/zero").file("app", elf::static_amd64());
    let output = case.run(["init", "--from", "Dockerfile", "--output", "-"]);
    assert_told(&output, "a script that is a device");
}
