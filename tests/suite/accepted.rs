//! What hardpan writes, hardpan accepts: whatever `build` makes of a recipe, the plan said so before, the audit passes it,
//! `inspect` shows it, umoci unpacks it, and another recipe may be built on it.
//!
//! `HARDPAN_TEST_STEPS` says how many recipes, `HARDPAN_TEST_SEED` which. `--nocapture` shows what was refused, and why.
#![allow(clippy::print_stdout, reason = "what was refused is what a person runs many recipes for")]

mod faults;
mod recipes;
mod words;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};

use self::recipes::{BaseChoice, RandomRecipe};
use crate::{
    engines::tree::Tree,
    support::{
        base::{Base, Family, Packed, Stage},
        case::{Case, scratch},
        judges::tool,
        layout::{Layout, sha256},
        output::Output,
        tls::TlsServer,
        walks::{Dice, steps},
    },
};

/// What does not hold, in words.
type Checked<T = ()> = Result<T, String>;

/// By path: type, mode, owner, size and target.
type Lines = BTreeMap<String, String>;

/// By platform.
type Rootfs = BTreeMap<String, Lines>;

/// An image that a step left for the steps after it.
#[derive(Debug)]
struct Built {
    choice: BaseChoice,
    rootfs: Rootfs,
    /// How many images are below it.
    depth: u32,
}

/// What came of the recipes of a walk.
#[derive(Debug, Default)]
struct WalkCount {
    built: u32,
    on_base: u32,
    archives: u32,
    platforms: u32,
    refused: BTreeMap<String, u32>,
}

/// The recipes of a walk lie in one case: `stepN.toml`, with its inputs in `stepN-in` and its images in `images`.
struct Walk {
    case: Case,
    dice: Dice,
    built: Vec<Built>,
    count: WalkCount,
    /// A certificate.
    authority: String,
}

#[test]
fn what_hardpan_writes_hardpan_accepts() {
    let authority = TlsServer::start("").ca_pem().to_owned();
    let mut walk =
        Walk { case: Case::new(), dice: Dice::new(), built: Vec::new(), count: WalkCount::default(), authority };
    let steps = steps(25);
    let mut problems = Vec::new();
    for step in 0..steps {
        if let Err(problem) = walk.step(step) {
            println!("step {step}: {problem}");
            problems.push(format!("step {step}: {problem}"));
        }
    }
    let count = &walk.count;
    println!("{count:#?}");
    assert!(problems.is_empty(), "{} of {steps} recipes:\n\n{}", problems.len(), problems.join("\n\n"));
    // A hardpan that refuses all has nothing to be accepted, and recipes that are all good show nothing of refusals.
    if steps >= 25 {
        assert!(count.built * 2 > steps && count.refused.len() > 2, "{count:?}");
        assert!(count.on_base > 2 && count.archives > 2 && count.platforms > count.built, "{count:?}");
    }
}

impl Walk {
    fn step(&mut self, step: u32) -> Checked {
        let base = self.choose_base();
        let choice = base.map(|at| &self.built[at].choice);
        let (recipe, files) = RandomRecipe::next(&mut self.dice, step, choice, &self.authority);
        let below = base.map(|at| (self.built[at].rootfs.clone(), self.built[at].depth));
        let told = |problem: String| format!("{problem}\nfault: {:?}\n{}", recipe.fault, shortened(&recipe.text()));
        let Some(rootfs) = self.build(&recipe, below.as_ref().map(|(rootfs, _)| rootfs)).map_err(&told)? else {
            return Ok(());
        };
        self.count.on_base += u32::from(base.is_some());
        self.serves_as_base(&recipe, &rootfs).map_err(&told)?;
        let reference = self.archive(&recipe, &rootfs).map_err(&told)?;
        let choice = BaseChoice { reference, platforms: recipe.platforms, allow: recipe.allow, files };
        self.built.push(Built { choice, rootfs, depth: below.map_or(0, |(_, depth)| depth + 1) });
        Ok(())
    }

    /// One of the last images, for a third of the recipes.
    fn choose_base(&mut self) -> Option<usize> {
        if self.dice.below(3) > 0 {
            return None;
        }
        let near = self.built.len().saturating_sub(5)..self.built.len();
        let able: Vec<_> = near.filter(|at| self.built[*at].depth < 3).collect();
        (!able.is_empty()).then(|| able[self.dice.below(able.len())])
    }

