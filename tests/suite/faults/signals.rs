//! SIGINT, SIGTERM and SIGHUP at any moment; and `kill -9`, behind which the next call cleans up.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{build_all, change, digests, leftovers, three, whole_digests};
use crate::support::{
    case::{Case, unique, wait},
    walks::{Dice, kill, steps},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a signal by its name.
fn send(child: &Child, signal: &str) {
    let status = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits until it is so.
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut rounds = 0;
    while !is_so() {
        rounds += 1;
        assert!(rounds < 6000, "{what}");
        sleep(Duration::from_millis(10));
    }
}

/// A case with a `podman` that loads for ever, by a process of its own that has `mark` among its words.
fn with_slow_podman(case: Case, mark: &str) -> Case {
    let script = format!("#!/bin/sh\n(trap '' TERM INT; exec sh -c 'while :; do sleep 1; done' {mark}) &\nwait\n");
    let path = format!("{}:/usr/bin:/bin", case.path("bin").display());
    case.file("bin/podman", script).mode("bin/podman", 0o755).env("PATH", path)
}

/// The processes that have `mark` among their words.
fn marked(mark: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let words = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    words.filter(|words| words.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())).count()
}

/// The folder for temporary files of a case, which is empty but for them.
fn with_temporary_folder(case: Case) -> Case {
    let folder = case.path("../tmp");
    case.folder("../tmp").env("TMPDIR", folder)
}

#[test]
fn a_signal_ends_children_and_removes_what_was_staged() {
    for (signals, code) in
        [(&["INT"][..], 130), (&["TERM"], 143), (&["INT", "INT"], 130), (&["TERM", "TERM"], 143), (&["HUP"], 129)]
    {
        let mark = unique();
        let case = with_slow_podman(with_temporary_folder(three("one")), &mark);
        let words = build_all(&["--load", "podman", "--metadata-file", "m/build.json"]);
        let mut command = case.command_under(["env", "--default-signal"], &words);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("an engine's program", || marked(&mark) > 0);
        // All three are staged by now.
        assert_eq!(leftovers(&case.path("out")).len(), 3);
        for signal in signals {
            send(&child, signal);
        }
        let status = wait(&mut child, PATIENCE).expect("an end");
        assert_eq!((status.code(), status.signal()), (Some(code), None), "{signals:?}");
        // Who was killed is gone when the kernel has run it once more, which on a busy machine takes a moment.
        wait_until("an engine's program that does not end", || marked(&mark) == 0);
        assert!(!case.path("out").exists() && !case.path("m").exists(), "{signals:?}: {:?}", leftovers(&case.dir()));
        assert_eq!(fs::read_dir(case.path("../tmp")).unwrap().count(), 0);
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
        assert_eq!(said, format!("ended by SIG{}: what was not finished is removed\n", signals[0]));
    }
}

/// A program that takes long to compile, in a cache where nothing is compiled yet.
fn slow_compile() -> Case {
    Case::new()
        .file("go.mod", "module example.com/slow\n\ngo 1.21\n")
        .file("main.go", "package main\n\nimport _ \"net/http\"\n\nfunc main() {}\n")
        .file("slow.toml", "[[binary]]\ngo = \".\"\nto = \"/app\"\n")
}

/// The processes below that one that have such a name.
fn running(parent: u32, name: &str) -> usize {
    let mut parents = vec![parent];
    let mut found = 0;
    while let Some(parent) = parents.pop() {
        for entry in fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(entry.path().join("children")).unwrap_or_default();
            parents.extend(children.split_whitespace().map(|child| child.parse::<u32>().unwrap()));
        }
        let own = fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
        found += usize::from(own.trim() == name);
    }
    found
}

/// The processes of this machine that work in that folder.
fn working_in(folder: &Path) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let environment = |entry: &fs::DirEntry| fs::read(entry.path().join("environ")).unwrap_or_default();
    let part = folder.as_os_str().as_encoded_bytes();
    entries.filter(|entry| environment(entry).windows(part.len()).any(|window| window == part)).count()
}

