//! `build --shard`: each recipe is built by one of several machines. `merge`: what they wrote becomes one, and an incomplete set
//! is refused.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::support::{
    case::{APP, Case},
    elf, judges,
    layout::Layout,
    output::Output,
};

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// Seven recipes of one program.
fn fleet() -> Case {
    let recipe = |name: &str| format!("{APP}[run]\nargs = [\"{name}\"]\n");
    let case = Case::new().file("app", elf::static_amd64()).file("recipes/app", elf::static_amd64());
    NAMES.iter().fold(case, |case, name| case.file(format!("recipes/{name}.toml"), recipe(name)))
}

fn read(case: &Case, path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(case.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"))).expect("JSON")
}

fn metadata(number: usize) -> String {
    format!("shard-{number}.json")
}

/// Builds one of three shards.
fn shard(case: &Case, number: usize, more: &[&str]) -> Output {
    let (shard, file) = (format!("{number}/3"), metadata(number));
    case.run(["build", "--shard", &shard, "--metadata-file", &file].iter().chain(more))
}

fn shards(case: &Case, more: &[&str]) -> Vec<Output> {
    (1..=3).map(|number| shard(case, number, more).ok()).collect()
}

/// The names that a build printed.
fn names(output: &Output) -> Vec<String> {
    output.stdout.lines().filter_map(|line| Some(line.split_once('@')?.0.to_owned())).collect()
}

/// A document without what a clock said.
fn untimed(mut document: Value) -> Value {
    for image in document.as_object_mut().expect("an object").values_mut() {
        let took = image.as_object_mut().and_then(|image| image.remove("hardpan.duration-ms"));
        assert!(took.is_some_and(|took| took.is_u64()), "{image}");
    }
    document
}

fn plan(output: &Output) -> &str {
    let line = output.stderr.lines().find(|line| line.starts_with("shard ")).expect("the line of the shard");
    line.rsplit_once("(plan ").expect("a plan").1
}

#[test]
fn the_shards_of_a_fleet_are_the_fleet() {
    let case = fleet();
    let all = case.run(["build", "--metadata-file", "all.json", "--output", "whole/{name}"]).ok();
    let outputs = shards(&case, &[]);
    let mut built: Vec<_> = outputs.iter().flat_map(names).collect();
    assert!(outputs.iter().all(|output| (2..=3).contains(&names(output).len())), "{built:?}");
    built.sort();
    assert_eq!(built, NAMES);
    for name in NAMES {
        let digest = |folder: &str| Layout::open(case.path(format!("{folder}/{name}")), None).digest();
        assert_eq!(digest("out"), digest("whole"));
    }
    let merge = case.run(["merge", "--output", "build.json", &metadata(3), &metadata(1), &metadata(2)]).ok();
    let plans: BTreeSet<_> = outputs.iter().map(plan).collect();
    assert_eq!(plans.len(), 1, "{plans:?}");
    merge.says("write build.json: 7 images of 3 shards (plan ").says(plans.first().unwrap());
    assert_eq!(untimed(read(&case, "build.json")), read(&case, "all.json"));
    assert_eq!(names(&all).len(), 7);
    // The same on another machine, which lists the recipes in another order, and which has the checkout elsewhere.
    let other = fleet().cwd("recipes");
    let words = NAMES.iter().rev().map(|name| format!("{name}.toml"));
    let output = other.run(["build", "--shard", "2/3"].map(str::to_owned).into_iter().chain(words)).ok();
    assert_eq!((plan(&output), names(&output).into_iter().rev().collect()), (plan(&outputs[1]), names(&outputs[1])));
    // An old file is no input of the next build.
    let tree = format!("{APP}[[tree]]\nfrom = \".\"\nto = \"/srv\"\ninclude = [\"*.json\", \"app\"]\n");
    let output = case.file("tree.toml", tree).file("other.json", "{}").run(["build", "tree.toml"]).ok();
    let left_out = output.stderr.lines().filter(|line| line.contains(".json (")).count();
    assert_eq!(left_out, 5, "{}", output.stderr);
}

#[test]
fn documents_on_stdout_are_merged_likewise() {
    let case = fleet();
    let json = |words: &[&str]| -> Value {
        serde_json::from_str(&case.run(["build", "--json"].iter().chain(words)).ok().stdout).expect("JSON")
    };
    for number in 1..=3 {
        let document = json(&["--shard", &format!("{number}/3"), "--keep-going"]);
        assert_eq!(document["shard"]["number"], number);
        fs::write(case.path(metadata(number)), document.to_string()).unwrap();
    }
    let merged = case.run(["merge", &metadata(1), &metadata(2), &metadata(3)]).ok();
    let mut merged: Value = serde_json::from_str(&merged.stdout).expect("JSON");
    for image in merged["images"].as_array_mut().unwrap() {
        image.as_object_mut().unwrap().remove("hardpan.duration-ms").expect("a duration");
        image["status"] = json!("unchanged");
    }
    assert_eq!(merged, json(&["--keep-going"]));
}

#[test]
fn a_shard_without_recipes_is_done() {
    let case = fleet();
    let outputs: Vec<_> =
        (1..=3).map(|number| shard(&case, number, &["recipes/a.toml", "recipes/b.toml"]).ok()).collect();
    let empty: Vec<_> = outputs.iter().filter(|output| output.stdout.is_empty()).collect();
    let [empty] = empty.as_slice() else { panic!("{outputs:?}") };
    assert!(empty.stderr.contains("/3: 0 of 2 recipes, balanced by their number (plan "), "{}", empty.stderr);
    case.run(["merge", "--output", "build.json", &metadata(1), &metadata(2), &metadata(3)])
        .ok()
        .says("2 images of 3 shards");
    assert_eq!(untimed(read(&case, "build.json")).as_object().unwrap().len(), 2);
    shard(&case, 3, &["recipes/a.toml", "--keep-going"]).ok().says("no images, ");
}

#[test]
fn shards_are_balanced_by_the_last_durations() {
    let case = fleet();
    shards(&case, &[]);
    case.run(["merge", "--output", "build.json", &metadata(1), &metadata(2), &metadata(3)]).ok();
    let mut last = read(&case, "build.json");
    for (name, image) in last.as_object_mut().unwrap() {
        image["hardpan.duration-ms"] = json!(if name == "d" { 600_000 } else { 60_000 });
    }
    last.as_object_mut().unwrap().remove("g");
    fs::write(case.path("last.json"), last.to_string()).unwrap();
    let outputs = shards(&case, &["--durations", "last.json"]);
    let mut built: Vec<_> = outputs.iter().map(names).collect();
    assert!(built.contains(&vec!["d".to_owned()]), "{built:?}");
    built.retain(|names| names != &["d"]);
    assert!(built.iter().all(|names| names.len() == 3), "{built:?}");
    assert!(outputs[0].stderr.contains("balanced by durations of 6 (plan "), "{}", outputs[0].stderr);
    case.run(["merge", "--output", "build.json", &metadata(1), &metadata(2), &metadata(3)]).ok();
    // A file that is not there would leave machines with other plans.
    shard(&case, 1, &["--durations", "none.json"]).fails(2).says("error[file-not-found]: none.json");
    shard(&case, 1, &["--durations", "recipes/a.toml"]).fails(2).says("error[merge]: recipes/a.toml: not valid JSON");
}

#[test]
fn recipes_of_one_module_stay_together() {
    let go = |dir: &str, name: &str| format!("name = \"{name}\"\n[[binary]]\ngo = \"./cmd\"\ndir = \"{dir}\"\n");
    let mut case = Case::new();
    for module in ["one", "two"] {
        let main = "package main\n\nfunc main() {}\n";
        case = case.file(format!("{module}/go.mod"), format!("module example.com/{module}\n\ngo 1.21\n"));
        case = case.file(format!("{module}/cmd/main.go"), main);
        for number in 0..3 {
            case = case.file(
                format!("recipes/{number}{module}.toml"),
                go(&format!("../{module}"), &format!("{number}{module}")),
            );
        }
    }
    case = case.folder(".git").file("bin/go", "#!/bin/sh\nexit 1\n").mode("bin/go", 0o755);
    let path = format!("{}:/usr/bin:/bin", case.path("bin").display());
    let case = case.env("PATH", path);
    let document = |number: usize| -> Value {
        let shard = format!("{number}/2");
        serde_json::from_str(&case.run(["build", "--shard", &shard, "--keep-going", "--json"]).stdout).expect("JSON")
    };
    let recipes = |number| -> BTreeSet<String> {
        let recipes = document(number)["shard"]["recipes"].as_array().unwrap().clone();
        recipes.iter().map(|recipe| recipe.as_str().unwrap()["recipes/0".len()..].to_owned()).collect()
    };
    assert_eq!((recipes(1).len(), recipes(2).len()), (1, 1), "each shard has one module");
}

#[test]
fn a_set_of_shards_that_is_not_the_fleet_is_refused() {
    let case = fleet();
    shards(&case, &[]);
    let edited = |file: &str, change: &dyn Fn(&mut Value)| {
        let mut document = read(&case, &metadata(2));
        change(&mut document);
        fs::write(case.path(file), document.to_string()).unwrap();
    };
    edited("plan.json", &|document| document["hardpan.shard"]["plan"] = json!("000000000000"));
    edited("twice.json", &|document| document["hardpan.shard"]["number"] = json!(1));
    edited("strange.json", &|document| document["hardpan.shard"]["number"] = json!("two"));
    edited("none.json", &|document| drop(document.as_object_mut().unwrap().remove("hardpan.shard")));
    edited("fewer.json", &|document| {
        let object = document.as_object_mut().unwrap();
        let name = object.keys().find(|key| *key != "hardpan.shard").unwrap().clone();
        object.remove(&name);
    });
    edited("shorter.json", &|document| {
        let object = document.as_object_mut().unwrap();
        object.retain(|key, _| key == "hardpan.shard");
        object["hardpan.shard"]["recipes"] = json!([]);
    });
    let first = read(&case, &metadata(1));
    let image = first.as_object().unwrap().keys().next().unwrap().clone();
    edited("overlap.json", &|document| {
        let object = document.as_object_mut().unwrap();
        let own = object.keys().find(|key| *key != "hardpan.shard").unwrap().clone();
        object.remove(&own);
        object.insert(image.clone(), first[&image].clone());
    });
    fs::copy(case.path("shard-2.json"), case.path("copy.json")).unwrap();
    let overlap = format!("overlap.json: the image `{image}` is in `shard-1.json`, too");
    for (files, what) in [
        (&["shard-1.json", "shard-3.json"][..], "shard-1.json: shard 2/3 is missing (plan "),
        (&["shard-3.json"], "shard-3.json: shards 1/3, 2/3 are missing (plan "),
        (&["shard-1.json", "shard-2.json", "copy.json"], "copy.json: shard 2 is in `shard-2.json`, too"),
        (&["shard-1.json", "shard-2.json", "./shard-2.json"], "./shard-2.json: the file is named twice"),
        (&["shard-1.json", "twice.json", "shard-3.json"], "twice.json: shard 1 is in `shard-1.json`, too"),
        (
            &["shard-1.json", "plan.json", "shard-3.json"],
            "plan.json: the file is shard 2/3 of 7 recipes by the plan 000000000000, and `shard-1.json` is shard 1/3 of 7",
        ),
        (
            &["shard-1.json", "strange.json", "shard-3.json"],
            "strange.json: what the file says of its shard is not what",
        ),
        (
            &["none.json", "shard-1.json", "shard-3.json"],
            "none.json: the file is not of a shard, and `shard-1.json` is",
        ),
        (&["shard-1.json", "fewer.json", "shard-3.json"], "fewer.json: the file is of "),
        (&["shard-1.json", "shorter.json", "shard-3.json"], "recipes, and the fleet has 7"),
        (&["shard-1.json", "overlap.json", "shard-3.json"], overlap.as_str()),
        (&["shard-1.json", "recipes/a.toml"], "recipes/a.toml: the file is of no kind that can be merged"),
        (&["shard-1.json", "absent.json"], "absent.json: cannot read the file: no such file or directory"),
    ] {
        case.run(["merge", "--output", "merged.json"].iter().chain(files)).fails(2).says(what);
        assert!(!case.path("merged.json").exists(), "{files:?}");
    }
    case.run(["merge", "--output", "shard-1.json", "shard-1.json", "shard-2.json", "shard-3.json"])
        .fails(2)
        .says("`--output` is one of the files that are merged");
    // Another fleet: one recipe more, or another commit of one.
    let more = case.file("recipes/h.toml", APP);
    shard(&more, 2, &[]).ok();
    more.run(["merge", "shard-1.json", "shard-2.json", "shard-3.json"]).fails(2).says("of 8 recipes by the plan ");
}

#[test]
fn a_merged_report_ends_as_one_call_would() {
    let big = format!("{APP}[policy]\nmax-size = \"10B\"\n");
    for (more, code) in [(Some(("big", &*big)), 1), (Some(("syntax", "name =")), 2), (None, 0)] {
        let case = more.iter().fold(fleet(), |case, (name, text)| case.file(format!("recipes/{name}.toml"), text));
        case.run(["build", "--keep-going", "--metadata-file", "all.json"].iter());
        let codes: BTreeSet<_> = (1..=3).map(|number| shard(&case, number, &["--keep-going"]).code).collect();
        assert_eq!(codes.last(), Some(&code));
        let merged = case.run(["merge", "--output", "build.json", &metadata(1), &metadata(2), &metadata(3)]);
        assert_eq!(merged.code, code, "{}", merged.stderr);
        let statuses = |file: &str| -> Vec<(String, bool)> {
            let document = read(&case, file);
            let images = document.as_object().unwrap().iter();
            images.map(|(name, image)| (name.clone(), image["hardpan.status"] == "failed")).collect()
        };
        assert_eq!(statuses("build.json"), statuses("all.json"));
    }
}

#[test]
fn what_shards_would_not_notice_of_each_other_is_refused() {
    let case = fleet();
    for (words, what) in [
        (&["--shard", "0/3"][..], "error[usage]: `--shard 0/3` is not K/N, a shard from 1 to N"),
        (&["--shard", "4/3"], "error[usage]: `--shard 4/3` is not K/N"),
        (&["--durations", "all.json"], "--shard"),
        (
            &["--shard", "1/3", "--output", "image"],
            "error[output-conflict]: `--output image` is one place for the recipes of all shards",
        ),
        (&["--shard", "1/3", "--digest-file", "digest"], "`--digest-file digest` is one place"),
        (&["--shard", "1/3", "--push", "127.0.0.1:1/app:1"], "`--push 127.0.0.1:1/app:1` is one place"),
        (&["--shard", "1/3", "--metadata-file", "{name}.json"], "`--metadata-file {name}.json` has variables"),
        (
            &["--shard", "3/3", "--metadata-file", "recipes/a.toml"],
            "recipes/a.toml: `--metadata-file` would be written over a recipe",
        ),
    ] {
        case.run(["build"].iter().chain(words)).fails(2).says(what);
    }
    assert!(!case.path("out").exists());
    // Two recipes of one name are in one shard, which refuses them.
    let twice = case.file("recipes/z.toml", format!("name = \"a\"\n{APP}"));
    let codes: Vec<_> = (1..=3).map(|number| shard(&twice, number, &[]).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 2).count(), 1, "{codes:?}");
}

