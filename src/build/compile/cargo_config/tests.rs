#![allow(clippy::unwrap_used)]
use cargo_platform::Cfg;

use super::{super::environment::Environment, *};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Part of every compile.
const OUTSIDE: [&str; 4] = ["home/config.toml", "home/config", "work/.cargo/config.toml", ".cargo/config"];
const OWN: &str = "work/checkout/app/.cargo/config.toml";
const OWN_OUTER: &str = "work/checkout/.cargo/config.toml";

/// A machine with a cargo home, a checkout at `work/checkout` and a program at `work/checkout/app`.
struct TestMachine(tempfile::TempDir);

impl TestMachine {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("work/checkout/app")).unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self) -> Result<CargoConfiguration, Failure> {
        let checkout = self.path("work/checkout");
        CargoConfiguration::read(&checkout.join("app"), &checkout, &self.path("home"))
    }

    fn settle_with(&self, profile: &str, environment: &[(&str, &str)]) -> Result<SettledConfig, Failure> {
        let environment: Environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.read()?.settle(&CompileContext {
            target: TARGET,
            host: "aarch64-unknown-linux-gnu",
            profile,
            workspace: &self.path("work/checkout"),
            environment: &environment,
            ask: &cfgs,
        })
    }

    fn settle(&self) -> Result<SettledConfig, Failure> {
        self.settle_with("release", &[])
    }

    fn overrides(&self) -> Vec<String> {
        let overrides = self.settle().unwrap().overrides;
        overrides.into_iter().filter(|argument| argument != "--config").collect()
    }

    fn flags(&self) -> Vec<String> {
        self.settle().unwrap().rustflags
    }
}

/// As `rustc --print cfg` has it; a flag switches a feature on.
#[expect(clippy::unnecessary_wraps, reason = "the compiler may fail")]
fn cfgs(flags: &[String]) -> Result<Vec<Cfg>, Failure> {
    let mut lines = vec!["unix", "target_os=\"linux\"", "target_env=\"gnu\"", "target_arch=\"x86_64\""];
    if flags.iter().any(|flag| flag == "-Ctarget-cpu=v3") {
        lines.push("target_feature=\"avx2\"");
    }
    Ok(lines.into_iter().map(|line| line.parse().unwrap()).collect())
}

#[test]
fn what_reaches_no_compile_is_ignored_outside_of_the_checkout() {
    let harmless = "[source.crates-io]\nreplace-with = 'm'\n[source.m]\nregistry = 'sparse+https://example.com/'\n\
        [source.unused]\ndirectory = '/v'\n[net]\noffline = true\n[term]\nquiet = true\n[alias]\nb = 'build'\n\
        [build]\njobs = 3\nrustflags = ['-Cx']\ntarget = 'wasm32-unknown-unknown'\ntarget-dir = '/t'\nincremental = true\n\
        [profile.dev]\nopt-level = 3\n[profile.dist]\nlto = true\n[profile.release]\nincremental = true\n\
        [target.x86_64-unknown-linux-gnu]\nrunner = 'qemu'\nrustflags = ['-Cy']\n\
        [target.aarch64-unknown-linux-musl]\nlinker = 'a-gcc'\nrustflags = '-Cz'\nssl = { rustc-link-lib = ['x'] }\n\
        [target.'cfg(windows)']\nlinker = 'w'\n[target.'cfg(']\nlinker = 'v'\n\
        [resolver]\nincompatible-rust-versions = 'allow'\n[lints.rust]\nx = 'deny'\n[patch.crates-io]\n[some-later-table]\nx = 1\n";
    for file in OUTSIDE {
        let settled = TestMachine::new(&[(file, harmless)]).settle().unwrap();
        let overrides = Vec::new();
        assert_eq!(settled, SettledConfig { rustflags: vec![], linker: None, overrides }, "{file}");
    }
}