#[test]
fn compilers_end_with_hardpan_whatever_ends_it() {
    for signal in ["INT", "TERM", "KILL"] {
        let case = slow_compile().folder("../cold");
        let cold = case.path("../cold");
        let case = case.env("XDG_CACHE_HOME", cold);
        let mut command = case.command_under(["env", "--default-signal"], ["build", "--quiet", "slow.toml"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("a compiler", || running(child.id(), "compile") > 0);
        send(&child, signal);
        let status = wait(&mut child, PATIENCE).expect("an end");
        assert_ne!(status.code(), Some(0));
        // Those of a kill end by themselves, and need a moment.
        wait_until("compilers that do not end", || working_in(&case.path("../cold")) == 0);
        assert!(!case.path("out").exists() || signal == "KILL");
    }
}

#[test]
fn signals_at_any_moment() {
    let mut dice = Dice::new();
    let case = with_temporary_folder(three("one"));
    case.run(build_all(&[])).ok();
    let one = digests(&case);
    let case = change(case, "two");
    let begin = Instant::now();
    case.run(build_all(&[])).ok();
    // Signals that come while a build runs, as long as that takes on this machine.
    let span = usize::try_from(begin.elapsed().as_micros()).expect("a time") + 1;
    let versions = [one, digests(&case)];
    let mut ends = [0, 0];
    let mut case = case;
    for round in 0..steps(16) {
        let text = dice.one_of(&["one", "two"]);
        case = change(case, text);
        let signal = dice.one_of(&["INT", "TERM"]);
        let mut command = case.command_under(["env", "--default-signal"], build_all(&[]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        sleep(Duration::from_micros(dice.below(span) as u64));
        send(&child, signal);
        let status = wait(&mut child, PATIENCE).expect("an end");
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        assert!([0, 130, 143].contains(&code), "round {round}: {code}");
        ends[usize::from(code == 0)] += 1;
        let now = digests(&case);
        assert!(versions.contains(&now), "round {round}, all or none: {now:?}");
        assert_eq!(leftovers(&case.path("..")), Vec::<String>::new(), "round {round}");
    }
    assert!(ends[0] > 0, "{ends:?}");
}

#[test]
fn what_a_kill_leaves_goes_with_the_next_call_whatever_its_name() {
    let mut dice = Dice::new();
    let case = with_temporary_folder(three("one"));
    let other = change(case.clone(), "one").file("other.toml", fs::read_to_string(case.path("a.toml")).unwrap());
    let mut left = 0;
    let words = build_all(&["--metadata-file", "meta/{name}.json", "--digest-file", "meta/{name}.digest"]);
    for round in 0..steps(20) {
        let case = change(other.clone(), &format!("{}", dice.below(3)));
        if dice.below(4) == 0 {
            drop(fs::remove_dir_all(case.path("out")));
        }
        kill(&mut case.command(&words), Duration::from_millis(dice.below(400) as u64));
        left += usize::from(!leftovers(&case.path("..")).is_empty());
        let images = whole_digests(&case);
        // Another image into the same folder, and other files beside those that were begun.
        case.run(["build", "--quiet", "other.toml", "--digest-file", "meta/other"]).ok();
        assert_eq!(leftovers(&case.path("..")), Vec::<String>::new(), "round {round}");
        assert_eq!(whole_digests(&case), images, "round {round}");
    }
    assert!(left > 0, "no kill left anything");
}

#[test]
fn files_of_other_verbs_that_were_killed_are_swept() {
    let case = three("one");
    case.run(build_all(&[])).ok();
    // What a killed process leaves: its file, without a lock on it.
    let stale = |case: &Case, folder: &str| {
        let path = case.path(folder).join(".hardpan-a1B2c3D4");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "begun").unwrap();
        path
    };
    for (folder, words) in [
        ("reports", &["audit", "out/a", "--output", "reports/a.json", "--format", "json"][..]),
        (".", &["build", "a.toml", "--digest-file", "digest"]),
        ("files", &["build", "a.toml", "--metadata-file", "files/m.json"]),
        ("project", &["init", "project"]),
    ] {
        let left = stale(&case, folder);
        let case = case.clone().file("project/app", crate::support::elf::static_amd64()).mode("project/app", 0o755);
        let output = case.run(words);
        assert!([0, 1].contains(&output.code), "{words:?}: {}", output.stderr);
        assert!(!left.exists(), "{words:?}: {}", output.stderr);
    }
}
