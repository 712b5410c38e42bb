#![allow(clippy::unwrap_used)]
use std::fmt::Write as _;

use super::*;

const MUSL: &str = "x86_64-unknown-linux-musl";

/// A program that depends on `package` (`name features`), whose build script uses `tools`.
fn tree(package: &str, tools: &[&str]) -> CargoTree {
    let (name, features) = package.split_once(' ').unwrap_or((package, ""));
    let mut text = format!("p v0.1.0 (/w)|\n`-- {name} v1.2.3+4|{features}\n");
    if !tools.is_empty() {
        text.push_str("    [build-dependencies]\n");
    }
    for tool in tools {
        writeln!(text, "    |-- {tool} v9.9.9|default,parallel").unwrap();
        if tool.ends_with("-src") {
            writeln!(text, "    |   `-- cc v1.0.0|").unwrap();
        }
    }
    CargoTree::read(&text).unwrap()
}

fn needs(package: &str, tools: &[&str], target: &str) -> Vec<CNeed> {
    let packages = c_packages(&tree(package, tools), target);
    packages.into_iter().flat_map(|package| package.needs).collect()
}

#[test]
fn what_a_build_script_uses_says_what_it_needs() {
    let program = CNeed::Program;
    let system = CNeed::SystemLibrary { vendored_by: None };
    for (tools, expected) in [
        (&["cc"][..], vec![CNeed::C]),
        (&["cc", "pkg-config", "vcpkg"], vec![CNeed::C]),
        (&["cmake", "dunce"], vec![CNeed::C, program(CProgram::Cmake)]),
        (&["autotools"], vec![CNeed::C, program(CProgram::Make)]),
        (&["cxx-build"], vec![CNeed::C, CNeed::Cxx]),
        (&["cc", "nasm-rs"], vec![CNeed::C, program(CProgram::Nasm)]),
        (&["cc", "bindgen"], vec![CNeed::C, program(CProgram::Libclang)]),
        (&["pkg-config"], vec![system]),
        (&["system-deps"], vec![system]),
        (&["lua-src"], vec![CNeed::C]),
        (&["rustc_version", "autocfg", "vergen"], vec![]),
        (&["tonic-build"], vec![CNeed::Generator(CProgram::Protoc)]),
    ] {
        assert_eq!(needs("strange-sys", tools, MUSL), expected, "{tools:?}");
    }
}

