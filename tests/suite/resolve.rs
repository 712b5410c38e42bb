//! `hardpan resolve`: references in deployment files become digests that were pushed, and every other byte stays.

use std::{fs, process::Stdio};

use crate::{
    examples::Registry,
    support::{
        case::{APP, Case},
        elf,
        judges::{checked, tool},
    },
};

/// Everything that has to stay: a mark, comments, quotes, anchors, line breaks, blanks, a second document.
const FILE: &str = "\u{feff}# die App, größer: hardpan://app\r\nkind: Pod   # ein Pod\r\nspec: &spec\r\n  containers:\r\n  - {name: 'a',image: \"hardpan://app\"}\r\n  - name: b\r\n    image:   'hardpan://app'  # hardpan://app\r\n---\r\nimage: &image hardpan://app\r\nsame: *image";

/// Two recipes, pushed to a registry on the loopback with metadata in `build.json`; with the address of the registry.
fn pushed() -> (Case, Registry, String) {
    let registry = Registry::start();
    let address = format!("127.0.0.1:{}", registry.port);
    let case =
        Case::new().file("recipes/app.toml", format!("name = \"app\"\n{}", APP.replace("\"app\"", "\"../app\"")));
    let case =
        case.file("recipes/other.toml", "name = \"other\"\n[[binary]]\npath = \"../app\"\nto = \"/usr/bin/other\"\n");
    let case = case.file("app", elf::static_amd64()).cwd(".");
    let target = format!("{address}/team/{{name}}:1");
    case.run(["build", "--allow-outside", "--push", &target, "--metadata-file", "build.json"]).ok();
    (case, registry, address)
}

