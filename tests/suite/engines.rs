//! The same layers in front of five engines and of hardpan: what hardpan audits has to be what runs.
//!
//! `HARDPAN_TEST_STEPS` says how many images, `HARDPAN_TEST_SEED` which: an image that failed is made again by its own
//! seed and one step. `--nocapture` shows by construct what engines and hardpan made of the images.
#![allow(clippy::print_stdout, reason = "the statistics are what a person runs many images for")]

mod archive;
mod constructs;
mod decorations;
pub mod generator;
pub mod image;
pub mod tree;
mod unpackers;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::Value;

use self::{
    image::{Image, write_layout},
    tree::{Node, Tree},
    unpackers::{ENGINES, Engine, Unpacked, unpack},
};
use crate::support::{case::Case, engines::Containerd, walks};

/// How many images share a layout, a call of hardpan and a storage of podman's.
const BATCH: u64 = 60;

/// Findings that say that engines may read the layers differently, as `hardpan audit --help` lists them.
pub const ABOUT_READING: [&str; 9] = [
    "path-escape",
    "hard-link-escape",
    "symlink-parent",
    "duplicate-path",
    "invalid-whiteout",
    "ambiguous-tar",
    "digest-mismatch",
    "ambiguous-manifest",
    "resource-bomb",
];

/// What hardpan's audit says of an image: nothing, or why it is not to be used.
type Verdict = Result<(), String>;

struct Judged {
    image: Image,
    verdict: Verdict,
    /// What hardpan sees, where its audit accepts the image.
    seen: Option<Seen>,
    unpacked: Vec<Unpacked>,
}

#[test]
fn what_hardpan_accepts_is_what_every_engine_unpacks() {
    let (count, first) = (u64::from(walks::steps(60)), walks::seed(1));
    let containerd = Containerd::start();
    let mut judged = Vec::new();
    for start in (first..first + count).step_by(usize::try_from(BATCH).expect("a small number")) {
        let end = (start + BATCH).min(first + count);
        judged.extend(judge(&containerd, (start..end).map(generator::generate).collect()));
    }
    statistics(&judged);
    let failures: Vec<_> = judged.iter().filter_map(failure).collect();
    assert!(failures.is_empty(), "{} of {count} images:\n\n{}", failures.len(), failures.join("\n"));
    if count >= BATCH {
        compared_enough(&judged);
    }
}

#[test]
fn a_seed_makes_the_same_image_again() {
    let seeds = 0..5 * constructs::CONSTRUCTS.len() as u64;
    let tables = || seeds.clone().map(|seed| generator::generate(seed).table()).collect::<Vec<_>>();
    let first = tables();
    assert!(first == tables());
    // Other seeds make others, and among them is every construct.
    let different: BTreeSet<_> = first.iter().collect();
    assert!(different.len() * 10 > first.len() * 9, "{} of {}", different.len(), first.len());
    for (construct, _) in constructs::CONSTRUCTS {
        assert!(first.iter().any(|table| table.contains(&format!("{construct:?}"))), "{construct}");
    }
}

/// An engine that refuses everything agrees with everybody, and so does a hardpan that accepts nothing.
#[track_caller]
fn compared_enough(judged: &[Judged]) {
    let accepted: Vec<_> = judged.iter().filter(|one| one.verdict.is_ok()).collect();
    assert!(accepted.len() * 3 > judged.len(), "hardpan accepts {} of {} images", accepted.len(), judged.len());
    for (index, engine) in ENGINES.iter().enumerate() {
        let unpacked = accepted.iter().filter(|one| one.unpacked[index].is_ok()).count();
        let refusal = accepted.iter().find_map(|one| one.unpacked[index].as_ref().err());
        let share = format!("{} unpacks {unpacked} of {}", engine.name, accepted.len());
        assert!(unpacked * 4 > accepted.len() * 3, "{share}: {refusal:?}");
    }
}

