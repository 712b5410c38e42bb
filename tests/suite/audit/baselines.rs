//! Findings that a team has accepted, and exceptions by fingerprint.

use std::fs;

use serde_json::{Value, json};

use super::{findings, forms::image};
use crate::support::{
    case::{APP, Case},
    elf,
    foreign::{Foreign, Tar},
    output::Output,
};

/// The image `old`, which has findings of every family.
fn old() -> Case {
    image().layout(Case::new(), "old")
}

/// The baseline of today's findings, in a file.
fn baseline(case: &Case, file: &str) -> Value {
    serde_json::from_slice(&fs::read(case.path(file)).expect("a baseline")).expect("JSON")
}

/// The report of a call, as JSON.
#[track_caller]
fn report(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.stderr))
}

#[test]
fn what_is_in_the_baseline_fails_no_audit_and_what_is_new_does() {
    let case = old();
    let first = case.run(["audit", "old", "--json", "--write-baseline", "b.json"]);
    assert_eq!(first.code, 1, "the exit code is that of the audit");
    let file = baseline(&case, "b.json");
    let entries = file["images"][0]["findings"].as_array().expect("entries").clone();
    let all = findings(&report(&first)["audits"][0]).len();
    assert_eq!(entries.len(), all, "{file:#}");
    assert_eq!(file["images"][0].get("image"), None, "the next build may have another name");

    let second = case.run(["audit", "old", "--json", "--baseline", "b.json"]);
    let told = report(&second);
    assert_eq!(second.code, 0, "{}", second.stdout);
    assert_eq!(findings(&told["audits"][0]), Vec::<&Value>::new());
    assert_eq!(told["audits"][0]["accepted"], json!(all));
    assert_eq!(told["baseline"]["accepted"], json!(all));
    assert_eq!(told["baseline"]["gone"], json!([]));
    let text = case.run(["audit", "old", "--baseline", "b.json"]);
    assert!(text.stdout.contains(&format!("(no findings; {all} in the baseline)")), "{}", text.stdout);
    assert!(text.stdout.contains(&format!("the baseline b.json accepts {all} findings")), "{}", text.stdout);

    // One finding more, in another layer and under another name of the image.
    let more = image().layer("COPY x", Tar::new().file("opt/su", 0o4755, elf::static_amd64()));
    let case = more.layout(case, "next");
    let third = case.run(["audit", "next", "--json", "--baseline", "b.json"]);
    let told = report(&third);
    let new: Vec<_> = findings(&told["audits"][0]).into_iter().map(|one| one["place"]["path"].clone()).collect();
    assert_eq!((third.code, new.contains(&json!("/opt/su"))), (1, true), "{new:?}");
}

#[test]
fn a_finding_that_weighs_more_than_it_did_counts_again_and_one_that_is_gone_is_told() {
    let case = old();
    case.run(["audit", "old", "--write-baseline", "b.json"]);
    let mut file = baseline(&case, "b.json");
    let entries = file["images"][0]["findings"].as_array_mut().expect("entries");
    let token = entries.iter_mut().find(|entry| entry["severity"] == "high").expect("a high one");
    token["severity"] = json!("low");
    let name = token["fingerprint"].clone();
    let mut gone = token.clone();
    gone["fingerprint"] = json!("0123456789abcdef0123456789abcdef");
    gone["rule"] = json!("setuid");
    gone["path"] = json!("/gone");
    entries.push(gone);
    let case = case.file("edited.json", file.to_string());
    let output = case.run(["audit", "old", "--json", "--baseline", "edited.json", "--write-baseline", "new.json"]);
    let told = report(&output);
    let left: Vec<_> = findings(&told["audits"][0]).into_iter().map(|one| &one["fingerprint"]).collect();
    assert_eq!((output.code, left), (1, vec![&name]));
    assert_eq!(told["baseline"]["gone"][0]["path"], "/gone");
    let text = case.run(["audit", "old", "--baseline", "edited.json"]).stdout;
    assert!(text.contains("no longer found: low setuid at /gone, accepted since "), "{text}");
    // The new file has shrunk, and is the one that a fresh start writes but for the days.
    assert_eq!(baseline(&case, "new.json"), baseline(&case, "b.json"));
    let aged = fs::read_to_string(case.path("b.json")).expect("a file").replace("\"since\": \"2", "\"since\": \"1");
    let case = case.file("aged.json", aged.clone());
    case.run(["audit", "old", "--baseline", "aged.json", "--write-baseline", "aged.json"]).ok();
    assert_eq!(fs::read_to_string(case.path("aged.json")).expect("a file"), aged, "days stay");
}

