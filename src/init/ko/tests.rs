//! Reads random `.ko.yaml` files: no panic, every result is a recipe, and every line is translated or noted.

#![allow(clippy::unwrap_used)]

use std::{fmt::Write as _, fs, path::Path};

use crate::{
    init::{DraftRequest, Toolchains},
    oci::Platform,
    recipe,
    report::{ErrorName, Failure},
};

/// A module with two programs, in a checkout whose commit has a revision and no tag.
struct TwoPrograms;

impl Toolchains for TwoPrograms {
    fn go_module(&self, _: &Path) -> Result<Vec<u8>, Failure> {
        Ok(br#"{"Module": {"Path": "example.com/shop"}}"#.to_vec())
    }

    fn go_packages(&self, dir: &Path, _: Option<&Path>, _: bool) -> Result<Vec<u8>, Failure> {
        let package = |name: &str| {
            let dir = dir.join("cmd").join(name);
            serde_json::json!({"ImportPath": format!("example.com/shop/cmd/{name}"), "Name": "main", "Dir": dir})
        };
        Ok(format!("{}{}", package("api"), package("job")).into())
    }

    fn cargo_workspace(&self, _: &Path) -> Result<Vec<u8>, Failure> {
        Err(Failure::error(ErrorName::ToolMissing, "no cargo here"))
    }

    fn rust_host(&self, _: &Path) -> Result<String, Failure> {
        Err(Failure::error(ErrorName::ToolMissing, "no rust here"))
    }

    fn has_rust_target(&self, _: &Path, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    fn git(&self, dir: &Path, variable: &str) -> Result<String, Failure> {
        if variable == "git.revision" {
            Ok("abc".into())
        } else {
            Err(Failure::error(ErrorName::Git, "no tag").in_path(dir))
        }
    }

    fn prebuilt(&self, _: &Path) -> Option<Result<Platform, String>> {
        None
    }
}

fn drafted(text: &str) -> Result<crate::init::DraftedRecipe, Failure> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("go.mod"), "module example.com/shop\n").unwrap();
    let dir = fs::canonicalize(folder.path()).unwrap();
    let from = Some((".ko.yaml".to_owned(), text.to_owned()));
    let request = DraftRequest { recipe_dir: dir.clone(), dir, name: None, binary: None, from };
    crate::init::draft(&request, &TwoPrograms, &|_, _| Ok(()))
        .map_err(|failures| failures.0.into_iter().next().unwrap())
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of.get(usize::try_from(self.0 >> 33).unwrap() % of.len()).copied().unwrap_or_default()
    }
}

/// Values that are the default, so that their entry may be absent from the notes.
const SILENT: [&str; 8] =
    ["CGO_ENABLED=0", "-trimpath", "-v", "-s -w", "-extldflags -static", "-buildvcs=false", "GOWORK=off", ""];
const ENV: [&str; 10] = [
    "CGO_ENABLED=0",
    "CGO_ENABLED=1",
    "MARK=x {y} \\\"z\\\"",
    "GOOS=linux",
    "GOAMD64=v2",
    "PATH=/x",
    "GOWORK=off",
    "no variable",
    "GOEXPERIMENT=none",
    "9=x",
];
const FLAGS: [&str; 12] = [
    "-trimpath",
    "-v",
    "-tags=one,two",
    "-tags={{.Env.X}}",
    "-gcflags=all=-l",
    "-mod=vendor",
    "-toolexec=x",
    "stray",
    "-buildvcs=false",
    "-race",
    "-o=x",
    "-unknown={}",
];
const LDFLAGS: [&str; 14] = [
    "-s -w",
    "-extldflags -static",
    "-extldflags '-static -x'",
    "-X main.a={{.Env.NAME}}",
    "-X main.b={{ index .Env \\\"OS\\\" }}",
    "-X 'main.c={{.Git.ShortCommit}} {{.Git.Tag}}'",
    "-X main.d={{.Date}}{{.Timestamp}}",
    "-X main.e={{ if .Git.IsDirty }}x{{ end }}",
    "{{.Env.LDFLAGS}}",
    "-X main.f={{.Git.Branch",
    "-X \\\"main.g={} it's\\\"",
    "-linkmode=external",
    "@file",
    "-X main.h=1",
];

