#![allow(clippy::unwrap_used)]
use std::{collections::BTreeSet, path::Path};

use super::*;

const GNU: &str = "x86_64-unknown-linux-gnu";
const MUSL: &str = "x86_64-unknown-linux-musl";
const ARM_MUSL: &str = "aarch64-unknown-linux-musl";
const ARM_GNU: &str = "aarch64-unknown-linux-gnu";

/// Runs `test` on a machine with these programs.
fn with_programs<T>(names: &[&str], test: impl FnOnce(&ProgramLookup<'_>) -> T) -> T {
    let find = |name: &str| names.contains(&name).then(|| Path::new("/usr/bin").join(name));
    let ask = |command: &[OsString]| {
        let said = command.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>();
        match said.as_slice() {
            ["/usr/bin/python3", "-c", _] if names.contains(&"(ziglang)") => Some("/opt/ziglang/zig\n".to_owned()),
            ["/usr/bin/python3", ..] => None,
            [program, "version"] if program.ends_with("zig") => Some("0.13.0\n".to_owned()),
            [program, "--version"] => Some(format!("{program} 12.2.0\nCopyright\n")),
            _ => None,
        }
    };
    test(&ProgramLookup { find: &find, ask: &ask })
}

/// The compiler that is found, as words, and `|` before those for C++.
fn find(target: &str, needs_cxx: bool, names: &[&str]) -> Option<String> {
    let found = with_programs(names, |programs| CCompiler::find(target, GNU, needs_cxx, programs))?;
    let words = |command: &[OsString]| {
        command.iter().map(|word| word.to_str().unwrap().trim_start_matches("/usr/bin/")).collect::<Vec<_>>().join(" ")
    };
    assert!(!found.version.is_empty() && !found.version.contains('\n'));
    Some(words(&found.command) + &found.cxx.map(|cxx| format!(" | {}", words(&cxx))).unwrap_or_default())
}

#[test]
fn each_target_gets_a_compiler_with_its_own_headers() {
    let all = [
        "cc",
        "c++",
        "gcc",
        "aarch64-linux-gnu-gcc",
        "aarch64-linux-gnu-g++",
        "musl-gcc",
        "x86_64-linux-musl-gcc",
        "zig",
    ];
    for (target, needs_cxx, names, expected) in [
        (GNU, false, &all[..], Some("cc | c++")),
        (GNU, false, &["clang"], Some("clang")),
        (GNU, true, &["cc"], None),
        (MUSL, false, &all, Some("x86_64-linux-musl-gcc")),
        (MUSL, false, &["cc", "musl-gcc", "zig"], Some("musl-gcc")),
        (
            MUSL,
            true,
            &["cc", "c++", "musl-gcc", "zig"],
            Some("zig cc -target x86_64-linux-musl | zig c++ -target x86_64-linux-musl"),
        ),
        (MUSL, true, &["cc", "c++", "musl-gcc"], None),
        (MUSL, false, &["cc", "c++", "gcc", "x86_64-linux-gnu-gcc"], None),
        (ARM_MUSL, false, &["cc", "musl-gcc", "aarch64-linux-gnu-gcc"], None),
        (ARM_MUSL, false, &["aarch64-linux-musl-gcc", "zig"], Some("aarch64-linux-musl-gcc")),
        (ARM_MUSL, false, &["zig"], Some("zig cc -target aarch64-linux-musl | zig c++ -target aarch64-linux-musl")),
        (
            ARM_MUSL,
            false,
            &["python3", "(ziglang)"],
            Some("/opt/ziglang/zig cc -target aarch64-linux-musl | /opt/ziglang/zig c++ -target aarch64-linux-musl"),
        ),
        (ARM_MUSL, false, &["python3"], None),
        (ARM_GNU, false, &all, Some("aarch64-linux-gnu-gcc | aarch64-linux-gnu-g++")),
        // glibc by zig has no static library.
        (ARM_GNU, false, &["cc", "zig"], None),
        ("armv7-unknown-linux-gnueabihf", false, &["arm-linux-gnueabihf-gcc"], Some("arm-linux-gnueabihf-gcc")),
        ("riscv64gc-unknown-linux-gnu", false, &["riscv64-linux-gnu-gcc"], Some("riscv64-linux-gnu-gcc")),
    ] {
        assert_eq!(find(target, needs_cxx, names).as_deref(), expected, "{target} {names:?}");
    }
}

#[test]
fn on_a_machine_of_musl_the_plain_compiler_is_the_right_one() {
    let found = with_programs(&["cc"], |programs| CCompiler::find(MUSL, MUSL, false, programs)).unwrap();
    assert_eq!(found.command, ["/usr/bin/cc"]);
    assert_eq!(found.version, "/usr/bin/cc 12.2.0");
}

#[test]
fn the_recipes_compiler_is_taken_or_refused() {
    let chosen = |words: &str, needs_cxx, names: &[&str]| {
        with_programs(names, |programs| CCompiler::from_recipe(words, ARM_MUSL, needs_cxx, programs))
            .map_err(|failure| failure.what)
    };
    let found = chosen("clang-17 -target aarch64", true, &["clang-17", "clang++-17"]).unwrap();
    assert_eq!(found.command, ["/usr/bin/clang-17", "-target", "aarch64"]);
    assert_eq!(found.cxx.unwrap(), ["/usr/bin/clang++-17", "-target", "aarch64"]);
    assert!(chosen("zig cc", true, &["zig"]).unwrap().is_zig);
    for (words, needs_cxx, names, what) in [
        (
            "own-gcc",
            false,
            &["cc"][..],
            "the C compiler `own-gcc` of the recipe was not found in `PATH`, or its `--version` failed",
        ),
        ("own-gcc", true, &["own-gcc"], "the C++ compiler `own-g++` is not in `PATH`"),
        ("zig cc", false, &[], "the C compiler `zig cc` of the recipe cannot be used for `aarch64-unknown-linux-musl`"),
        ("./cc", false, &[], "the C compiler `./cc` of the recipe was not found there, or its `--version` failed"),
        ("", false, &[], "the C compiler `` of the recipe was not found in `PATH`, or its `--version` failed"),
    ] {
        assert_eq!(chosen(words, needs_cxx, names), Err(what.to_owned()));
    }
}

#[test]
fn a_missing_compiler_is_one_sentence_with_both_ways_out() {
    let missing = |need: CNeed, target: &str| {
        let needs = BTreeSet::from([CNeed::C, need]);
        let package = CPackage { name: "ring".to_owned(), version: "0.17.14".to_owned(), needs };
        let failure = CCompiler::missing(&package, target, GNU);
        (failure.what, failure.hint.unwrap())
    };
    let (what, hint) = missing(CNeed::C, MUSL);
    assert_eq!(what, "`ring` 0.17.14 compiles C, and there is no C compiler for `x86_64-unknown-linux-musl`");
    assert_eq!(hint, "`apt install musl-tools`, or `target = \"x86_64-unknown-linux-gnu\"` in the recipe");
    let (what, hint) = missing(CNeed::Cxx, MUSL);
    assert_eq!(what, "`ring` 0.17.14 compiles C++, and there is no C++ compiler for `x86_64-unknown-linux-musl`");
    assert_eq!(hint, "`pip install ziglang`, or `target = \"x86_64-unknown-linux-gnu\"` in the recipe");
    assert_eq!(
        missing(CNeed::C, ARM_MUSL).1,
        "`pip install ziglang`, or `target = \"aarch64-unknown-linux-gnu\"` in the recipe with `apt install gcc-aarch64-linux-gnu`"
    );
    assert_eq!(missing(CNeed::C, ARM_GNU).1, "`apt install gcc-aarch64-linux-gnu`");
    assert_eq!(missing(CNeed::Cxx, "i686-unknown-linux-gnu").1, "`apt install g++-i686-linux-gnu`");
    assert_eq!(missing(CNeed::C, GNU).1, "`apt install gcc libc6-dev`");
    assert_eq!(missing(CNeed::C, "armv7-unknown-linux-gnueabihf").1, "`apt install gcc-arm-linux-gnueabihf`");
}

#[test]
fn variables_are_those_of_the_cc_crate() {
    assert_eq!(
        variables("CC", ARM_MUSL),
        ["CC_aarch64-unknown-linux-musl", "CC_aarch64_unknown_linux_musl", "TARGET_CC", "CC"]
    );
}