#[test]
fn several_images_have_one_baseline_in_which_each_accepts_its_own() {
    let case = Case::new().recipe(APP).file("app", elf::static_amd64()).folder("images");
    case.run(["build", "app.toml", "--output", "images/clean"]).ok();
    let case = image().oci_archive(image().oci_archive(case, "images/a.tar"), "images/b.tar");
    let first = case.run(["audit", "images/a.tar", "images/clean", "--write-baseline", "b.json"]);
    assert_eq!(first.code, 1);
    let names = |file: &Value| -> Vec<Value> {
        file["images"].as_array().expect("images").iter().map(|image| image["image"].clone()).collect()
    };
    assert_eq!(names(&baseline(&case, "b.json")), ["images/a.tar", "images/clean"]);
    case.run(["audit", "images/a.tar", "images/clean", "--baseline", "b.json"]).ok();
    let output = case.run(["audit", "images", "--json", "--baseline", "b.json"]);
    let told = report(&output);
    let outcomes: Vec<_> = told["images"].as_array().expect("images").iter().map(|image| &image["outcome"]).collect();
    assert_eq!(
        (output.code, outcomes),
        (1, vec!["clean", "found", "clean"].into_iter().map(Into::into).collect::<Vec<Value>>().iter().collect())
    );
    assert_eq!(told["baseline"]["images-without"], json!(["images/b.tar"]));

    // What cannot be read is accepted by nothing, and of an image that was not read nothing is gone.
    let whole = fs::read(case.path("images/a.tar")).expect("an archive");
    let case = case.file("images/a.tar", &whole[..whole.len() / 2]);
    let output = case.run([
        "audit",
        "images/a.tar",
        "images/clean",
        "--json",
        "--baseline",
        "b.json",
        "--write-baseline",
        "c.json",
    ]);
    assert_eq!((output.code, &report(&output)["baseline"]["gone"]), (2, &json!([])));
    assert_eq!(baseline(&case, "c.json"), baseline(&case, "b.json"), "it is kept");
}

#[test]
fn a_baseline_that_is_none_is_refused_at_its_place() {
    let case = old().file("b.json", "{ \"format\": 1,\n  \"images\": [{ \"findings\": [{ \"rule\": 1 }] }] }\n");
    case.run(["audit", "old", "--baseline", "b.json"]).fails(2).says("error[baseline]: b.json:2:");
    case.run(["audit", "old", "--baseline", "gone.json"]).fails(2).says("error[file-not-found]");
    case.run(["audit", "old", "--write-baseline", "gone/b.json"]).fails(2).says("`--write-baseline`");
    let case = case.file("big.json", vec![b' '; (16 << 20) + 1]);
    case.run(["audit", "old", "--baseline", "big.json"]).fails(2).says("larger than 16 MiB");
}

#[test]
fn an_exception_names_a_finding_by_its_fingerprint() {
    let case = old();
    let told = report(&case.run(["audit", "old", "--json"]));
    let all = findings(&told["audits"][0]);
    let shell = all.iter().find(|one| one["rule"] == "shell").expect("a shell");
    let policy = |print: &str, rule: &str| {
        let allow = format!("rule = \"{rule}\"\nfingerprint = \"{print}\"\nreason = \"known\"\nuntil = 2999-12-31\n");
        case.clone().file("policy.toml", format!("[[policy.allow]]\n{allow}"))
    };
    let print = shell["fingerprint"].as_str().expect("a fingerprint");
    let waived = report(&policy(print, "shell").run(["audit", "old", "--json", "--policy", "policy.toml"]));
    let waived = &waived["audits"][0]["images"][0]["waived"];
    assert_eq!((waived[0]["finding"]["fingerprint"].as_str(), waived.as_array().map(Vec::len)), (Some(print), Some(1)));
    let other = report(&policy(print, "setuid").run(["audit", "old", "--json", "--policy", "policy.toml"]));
    assert_eq!(other["audits"][0]["images"][0]["waived"], json!([]));
    policy("00", "shell")
        .run(["audit", "old", "--policy", "policy.toml"])
        .fails(2)
        .says("error[policy]: policy.toml:3:15: `00` is no fingerprint");
    let recipe = format!(
        "{APP}[[policy.allow]]\nrule = \"shell\"\nfingerprint = \"{print}\"\nreason = \"x\"\nuntil = 2999-12-31\n"
    );
    Case::new().recipe(&recipe).run(["check", "app.toml"]).fails(2).says("a `fingerprint` names a finding of an audit");
}

#[test]
fn sarif_has_what_is_open_unless_it_is_asked_for_all() {
    let case = old();
    case.run(["audit", "old", "--write-baseline", "b.json"]);
    let results = |more: &[&str]| -> Vec<Value> {
        let output = case.run([&["audit", "old", "--format", "sarif", "--baseline", "b.json"], more].concat());
        report(&output)["runs"][0]["results"].as_array().expect("results").clone()
    };
    assert_eq!(results(&[]).len(), 0);
    let kept = results(&["--sarif-waived"]);
    assert!(kept.len() > 12 && kept.iter().all(|result| result["suppressions"][0]["status"] == "accepted"));
}