#[test]
fn what_is_written_is_a_recipe_and_each_entry_is_in_it_or_on_the_list() {
    let mut dice = Dice(7);
    for _ in 0..400 {
        let (mut text, mut entries) = ("builds:\n- main: ./cmd/api\n".to_owned(), Vec::new());
        for (key, values) in [("env", &ENV[..]), ("flags", &FLAGS[..]), ("ldflags", &LDFLAGS[..])] {
            writeln!(text, "  {key}:").unwrap();
            for _ in 0..3 {
                let value = dice.pick(values);
                writeln!(text, "  - \"{value}\"").unwrap();
                entries.push((text.lines().count(), value));
            }
        }
        let platform = dice.pick(&["linux/amd64", "linux/arm64", "all", "x"]);
        writeln!(text, "defaultPlatforms: [{platform}]").unwrap();
        let drafted = drafted(&text).unwrap_or_else(|failure| panic!("{text}: {failure}"));
        let read = recipe::parse("hardpan.toml", &drafted.trial);
        assert!(read.is_ok(), "{text}\n{}\n{:?}", drafted.trial, read.err());
        let active: Vec<_> = drafted.text.lines().filter(|line| !line.starts_with('#')).collect();
        let active = active.join("\n");
        for (line, value) in entries {
            // A flag whose value is the next entry is listed with it, at the flag's line.
            let place = format!(".ko.yaml:{line}: ");
            let listed = drafted.left_out.iter().any(|left| left.starts_with(&place) || left.contains(value));
            let word = value.split([',', '{', ' ']).next().unwrap_or_default().replace("-tags=", "");
            let word = match word.as_str() {
                "CGO_ENABLED=1" => "cgo = true".to_owned(),
                "-X" if value.len() > 2 => "main.".to_owned(),
                flag if flag.starts_with('-') => flag.to_owned(),
                tag if value.starts_with("-tags") => tag.to_owned(),
                variable => format!("{} = ", variable.split('=').next().unwrap_or_default()),
            };
            assert!(
                listed || SILENT.contains(&value) || value == "-linkmode=external" || active.contains(&word),
                "line {line}, `{value}` is lost:\n{text}\n{}\n{:?}",
                drafted.text,
                drafted.left_out
            );
        }
    }
}

#[test]
fn a_broken_file_is_read_or_refused_and_never_a_panic() {
    let whole = "defaultPlatforms:\n- linux/arm64\nbuilds:\n- id: &a x\n  main: ./cmd/api\n  flags: -tags=a -v\n  \
                 ldflags: ['-X main.v={{.Env.V}}', \"-s\"]\n  env: [A=b]\n- <<: {main: ./cmd/job}\n  id: *a\n";
    assert!(drafted(whole).is_ok());
    for at in 0..whole.len() {
        for other in ["", "\0", ":", "{{", "\"", "- ", "\n", "ä", "&", "*a"] {
            let broken = format!("{}{other}{}", &whole[..at], &whole[at + 1..]);
            if let Ok(drafted) = drafted(&broken) {
                let read = recipe::parse("hardpan.toml", &drafted.trial);
                assert!(read.is_ok(), "{broken}\n{}\n{:?}", drafted.trial, read.err());
            }
        }
    }
}

#[test]
fn templates_become_variables_of_the_recipe() {
    for (ldflag, expected) in [
        ("-X main.v={{.Env.VERSION}}", "-X main.v={version}"),
        ("-X main.v={{- .Env.MY_VAR -}}", "-X main.v={my_var}"),
        ("-X main.v={{ .Env.NAME }}", "-X main.v={env-name}"),
        ("-X main.v={{.Git.FullCommit}}+{{.Git.ShortCommit}}", "-X main.v={git.revision}+{git.revision}"),
        ("-X main.v={{.Git.Tag}}", "-X main.v={git-tag}"),
        ("-X=main.v={{.Timestamp}}", "-X main.v={source-date}"),
        ("-X 'main.v={{.Env.SET}} {x}'", "-X 'main.v=in the file {{x}}'"),
    ] {
        let text = format!("builds:\n- main: ./cmd/api\n  env: [SET=in the file]\n  ldflags: [\"{ldflag}\"]\n");
        let drafted = drafted(&text).unwrap();
        assert!(drafted.text.contains(&format!("ldflags = [\"{expected}\"]")), "{ldflag}:\n{}", drafted.text);
    }
}