#[test]
fn sarif_of_several_audits_is_one_log() {
    let case = fleet();
    case.run(["build"]).ok();
    for name in ["a", "b"] {
        let file = format!("{name}.sarif");
        case.run(["audit", &format!("out/{name}"), "--output", &file]).ok();
    }
    case.run(["merge", "--output", "all.sarif", "b.sarif", "a.sarif"])
        .ok()
        .says("write all.sarif: 2 runs, from 2 files");
    let (merged, one, two) = (read(&case, "all.sarif"), read(&case, "a.sarif"), read(&case, "b.sarif"));
    assert_eq!(merged["runs"], json!([one["runs"][0], two["runs"][0]]));
    assert_eq!(merged["$schema"], one["$schema"]);
    judges::assert_sarif(&merged);
    fs::copy(case.path("a.sarif"), case.path("c.sarif")).unwrap();
    let twice = case.run(["merge", "a.sarif", "c.sarif"]).fails(2);
    twice.says("error[merge]: c.sarif: a run of `hardpan` with the id `hardpan/out/a/` is in `a.sarif`, too");
    fs::write(case.path("old.sarif"), "{\"version\":\"2.0.0\",\"runs\":[]}").unwrap();
    case.run(["merge", "a.sarif", "old.sarif"]).fails(2).says("old.sarif: the version of this SARIF is not 2.1.0");
    fs::write(case.path("twice.sarif"), "{\"version\":\"2.1.0\",\"runs\":[],\"runs\":[]}").unwrap();
    case.run(["merge", "twice.sarif"]).fails(2).says("twice.sarif: not valid JSON: ");
    case.run(["merge", "a.sarif", "recipes/a.toml"]).fails(2);
}

#[test]
fn locks_of_one_recipe_keep_the_pins_of_all() {
    let case = fleet();
    case.run(["lock", "recipes/a.toml", "recipes/b.toml"]).ok();
    let text = fs::read_to_string(case.path("recipes/a.lock")).unwrap();
    let toolchain = "\n[[toolchain]]\nname = \"go\"\ndir = \".\"\nversion = \"go1.25.0\"\n";
    let case = case
        .file("one.lock", format!("{text}{toolchain}"))
        .file("same.lock", &text)
        .file("other.lock", format!("{text}{}", toolchain.replace("1.25.0", "1.26.0")));
    let merged = case.run(["merge", "same.lock", "one.lock"]).ok();
    assert_eq!(merged.stdout, format!("{text}{toolchain}"));
    let differ = case.run(["merge", "one.lock", "other.lock"]).fails(2);
    differ.says("error[merge]: other.lock:").says("`version` is `go1.26.0` here, and `go1.25.0` in `one.lock`");
    case.run(["merge", "recipes/a.lock", "recipes/b.lock"])
        .fails(2)
        .says("recipes/b.lock: the lock is of another recipe than `recipes/a.lock`");
    case.run(["merge", "one.lock", "recipes/a.toml"]).fails(2);
}