#[test]
fn what_would_change_the_program_is_refused_outside_of_the_checkout() {
    for (text, key, place) in [
        ("[profile.release]\nlto = true", "profile.release.lto", ":2:1"),
        ("[profile]\nrelease.package.a.opt-level = 1", "profile.release.package.a.opt-level", ":2:19"),
        ("[env]\nA = 'b'", "env.A", ":2:1"),
        ("[env]\n'A B' = { value = 'b' }", "env.\"A B\"", ":2:1"),
        ("paths = ['x']", "paths", ":1:1"),
        ("[source.v]\ndirectory = '/v'\n[source.crates-io]\nreplace-with = 'v'", "source.v.directory", ":2:1"),
        ("[patch.crates-io.a]\npath = 'x'", "patch.crates-io.a.path", ":2:1"),
        ("[unstable]\nbuild-std = ['core']", "unstable.build-std", ":2:1"),
        ("[resolver]\nlockfile-path = 'x'", "resolver.lockfile-path", ":2:1"),
        (
            "[target.x86_64-unknown-linux-gnu.ssl]\nrustc-link-lib = ['x']",
            "target.x86_64-unknown-linux-gnu.ssl.rustc-link-lib",
            ":2:1",
        ),
    ] {
        for file in OUTSIDE {
            let machine = TestMachine::new(&[(file, text)]);
            let failure = machine.settle().unwrap_err();
            let what = format!("`{key}` in the cargo configuration of this machine would change the program");
            let place = format!("{}{place}", machine.path(file).display());
            assert_eq!(failure.to_string(), format!("{place}: {what}"));
            assert!(failure.hint.is_some());
        }
        assert!(TestMachine::new(&[(OWN, text)]).settle().is_ok(), "{text}");
    }
}

#[test]
fn what_the_command_line_can_override_is_overridden() {
    for (text, overrides) in [
        ("[build]\nrustc-wrapper = 'sccache'", vec!["build.rustc-wrapper=\"\""]),
        ("[build]\nrustc = 'c'", vec!["build.rustc=\"rustc\""]),
        ("[target.x86_64-unknown-linux-gnu]\nlinker = 'clang'", vec!["target.x86_64-unknown-linux-gnu.linker=\"cc\""]),
        ("[target.'cfg(unix)']\nlinker = 'clang'", vec!["target.x86_64-unknown-linux-gnu.linker=\"cc\""]),
        ("[unstable]\ngc = true\nx = false", vec!["unstable.gc=false"]),
        ("[env]\nCFLAGS = { value = 'x', force = true }\nCXXFLAGS = 'y'", vec!["env.CFLAGS.force=false"]),
    ] {
        for file in OUTSIDE {
            assert_eq!(TestMachine::new(&[(file, text)]).overrides(), overrides, "{text}");
            // Twice is no more than once.
            let both = TestMachine::new(&[("home/config.toml", text), ("work/.cargo/config.toml", text)]);
            assert_eq!(both.overrides(), overrides, "{text}");
        }
        let own = TestMachine::new(&[(OWN, text)]).overrides();
        assert!(own.is_empty() || text.contains("CFLAGS") && own == overrides, "{own:?}");
    }
}

#[test]
fn a_key_of_the_checkout_wins_and_needs_no_override() {
    let host =
        "[build]\nrustc-wrapper = 'sccache'\n[target.x86_64-unknown-linux-gnu]\nlinker = 'clang'\n[env]\nA = 'host'\n";
    let machine = TestMachine::new(&[("home/config.toml", host), (OWN, &host.replace("clang", "own"))]);
    assert_eq!(machine.overrides(), [""; 0]);
    let settled = machine.settle().unwrap();
    assert_eq!(settled.linker.as_deref(), Some(Path::new("own")));
    // A linker by a condition would yield to this machine's by the triple.
    let own =
        "[build]\nrustc-wrapper = 'x'\n[env]\nA = 'own'\n[target.'cfg(target_env = \"gnu\")']\nlinker = 'tools/ld'";
    let machine = TestMachine::new(&[("home/config.toml", host), (OWN, own)]);
    let linker = machine.path("work/checkout/app/tools/ld");
    assert_eq!(machine.overrides(), [format!("target.{TARGET}.linker=\"{}\"", linker.display())]);
    // What this machine would add to a table of the checkout.
    let machine = TestMachine::new(&[
        ("home/config.toml", "[env]\nA = { value = 'x', force = true }"),
        (OWN, "[env]\nA = { value = 'y' }"),
    ]);
    assert!(machine.settle().unwrap_err().what.starts_with("`env.A.force`"));
}

#[test]
fn a_variable_of_the_compile_wins_over_env_of_this_machine() {
    let machine = TestMachine::new(&[("home/config.toml", "[env]\nA = { value = 'x', force = true }\nB = 'y'")]);
    assert!(machine.settle_with("release", &[("B", "")]).is_err());
    let settled = machine.settle_with("release", &[("A", ""), ("B", "")]).unwrap();
    assert_eq!(settled.overrides, ["--config", "env.A.force=false"]);
}

