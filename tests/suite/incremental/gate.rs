//! Nothing that the gate has not passed is kept, and nothing that is kept passes the gate unseen.

use std::fs;

use super::{cached, case, names, tick, unchanged};
use crate::support::{
    base::{Base, Family, Packed, Stage},
    case::{APP, Case},
    elf,
    foreign::Tar,
    judges::{checked, tool},
};

/// An image that holds a shell, with an exception for it.
fn with_shell(until: &str) -> Case {
    let allow =
        format!("\n[[policy.allow]]\nrule = \"shell\"\npath = \"/usr/bin/sh\"\nreason = \"a test\"\nuntil = {until}\n");
    let recipe = format!("{APP}\n[[file]]\nfrom = \"sh\"\nto = \"/usr/bin/sh\"\nmode = \"0555\"\n{allow}");
    case(&recipe).file("sh", elf::static_amd64_of(300_000))
}

#[test]
fn an_image_that_is_refused_leaves_nothing_in_the_cache() {
    let case = with_shell("2020-01-01");
    let refused = case.build().fails(1).says("shell");
    assert_eq!(unchanged(&refused), names(&[]));
    for folder in ["layers", "blobs", "verdicts"] {
        assert_eq!(cached(&case, folder), Vec::<std::path::PathBuf>::new(), "{folder}");
    }
    assert_eq!(unchanged(&case.build().fails(1).says("shell")), names(&[]));
    assert!(!case.path("out/app").exists());
}

#[test]
fn a_policy_that_gets_stricter_refuses_what_is_in_the_cache() {
    let case = with_shell("2999-01-01");
    tick();
    case.build().ok();
    assert_eq!(unchanged(&case.build().ok()).len(), 3);
    let case = case.file("strict.toml", "[policy]\nwaivers = false\n");
    let strict = ["build", "app.toml", "--policy", "strict.toml"];
    for _ in 0..2 {
        let refused = case.run(strict).fails(1).says("shell");
        assert_eq!(unchanged(&refused).len(), 3, "the layers are known, and what is in them is looked at");
    }
    let case = case.edit("app.toml", |recipe| recipe.replace("2999-01-01", "2020-01-01"));
    case.build().fails(1).says("shell");
    // A part of the image is new, the part that is refused is not.
    let case = case.file("app", elf::static_amd64_of(200_001));
    let refused = case.build().fails(1).says("shell");
    assert_eq!(unchanged(&refused), names(&["system", "files"]));
}

/// A library that sets the clock of the programs that load it to the second of `NOW`.
const CLOCK: &str = "#include <stdlib.h>\n#include <sys/syscall.h>\n#include <time.h>\n#include <unistd.h>\n\
    int clock_gettime(clockid_t clock, struct timespec *time) {\n\
        int result = syscall(SYS_clock_gettime, clock, time);\n\
        if (clock == CLOCK_REALTIME) time->tv_sec = atoll(getenv(\"NOW\"));\n\
        return result;\n\
    }\n";

#[test]
fn an_exception_ends_with_its_day_though_nothing_else_changes() {
    // In the base, where only the gate sees it.
    let shell = Tar::new().folder("usr").folder("usr/bin").file("usr/bin/sh", 0o755, elf::static_amd64());
    let stage = Stage::distroless(Family::Oci, "amd64").layer(shell, Packed::Gzip);
    let allow = "[[policy.allow]]\nrule = \"shell\"\nreason = \"a test\"\nuntil = 2030-06-10\n";
    let case =
        Base::of([stage]).layout(case(&format!("base = \"./base\"\n{allow}{APP}")), "base").file("clock.c", CLOCK);
    let library = case.path("clock.so");
    checked(tool("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(case.path("clock.c")));
    let build = |now: &str| case.clone().env("LD_PRELOAD", &library).env("NOW", now).build();
    // Noon and evening of the day, and the next morning.
    build("1907323200").ok();
    let verdicts = cached(&case, "verdicts");
    assert_eq!(verdicts.len(), 1);
    build("1907362800").ok();
    assert_eq!(cached(&case, "verdicts"), verdicts, "the verdict of the day was found");
    build("1907370000").fails(1).says("app.toml:1:8: ").says("shell").says("2030-06-10");
    assert_eq!(cached(&case, "verdicts"), verdicts);
}

#[test]
fn what_is_to_be_said_is_said_again() {
    let recipe = format!(
        "{APP}\n[[policy.allow]]\nrule = \"shell\"\nreason = \"a test\"\nuntil = 2999-01-01\n\n[[policy.allow]]\n\
         rule = \"compiler\"\nreason = \"a test\"\nuntil = 2020-01-01\n"
    );
    let case = case(&recipe);
    tick();
    let said = |case: &Case| {
        let output = case.run(["build", "app.toml", "-v"]).ok().untimed();
        let lines = output.stderr.lines().filter(|line| !line.starts_with("layer ") && !line.starts_with("took "));
        let lines: Vec<String> = lines.filter(|line| !line.starts_with("  sha256:")).map(str::to_owned).collect();
        (lines.join("\n"), unchanged(&output).len())
    };
    let (cold, _) = said(&case);
    assert!(cold.contains("excepts nothing") && cold.contains("audit: "), "{cold}");
    let (warm, known) = said(&case);
    assert_eq!((warm, known), (cold.clone(), 2));
    // Without verdicts the layers are read again, and say the same.
    fs::remove_dir_all(case.path("cache/hardpan/verdicts")).unwrap();
    assert_eq!(said(&case), (cold, 2));
}
