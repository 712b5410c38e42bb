//! Several images in one report: arguments, lists and folders, and exceptions that end soon.

use std::{fs, process::Stdio};

use serde_json::{Value, json};

use super::{audit, findings, forms::image};
use crate::support::{
    case::{APP, Case},
    elf,
};

/// A folder `images` with a clean image, one with findings, a torn archive and two things that are no image.
fn fleet() -> Case {
    let case = Case::new().recipe(APP).file("app", elf::static_amd64()).folder("images");
    case.run(["build", "app.toml", "--output", "images/clean"]).ok();
    let case = image().oci_archive(case, "images/old.tar");
    let whole = fs::read(case.path("images/old.tar")).expect("an archive");
    case.file("images/torn.tar", &whole[..whole.len() / 2]).file("images/notes.txt", "none\n").folder("images/empty")
}

/// The report of several images, as JSON.
#[track_caller]
fn report(case: &Case, words: &[&str]) -> (i32, Value) {
    let output = case.run([&["audit", "--json"], words].concat());
    let report = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.stderr));
    (output.code, report)
}

/// The names of its images, with their outcomes.
fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let images = report["images"].as_array().expect("images");
    let word = |value: &Value, key: &str| value[key].as_str().expect("a text").to_owned().leak() as &str;
    images.iter().map(|image| (word(image, "image"), word(image, "outcome"))).collect()
}

#[test]
fn a_folder_of_images_is_one_report_and_the_worst_image_decides() {
    let case = fleet();
    let (code, folder) = report(&case, &["images"]);
    assert_eq!(code, 2);
    let all = [("images/clean", "clean"), ("images/old.tar", "found"), ("images/torn.tar", "unknown")];
    assert_eq!(outcomes(&folder), all);
    assert_eq!(folder["images"][2]["error"]["name"], "image-invalid", "{folder:#}");
    assert_eq!(folder["images"][2]["audits"], json!([]));
    let others: Vec<_> = folder["not-images"].as_array().expect("a list").iter().map(|one| &one["path"]).collect();
    assert_eq!(others, ["images/empty", "images/notes.txt"]);
    // Each has the findings that it has alone, and the number of jobs changes no byte.
    let (_, alone) = audit(&case, "images/old.tar", &[]);
    assert_eq!(findings(&folder["images"][1]["audits"][0]), findings(&alone));
    let words = |jobs| case.run(["audit", "images", "--json", "--jobs", jobs]).stdout;
    assert_eq!(words("1"), words("4"));

    for (words, expected) in [
        (&["images/clean", "images/old.tar"][..], 1),
        (&["images/clean", "./images/clean"], 0),
        (&["images/clean", "images/gone"], 2),
        (&["images/clean", "images/empty"], 2),
    ] {
        let (code, report) = report(&case, words);
        assert_eq!((code, outcomes(&report).len()), (expected, 2), "{words:?}");
    }
    case.run(["audit", "images/empty"]).fails(2).says("error[image-not-found]: images/empty: is not an OCI layout");
    let output = case.folder("none/inner").run(["audit", "none"]);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("error[image-not-found]: none: is neither an OCI layout nor a folder that holds images")
    );
}

#[test]
fn the_table_has_a_line_for_each_image_and_rule() {
    let output = fleet().run(["audit", "images"]);
    assert_eq!(output.code, 2);
    let row = |image: &str, rule: &str| {
        let find = |line: &&str| line.starts_with(image) && line.contains(&format!("  {rule}  "));
        output.stdout.lines().find(find).unwrap_or_else(|| panic!("no {image} {rule} in {}", output.stdout))
    };
    let words: Vec<_> = row("images/old.tar", "world-writable").split_whitespace().take(5).collect();
    assert_eq!(words, ["images/old.tar", "found", "high", "world-writable", "1"]);
    assert!(row("images/torn.tar", "-").starts_with("images/torn.tar  unknown  -  "), "{}", output.stdout);
    assert!(row("images/torn.tar", "-").contains("error[image-invalid]: images/torn.tar"), "{}", output.stdout);
    assert!(output.stdout.contains("not an image: images/notes.txt: "), "{}", output.stdout);
    assert!(output.stdout.contains("3 images: 1 clean, 1 found, 1 unknown ("), "{}", output.stdout);
}

#[test]
fn sarif_is_one_run_and_annotations_name_the_image() {
    let case = fleet();
    let output = case.run(["audit", "images", "--format", "sarif", "--output", "page.html"]);
    let log: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(log["runs"].as_array().expect("runs").len(), 1);
    let uri = |result: &Value| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].to_string();
    let uris: Vec<_> = log["runs"][0]["results"].as_array().expect("results").iter().map(uri).collect();
    assert!(uris.contains(&"\"images/old.tar/bin/sh\"".to_owned()), "{uris:?}");
    assert!(uris.iter().all(|uri| uri.starts_with("\"images/")), "{uris:?}");
    let page = fs::read_to_string(case.path("page.html")).expect("a page");
    for part in ["images/clean", "images/old.tar", "images/torn.tar", "/bin/sh"] {
        assert!(page.contains(part), "{part}");
    }
    let github = |more: &[&str]| case.run([&["audit", "images", "--format", "github"], more].concat()).stdout;
    let brief = github(&[]);
    assert!(brief.contains("::error title=images/torn.tar%3A not audited::"), "{brief}");
    assert!(brief.contains("::error file=/bin/sh,title=images/old.tar%3A "), "{brief}");
    assert!(!brief.contains("%3A info%3A ") && github(&["-v"]).contains("%3A info%3A "), "{brief}");
}

