//! The fetch of dependencies works in the caller's environment, and therefore runs nothing that the checkout brings and sees no
//! secret that it is not given. What runs around compilers is for the policy of the pipeline to say.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use super::{cargo_project, digest, go_project};
use crate::support::case::Case;

/// Writes a script that does `does` and then runs what it is given, or `then`; gives its folder.
fn script(case: &Case, name: &str, text: &str) -> PathBuf {
    let folder = case.path("../tools");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file()).unwrap()
}

/// The case with a `go` in front of `PATH` that notes its environment, and what it noted in one build.
fn environment_of_go(case: &Case, more: &[&str]) -> String {
    let seen = case.path("../seen");
    let real = which("go");
    let text = format!("env >> {}; exec {} \"$@\"", seen.display(), real.display());
    let folder = script(case, "go", &text);
    drop(fs::remove_file(&seen));
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let cache = case.path("../cache");
    crate::support::case::share_go_builds(&cache);
    let case = case.clone().env("PATH", path).env("XDG_CACHE_HOME", &cache);
    case.run([&["build", "prog.toml"], more].concat()).ok();
    drop(fs::remove_dir_all(cache));
    fs::read_to_string(seen).unwrap()
}

#[test]
fn secrets_of_a_pipeline_reach_a_fetch_only_by_name() {
    let case = go_project()
        .env("CI_JOB_TOKEN", "word-of-the-job")
        .env("DEPLOY_PASSWORD", "word-of-the-deploy")
        .env("SOME_SETTING", "of-no-secret");
    let seen = environment_of_go(&case, &[]);
    assert!(seen.contains("SOME_SETTING=of-no-secret"), "the fetch has the caller's environment: {seen}");
    assert!(!seen.contains("word-of-the"), "{seen}");
    let seen = environment_of_go(&case, &["--fetch-env", "CI_JOB_TOKEN"]);
    assert!(seen.contains("word-of-the-job") && !seen.contains("word-of-the-deploy"), "{seen}");
    let named = case.clone().env("HARDPAN_FETCH_ENV", "DEPLOY_PASSWORD OTHER");
    let seen = environment_of_go(&named, &[]);
    assert!(!seen.contains("word-of-the-job") && seen.contains("word-of-the-deploy"), "{seen}");
    let wrong = case.run(["build", "prog.toml", "--fetch-env", "CI_JOB_TOKEN=word"]).fails(2);
    let wrong = wrong.says("takes the name of a variable alone");
    assert!(!wrong.stderr.contains("=word"), "{}", wrong.stderr);
}

#[test]
fn a_toolchain_or_a_credential_provider_of_the_checkout_is_refused_for_a_fetch() {
    for (file, text, what) in [
        ("rust-toolchain.toml", "[toolchain]\npath = \"./toolchain\"\n", "the fetch runs toolchains of the user alone"),
        (
            ".cargo/config.toml",
            "[registry]\ncredential-provider = [\"./steal\"]\n",
            "`registry.credential-provider` has",
        ),
        (
            ".cargo/config.toml",
            "[registries.mine]\nindex = \"sparse+https://127.0.0.1:1/\"\ncredential-provider = [\"./steal\"]\n",
            "`registries.mine.credential-provider` has",
        ),
        (".cargo/config.toml", "[env]\nLD_PRELOAD = \"/nonexistent/steal.so\"\n", "`env.LD_PRELOAD` has"),
    ] {
        let case = cargo_project(Case::new(), "").file(file, text);
        let cache = case.path("../cache");
        let refused = case.clone().env("XDG_CACHE_HOME", &cache).run(["build", "prog.toml"]).fails(2);
        let refused = refused.says("error[fetch-untrusted]").says(what).says("hint:");
        assert!(refused.stderr.contains(file) && !refused.stderr.contains("steal"), "{}", refused.stderr);
    }
}

#[test]
fn a_wrapper_in_a_configuration_of_the_checkout_does_not_run_in_a_fetch() {
    let case = cargo_project(Case::new(), "");
    let noted = case.path("../noted");
    // It runs in the compile, which has nothing of the caller, and fails there.
    let text = format!("env >> {}; exec \"$@\"", noted.display());
    let wrapper = script(&case, "wrapper", &text).join("wrapper");
    let case = case
        .file(".cargo/config.toml", format!("[build]\nrustc-wrapper = \"{}\"\n", wrapper.display()))
        .env("SOME_SETTING", "of-the-caller");
    case.clone().env("XDG_CACHE_HOME", case.path("../cache")).run(["build", "prog.toml"]).ok();
    let noted = fs::read_to_string(noted).unwrap_or_default();
    assert!(!noted.contains("of-the-caller"), "{noted}");
}

