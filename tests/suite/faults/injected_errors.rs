//! Any call of the system fails at any moment, by strace: a sample, which `HARDPAN_TEST_STEPS` makes as large as wanted.
//!
//! ```text
//! HARDPAN_TEST_STEPS=2000 HARDPAN_TEST_SEED=1 cargo test --test suite -- faults::injected
//! ```

use std::{collections::BTreeMap, fs, sync::LazyLock};

use super::{assert_told, leftovers};
use crate::support::{
    case::{APP, Case},
    elf, judges,
    layout::Layout,
    output::Output,
    registry::Registry,
    walks::{Dice, steps},
};

/// What a system may answer.
const ERRORS: [&str; 12] =
    ["EIO", "ENOSPC", "EACCES", "EPERM", "ENOENT", "EMFILE", "ENOMEM", "EROFS", "EDQUOT", "EINTR", "EAGAIN", "EBUSY"];

/// Calls that no program survives, that never fail (`getuid` and its like), or that strace does not answer: memory, processes and their
/// ends, and the numbers from which the standard library makes the seeds of its tables. `close` is among them because the standard
/// library panics where that of a folder fails, which the kernel does not do; what a file has is synced before it is closed.
const LEFT_OUT: [&str; 34] = [
    "close",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getpid",
    "getppid",
    "gettid",
    "getrandom",
    "execve",
    "exit",
    "exit_group",
    "brk",
    "mmap",
    "munmap",
    "mprotect",
    "madvise",
    "clone",
    "clone3",
    "fork",
    "vfork",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "futex",
    "set_robust_list",
    "rseq",
    "arch_prctl",
    "set_tid_address",
    "prlimit64",
    "sched_getaffinity",
    "sched_yield",
    "restart_syscall",
];

/// A call with its number among those of its name.
type Call = (String, usize);