#[test]
fn a_profile_reaches_those_that_inherit_from_it() {
    let manifest =
        ("work/checkout/Cargo.toml", "[profile.dist]\ninherits = 'thin'\n[profile.thin]\ninherits = 'release'");
    for (key, profile, refused) in [
        ("release", "dist", true),
        ("thin", "dist", true),
        ("dist", "dist", true),
        ("dist", "thin", false),
        ("dist", "release", false),
        ("dev", "dist", false),
        ("dev", "dev", true),
        ("dev", "test", true),
        ("release", "bench", true),
        ("release", "dev", false),
    ] {
        let machine = TestMachine::new(&[manifest, ("home/config.toml", &format!("[profile.{key}]\nlto = true"))]);
        assert_eq!(machine.settle_with(profile, &[]).is_err(), refused, "{key} {profile}");
    }
    // Also by way of the configuration, which cargo refuses where it is a circle.
    let own = (OWN, "[profile.dist]\ninherits = 'dev'");
    let machine = TestMachine::new(&[manifest, own, ("home/config.toml", "[profile.dev]\nlto = true")]);
    assert!(machine.settle_with("dist", &[]).is_err());
    let circle = TestMachine::new(&[(OWN, "[profile.a]\ninherits = 'b'\n[profile.b]\ninherits = 'a'")]);
    assert!(circle.settle_with("a", &[]).is_ok());
}

#[test]
fn a_wrapper_of_the_checkout_stays() {
    let own = TestMachine::new(&[(OWN, "[build]\nrustc-workspace-wrapper = 'clippy-driver'")]);
    assert_eq!(own.settle().unwrap().overrides, [""; 0]);
    let host = TestMachine::new(&[("home/config.toml", "[build]\nrustc-workspace-wrapper = 'clippy-driver'")]);
    let failure = host.settle().unwrap_err().to_string();
    assert!(failure.contains("`build.rustc-workspace-wrapper`"), "{failure}");
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let failure = TestMachine::new(&[("home/config.toml", "[source")]).read().unwrap_err();
    assert!(failure.what.starts_with("this cargo configuration is invalid TOML: "), "{failure}");
    let machine = TestMachine::new(&[("home/config.toml", "")]);
    fs::write(machine.path("home/config.toml"), [0xff, 0xfe]).unwrap();
    assert!(machine.read().is_err());
}

#[test]
fn flags_of_the_checkout_join_from_the_outermost_inwards() {
    let outer = (OWN_OUTER, "[build]\nrustflags = ['-Ca']");
    assert_eq!(TestMachine::new(&[outer, (OWN, "[build]\nrustflags = ['-Cb']")]).flags(), ["-Ca", "-Cb"]);
    assert_eq!(TestMachine::new(&[(OWN, "[build]\nrustflags = '-Cb -Cc'")]).flags(), ["-Cb", "-Cc"]);
}

#[test]
fn target_flags_win_over_build_flags_where_their_condition_holds() {
    let build = (OWN_OUTER, "[build]\nrustflags = ['-Ca']");
    for (table, flags) in [
        ("x86_64-unknown-linux-gnu", vec!["-Cb"]),
        ("aarch64-unknown-linux-gnu", vec!["-Ca"]),
        ("'cfg(unix)'", vec!["-Cb"]),
        ("'cfg(all(unix, not(target_env = \"musl\")))'", vec!["-Cb"]),
        ("'cfg(any(windows, target_arch = \"x86_64\"))'", vec!["-Cb"]),
        ("'cfg(windows)'", vec!["-Ca"]),
        ("'cfg(unix'", vec!["-Ca"]),
    ] {
        let own = format!("[target.{table}]\nrustflags = ['-Cb']");
        assert_eq!(TestMachine::new(&[build, (OWN, &own)]).flags(), flags, "{table}");
    }
    let both = "[target.x86_64-unknown-linux-gnu]\nrustflags = ['-Ctarget-cpu=v3']\n[target.'cfg(unix)']\nrustflags = '-Cd'\n\
        [target.'cfg(target_feature = \"avx2\")']\nrustflags = ['-Ce']";
    assert_eq!(TestMachine::new(&[build, (OWN, both)]).flags(), ["-Ctarget-cpu=v3", "-Ce", "-Cd"]);
}

#[test]
fn the_linker_of_the_checkout_is_found_by_triple_or_by_condition() {
    let linker = |text: &str| TestMachine::new(&[(OWN, text)]).settle().map(|settled| settled.linker);
    let found = |name: &str| Some(PathBuf::from(name));
    assert_eq!(linker("[target.x86_64-unknown-linux-gnu]\nlinker = 'mold'").unwrap(), found("mold"));
    assert_eq!(linker("[target.'cfg(target_os = \"linux\")']\nlinker = 'mold'").unwrap(), found("mold"));
    assert_eq!(linker("[target.'cfg(windows)']\nlinker = 'mold'").unwrap(), None);
    let two = "[target.'cfg(unix)']\nlinker = 'a'\n[target.'cfg(target_os = \"linux\")']\nlinker = 'b'\n";
    let failure = linker(two).unwrap_err();
    assert!(failure.what.contains("one of several linkers"), "{failure}");
    assert_eq!(linker(&format!("{two}[target.x86_64-unknown-linux-gnu]\nlinker = 'c'")).unwrap(), found("c"));
}

