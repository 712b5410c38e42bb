//! What hardpan writes is no input: the same recipe gives the same digest however often it is built, wherever its outputs
//! are.

mod checkouts;

use std::{collections::BTreeSet, fs};

use crate::support::{
    base::{Base, Family, Stage},
    case::{APP, Case},
    clock::tick,
    elf,
    output::Output,
};

/// Takes everything, dotfiles, too.
const ALL: &str = "[[tree]]\nfrom = \".\"\nto = \"/srv\"\ninclude = [\"**/*\", \"**/.*\", \"**/.*/**\"]\n";

/// A program, a recipe that takes all of its folder, and a folder `out` that is somebody else's.
fn all() -> Case {
    Case::new()
        .recipe(&format!("{APP}{ALL}"))
        .file("app", elf::static_amd64())
        .file("out/next/page.js", "js")
        .file(".env.example", "A=b\n")
        .file("site/index.html", "html")
}

/// The paths below `/srv` in an image.
fn taken(output: &Output) -> BTreeSet<String> {
    let paths = output.layout().image().entries().into_keys().map(|path| format!("/{}", path.trim_start_matches('/')));
    paths.filter(|path| path.starts_with("/srv/")).collect()
}

/// A small generator of numbers (SplitMix64), so that each run of the test does the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).expect("an index")]
    }
}

#[test]
fn outputs_of_every_kind_at_random_places_give_one_digest() {
    let case = all().file("other.toml", APP).folder("deep/er").folder(".hidden").folder("new");
    let expected = case.build().ok().digest();
    let mut numbers = Numbers(13);
    let folders = ["", "site/", "deep/er/", "out/", ".hidden/", "new/"];
    for step in 0..40 {
        let place = |numbers: &mut Numbers, name: &str| format!("{}{name}", numbers.pick(&folders));
        let mut call: Vec<String> = Vec::new();
        let name = ["a", "b.tar", "c.json", "d"][usize::try_from(numbers.below(4)).expect("an index")];
        match numbers.below(8) {
            0 => call.extend(
                ["audit".into(), "out/app".into()].into_iter().chain(
                    ["json", "sarif", "html"]
                        .map(|form| format!("--output={form}={}", place(&mut numbers, &format!("r.{form}")))),
                ),
            ),
            1 => call.extend(["lock".into(), "other.toml".into()]),
            kind => {
                call.extend(["build".into(), numbers.pick(&["app.toml", "other.toml"]).into()]);
                let form = numbers.pick(&["layout", "oci-archive", "docker-archive"]);
                call.push(format!("--format={form}"));
                if kind > 2 {
                    call.push(format!("--output={}", place(&mut numbers, &format!("{form}-{name}"))));
                }
                if kind > 4 {
                    call.push(format!("--digest-file={}", place(&mut numbers, &format!("digest-{name}"))));
                    call.push(format!("--metadata-file={}", place(&mut numbers, &format!("meta-{name}"))));
                }
            }
        }
        let output = case.run(&call).ok();
        if call.iter().any(|word| word == "app.toml") {
            assert_eq!(output.digest(), expected, "step {step}: {call:?}");
        }
        let built = case.run(["build", "app.toml", "--output", "../last"]).ok();
        assert_eq!(built.digest(), expected, "after step {step}: {call:?}");
    }
}

#[test]
fn a_plan_has_a_line_for_each_path_that_is_left_out() {
    let case = all();
    case.run(["build", "app.toml", "--output", "site/image", "--digest-file", "digest"]).ok();
    case.run(["build", "app.toml", "--format", "oci-archive", "--output", "image"]).ok();
    let plan = case.run(["plan", "app.toml"]).ok();
    for line in [
        "left out app.toml  line 5  a recipe\n",
        "left out digest  line 5  a digest, as `--digest-file` writes it\n",
        "left out image  line 5  an archive of an image of hardpan\n",
        "left out site/image  line 5  an OCI layout of an image of hardpan\n",
    ] {
        assert!(plan.stdout.contains(line), "{line}: {}", plan.stdout);
    }
    let json: serde_json::Value = serde_json::from_str(&case.run(["plan", "--json", "app.toml"]).ok().stdout).unwrap();
    let left_out = json["plans"][0]["images"][0]["left-out"].as_array().expect("a list");
    assert_eq!(left_out.len(), 4, "{left_out:?}");
    let said = case.build().ok().stderr;
    assert!(said.contains("left out of the tree at app.toml:5:8: image (an archive"), "{said}");
}

#[test]
fn outputs_named_as_inputs() {
    let case = Case::new().recipe(APP).file("app", elf::static_amd64()).folder("data");
    case.run(["build", "app.toml", "--output", "data/image", "--digest-file", "data/digest"]).ok();
    let tree =
        |from: &str, include: &str| format!("{APP}[[tree]]\nfrom = \"{from}\"\nto = \"/srv\"\ninclude = [{include}]\n");
    let takes = |recipe: &str, path: &str| {
        let case = case.clone().file("b.toml", recipe);
        taken(&case.run(["build", "b.toml"]).ok()).contains(path)
    };
    assert!(takes(&tree("data/image", "\"**/*\""), "/srv/index.json"), "`from` is the layout");
    assert!(takes(&tree("data/image/blobs", "\"**/*\""), "/srv/sha256"), "`from` lies in the layout");
    assert!(takes(&tree("data", "\"image/**\""), "/srv/image/index.json"));
    assert!(takes(&tree("data", "\"digest\""), "/srv/digest"));
    let only = case.clone().file("b.toml", tree("data", "\"*\""));
    only.run(["build", "b.toml"]).fails(2).says("no file matches `*`").says("`digest`");
    for (recipe, what) in [
        (tree("data", "\"image/**\""), "b.toml:7:12: `image/**` names `image`, an output of this build"),
        (tree("data/image", "\"**/*\""), "b.toml:5:8: `data/image` is an output of this build"),
        (tree("data/image/blobs", "\"**/*\""), "lies in `data/image`, an output of this build"),
        (
            format!("{APP}[[file]]\nfrom = \"data/image/index.json\"\nto = \"/a\"\n"),
            "lies in `data/image`, an output of this",
        ),
        (format!("{APP}[[file]]\nfrom = \"data/digest\"\nto = \"/a\"\n"), "`data/digest` is an output of this build"),
        (APP.replace("\"app\"", "\"data/digest\""), "`data/digest` is an output of this build"),
        (format!("base = \"./data/image\"\n{APP}"), "over its own base"),
    ] {
        let case = case.clone().file("b.toml", recipe);
        case.run(["build", "b.toml", "--output", "data/image", "--digest-file", "data/digest"])
            .fails(2)
            .says(what)
            .says("hint:");
    }
}