const POLICY: &str = "[compile]\npass = [\"GOCACHEPROG\", \"RUSTC_WRAPPER\"]\n";

#[test]
fn a_wrapper_of_rustc_runs_where_the_policy_file_names_it_and_nowhere_else() {
    let case = cargo_project(Case::new(), "").file("pipeline.toml", POLICY);
    let reference = digest(&case);
    let noted = case.path("../noted");
    let text = format!("echo \"$SCCACHE_DIR $SECRET_WORD $*\" >> {}; exec \"$@\"", noted.display());
    let folder = script(&case, "my-sccache", &text);
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let home = case.path("../cache");
    let case = case
        .env("PATH", path)
        .env("RUSTC_WRAPPER", "my-sccache")
        .env("SCCACHE_DIR", "/somewhere")
        .env("SECRET_WORD", "of-the-caller")
        .env("XDG_CACHE_HOME", home);
    let metadata = |name: &str| -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(case.path(name)).unwrap()).unwrap()
    };
    let without = case.run(["build", "prog.toml", "--metadata-file", "without.json"]).ok();
    let without = without.says("`RUSTC_WRAPPER` is set in the environment and has no effect");
    assert!(!noted.exists() && without.digest() == reference);
    assert_eq!(metadata("without.json")["hardpan.compile.passed"], serde_json::Value::Null);
    fs::remove_dir_all(case.path("../cache")).unwrap();
    let arguments = ["build", "prog.toml", "--policy", "pipeline.toml", "--metadata-file", "with.json"];
    let with = case.run(arguments).ok();
    assert!(!with.stderr.contains("has no effect"), "{}", with.stderr);
    assert_eq!(with.digest(), reference, "the bytes are those without it");
    let noted = fs::read_to_string(noted).unwrap();
    assert!(noted.contains("--crate-name prog") && noted.contains("/somewhere"), "{noted}");
    assert!(!noted.contains("of-the-caller"), "{noted}");
    assert_eq!(metadata("with.json")["hardpan.compile.passed"], serde_json::json!(["RUSTC_WRAPPER"]));
    // One of the checkout is none of the pipeline.
    let own = script(&case, "unused", "exit 1");
    fs::copy(own.join("unused"), case.path("wrapper")).unwrap();
    fs::remove_dir_all(case.path("../cache")).unwrap();
    for wrapper in [case.path("wrapper").to_str().unwrap(), "./wrapper", "not-there"] {
        let refused = case.clone().env("RUSTC_WRAPPER", wrapper).run(arguments).fails(2);
        refused.says("error[environment]").says("`RUSTC_WRAPPER` is `");
    }
}

#[test]
fn a_build_cache_of_go_runs_where_the_policy_file_names_it_and_nowhere_else() {
    let case = go_project().file("pipeline.toml", POLICY);
    let reference = digest(&case);
    let noted = case.path("../noted");
    let text = format!("env >> {}; exit 1", noted.display());
    let program = script(&case, "cache-program", &text).join("cache-program");
    let home = case.path("../cache");
    crate::support::case::share_go_builds(&home);
    let case = case
        .env("GOCACHEPROG", format!("{} --flag", program.display()))
        .env("SECRET_WORD", "of-the-caller")
        .env("XDG_CACHE_HOME", &home);
    assert_eq!(case.run(["build", "prog.toml"]).ok().digest(), reference);
    let before = fs::read_to_string(&noted).unwrap_or_default();
    assert!(!before.contains("GOCACHEPROG"), "{before}");
    drop(fs::remove_dir_all(home.join("hardpan/go")));
    drop(fs::remove_dir_all(home.join("hardpan/programs")));
    // This one answers nothing: that the build fails shows that Go has asked it.
    case.run(["build", "prog.toml", "--policy", "pipeline.toml"]).fails(2);
    let noted = fs::read_to_string(&noted).unwrap();
    assert!(noted.contains("GOCACHEPROG=") && !noted.contains("of-the-caller"), "{noted}");
    // No recipe can ask for it.
    let recipe = "[[binary]]\ngo = \"./cmd/prog\"\nenv = { GOCACHEPROG = \"/bin/false\" }\n";
    case.file("own.toml", recipe).run(["build", "own.toml"]).fails(2).says("GOCACHEPROG");
}
