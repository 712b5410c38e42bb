//! `hardpan list`: what is there of each recipe, and what has none.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    case::{APP, Case},
    elf,
    output::Output,
};

fn case() -> Case {
    let case = Case::new()
        .file("recipes/app", elf::static_amd64())
        .file("recipes/a.toml", APP)
        .file("recipes/b.toml", format!("name = \"bee\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n{APP}"))
        .file("recipes/c.toml", APP);
    case.run(["lock", "recipes/a.toml"]).ok();
    case
}

fn listed(case: &Case, code: i32) -> Value {
    let output = case.run(["list", "--json"]);
    assert_eq!(output.code, code, "{}", output.stderr);
    serde_json::from_str(&output.stdout).expect("JSON")
}

/// A listing of which a part could not be read.
fn partly(case: &Case) -> Output {
    let output = case.run(["list"]);
    assert_eq!(output.code, 2, "{}", output.stderr);
    output
}

#[test]
fn outputs_digests_and_pins_of_each_recipe() {
    let case = case();
    let digest = case.run(["build", "recipes/a.toml"]).ok().digest();
    let archive = case.run(["build", "recipes/c.toml", "--format", "oci-archive"]).ok().digest();
    let text = case.run(["list"]).ok().stdout;
    let expected = format!(
        "a (recipes/a.toml)\n  platforms  linux/amd64\n  output     out/a  layout  {digest}\n  lock       recipes/a.lock  fits\n  \
         pin        Mozilla's roots  1.0.11\n\
         bee (recipes/b.toml)\n  platforms  linux/amd64, linux/arm64\n  output     out/bee  not built\n  \
         lock       recipes/b.lock  missing\n\
         c (recipes/c.toml)\n  platforms  linux/amd64\n  output     out/c.tar  oci-archive  {archive}\n  \
         lock       recipes/c.lock  missing\n"
    );
    assert_eq!(text, expected);
    let json = listed(&case, 0);
    let one = &json["recipes"][0];
    assert_eq!(one["outputs"], json!([{ "path": "out/a", "state": "built", "format": "layout", "digest": digest }]));
    assert_eq!(one["pins"], json!([{ "kind": "certificates", "name": "certificates", "value": "1.0.11" }]));
    assert_eq!(json["recipes"][1]["outputs"], json!([{ "path": "out/bee", "state": "not built" }]));
    // A lock that does not fit, and what has no recipe.
    let case = case.edit("recipes/a.toml", |text| text + "[system]\ncertificates = \"none\"\n");
    assert_eq!(listed(&case, 0)["recipes"][0]["lock"], json!({ "path": "recipes/a.lock", "state": "stale" }));
    fs::remove_file(case.path("recipes/a.toml")).unwrap();
    fs::remove_file(case.path("recipes/c.toml")).unwrap();
    let case = case.file("out/notes.txt", "mine\n").file("recipes/Cargo.lock", "version = 4\n");
    let orphans = json!([
        { "kind": "lock", "path": "recipes/a.lock" },
        { "kind": "output", "path": "out/a" },
        { "kind": "output", "path": "out/c.tar" },
    ]);
    assert_eq!(listed(&case, 0)["orphans"], orphans);
    let end = "no recipe: recipes/a.lock (a lock)\nno recipe: out/a (an OCI layout of an image of hardpan)\n\
               no recipe: out/c.tar (an archive of an image of hardpan)\n";
    assert!(case.run(["list"]).ok().stdout.ends_with(end));
    assert!(!case.run(["list", "recipes/b.toml"]).ok().stdout.contains("no recipe"), "others are not asked for");
}

#[test]
fn what_is_damaged_or_unreadable_is_named_and_hides_no_other_one() {
    let case = case();
    let built = case.run(["build", "recipes/a.toml", "recipes/c.toml"]).ok();
    assert_eq!(built.code, 0);
    let blobs = || {
        let blobs = fs::read_dir(case.path("out/a/blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
        let mut blobs: Vec<_> = blobs.map(|path| (fs::metadata(&path).unwrap().len(), path)).collect();
        blobs.sort();
        blobs
    };
    let (size, largest) = blobs().pop().unwrap();
    let whole = fs::read(&largest).unwrap();
    for (bytes, said) in [(&whole[..usize::try_from(size).unwrap() - 1], "it has"), (b"", "it has 0 bytes")] {
        fs::write(&largest, bytes).unwrap();
        let output = partly(&case);
        assert!(output.stdout.contains("  output     out/a  damaged\n"), "{}", output.stdout);
        assert!(output.stdout.contains("  output     out/c  layout  sha256:"), "{}", output.stdout);
        output.says("error[blob-mismatch]: out/a: ").says(said);
    }
    fs::remove_file(&largest).unwrap();
    partly(&case).says("error[blob-missing]: out/a: ");
    fs::write(&largest, whole).unwrap();
    case.run(["list"]).ok();
    // A folder that is no image, a recipe and a lock that cannot be read.
    let case =
        case.file("out/bee/mine", "x").file("recipes/c.lock", "version = 9\n").file("recipes/d.toml", "name = \n");
    let json = listed(&case, 2);
    let recipes = json["recipes"].as_array().unwrap();
    assert_eq!(recipes[1]["outputs"], json!([{ "path": "out/bee", "state": "damaged" }]));
    assert_eq!(recipes[2]["lock"]["state"], "unreadable");
    assert_eq!(recipes[3]["name"], Value::Null);
    assert_eq!(recipes[3]["errors"][0]["name"], "recipe-syntax");
    assert_eq!(recipes[0]["errors"], json!([]));
    assert_eq!(json["orphans"], json!([]));
}