fn judge(containerd: &Containerd, images: Vec<Image>) -> Vec<Judged> {
    let case = Case::new();
    let layout = case.path("layout");
    write_layout(&images, &layout);
    let tags: Vec<_> = images.iter().map(Image::tag).collect();
    let verdicts = verdicts(&case);
    let mut by_engine: Vec<_> = unpack(containerd, &layout, &tags).into_iter().map(Vec::into_iter).collect();
    images
        .into_iter()
        .map(|image| {
            let unpacked = by_engine.iter_mut().map(|trees| trees.next().expect("a tree for each image"));
            let verdict = verdicts.get(&image.tag()).expect("a verdict for each image").clone();
            let mut seen = verdict.is_ok().then(|| seen(&case, &image.tag()));
            let root = seen.as_mut().and_then(Seen::take_root);
            // podman's vfs gives a file the time of its hard link, whose other name a later layer may delete.
            let has_hard_link = image.layers.iter().flat_map(|layer| &layer.entries).any(|entry| entry.kind == b'1');
            let comparable = |tree: Tree| {
                let tree = without_usual_root(tree, root.as_ref());
                if has_hard_link { tree.without_times() } else { tree }
            };
            let unpacked = unpacked.map(|unpacked| unpacked.map(comparable)).collect();
            Judged { image, verdict, seen, unpacked }
        })
        .collect()
}

/// The tree without its root, if that is as the layers have it or as an engine makes it: whatever the layers say of it,
/// containerd gives it the mode 0755 and podman's overlay 0555.
fn without_usual_root(mut tree: Tree, seen: Option<&Node>) -> Tree {
    let usual = |root: &Node| matches!((root.mode, root.uid, root.gid), (0o755 | 0o555, 0, 0));
    let is_seen = |root: &Node| seen.is_some_and(|seen| seen.is_left_as(root));
    if tree.0.get(&b""[..]).is_some_and(|root| usual(root) || is_seen(root)) {
        tree.0.remove(&b""[..]);
    }
    tree
}

/// What the audit says of each image of the layout, by its tag.
fn verdicts(case: &Case) -> BTreeMap<String, Verdict> {
    let output = case.run(["audit", "--profile", "hardened", "--format", "json", "layout"]);
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{}", output.stderr));
    let audits = report["audits"].as_array().expect("audits");
    audits.iter().map(|audit| (audit["reference"].as_str().expect("a tag").to_owned(), verdict(audit))).collect()
}

fn verdict(audit: &Value) -> Verdict {
    let image = &audit["images"][0];
    let unknown = image["unknown"].as_array().expect("a list of what is unknown");
    if audit["outcome"] == "unknown" || !unknown.is_empty() {
        return Err("unknown".to_owned());
    }
    let fails = |finding: &&Value| !matches!(finding["severity"].as_str(), Some("low" | "info"));
    // Attributes that overlayfs reads (`trusted.overlay.redirect`) are high, and those of a host medium.
    let is_overlays = |finding: &Value| finding["rule"] == "host-xattrs" && finding["severity"] == "high";
    let rules = image["findings"].as_array().expect("findings").iter().filter(fails);
    let mut rules: Vec<_> = rules
        .filter(|finding| is_overlays(finding) || ABOUT_READING.iter().any(|rule| finding["rule"] == *rule))
        .filter_map(|finding| finding["rule"].as_str())
        .collect();
    rules.sort_unstable();
    rules.dedup();
    if rules.is_empty() { Ok(()) } else { Err(rules.join(", ")) }
}

/// What hardpan sees in an image: as engines have it that follow links of lower layers, and as the others have it.
struct Seen {
    followed: Tree,
    replaced: Tree,
}

impl Seen {
    /// Removes the root, which is compared by itself.
    fn take_root(&mut self) -> Option<Node> {
        self.replaced.0.remove(&b""[..]);
        self.followed.0.remove(&b""[..])
    }
}

