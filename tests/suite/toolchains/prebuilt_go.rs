//! Prebuilt Go programs for other processors than the image's: Go's build information tells.

use std::fs;

use crate::support::{
    base::{Base, Family, Packed, Stage},
    case::Case,
    foreign::Tar,
    judges::{checked, tool},
};

/// A Go program, compiled here with these variables, as `app` of a case.
fn compiled(settings: &[(&str, &str)], flags: &[&str]) -> Case {
    let case = Case::new()
        .file("source/go.mod", "module example.com/app\n\ngo 1.21\n")
        .file("source/main.go", "package main\n\nfunc main() { println(\"ok\") }\n");
    let mut go = tool("go");
    go.args(["build", "-o"]).arg(case.path("app")).args(flags).arg(".").current_dir(case.path("source"));
    go.env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=mod").envs(settings.iter().copied());
    checked(&mut go);
    case
}

fn recipe(platform: &str) -> String {
    format!("platforms = [\"{platform}\"]\n[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n")
}

#[test]
fn a_program_for_a_later_processor_than_the_platforms_is_refused() {
    for (architecture, name, value, good, bad) in [
        ("amd64", "GOAMD64", "v3", "linux/amd64/v3", &["linux/amd64", "linux/amd64/v2"][..]),
        ("amd64", "GOAMD64", "v1", "linux/amd64", &[]),
        ("arm", "GOARM", "7", "linux/arm/v7", &["linux/arm/v6"]),
        ("arm", "GOARM", "6", "linux/arm/v6", &[]),
        ("arm64", "GOARM64", "v8.1", "", &["linux/arm64"]),
        ("arm64", "GOARM64", "v8.0", "linux/arm64", &[]),
    ] {
        // Names of symbols and of files are of no help, and neither is their absence.
        let case = compiled(&[("GOARCH", architecture), (name, value)], &["-trimpath", "-ldflags=-s -w"]);
        for platform in bad {
            let case = case.clone().recipe(&recipe(platform));
            let what =
                format!("app.toml:3:8: the entrypoint `/usr/bin/app` is for {architecture} with `{name}={value}");
            let output = case.run(["build", "app.toml"]).fails(1);
            assert!(output.stderr.contains("error[wrong-architecture]"), "{platform}: {}", output.stderr);
            assert!(output.stderr.contains(&what), "{platform}: {}", output.stderr);
            // Known from the file itself, also when its headers are remembered.
            case.run(["check", "app.toml"]).fails(1);
            case.run(["build", "app.toml"]).fails(1);
        }
        if !good.is_empty() {
            let case = case.clone().recipe(&recipe(good));
            case.run(["build", "app.toml"]).ok();
            case.run(["build", "app.toml"]).ok();
        }
    }
}

#[test]
fn the_audit_finds_it_in_any_image_however_large_the_program_is() {
    for flags in [&[][..], &["-buildmode=pie"]] {
        let case = compiled(&[("GOARCH", "amd64"), ("GOAMD64", "v3")], flags);
        let small = fs::read(case.path("app")).expect("the program");
        // One whose middle an audit does not keep: what is not loaded in front of its data.
        let case = case
            .file("source/noise.go", "package main\n\nimport _ \"embed\"\n\n//go:embed noise\nvar noise string\n\nfunc init() { if len(noise) == 1 { println(noise) } }\n")
            .file("source/noise", vec![b'x'; 40 << 20]);
        let mut go = tool("go");
        go.args(["build", "-o"]).arg(case.path("large")).args(flags).arg(".").current_dir(case.path("source"));
        checked(go.env("CGO_ENABLED", "0").env("GOAMD64", "v3"));
        let large = fs::read(case.path("large")).expect("the program");
        assert!(large.len() > 40 << 20, "{}", large.len());
        for (name, program) in [("small", small), ("large-one", large)] {
            let stage = Stage::new(Family::Oci, "amd64")
                .set("Entrypoint", serde_json::json!(["/app"]))
                .set("User", serde_json::json!("65532:65532"))
                .layer(Tar::new().file("app", 0o555, &program), Packed::Plain);
            let case = Base::of([stage]).layout(case.clone(), name);
            let output = case.run(["audit", name]);
            let said = "`/app` is for amd64 with `GOAMD64=v3`, the image is for linux/amd64";
            assert!(output.stdout.contains(said), "{name} {flags:?}: {}{}", output.stdout, output.stderr);
        }
    }
}