#[test]
fn well_known_packages_are_judged_by_their_features() {
    let own = ["cc", "pkg-config", "vcpkg"];
    let system = |vendored_by| vec![CNeed::SystemLibrary { vendored_by: Some(vendored_by) }];
    let arm64 = "aarch64-unknown-linux-musl";
    for (package, tools, target, expected) in [
        ("ring alloc", &["cc"][..], MUSL, vec![CNeed::C]),
        ("openssl-sys", &own, MUSL, system("vendored")),
        (
            "openssl-sys openssl-src,vendored",
            &["cc", "openssl-src", "pkg-config"],
            MUSL,
            vec![CNeed::C, CNeed::Program(CProgram::Make), CNeed::Program(CProgram::Perl)],
        ),
        ("libsqlite3-sys default", &["pkg-config", "vcpkg"], MUSL, system("bundled")),
        ("libsqlite3-sys bundled,cc", &own, MUSL, vec![CNeed::C]),
        ("libz-sys libc", &own, MUSL, vec![CNeed::C]),
        ("libz-sys static,zlib-ng", &["cc", "cmake"], MUSL, vec![CNeed::C, CNeed::Program(CProgram::Cmake)]),
        ("aws-lc-sys", &["cc", "cmake", "dunce", "pkg-config"], MUSL, vec![CNeed::C]),
        ("tikv-jemalloc-sys", &["cc"], MUSL, vec![CNeed::C, CNeed::Program(CProgram::Make)]),
        ("libmimalloc-sys", &["cc"], MUSL, vec![CNeed::C]),
        ("zstd-sys legacy", &["cc", "pkg-config"], MUSL, vec![CNeed::C]),
        ("zstd-sys pkg-config", &["cc", "pkg-config"], MUSL, vec![CNeed::SystemLibrary { vendored_by: None }]),
        ("rdkafka-sys libz", &["pkg-config"], MUSL, vec![CNeed::C]),
        ("rdkafka-sys cmake-build", &["cmake", "pkg-config"], MUSL, vec![CNeed::C, CNeed::Program(CProgram::Cmake)]),
        ("blake3 default", &["cc"], MUSL, vec![]),
        ("blake3 pure", &["cc"], arm64, vec![]),
        ("blake3 no_neon", &["cc"], arm64, vec![]),
        ("blake3 std", &["cc"], arm64, vec![CNeed::C]),
        ("blake3 std", &["cc"], "riscv64gc-unknown-linux-musl", vec![]),
        ("stacker", &["cc"], MUSL, vec![]),
        ("psm", &["ar_archive_writer", "cc"], MUSL, vec![CNeed::C]),
        ("cxx default", &["cc", "cxxbridge-flags"], MUSL, vec![CNeed::C, CNeed::Cxx]),
        ("link-cplusplus default", &["cc"], MUSL, vec![CNeed::C, CNeed::Cxx]),
        ("link-cplusplus nothing", &["cc"], MUSL, vec![]),
        (
            "boring-sys2",
            &["bindgen", "cmake"],
            MUSL,
            vec![CNeed::C, CNeed::Cxx, CNeed::Program(CProgram::Cmake), CNeed::Program(CProgram::Libclang)],
        ),
    ] {
        assert_eq!(needs(package, tools, target), expected, "{package} for {target}");
    }
}

#[test]
fn what_is_compiled_for_the_host_needs_nothing_of_the_target() {
    let text = "p v0.1.0 (/w)|\n[build-dependencies]\n`-- protobuf-src v2.0.0|\n    [build-dependencies]\n    `-- cmake v0.1.0|\n";
    assert!(c_packages(&CargoTree::read(text).unwrap(), MUSL).is_empty());
    let text = text.replace("protobuf-src", "ring");
    assert!(c_packages(&CargoTree::read(&text).unwrap(), MUSL).is_empty());
}

#[test]
fn a_missing_library_is_answered_with_the_feature_that_compiles_it() {
    let package = |package: &str, tools: &[&str]| c_packages(&tree(package, tools), MUSL).remove(0);
    let openssl = package("openssl-sys", &["cc", "pkg-config"]);
    let failure = openssl.missing_library(MUSL).unwrap();
    assert_eq!(
        failure.what,
        "`openssl-sys` 1.2.3+4 needs a library of this system for `x86_64-unknown-linux-musl`, which pkg-config does not find"
    );
    assert_eq!(
        failure.hint.as_deref(),
        Some("`cargo add openssl-sys@1.2.3 --features vendored` in the program's package compiles it from source")
    );
    assert!(openssl.is_configured_by(["RUST_LOG", "X86_64_UNKNOWN_LINUX_MUSL_OPENSSL_DIR"]));
    assert!(openssl.is_configured_by(["PKG_CONFIG_ALLOW_CROSS"]));
    assert!(!openssl.is_configured_by(["SQLX_OFFLINE"]));
    let failure = package("alsa-sys", &["pkg-config"]).missing_library(MUSL).unwrap();
    assert!(failure.hint.unwrap().contains("--invert alsa-sys"));
    assert_eq!(package("ring", &["cc"]).missing_library(MUSL), None);
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let package = c_packages(&tree("strange-sys", &["cmake", "bindgen"]), MUSL).remove(0);
    let failure = package.missing_program(|_| false).unwrap();
    assert_eq!(failure.what, "`strange-sys` 1.2.3+4 needs the program `cmake`, which is not in `PATH`");
    assert_eq!(failure.hint.as_deref(), Some("`apt install cmake`"));
    assert_eq!(package.missing_program(|name| name == "cmake"), None);
}
