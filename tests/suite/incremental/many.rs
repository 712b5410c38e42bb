//! Many recipes of one call: built side by side, told and judged as one behind the other.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::tick;
use crate::support::{case::Case, elf, judges, output::Output};

/// How many recipes a case has.
const COUNT: usize = 12;

/// Recipes that share a binary of several blocks, each with a text and a file of its own.
fn case() -> Case {
    let mut case = Case::new().file("app", elf::static_amd64_of(3_000_000));
    for number in 0..COUNT {
        let mut recipe = String::new();
        let _ = write!(
            recipe,
            "[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n\n\
             [[file]]\nfrom = \"data-{number}\"\nto = \"/srv/data\"\n\n\
             [[file]]\ntext = \"number {number}\\n\"\nto = \"/etc/number\"\n"
        );
        case = case.file(format!("r{number:02}.toml"), recipe);
        case = case.file(format!("data-{number}"), format!("data {number}\n").repeat(100 * number + 1));
    }
    let cache = case.path("cache");
    case.env("XDG_CACHE_HOME", cache)
}

fn names() -> Vec<String> {
    (0..COUNT).map(|number| format!("r{number:02}")).collect()
}

fn build(case: &Case, jobs: usize) -> Output {
    let recipes = names().into_iter().map(|name| format!("{name}.toml"));
    let options = ["--verbose".to_owned(), "--jobs".to_owned(), jobs.to_string()];
    case.run(["build".to_owned()].into_iter().chain(recipes).chain(options)).untimed()
}

/// Where a layout has the blob of its last layer.
fn last_layer(case: &Case, name: &str) -> PathBuf {
    let blobs = case.path(format!("out/{name}/blobs/sha256"));
    let largest = fs::read_dir(blobs).unwrap().map(|blob| blob.unwrap().path());
    largest.max_by_key(|blob| fs::metadata(blob).unwrap().len()).unwrap()
}

#[test]
fn side_by_side_or_one_behind_the_other_everything_is_the_same() {
    let alone = case();
    let digests: Vec<_> =
        names().iter().map(|name| alone.run(["build", &format!("{name}.toml")]).ok().digest()).collect();
    let mut told = Vec::new();
    for jobs in [1, 2, 5, 16] {
        let case = case();
        let output = build(&case, jobs).ok();
        for (name, digest) in names().iter().zip(&digests) {
            assert!(output.stdout.contains(&format!("{name}@{digest}")), "{jobs} jobs: {}", output.stdout);
            let problems = judges::imagespec_problems(&case.path(format!("out/{name}")));
            assert_eq!(problems, Vec::<String>::new());
        }
        told.push(output.stderr);
    }
    // The lines of a recipe are not mixed with those of another one; what is done ahead of its turn is not timed.
    let lines = |told: &String| -> Vec<String> {
        told.lines().filter(|line| !line.starts_with("took ")).map(str::to_owned).collect()
    };
    for others in told.get(1..).unwrap() {
        assert_eq!(lines(others), lines(&told[0]));
    }
}

#[test]
fn layers_of_one_run_are_new_for_each_image() {
    for cached in [true, false] {
        let case = case();
        // A file where the cache should be: there is none then.
        let case = if cached { case } else { case.file("cache", "") };
        let output = build(&case, 4).ok();
        let layers = output.stderr.lines().filter(|line| line.contains(": layer binaries"));
        assert!(layers.clone().count() == COUNT && !layers.into_iter().any(|line| line.ends_with(", unchanged")));
    }
}

#[test]
fn what_has_not_changed_is_left_alone() {
    let case = case();
    tick();
    build(&case, 4).ok();
    let state = |name: &str| {
        let files = files(&case.path(format!("out/{name}")));
        files.into_iter().map(|path| (fs::metadata(&path).unwrap().ino(), path)).collect::<Vec<_>>()
    };
    let before: Vec<_> = names().iter().map(|name| state(name)).collect();
    build(&case, 4).ok();
    assert_eq!(names().iter().map(|name| state(name)).collect::<Vec<_>>(), before);
    // One of them changes: the others stay, and its binary is the one that was there.
    let binary = last_layer(&case, "r07");
    fs::write(case.path("data-7"), "other data\n").unwrap();
    build(&case, 4).ok();
    assert_eq!(last_layer(&case, "r07"), binary);
    for (name, before) in names().iter().zip(&before) {
        assert_eq!(state(name) == *before, name != "r07", "{name}");
    }
}

#[test]
fn first_of_several_failures() {
    for jobs in [1, 3, 16] {
        let case = case();
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";
        let case = case.file("data-3", key).file("data-8", key).file("data-9", key);
        let output = build(&case, jobs);
        let said = output.fails(1);
        assert!(said.stderr.contains("data-3") && !said.stderr.contains("data-8"), "{jobs} jobs: {}", said.stderr);
        let layers = said.stderr.lines().filter(|line| line.contains(": layer binaries")).count();
        assert_eq!(layers, 3, "{jobs} jobs: {}", said.stderr);
        assert!(!case.path("out").exists());
    }
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What one image has become so far is in the folder of the next one: neither git nor a tree takes it for the user's.
#[test]
fn what_is_being_built_is_neither_dirt_nor_an_input() {
    const IMAGES: usize = 4;
    let mut case = Case::new().file("app", elf::static_amd64()).file(".gitignore", "dist/\n");
    for number in 0..IMAGES {
        let recipe = "[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n\n\
                      [[tree]]\nfrom = \".\"\nto = \"/srv\"\ninclude = [\"**/.*\", \".*/**\"]\nexclude = [\".git/**\", \"dist/**\"]\n\n\
                      [run]\nlabels = { dirty = \"{git.dirty}\" }\n";
        case = case.file(format!("r{number}.toml"), format!("{recipe}args = [\"{number}\"]\n"));
    }
    let git = |words: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
        judges::checked(judges::tool("git").args(who).args(words).current_dir(case.dir()))
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "all"]);
    let recipes: Vec<String> = (0..IMAGES).map(|number| format!("r{number}.toml")).collect();
    let build = |jobs: &str, output: &str| {
        let words = ["build", "--jobs", jobs, "--output", output].map(str::to_owned);
        let told = case.run(words.into_iter().chain(recipes.clone())).ok().stdout;
        told.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = build("1", "dist/one/{name}");
    for jobs in ["1", "2", "16"] {
        // Into a folder that is new, and into the same one.
        for _ in 0..2 {
            assert_eq!(build(jobs, &format!("dist/{jobs}/{{name}}")), first);
        }
    }
    // In a folder that is new itself, beside what git looks at.
    fs::remove_dir_all(case.path("dist")).unwrap();
    for jobs in ["1", "2", "16"] {
        assert_eq!(build(jobs, "dist/{name}"), first);
        assert_eq!(git(&["status", "--porcelain"]), "");
        fs::remove_dir_all(case.path("dist")).unwrap();
    }
}