#[test]
fn a_list_of_images_is_read_whole_or_refused_at_its_line() {
    let case = fleet().file("list", "\u{feff}# ours\r\nimages/clean\r\n\r\n  images/old.tar  \nimages/clean\n");
    let (code, listed) = report(&case, &["--from-file", "list"]);
    assert_eq!((code, outcomes(&listed)), (1, vec![("images/clean", "clean"), ("images/old.tar", "found")]));
    let mut command = case.command(["audit", "--json", "--from-file", "-"]);
    let list = fs::File::open(case.path("list")).expect("the list");
    let output = command.stdin(Stdio::from(list)).output().expect("hardpan");
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).expect("JSON"), listed);
    // Also of one image, a list has the report of several.
    let case = case.file("short", "images/clean");
    assert_eq!(report(&case, &["--from-file", "short"]).1["images"].as_array().map(Vec::len), Some(1));

    for (text, says) in [
        ("images/clean\nr.example/App:1\n", "error[reference]: list:2:1: invalid reference `r.example/App:1`"),
        ("\n  me:secret@r.example/app\n", "error[reference]: list:2:3: the reference holds a user name or password"),
        ("a b\n", "error[reference]: list:1:1: the line holds more than the name of one image"),
        ("# none\n", "error[usage]: no image is named in list"),
    ] {
        let said = case.clone().file("list", text).run(["audit", "--from-file", "list"]).fails(2).says(says);
        assert!(!said.stderr.contains("secret"), "{}", said.stderr);
    }
    case.clone()
        .file("list", b"ok/a\n\xff\n")
        .run(["audit", "--from-file", "list"])
        .fails(2)
        .says("list:2: the list of images is not");
    case.file("list", vec![b'#'; (1 << 20) + 1])
        .run(["audit", "--from-file", "list"])
        .fails(2)
        .says("larger than 1 MiB");
}

/// A policy with one exception that has ended, one that ends soon and one that does not.
const EXCEPTIONS: &str = "\
[policy]
[[policy.allow]]
rule = \"shell\"
reason = \"was needed\"
until = 2026-05-01
[[policy.allow]]
rule = \"setuid\"
path = \"/bin/*\"
reason = \"until the next base\"
until = SOON
[[policy.allow]]
rule = \"privileged-port\"
reason = \"a balancer\"
until = 2999-12-31
";

/// The day in `days` days, as TOML has it.
fn in_days(days: u64) -> String {
    let output = std::process::Command::new("date").args(["-u", "-d", &format!("+{days} days"), "+%F"]).output();
    String::from_utf8(output.expect("date").stdout).expect("a day").trim().to_owned()
}

#[test]
fn exceptions_that_end_soon_are_warned_of_and_change_no_exit_code() {
    let case = fleet().file("policy.toml", EXCEPTIONS.replace("SOON", &in_days(10)));
    let run = |more: &[&str]| case.run([&["audit", "--policy", "policy.toml", "images/clean"], more].concat());
    let quiet = run(&[]);
    for (time, is_soon) in [("2w", true), ("20d", true), ("5d", false)] {
        let output = run(&["--warn-before", time]);
        assert_eq!(output.code, quiet.code, "{time}");
        let soon = output.stdout.contains("ending soon: 1 exception\n  setuid for /bin/* until ");
        assert_eq!(soon, is_soon, "{time}: {}", output.stdout);
    }
    assert!(!quiet.stdout.contains("ending soon"));
    let github = run(&["--warn-before", "2w", "--format", "github"]).stdout;
    assert!(github.contains("::warning file=policy.toml,line=6,title=exception ends soon%3A setuid::"), "{github}");
    let json: Value = serde_json::from_str(&run(&["--warn-before", "2w", "--json"]).stdout).expect("JSON");
    let ending = json["ending-waivers"].as_array().expect("a list");
    assert_eq!((ending.len(), &ending[0]["rule"], &ending[0]["line"]), (1, &json!("setuid"), &json!(6)));
    // Midnight may have passed since.
    assert!([json!(9), json!(10)].contains(&ending[0]["days-left"]));
    case.run(["audit", "images/clean", "--warn-before", "14"]).fails(2).says("such as `14d` or `2w`");
}

#[test]
fn all_exceptions_of_policy_and_recipes_are_listed_with_their_days() {
    let allow = "[[policy.allow]]\nrule = \"leftovers\"\nreason = \"a cache\"\nuntil = 2998-01-01\n";
    let case = fleet().file("policy.toml", EXCEPTIONS.replace("SOON", "2990-01-01"));
    let case = case.file("recipes/app.toml", format!("{APP}{allow}"));
    let output = case.run(["audit", "--waivers", "--policy", "policy.toml"]).ok();
    let lines: Vec<Vec<_>> = output.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let column = |at: usize| lines.iter().map(|words| words[at]).collect::<Vec<_>>();
    assert_eq!(column(0), ["UNTIL", "2026-05-01", "2990-01-01", "2998-01-01", "2999-12-31"]);
    assert_eq!(lines[1][..4], ["2026-05-01", "ended", "shell", "-"]);
    assert!(output.stdout.contains("recipes/app.toml:4"), "{}", output.stdout);
    let json = case.run(["audit", "--waivers", "--json", "recipes/app.toml"]).ok().stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["waivers"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["waivers"][0]["ended"], false);
    Case::new().run(["audit", "--waivers"]).fails(2).says("hint: name a recipe, or a policy with `--policy`");
}
