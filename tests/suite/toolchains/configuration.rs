//! Cargo's configuration: this machine's has no effect or is refused, the checkout's keeps its own.

use super::{cargo_project, digest, holds, program};
use crate::support::case::Case;

/// What many machines of developers have, with programs that are not there: none of it may be called.
const MACHINE: &str = "[build]\nrustc-wrapper = \"/nonexistent/sccache\"\n\
    rustc = \"/nonexistent/rustc\"\nrustflags = [\"-Copt-level=0\"]\ntarget = \"wasm32-unknown-unknown\"\njobs = 2\n\
    [target.x86_64-unknown-linux-gnu]\nlinker = \"/nonexistent/clang\"\nrunner = \"/nonexistent/qemu\"\n\
    rustflags = [\"-Clink-arg=-fuse-ld=/nonexistent/mold\"]\n\
    [target.'cfg(unix)']\nlinker = \"/nonexistent/mold\"\nrustflags = [\"-Cdebuginfo=2\"]\n\
    [target.aarch64-unknown-linux-musl]\nlinker = \"/nonexistent/aarch64-gcc\"\n\
    [target.'cfg(windows)']\nlinker = \"/nonexistent/lld-link\"\n\
    [profile.dev]\nopt-level = 3\n[profile.dist]\ninherits = \"dev\"\n[alias]\nb = \"build\"\n\
    [resolver]\nincompatible-rust-versions = \"allow\"\n[lints.rust]\nunsafe_code = \"deny\"\n[unstable]\ngc = true\n\
    [env]\nCFLAGS = { value = \"-O0\", force = true }\nTZ = \"Asia/Tokyo\"\n\
    [net]\nretry = 1\n[http]\ntimeout = 5\n[term]\nquiet = true\n";

/// A program that shows what it was compiled with.
fn telling(case: Case) -> Case {
    cargo_project(case, "").file(
        "prog/src/main.rs",
        "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n\nfn main() {\n    println!(\"{} {} {:?}\", made(), inner::place(), option_env!(\"OWN\"));\n    \
         #[cfg(own)]\n    println!(\"own flags are here\");\n    #[cfg(general)]\n    println!(\"general flags are here\");\n}\n",
    )
}

#[test]
fn machine_configuration_that_is_overridden() {
    let reference = digest(&cargo_project(Case::new(), ""));
    let above = cargo_project(Case::new(), "").file("../.cargo/config.toml", MACHINE);
    assert_eq!(digest(&above), reference);
    let home = cargo_project(Case::new(), "").file("../home/config.toml", MACHINE);
    let path = home.path("../home");
    let home = home.env("CARGO_HOME", path);
    assert_eq!(digest(&home), reference);
    // The fetch is in the caller's environment, and reads the same files.
    assert_eq!(home.networked().run(["build", "prog.toml"]).ok().digest(), reference);
}

#[test]
fn machine_configuration_that_is_refused() {
    for (config, key, line) in [
        ("[profile.release]\nopt-level = 0\n", "profile.release.opt-level", 2),
        ("[alias]\nb = \"build\"\n\n[env]\nX = \"secret\"\n", "env.X", 5),
        ("[patch.crates-io]\ninner = { path = \"x\" }\n", "patch.crates-io.inner.path", 2),
        ("paths = [\"x\"]\n", "paths", 1),
        ("[build]\nrustc-workspace-wrapper = \"w\"\n", "build.rustc-workspace-wrapper", 2),
        ("include = [\"more.toml\"]\n", "profile.release.lto", 1),
    ] {
        let case = cargo_project(Case::new(), "")
            .file("../.cargo/config.toml", config)
            .file("../.cargo/more.toml", "profile.release.lto = true\n");
        let refused = case.run(["build", "prog.toml", "--offline"]).fails(2);
        let file = if key.ends_with("lto") { "more.toml" } else { "config.toml" };
        let refused = refused.says(&format!("`{key}`")).says(&format!(".cargo/{file}:{line}:")).says("hint: ");
        assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
        assert!(!case.path("out").join("prog").exists());
    }
}

#[test]
fn checkout_configuration() {
    let own = |config: &str| {
        let case = telling(Case::new()).file("../.cargo/config.toml", MACHINE).file(".cargo/config.toml", config);
        program(&case)
    };
    let bytes = own("[build]\nrustflags = [\"--cfg\", \"own\"]\n[env]\nOWN = \"own variable\"\n");
    assert!(holds(&bytes, "own flags are here") && holds(&bytes, "own variable"));
    // Flags of a target take the place of the general ones, where their condition holds.
    for (table, applies) in [
        ("x86_64-unknown-linux-gnu", true),
        ("'cfg(all(unix, target_env = \"gnu\"))'", true),
        ("'cfg(windows)'", false),
    ] {
        let bytes = own(&format!(
            "[build]\nrustflags = [\"--cfg\", \"general\"]\n[target.{table}]\nrustflags = [\"--cfg\", \"own\"]\n"
        ));
        assert_eq!(holds(&bytes, "own flags are here"), applies, "{table}");
        assert_eq!(holds(&bytes, "general flags are here"), !applies, "{table}");
    }
}

#[test]
fn an_included_configuration_of_the_checkout_counts() {
    let case = telling(Case::new())
        .file(".cargo/config.toml", "include = [\"flags/own.toml\"]\n")
        .file(".cargo/flags/own.toml", "[build]\nrustflags = [\"--cfg\", \"own\"]\n");
    assert!(holds(&program(&case), "own flags are here"));
    let outside = case.file(".cargo/config.toml", "include = [\"../../own.toml\"]\n").file("../own.toml", "");
    let refused = outside.run(["build", "prog.toml", "--offline"]).fails(2);
    refused.says(".cargo/config.toml:1:1").says("outside of the checkout");
}

#[test]
fn checkout_linker() {
    for table in ["x86_64-unknown-linux-gnu", "'cfg(target_os = \"linux\")'"] {
        let case = cargo_project(Case::new(), "")
            .file("../.cargo/config.toml", MACHINE)
            .file(".cargo/config.toml", format!("[target.{table}]\nlinker = \"tools/linker\"\n"))
            .file("tools/linker", "#!/bin/sh\n: > \"${0%/*}/was-called\"\nexec cc \"$@\"\n")
            .mode("tools/linker", 0o755);
        digest(&case);
        assert!(case.path("tools/was-called").exists(), "{table}");
    }
}