#[test]
fn an_output_is_never_a_recipe_a_lock_or_another_output() {
    let case = all();
    case.run(["lock", "app.toml"]).ok();
    for (more, what) in [
        (&["--digest-file", "app.toml"][..], "app.toml: `--digest-file` would be written over a recipe"),
        (&["--metadata-file", "./site/../app.lock"], "`--metadata-file` would be written over the lock of a recipe"),
        (&["--digest-file", "out/app/digest"], "`--digest-file` would be written into `out/app` (the image)"),
        (&["--digest-file", "out/app"], "would both be written there"),
        (&["--output", "app.toml", "--format", "oci-archive"], "app.toml: the image would be written over a recipe"),
        (&["--output", "."], ".: exists and is not an OCI layout"),
    ] {
        case.run(["build", "app.toml"].iter().chain(more)).fails(2).says(what);
    }
    assert!(fs::read_to_string(case.path("app.toml")).unwrap().starts_with("[[binary]]"));
    assert!(fs::read_to_string(case.path("app.lock")).unwrap().contains("version = 1"));
}

#[test]
fn output_in_the_folder_of_the_recipe() {
    let case = all();
    case.run(["build", "app.toml", "--output", "image"]).ok();
    // A layout with a recipe in it, which takes its own folder.
    let case = case.file("image/app.toml", format!("{APP}{ALL}")).file("image/app", elf::static_amd64()).cwd("image");
    case.run(["build", "app.toml", "--output", "."]).fails(2).says("`.` is an output of this build");
}

#[test]
fn recipes_of_one_call_do_not_take_the_outputs_of_each_other() {
    let case = all().file("b.toml", format!("{APP}{ALL}"));
    let build =
        || case.run(["build", "app.toml", "b.toml", "--output", "site/{name}", "--digest-file", "{name}.d"]).ok();
    let first = build().stdout;
    assert_eq!(build().stdout, first);
    assert_eq!(build().stdout, first);
    // One that is the base of another one would be the old image in this call and the new one in the next.
    let case = case.file("c.toml", format!("base = \"./site/app\"\n{APP}"));
    case.run(["build", "app.toml", "c.toml", "--output", "site/{name}"])
        .fails(2)
        .says("c.toml:1:8: `./site/app` is an output of this build");
}

#[test]
fn inputs_that_look_like_outputs() {
    let case = all();
    case.build().ok();
    // The same documents under another history: none of ours.
    let case = case.file("digest.txt", format!("sha256:{}\n", "a".repeat(64))).file("app.tar", "no tar");
    let case = Base::of([Stage::distroless(Family::Oci, "amd64")]).layout(case, "vendor/layout");
    let files = taken(&case.build().ok());
    for path in ["/srv/digest.txt", "/srv/app.tar", "/srv/vendor/layout/index.json"] {
        assert!(files.contains(path), "{path}: {files:?}");
    }
}

#[test]
fn a_cache_in_the_tree_is_no_input() {
    let case = all();
    let cache = case.path("cache");
    let case = case.env("XDG_CACHE_HOME", cache);
    let digests: BTreeSet<_> = (0..3).map(|_| case.build().ok().digest()).collect();
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
fn known_files_stay_closed() {
    let mut case = all();
    for number in 0..300 {
        case = case.file(format!("many/{number}"), vec![b'x'; 512 * (number % 20 + 1)]);
    }
    case.build().ok();
    tick();
    case.build().ok();
    let (output, opened) = case.traced(&["--trace=open,openat"], ["build", "app.toml"]);
    output.ok();
    let many: Vec<_> = opened.iter().filter(|line| line.contains("many/") && !line.contains("O_DIRECTORY")).collect();
    assert!(many.is_empty(), "{} files were opened: {:?}", many.len(), many.first());
}

/// Faults that were there once.
mod regression {
    use super::{BTreeSet, all, taken};

    #[test]
    fn tree_that_took_its_outputs() {
        let case = all();
        let receipts = ["build", "app.toml", "--digest-file", "digest", "--metadata-file", "site/meta.json"];
        let digests: BTreeSet<_> = (0..3).map(|_| case.run(receipts).ok().digest()).collect();
        assert_eq!(digests.len(), 1, "{digests:?}");
        let built = case.build().ok();
        assert!(digests.contains(&built.digest()), "the receipts of the build before were taken");
        let files = taken(&built);
        assert!(files.contains("/srv/out/next/page.js"), "a folder `out` of somebody else is an input: {files:?}");
        for none in ["digest", "site/meta.json", "out/app/index.json", "app.toml"] {
            assert!(!files.contains(&format!("/srv/{none}")), "{none}");
        }
    }
}