/// The calls of a run, each with the times that the thread with most of them makes it.
fn calls(case: &Case, words: &[String]) -> Vec<Call> {
    let (output, lines) = case.traced(&[], words);
    assert_ne!(output.code, 2, "{}", output.stderr);
    let mut made: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in lines {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        if let Some((name, _)) = call.trim_start().split_once('(').filter(|(name, _)| !name.contains(' ')) {
            *made.entry((name.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for ((name, _), count) in made.into_iter().filter(|((name, _), _)| !LEFT_OUT.contains(&name.as_str())) {
        let most = counts.entry(name).or_default();
        *most = count.max(*most);
    }
    counts.into_iter().collect()
}

/// Runs with that call failing, in one thread or the other.
fn run_failing(case: &Case, words: &[String], (name, at): &(String, usize), error: &str) -> Output {
    let (trace, fault) = (format!("--trace={name}"), format!("--inject={name}:error={error}:when={at}"));
    case.traced(&[&trace, &fault], words).0
}

/// Whether the loader or the standard library has ended the program before it began.
fn has_not_begun(output: &Output) -> bool {
    let by_loader = output.code == 127 && output.stderr.contains("error while loading shared libraries");
    by_loader || (output.code == 134 && output.stderr.is_empty())
}

/// Takes samples of a run: each is one call that fails once. `check` looks at the end, and makes the next run possible.
fn sample(case: &Case, words: &[&str], default: u32, mut check: impl FnMut(&Output, &str)) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let calls = calls(case, &words);
    let mut dice = Dice::new();
    let (mut failed, mut taken, wanted) = (0, 0, steps(default));
    while taken < wanted {
        // Each kind of call as often as each other, whatever their numbers.
        let (name, most) = &calls[dice.below(calls.len())];
        let (at, error) = (1 + dice.below(*most), dice.one_of(&ERRORS));
        let output = run_failing(case, &words, &(name.clone(), at), error);
        let what = format!("{name} {at} {error}");
        if has_not_begun(&output) {
            continue;
        }
        taken += 1;
        assert_told(&output, &what);
        failed += usize::from(output.code == 2);
        check(&output, &what);
    }
    // Most errors are of calls that a program can do without.
    assert!(failed > 0 || wanted < 50, "no error was one");
}

fn case() -> Case {
    let cache = |case: Case| {
        let path = case.path("../own-cache");
        case.folder("../own-cache").env("XDG_CACHE_HOME", path)
    };
    cache(Case::new().file("app", elf::static_amd64()).recipe(&recipe("one")))
}

fn recipe(text: &str) -> String {
    format!("{APP}\n[[file]]\ntext = \"{text}\"\nto = \"/etc/text\"\n")
}

/// The digests of the image with `one` and with `two`.
static BOTH: LazyLock<[String; 2]> = LazyLock::new(|| {
    ["one", "two"].map(|text| case().recipe(&recipe(text)).run(["build", "--quiet", "app.toml"]).ok().digest())
});

/// Asserts that the image there is one of both, the second one after success.
#[track_caller]
fn check_image(case: &Case, output: &Output, what: &str) {
    let path = case.path("out/app");
    if !path.exists() {
        assert_ne!(output.code, 0, "{what}: no image");
        return;
    }
    assert_eq!(judges::imagespec_problems(&path), Vec::<String>::new(), "{what}");
    let digest = Layout::open(&path, None).digest();
    assert!(BOTH.contains(&digest), "{what}: {digest}");
    assert!(output.code != 0 || digest == BOTH[1], "{what}: success with the old image");
}

#[test]
fn first_builds() {
    let case = case().recipe(&recipe("two"));
    sample(&case, &["build", "--quiet", "app.toml"], 24, |output, what| {
        check_image(&case, output, what);
        drop(fs::remove_dir_all(case.path("out")));
        drop(fs::remove_dir_all(case.path("../own-cache/hardpan")));
    });
}

#[test]
fn builds_over_an_image() {
    let case = case();
    let restore = || case.clone().recipe(&recipe("one")).run(["build", "--quiet", "app.toml"]).ok();
    restore();
    let two = case.clone().recipe(&recipe("two"));
    sample(&two, &["build", "--quiet", "app.toml"], 16, |output, what| {
        check_image(&case, output, what);
        assert!(case.path("out/app").exists(), "{what}");
        restore();
        assert_eq!(leftovers(&case.path("out")), Vec::<String>::new(), "{what}");
        drop(case.clone().recipe(&recipe("two")));
    });
}

#[test]
fn pushes() {
    let case = case();
    let digest = case.run(["build", "--quiet", "app.toml"]).ok().digest();
    let registry = Registry::start();
    let target = format!("{}/app:1", registry.host());
    sample(&case, &["push", "out/app", &target], 12, |output, what| {
        let tag = registry.tag("app", "1");
        assert!(output.code != 0 || tag.as_deref() == Some(&*digest), "{what}: success without a tag");
        assert!(tag.is_none_or(|tag| tag == digest), "{what}");
    });
}

#[test]
fn locks() {
    let registry = Registry::start();
    let case = case();
    case.run(["build", "--quiet", "app.toml"]).ok();
    case.run(["push", "out/app", &format!("{}/base:1", registry.host())]).ok();
    let base = format!("base = \"{}/base:1\"\n{APP}", registry.host()).replace("/usr/bin/app", "/usr/bin/other");
    let case = case.file("based.toml", base);
    let good = {
        case.run(["lock", "based.toml"]).ok();
        fs::read_to_string(case.path("based.lock")).unwrap()
    };
    sample(&case, &["lock", "based.toml"], 10, |output, what| {
        let now = fs::read_to_string(case.path("based.lock")).ok();
        assert!(now.as_ref().is_none_or(|now| *now == good), "{what}: {now:?}");
        assert!(output.code != 0 || now.is_some(), "{what}");
        drop(fs::remove_file(case.path("based.lock")));
    });
}

#[test]
fn audits() {
    let case = case();
    case.run(["build", "--quiet", "app.toml"]).ok();
    let words = ["audit", "out/app", "--output", "report.json", "--format", "json"];
    let good = case.run(words).ok();
    let report = fs::read_to_string(case.path("report.json")).unwrap();
    sample(&case, &words, 12, |output, what| {
        let now = fs::read_to_string(case.path("report.json")).ok();
        assert!(output.code != 0 || (now.as_ref() == Some(&report) && output.stdout == good.stdout), "{what}: {now:?}");
        // A report that says more than it could see has exit code 2.
        assert!(now.is_none_or(|now| now == report || output.code != 0), "{what}");
        drop(fs::remove_file(case.path("report.json")));
    });
}
