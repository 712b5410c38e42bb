//! Documents in odd JSON: re-spelled keys, keys that are there twice, odd values. Where hardpan reads such an image, it sees
//! the one that skopeo and umoci see; an image of which two readers could see two is refused, by the audit and as a base.
//!
//! `HARDPAN_TEST_STEPS=5000` and `HARDPAN_TEST_SEED=7` try more of them, and others.

pub mod image;
mod text;
pub mod variants;
mod views;

use std::{collections::BTreeSet, path::Path};

use image::{Document, MORE, World};
use serde_json::Value;
use variants::{Expected, Variant};

use crate::support::{
    case::{APP, Case},
    elf,
    walks::{Dice, steps},
};

/// What came of the variants of a walk.
#[derive(Debug, Default)]
struct Count {
    refused: u32,
    read: u32,
    /// Refused ones in which skopeo sees another image than the one that was there first.
    saved: u32,
}

#[test]
fn a_layout_that_is_read_is_the_image_that_every_engine_sees() {
    let (world, mut dice, mut count) = (World::new(), Dice::new(), Count::default());
    let places = variants::places(&world, false);
    let first = layout(&world, &variants::unchanged());
    let first = views::hardpan(&first, "image").expect("the image without a change");
    for _ in 0..steps(150) {
        let variant = Variant::next(&mut dice, &places);
        let case = layout(&world, &variant);
        let engine = format!("oci:{}", case.path("image").display());
        let seen = judge(&case, "image", &engine, &variant, &first, &mut count);
        if let Some(seen) = seen {
            unpacks_as_seen(&case.path("image"), &seen, &variant);
        }
    }
    is_a_mixture(&count);
}

#[test]
fn docker_archive_as_engines_see_it() {
    let (world, mut dice, mut count) = (World::new(), Dice::new(), Count::default());
    let places = variants::places(&world, true);
    let first = archive(&world, &variants::unchanged());
    let first = views::hardpan(&first, "image.tar").expect("the image without a change");
    for _ in 0..steps(60) {
        let variant = Variant::next(&mut dice, &places);
        let case = archive(&world, &variant);
        let engine = format!("docker-archive:{}", case.path("image.tar").display());
        judge(&case, "image.tar", &engine, &variant, &first, &mut count);
    }
    is_a_mixture(&count);
}

/// Each key of each struct, its last letter in the other case, and its first `s` or `k` as the letter that Go folds to it.
#[test]
fn every_key_that_engines_know_is_refused_in_another_spelling() {
    let world = World::new();
    let places = variants::places(&world, false).into_iter().chain([World::table()]);
    let known =
        places.flat_map(|place| place.keys.into_iter().map(move |(key, _)| (place.document, place.pointer, key)));
    let more = MORE
        .into_iter()
        .flat_map(|(document, pointer, keys)| keys.split(' ').map(move |key| (document, pointer, key.to_owned())));
    for (document, pointer, key) in known.chain(more).collect::<BTreeSet<_>>() {
        let at = key.rfind(|c: char| c.is_ascii_alphabetic()).expect("a letter");
        let letter = &key[at..=at];
        let other = if letter == letter.to_uppercase() { letter.to_lowercase() } else { letter.to_uppercase() };
        let mut spellings = vec![format!("{}{other}{}", &key[..at], &key[at + 1..])];
        let folded = key.replacen(['s', 'S'], "\u{17f}", 1).replacen(['k', 'K'], "\u{212a}", 1);
        spellings.extend(Some(folded).filter(|folded| *folded != key));
        for spelling in spellings {
            let variant = variants::spelled(document, pointer, &key, spelling);
            let name = &variant.name;
            let is_archive = document == Document::Table;
            let (case, image) =
                if is_archive { (archive(&world, &variant), "image.tar") } else { (layout(&world, &variant), "image") };
            let why = views::hardpan(&case, image).expect_err(name);
            assert!(why.contains(&format!("is a second spelling of `{key}`")), "{name}: {why}");
        }
    }
}

fn layout(world: &World, variant: &Variant) -> Case {
    world.layout(Case::new(), "image", &variant.changes, variant.space)
}

fn archive(world: &World, variant: &Variant) -> Case {
    world.archive(Case::new(), "image.tar", &variant.changes, variant.space)
}