    /// Plans and builds a recipe on that base, and looks at the image from all sides. `None` where both refuse it.
    fn build(&mut self, recipe: &RandomRecipe, base: Option<&Rootfs>) -> Checked<Option<Rootfs>> {
        let name = &recipe.name;
        for (path, content) in &recipe.sources {
            self.case = self.case.clone().file(path, content);
        }
        let file = format!("{name}.toml");
        self.case = self.case.clone().file(&file, recipe.text());
        let policy = format!("[policy]\n{}", recipe.allow);
        self.case = self.case.clone().file("policy.toml", policy);
        let image = format!("images/{name}");
        let plan = self.case.run(["plan", "--json", &file]);
        let build = self.case.run(["build", &file, "--output", &image]);
        same_end(&plan, &build)?;
        if build.code != 0 {
            let why = recipe.fault.unwrap_or("no fault on purpose");
            let said = errors(&build).first().map(|line| shortened(line).replace(name, "step")).unwrap_or_default();
            *self.count.refused.entry(format!("{why}: {said}")).or_default() += 1;
            return Ok(None);
        }
        self.count.built += 1;
        self.count.platforms += u32::try_from(recipe.platforms.len()).expect("a small number");
        let rootfs = accepted(&self.case, &image)?;
        let planned = planned(&plan, base)?;
        same_lines(&planned, &rootfs, "the plan", "the image")?;
        self.unpacks(recipe, &image, &plan)?;
        Ok(Some(rootfs))
    }

    /// The smallest recipe on the image is planned, built and accepted, and has what the image has.
    fn serves_as_base(&mut self, recipe: &RandomRecipe, rootfs: &Rootfs) -> Checked {
        let name = format!("{}-smallest", recipe.name);
        let smallest = RandomRecipe {
            name: name.clone(),
            platforms: recipe.platforms.clone(),
            compression: "gzip",
            top: format!(
                "{}base = \"./images/{}\"\n",
                recipe.top.lines().next().expect("platforms").to_owned() + "\n",
                recipe.name
            ),
            entries: format!("[[binary]]\npath = \"{}-in/app-{{arch}}\"\nto = \"/smallest\"\n", recipe.name),
            allow: recipe.allow.clone(),
            ..RandomRecipe::default()
        };
        let built = self.build(&smallest, Some(rootfs)).map_err(|why| format!("the smallest recipe on it: {why}"))?;
        built.map(drop).ok_or_else(|| "the smallest recipe on it is refused".to_owned())
    }

    /// Writes it in another form, which is accepted as well; gives what the image is called as a base.
    fn archive(&mut self, recipe: &RandomRecipe, rootfs: &Rootfs) -> Checked<String> {
        let name = &recipe.name;
        let form = match self.dice.below(3) {
            0 => return Ok(format!("./images/{name}")),
            1 if recipe.platforms.len() == 1 && !has_zstd(&self.case.path(format!("images/{name}"))) => {
                "docker-archive"
            }
            _ => "oci-archive",
        };
        let image = format!("images/{name}.tar");
        let file = format!("{name}.toml");
        let build = self.case.run(["build", &file, "--format", form, "--output", &image]);
        if build.code != 0 {
            return Err(format!("as {form}: {}", build.stderr));
        }
        // The policy file is that of the last recipe, which has the same exceptions.
        let there = accepted(&self.case, &image).map_err(|why| format!("{form}: {why}"))?;
        same_lines(rootfs, &there, "the layout", form)?;
        self.count.archives += 1;
        Ok(format!("./{image}"))
    }

    /// umoci unpacks each platform's image to the tree that hardpan shows, and finds the contents that were planned.
    fn unpacks(&self, recipe: &RandomRecipe, image: &str, plan: &Output) -> Checked {
        let layout = Layout::open(self.case.path(image), None);
        let shown = parse(&self.case.run(["inspect", "--rootfs", "--json", image]))?;
        let plan = parse(plan)?;
        for (at, _) in recipe.platforms.iter().enumerate() {
            let scratch = scratch();
            let root = unpack(&layout, at, recipe, scratch.path())?;
            let rootfs = &shown["contents"][0]["images"][at]["rootfs"];
            if rootfs.get("links-replaced").is_some() {
                return Err("engines may unpack it in two ways".to_owned());
            }
            let (mut ours, mut theirs) = (Tree::of_report(&rootfs["entries"]), Tree::read(&root));
            // The root is the engine's.
            ours.0.remove(&b""[..]);
            theirs.0.remove(&b""[..]);
            let differences = ours.differences(&theirs);
            if !differences.is_empty() {
                return Err(format!("hardpan | umoci:\n{}", differences.join("\n")));
            }
            for entry in entries(&plan["plans"][0]["images"][at]) {
                let Some(digest) = entry["digest"].as_str() else { continue };
                let path = entry["path"].as_str().expect("a path");
                let content = fs::read(root.join(&path[1..])).map_err(|error| format!("{path}: {error}"))?;
                if sha256(&content) != digest {
                    return Err(format!("{path} is not what was planned"));
                }
            }
        }
        Ok(())
    }
}

/// The audit passes an image with the exceptions of its recipe, and `inspect` shows it: what is in it, by platform.
fn accepted(case: &Case, image: &str) -> Checked<Rootfs> {
    let audit = case.run(["audit", "--profile", "hardened", "--policy", "policy.toml", image]);
    if audit.code != 0 {
        return Err(format!("the audit of {image} ends with {}:\n{}{}", audit.code, audit.stdout, audit.stderr));
    }
    let inspect = case.run(["inspect", image]);
    if inspect.code != 0 {
        return Err(format!("inspect {image}: {}", inspect.stderr));
    }
    let shown = parse(&case.run(["inspect", "--rootfs", "--json", image]))?;
    let images = shown["contents"][0]["images"].as_array().ok_or("no images")?;
    Ok(images.iter().map(|image| (platform(image), lines(list(&image["rootfs"]["entries"])))).collect())
}