#[test]
fn included_files_count_and_yield_to_the_file_itself() {
    let main = "include = ['sub/a.toml', { path = 'b.toml' }, { path = 'none.toml', optional = true }]\n[build]\nrustflags = ['-Cm']";
    let files = [
        (OWN, main),
        (
            "work/checkout/app/.cargo/sub/a.toml",
            "[build]\nrustflags = ['-Ca']\n[target.x86_64-unknown-linux-gnu]\nlinker = 'x/ld'",
        ),
        ("work/checkout/app/.cargo/b.toml", "[build]\nrustflags = ['-Cb']"),
    ];
    let machine = TestMachine::new(&files);
    assert_eq!(machine.flags(), ["-Ca", "-Cb", "-Cm"]);
    assert_eq!(machine.settle().unwrap().linker, Some(machine.path("work/checkout/app/.cargo/x/ld")));
    // Outside of the checkout what is included is judged like the rest.
    let host = [("home/config.toml", "include = ['a.toml']"), ("home/a.toml", "[profile.release]\nlto = true")];
    let machine = TestMachine::new(&host);
    let place = format!("{}:2:1: `profile.release.lto`", machine.path("home/a.toml").display());
    assert!(machine.settle().unwrap_err().to_string().starts_with(&place));
    for (text, says) in [
        ("include = ['none.toml']", "`none.toml`, which is not there"),
        ("include = ['../../../.cargo/x.toml']", "outside of the checkout"),
        ("include = ['config.toml']", "in a loop"),
        ("include = [1]", "is a list of files"),
    ] {
        let failure = TestMachine::new(&[(OWN, text), ("work/.cargo/x.toml", "")]).read().unwrap_err();
        assert!(failure.what.contains(says), "{failure}");
        assert!(failure.to_string().contains("config.toml:1:1: "), "{failure}");
    }
}

#[test]
fn flags_for_the_processor_of_this_machine_are_refused_where_they_count() {
    const MANIFEST: &str = "work/checkout/Cargo.toml";
    const FLAGS: &str = "rustflags = ['-Ctarget-cpu=native']\n";
    for (file, text, key, place) in [
        (OWN, "[build]\nX", "build.rustflags", ":2:1"),
        (OWN_OUTER, "[target.'cfg(unix)']\nX", "target.\"cfg(unix)\".rustflags", ":2:1"),
        (OWN, "[profile.release]\nX", "profile.release.rustflags", ":2:1"),
        (MANIFEST, "[profile.release]\n\nX", "profile.release.rustflags", ":3:1"),
        (MANIFEST, "[profile.release.build-override]\nX", "profile.release.build-override.rustflags", ":2:1"),
        (MANIFEST, "[profile.release.package.\"*\"]\nX", "profile.release.package.\"*\".rustflags", ":2:1"),
    ] {
        let machine = TestMachine::new(&[(file, &text.replace('X', FLAGS))]);
        let failure = machine.settle().unwrap_err();
        let what = format!("`{key}` has `-Ctarget-cpu=native`, which makes a program for the machine that compiles it");
        assert_eq!(failure.to_string(), format!("{}{place}: {what}", machine.path(file).display()));
        assert!(failure.hint.is_some());
    }
    // Another target, another profile, and general flags that those of the target take the place of.
    let text =
        "[target.aarch64-apple-darwin]\nX[build]\nX[target.x86_64-unknown-linux-gnu]\nrustflags = ['-Copt-level=3']\n";
    let manifest = "[profile.dist]\ninherits = 'release'\nX";
    let machine = TestMachine::new(&[(OWN, &text.replace('X', FLAGS)), (MANIFEST, &manifest.replace('X', FLAGS))]);
    assert_eq!(machine.flags(), ["-Copt-level=3"]);
    assert!(machine.settle_with("dist", &[]).is_err());
}

#[test]
fn a_condition_nested_a_thousand_times_is_refused_and_not_read() {
    let nested = |depth: usize| {
        let condition = format!("cfg({}unix{})", "not(".repeat(depth), ")".repeat(depth));
        TestMachine::new(&[(OWN, &format!("[target.'{condition}']\nrustflags = [\"-Copt-level=1\"]\n"))])
    };
    assert_eq!(nested(40).flags(), ["-Copt-level=1"]);
    for depth in [64, 1000, 200_000] {
        let failure = nested(depth).read().unwrap_err().to_string();
        assert!(failure.ends_with("a condition of `[target]` has more than 64 parentheses inside of each other"));
    }
}
