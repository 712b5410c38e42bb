//! Flags that ask for the processor of the machine that compiles are refused wherever they are written.

use super::{cargo_project, digest, go_project};
use crate::support::case::Case;

fn refused(case: &Case, place: &str, what: &str) {
    let said = case.run(["build", "prog.toml", "--offline"]).fails(2);
    said.says(place).says(what).says("for the machine that compiles it").says("hint: name the CPU");
    assert!(!case.path("out").join("prog").exists());
}

#[test]
fn in_variables_of_a_recipe() {
    for (name, value) in [
        ("CFLAGS", "-O2 -march=native"),
        ("CXXFLAGS_x86_64_unknown_linux_gnu", "-mtune=native"),
        ("TARGET_CC", "cc -mcpu=native"),
    ] {
        let line = format!("env = {{ {name} = \"{value}\" }}\ntarget");
        let case = cargo_project(Case::new(), "").edit("prog.toml", |text| text.replacen("target", &line, 1));
        refused(&case, "prog.toml:4:", &format!("`{name}` has `-m"));
    }
    let line = "cgo = true\nenv = { CGO_CFLAGS = \"-g {flags}\" }\nldflags";
    let case = go_project().edit("prog.toml", |text| text.replacen("ldflags", line, 1));
    let case = case.edit("prog.toml", |text| format!("{text}flags = \"-march=native\"\n"));
    refused(&case, "prog.toml:5:", "`CGO_CFLAGS` has `-march=native`");
}

#[test]
fn in_the_configuration_of_a_checkout() {
    for (config, place, what) in [
        ("[build]\nrustflags = \"-Ctarget-cpu=native\"\n", "config.toml:2:1", "`build.rustflags` has"),
        (
            "[target.'cfg(unix)']\n\nrustflags = [\"-C\", \"target_cpu=native\"]\n",
            "config.toml:3:1",
            "`target.\"cfg(unix)\".rustflags` has",
        ),
        ("[env]\nCFLAGS = { value = \"-march=native\" }\n", "config.toml:2:1", "`env.CFLAGS` has `-march=native`"),
        (
            "[profile.release.package.inner]\nrustflags = [\"-Ctarget-cpu=native\"]\n",
            "config.toml:2:1",
            "`profile.release.package.inner.rustflags` has",
        ),
    ] {
        let case = cargo_project(Case::new(), "").file(".cargo/config.toml", config);
        refused(&case, &format!(".cargo/{place}"), what);
    }
    let file = cargo_project(Case::new(), "").file(".cargo/config.toml", "[build]\nrustflags = [\"@flags\"]\n");
    let said = file.run(["build", "prog.toml", "--offline"]).fails(2);
    said.says(".cargo/config.toml:2:1").says("has the response file `@flags`");
    // What does not count in this compile is no reason.
    let other = "[target.aarch64-apple-darwin]\nrustflags = [\"-Ctarget-cpu=native\"]\n[profile.dist]\ninherits = \"release\"\n\
                 rustflags = [\"-Ctarget-cpu=native\"]\n[build]\nrustflags = [\"-Ctarget-cpu=x86-64\"]\n";
    digest(&cargo_project(Case::new(), "").file(".cargo/config.toml", other));
}

#[test]
fn in_the_cgo_lines_of_a_go_package() {
    let source = "package inner\n\n// #cgo LDFLAGS: -lm\n// #cgo amd64 CFLAGS: -O2 -march=native\n// int one(void) { return 1; }\n\
                  import \"C\"\n\nfunc Where() string { C.one(); return \"\" }\n";
    let case = go_project().file("inner/inner.go", source);
    let case = case.edit("prog.toml", |text| text.replacen("ldflags", "cgo = true\nldflags", 1));
    refused(&case, "inner/inner.go:4", "`example.com/prog/inner` has `-march=native` in a `#cgo` line");
    // A condition that does not hold.
    digest(&case.file("inner/inner.go", source.replace("amd64", "arm64")));
}