/// Whether a layer of a layout's one image is in zstd, which no docker archive holds; that of a base counts.
fn has_zstd(layout: &Path) -> bool {
    Layout::open(layout, None).image().layers.iter().any(|layer| layer.media_type.ends_with("+zstd"))
}

/// What the plan puts over a base, by platform.
fn planned(plan: &Output, base: Option<&Rootfs>) -> Checked<Rootfs> {
    let plan = parse(plan)?;
    let of_image = |image: &Value| {
        let platform = platform(image);
        let mut all = base.and_then(|base| base.get(&platform)).cloned().unwrap_or_default();
        all.extend(lines(entries(image)));
        (platform, all)
    };
    Ok(list(&plan["plans"][0]["images"]).map(of_image).collect())
}

fn platform(image: &Value) -> String {
    image["platform"].as_str().expect("a platform").to_owned()
}

fn entries(plan: &Value) -> impl Iterator<Item = &Value> {
    list(&plan["layers"]).flat_map(|layer| list(&layer["entries"]))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn lines<'a>(entries: impl Iterator<Item = &'a Value>) -> Lines {
    let line = |entry: &Value| {
        let words = ["type", "mode", "uid", "gid", "size", "target"].map(|key| entry[key].to_string());
        (entry["path"].as_str().expect("a path").to_owned(), words.join(" "))
    };
    entries.map(line).collect()
}

fn same_lines(left: &Rootfs, right: &Rootfs, left_name: &str, right_name: &str) -> Checked {
    let mut differences = Vec::new();
    for platform in left.keys().chain(right.keys()) {
        let nothing = Lines::new();
        let sides = [left, right].map(|side| side.get(platform).unwrap_or(&nothing));
        let paths = sides[0].keys().chain(sides[1].keys());
        differences.extend(
            paths
                .filter(|path| sides[0].get(*path) != sides[1].get(*path))
                .map(|path| format!("{platform} {path:?}: {:?} | {:?}", sides[0].get(path), sides[1].get(path))),
        );
    }
    differences.sort();
    differences.dedup();
    if differences.is_empty() {
        Ok(())
    } else {
        Err(format!("{left_name} | {right_name}:\n{}", differences.join("\n")))
    }
}

/// Both end with the same code, and say the same. Only of the size of stored layers a plan knows nothing.
pub fn same_end(plan: &Output, build: &Output) -> Checked {
    let is_budget = plan.code == 0 && errors(build).iter().all(|line| line.starts_with("error[size-budget]: "));
    let same = is_budget || plan.code == build.code && errors(plan) == errors(build);
    let side = |output: &Output| format!("{}: {}", output.code, output.stderr);
    if same { Ok(()) } else { Err(format!("plan ends with {}\nbuild ends with {}", side(plan), side(build))) }
}

/// The first line of every error: rule, place and sentence.
pub fn errors(output: &Output) -> Vec<String> {
    output.stderr.lines().filter(|line| line.starts_with("error")).map(str::to_owned).collect()
}

fn parse(output: &Output) -> Checked<Value> {
    if output.code != 0 {
        return Err(output.stderr.clone());
    }
    serde_json::from_str(&output.stdout).map_err(|error| format!("{error}: {}", output.stdout))
}

/// umoci unpacks the image of one platform. It knows neither zstd nor indexes, so that such an image is written again,
/// its layers as they unpack.
fn unpack(layout: &Layout, at: usize, recipe: &RandomRecipe, scratch: &Path) -> Checked<PathBuf> {
    let image = &layout.images()[at];
    let mut stage = Stage::new(Family::Oci, image.config["architecture"].as_str().expect("an architecture"));
    let mut name = format!("{}:{}", layout.dir().display(), layout.name());
    let case = Case::new();
    if recipe.platforms.len() > 1 || image.layers.iter().any(|layer| layer.media_type.ends_with("+zstd")) {
        for layer in &image.layers {
            stage = stage.raw_layer(&layer.tar, Packed::Gzip);
        }
        let named = |text: String| {
            let mut index: Value = serde_json::from_str(&text).expect("an index");
            index["manifests"][0]["annotations"] = json!({ "org.opencontainers.image.ref.name": "image" });
            index.to_string()
        };
        Base::of([stage]).layout(case.clone(), "image").edit("image/index.json", named);
        name = format!("{}:image", case.path("image").display());
    }
    let root = scratch.join("root");
    let mut umoci = tool("umoci");
    let output =
        umoci.args(["raw", "unpack", "--image", &name]).arg(&root).stdin(Stdio::null()).output().expect("umoci");
    if output.status.success() { Ok(root) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// A text whose long words are cut.
fn shortened(text: &str) -> String {
    let line = |line: &str| match line.char_indices().nth(240) {
        Some((at, _)) => format!("{}... ({} bytes)", &line[..at], line.len()),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