/// `HOST/REPOSITORY@DIGEST`, with the digest that the registry itself has for a tag.
fn place(address: &str, name: &str) -> String {
    let reference = format!("docker://{address}/team/{name}:1");
    let digest = checked(tool("skopeo").args(["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &reference]));
    format!("{address}/team/{name}@{}", digest.trim())
}

#[test]
fn references_become_what_the_registry_has_and_every_other_byte_stays() {
    let (case, _registry, address) = pushed();
    let (app, other) = (place(&address, "app"), place(&address, "other"));
    let case = case.file("deploy/a.yaml", FILE).file("deploy/deep/b.yml", "image: hardpan://recipes/other.toml\n");
    let case = case.file("deploy/c.json", "{\"image\":\"hardpan://other\"}").file("deploy/notes.txt", "hardpan://app");
    let expected =
        FILE.replace("\"hardpan://app\"", &format!("\"{app}\"")).replace("'hardpan://app'", &format!("'{app}'"));
    let expected = expected.replace("&image hardpan://app", &format!("&image {app}"));
    let resolve = ["resolve", "--metadata", "build.json"];
    let run = |words: &[&str]| case.run([&resolve, words].concat());

    assert_eq!(run(&["-f", "deploy/a.yaml"]).ok().stdout, expected);
    let both = run(&["-f", "deploy"]).ok().stdout;
    assert_eq!(both, format!("{expected}\n---\n{{\"image\":\"{other}\"}}"));
    assert_eq!(run(&["-R", "-f", "deploy"]).ok().stdout.matches(&other).count(), 2);
    let mut command = case.command([&resolve[..], &["-f", "-"]].concat());
    let output = command.stdin(Stdio::from(fs::File::open(case.path("deploy/a.yaml")).expect("a file"))).output();
    assert_eq!(output.expect("hardpan").stdout, expected.as_bytes());

    run(&["-R", "-f", "deploy", "--output", "new/files"]).ok();
    assert_eq!(fs::read_to_string(case.path("new/files/a.yaml")).expect("a file"), expected);
    assert_eq!(fs::read_to_string(case.path("new/files/deep/b.yml")).expect("a file"), format!("image: {other}\n"));
    assert!(!case.path("new/files/notes.txt").exists());

    // No socket is opened: metadata is all that counts.
    let (output, sockets) = case.traced(&["--trace=socket,connect"], [&resolve[..], &["-f", "deploy"]].concat());
    assert_eq!((output.ok().stdout, sockets), (both, Vec::<String>::new()));
}

#[test]
fn push_builds_the_recipes_that_are_named_and_no_others() {
    let (case, _registry, address) = pushed();
    let go = "[[binary]]\ngo = \"./cmd/web\"\ndir = \"../src\"\n";
    let case = case.file("recipes/web.toml", go).file("src/go.mod", "module example.com/acme\n\ngo 1.21\n");
    let case = case.file("src/cmd/web/main.go", "package main\n\nfunc main() {}\n");
    let case = case.file("recipes/broken.toml", "name = \"broken\"\n[[binary]]\npath = \"none\"\nto = \"/a\"\n");
    let case = case.file("x.yaml", "- ko://example.com/acme/cmd/web\n- 'ko://./cmd/web/'\n");
    let target = format!("{address}/team/{{name}}:1");
    let output = case.run(["resolve", "-f", "x.yaml", "--push", &target, "--allow-outside"]).ok();
    let web = place(&address, "web");
    assert_eq!(output.stdout, format!("- {web}\n- '{web}'\n"));
    assert!(case.path("out/web").is_dir() && !case.path("out/broken").exists());
    let case = case.file("recipes/twin.toml", go.replace("[[binary]]", "name = \"twin\"\n[[binary]]"));
    let twins = "error[deployment]: x.yaml:1:3: `ko://example.com/acme/cmd/web` may mean each of `recipes/twin.toml`, `recipes/web.toml`";
    case.run(["resolve", "-f", "x.yaml", "--push", &target]).fails(2).says(twins);
}

#[test]
fn what_has_no_digest_is_refused_at_its_place_and_nothing_is_written() {
    let (case, _registry, address) = pushed();
    case.run(["build", "recipes/app.toml", "--allow-outside", "--metadata-file", "local.json"]).ok();
    let case = case.file(
        "two.json",
        format!(
            "{{\"image.name\":\"two\",\"hardpan.pushed\":[\"{0}/a/two@sha256:{1}\",\"{0}/b/two@sha256:{1}\"]}}",
            address,
            "0".repeat(64)
        ),
    );
    let metadata = |file: &str| vec!["--metadata".to_owned(), file.to_owned()];
    for (text, more, says) in [
        (
            "a: 1\nimage: \"hardpan://nope\"\n",
            metadata("build.json"),
            "error[deployment]: x/x.yaml:2:9: no recipe is meant by `hardpan://nope`",
        ),
        (
            "- ko://example.com/none\n",
            metadata("build.json"),
            "error[deployment]: x/x.yaml:1:3: no recipe is meant by `ko://example.com/none`",
        ),
        (
            "- hardpan://\n",
            metadata("build.json"),
            "error[deployment]: x/x.yaml:1:3: no recipe is meant by `hardpan://`",
        ),
        (
            "- hardpan://recipes/none.toml\n",
            metadata("build.json"),
            "x/x.yaml:1:3: cannot read the recipe `recipes/none.toml`",
        ),
        (
            "- hardpan://other\n",
            metadata("local.json"),
            "error[metadata]: x/x.yaml:1:3: no metadata file names the image `other`",
        ),
        (
            "- hardpan://app\n",
            metadata("local.json"),
            "error[metadata]: x/x.yaml:1:3: `local.json` does not say that `app` was pushed",
        ),
        (
            "- hardpan://two\n",
            metadata("two.json"),
            "error[metadata]: x/x.yaml:1:3: `two` was pushed to 2 repositories",
        ),
        ("a: {{ .Values.image }}: [\n", metadata("build.json"), "error[deployment]: x/x.yaml:"),
        ("a: 1\n", metadata("app"), "error[metadata]: app: "),
    ] {
        let case = case.clone().file("x/x.yaml", text).file("x/good.yaml", "image: hardpan://app\n");
        let words = ["resolve", "-f", "x", "--output", "new"].map(str::to_owned).to_vec();
        case.run([words, more].concat()).fails(2).says(says);
        assert!(!case.path("new").exists(), "{says}");
    }
    let case = case.file("x/x.yaml", "- hardpan://two\n");
    let found =
        case.run(["resolve", "-f", "x/x.yaml", "--metadata", "two.json", "--registry", &format!("{address}/b")]).ok();
    assert_eq!(found.stdout, format!("- {address}/b/two@sha256:{}\n", "0".repeat(64)));
    let warned = case
        .file("y.yaml", "args: [--image=hardpan://app]\n")
        .run(["resolve", "-f", "y.yaml", "--metadata", "build.json"])
        .ok();
    assert!(
        warned.stderr.contains("warning: y.yaml:1:8: a reference is not replaced, because it is not the whole value"),
        "{}",
        warned.stderr
    );
    assert_eq!(warned.stdout, "args: [--image=hardpan://app]\n");
}