/// Compares what hardpan sees with what skopeo sees, and gives it back where there is something to be seen.
#[track_caller]
fn judge(case: &Case, image: &str, engine: &str, variant: &Variant, first: &Value, count: &mut Count) -> Option<Value> {
    let name = &variant.name;
    let theirs = views::skopeo_config(engine);
    let seen = match views::hardpan(case, image) {
        Err(why) => {
            assert!(![Expected::Same, Expected::Read].contains(&variant.expected), "{name} is refused: {why}");
            refuses_everywhere(case, image, &why, variant);
            count.refused += 1;
            let first = views::config(&first["config"]);
            count.saved += u32::from(theirs.is_some_and(|theirs| views::config(&theirs) != first));
            return None;
        }
        Ok(seen) => seen,
    };
    count.read += 1;
    assert!(variant.expected != Expected::Refused, "{name} is read: {seen:#}");
    let ours = views::config(&seen["config"]);
    if variant.expected == Expected::Read {
        assert!(theirs.is_some(), "{name}: skopeo refuses what hardpan reads");
    }
    if variant.expected == Expected::Same {
        assert_eq!(ours, views::config(&first["config"]), "{name}");
        assert!(theirs.is_some(), "{name}: skopeo refuses what is the same image");
    }
    if let Some(theirs) = theirs {
        assert_eq!(ours, views::config(&theirs), "{name}: the config of hardpan, and that of skopeo");
    }
    if let Some(theirs) = views::skopeo_layers(engine) {
        assert_eq!(layers(&seen, image), theirs, "{name}: the layers of hardpan, and those of skopeo");
    }
    let audited = views::audit(case, image).unwrap_or_else(|output| panic!("{name}: {}", output.messages()));
    assert_eq!(audited["platform"], seen["platform"], "{name}: the platform of the audit");
    Some(seen)
}

/// The names that skopeo gives to layers: in a docker archive they are not compressed.
fn layers(seen: &Value, image: &str) -> Value {
    let key = if Path::new(image).extension().is_some() { "diff-id" } else { "digest" };
    seen["layers"].as_array().expect("layers").iter().map(|layer| layer[key].clone()).collect()
}

/// Neither the audit nor a build reads the image that `inspect` refused.
#[track_caller]
fn refuses_everywhere(case: &Case, image: &str, why: &str, variant: &Variant) {
    let name = &variant.name;
    let sentence = why.lines().next().and_then(|line| line.rsplit_once(": ")).map_or(why, |(_, sentence)| sentence);
    let audit = case.run(["audit", image]);
    // Where only a layer cannot be read, the report says so.
    let said = format!("{}{}", audit.messages(), audit.stdout);
    assert!(audit.code == 2 && said.contains(sentence), "{name}: {sentence}\n{said}");
    let case = case.clone().recipe(&format!("base = \"./{image}\"\n{APP}")).file("app", elf::static_amd64());
    for verb in ["plan", "build"] {
        let said = case.run([verb, "app.toml"]).fails(2).messages();
        // A layer that cannot be read is named in other words there.
        let is_named = variant.expected == Expected::Agreed || said.contains(sentence);
        assert!(is_named, "{name}: {verb}: {sentence}\n{said}");
    }
    if variant.expected == Expected::Refused {
        let is_spelling = ["is there twice", "is a second spelling of"].iter().any(|words| sentence.contains(words));
        assert!(is_spelling, "{name}: {why}");
    }
}

/// umoci unpacks the layers and runs the program that hardpan sees, or takes nothing of the image.
#[track_caller]
fn unpacks_as_seen(folder: &Path, seen: &Value, variant: &Variant) {
    let Some(run) = views::umoci(folder) else {
        assert!(variant.expected != Expected::Same, "{}: umoci refuses what is the same image", variant.name);
        return;
    };
    assert_eq!(views::run_of(seen), run, "{}: how hardpan sees it run, and how umoci runs it", variant.name);
}

/// A walk that refuses all, reads all, or meets nothing that is dangerous shows nothing.
#[track_caller]
fn is_a_mixture(count: &Count) {
    assert!(count.refused > 5 && count.read > 5 && count.saved > 0, "{count:?}");
}