/// `COPY --chown` of 300 folders, and 300 `.env` files: two causes.
#[test]
fn one_cause_in_300_folders_is_one_finding_with_the_number_of_all() {
    let mut tar = Tar::new().file("usr/bin/app", 0o755, elf::static_amd64());
    for index in 0..300 {
        tar = tar.owned(&format!("srv/d{index}/a.js"), 0o644, (1000, 1000), "x").file(
            &format!("opt/d{index}/.env"),
            0o644,
            format!("DB_PASSWORD=Sup3rS3cret{index:03}\n"),
        );
    }
    let image = Foreign::new("app:1")
        .layer("COPY . /", tar)
        .set("User", json!("1000"))
        .set("Entrypoint", json!(["/usr/bin/app"]));
    let case = image.layout(Case::new(), "image");
    let output = case.run(["audit", "image", "--json"]);
    let told = report(&output);
    let all = findings(&told["audits"][0]);
    let of = |rule: &str| all.iter().filter(|one| one["rule"] == rule).copied().collect::<Vec<_>>();
    let code = of("writable-code");
    assert_eq!(code.len(), 1, "{code:#?}");
    assert_eq!(
        (&code[0]["place"]["path"], &code[0]["folded"], &code[0]["left-off"]),
        (&json!("/srv"), &json!(true), &json!(268))
    );
    let files = of("credential-file");
    assert_eq!(files.len(), 1, "{files:#?}");
    assert_eq!((&files[0]["place"]["path"], &files[0]["left-off"]), (&json!("/opt"), &json!(268)));
    assert!(case.run(["audit", "image"]).stdout.contains("and 290 more places; `-v` shows 22 of them"));
    // An exception of a few of the places excepts nothing, one of the folder or of each place all of it.
    for (path, waived) in [("/srv/d1*/**", false), ("/srv", true), ("/srv/**", true), ("/srv/d*/a.js", true)] {
        let allow = format!(
            "[[policy.allow]]\nrule = \"writable-code\"\npath = \"{path}\"\nreason = \"x\"\nuntil = 2999-12-31\n"
        );
        let case = case.clone().file("policy.toml", allow);
        let told = report(&case.run(["audit", "image", "--json", "--policy", "policy.toml"]));
        let list = told["audits"][0]["images"][0]["waived"].as_array().expect("a list").len();
        assert_eq!(list == 1, waived, "{path}");
    }
}

#[test]
fn a_further_credential_file_of_an_accepted_flood_counts_again_and_a_further_file_of_one_chown_does_not() {
    let image = |number: usize| {
        let mut tar = Tar::new().file("usr/bin/app", 0o755, elf::static_amd64());
        for index in 0..number {
            let text = format!("DB_PASSWORD=Sup3rS3cret{index:03}\n");
            tar = tar.owned(&format!("srv/d{index}/.env"), 0o644, (0, 0), text);
            tar = tar.owned(&format!("app/d{index}/a.js"), 0o644, (1000, 1000), "x");
        }
        let image = Foreign::new("app:1").layer("COPY . /", tar);
        image.set("User", json!("1000")).set("Entrypoint", json!(["/usr/bin/app"])).layout(Case::new(), "image")
    };
    let first = image(40);
    first.run(["audit", "image", "--write-baseline", "b.json"]);
    let file = fs::read(first.path("b.json")).expect("a baseline");
    let rules = |number: usize| {
        let case = image(number).file("b.json", &file);
        let told = report(&case.run(["audit", "image", "--json", "--baseline", "b.json"]));
        let rules = findings(&told["audits"][0]).into_iter().map(|one| one["rule"].clone());
        rules.collect::<Vec<_>>()
    };
    assert_eq!((rules(40), rules(41)), (vec![], vec![json!("credential-file")]));
}

/// Debian's `/bin` is a link to `usr/bin`, and `/etc/shells` names each shell twice.
#[test]
fn a_shell_behind_a_linked_folder_is_one_finding_by_the_path_that_scripts_use() {
    let image = |script: &str| {
        let tar = Tar::new()
            .folder("usr/bin")
            .file("usr/bin/bash", 0o755, elf::static_amd64())
            .symlink("bin", "usr/bin")
            .file("etc/shells", 0o644, "/bin/bash\n/usr/bin/bash\n")
            .file("app/run.sh", 0o755, script);
        let image = Foreign::new("app:1").layer("ADD rootfs.tar /", tar).set("Entrypoint", json!(["/app/run.sh"]));
        let case = image.layout(Case::new(), "image");
        let told = report(&case.run(["audit", "image", "--json"]));
        let all = findings(&told["audits"][0]);
        all.into_iter().filter(|one| one["rule"] == "shell").cloned().collect::<Vec<_>>()
    };
    let (used, plain) = (image("#!/bin/bash\n"), image("#!/usr/bin/bash\n"));
    assert_eq!((used.len(), plain.len()), (1, 1), "{used:#?} {plain:#?}");
    assert_eq!(
        (&used[0]["place"]["path"], &used[0]["place"]["real-path"]),
        (&json!("/bin/bash"), &json!("/usr/bin/bash"))
    );
    assert_eq!((&plain[0]["place"]["path"], &plain[0]["place"]["real-path"]), (&json!("/usr/bin/bash"), &Value::Null));
    assert_eq!(used[0].get("also"), None);
    assert_eq!(used[0]["fingerprint"], plain[0]["fingerprint"]);
}