fn seen(case: &Case, tag: &str) -> Seen {
    let output = case.run(["inspect", "--rootfs", "--json", &format!("oci:layout:{tag}")]).ok();
    let report: Value = serde_json::from_str(&output.stdout).expect("a report in JSON");
    let rootfs = &report["contents"][0]["images"][0]["rootfs"];
    let tree = Tree::of_report;
    let followed = tree(&rootfs["entries"]);
    let replaced = rootfs.get("links-replaced").map_or_else(|| followed.clone(), tree);
    Seen { followed, replaced }
}

/// The engines in groups that have the same tree, each group with its tree.
fn groups(judged: &Judged) -> Vec<(Vec<Engine>, &Tree)> {
    let mut groups: Vec<(Vec<Engine>, &Tree)> = Vec::new();
    for (engine, unpacked) in ENGINES.into_iter().zip(&judged.unpacked) {
        let Ok(tree) = unpacked else { continue };
        match groups.iter_mut().find(|(_, other)| *other == tree) {
            Some((engines, _)) => engines.push(engine),
            None => groups.push((vec![engine], tree)),
        }
    }
    groups
}

/// What to print of an image that hardpan accepts, and of which an engine has another tree.
fn failure(judged: &Judged) -> Option<String> {
    let seen = judged.seen.as_ref()?;
    let mut text = String::new();
    for (engines, tree) in groups(judged) {
        for follows_links in [true, false] {
            let names: Vec<_> = engines.iter().filter(|engine| engine.follows_links == follows_links).collect();
            let names: Vec<_> = names.into_iter().map(|engine| engine.name).collect();
            let differences = if follows_links { &seen.followed } else { &seen.replaced }.differences(tree);
            if !names.is_empty() && !differences.is_empty() {
                writeln!(text, "  hardpan | {}", names.join(", ")).expect("a string");
                text.extend(differences.into_iter().map(|line| format!("    {line}\n")));
            }
        }
    }
    if text.is_empty() {
        return None;
    }
    for (engine, unpacked) in ENGINES.into_iter().zip(&judged.unpacked) {
        if let Err(why) = unpacked {
            writeln!(text, "  {} refuses: {why}", engine.name).expect("a string");
        }
    }
    Some(format!("seed {}, {}{text}", judged.image.seed, judged.image.table()))
}

/// A line for each construct: how many images have it, how many of them hardpan accepts, on how many engines differ, on
/// how many of those that hardpan accepts, and on how many an engine refuses.
fn statistics(judged: &[Judged]) {
    let mut lines: BTreeMap<&str, [u32; 5]> = BTreeMap::new();
    for one in judged {
        let differ = groups(one).len() > 1;
        let accepted = one.verdict.is_ok();
        let refused = one.unpacked.iter().any(Result::is_err);
        let all = ["(all)"].into_iter().chain(one.image.constructs.iter().copied());
        for construct in all {
            let counts = [true, accepted, differ, differ && accepted, refused];
            for (sum, count) in lines.entry(construct).or_default().iter_mut().zip(counts) {
                *sum += u32::from(count);
            }
        }
    }
    println!("images accepted differ both refused-by-an-engine");
    for (construct, [images, accepted, differ, both, refused]) in lines {
        println!("{images:6} {accepted:8} {differ:6} {both:4} {refused:7}  {construct}");
    }
    let mut refusals: BTreeMap<String, u32> = BTreeMap::new();
    for one in judged {
        for (engine, unpacked) in ENGINES.into_iter().zip(&one.unpacked) {
            let Err(why) = unpacked else { continue };
            let last = why.lines().last().unwrap_or_default();
            let verdict = if one.verdict.is_ok() { "accepted" } else { "refused" };
            *refusals
                .entry(format!("{verdict} by hardpan, by {}: {}", engine.name, without_numbers(last)))
                .or_default() += 1;
        }
    }
    for (refusal, count) in refusals {
        println!("{count:6} {refusal}");
    }
}

/// The end of a sentence, without what is different each time.
fn without_numbers(sentence: &str) -> String {
    let words = sentence.split(['/', ' ', '"', ':']).filter(|word| !word.bytes().any(|byte| byte.is_ascii_digit()));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words[words.len().saturating_sub(14)..].join(" ")
}
