//! `hardpan cache`, also while builds use it.

use std::fs;

use super::{cached, three_layers, tick, unchanged};
use crate::support::{case::Case, judges};

fn status(case: &Case) -> serde_json::Value {
    serde_json::from_str(&case.run(["cache", "status", "--json"]).ok().stdout).unwrap()
}

#[test]
fn status_prune_and_verify_say_what_they_see_and_do() {
    let case = three_layers();
    assert_eq!(status(&case)["blobs"]["entries"], 0);
    let digest = case.build().ok().digest();
    let full = status(&case);
    assert_eq!(full["blobs"]["entries"], 3);
    assert_eq!(full["path"], case.path("cache/hardpan").to_str().unwrap());
    assert!(full["blobs"]["bytes"].as_u64().unwrap() > 200_000, "{full}");
    let text = case.run(["cache", "status"]).ok().stdout;
    assert!(text.contains("layers                  3 entries") && text.contains("at most 10000000000 bytes"), "{text}");
    assert_eq!(full["kinds"]["layers"]["entries"], 3, "{full}");

    assert_eq!(case.run(["cache", "verify"]).ok().stdout, "");
    let damaged = cached(&case, "blobs").remove(1);
    fs::write(&damaged, "damaged").unwrap();
    let verified = case.run(["cache", "verify"]);
    assert_eq!(verified.code, 1, "{}", verified.stderr);
    assert_eq!(verified.stdout, format!("blobs/{}\n", damaged.file_name().unwrap().to_str().unwrap()));
    case.run(["cache", "verify"]).ok().says("damaged or forged, and removed: 0");

    case.run(["cache", "prune"]).ok().says("removed 0 entries");
    case.run(["cache", "prune", "--max-size", "120KiB"]).ok();
    let pruned = status(&case);
    let bytes = |key: &str| pruned[key]["bytes"].as_u64().unwrap();
    assert!(bytes("blobs") + bytes("records") <= 120 << 10, "{pruned}");
    case.run(["cache", "prune", "--all"]).ok();
    let empty = status(&case);
    assert_eq!((&empty["blobs"]["entries"], &empty["records"]["entries"]), (&0.into(), &0.into()));
    assert_eq!(case.build().ok().digest(), digest);

    case.run(["cache", "prune", "--max-size", "much"]).fails(2).says("`--max-size much` is not a size");
    let homeless = case.clone().without_env("XDG_CACHE_HOME").env("HOME", "relative");
    homeless.run(["cache", "status"]).fails(2).says("there is no cache");
}

#[test]
fn builds_and_prunes_at_once_all_give_the_right_images() {
    let case = three_layers();
    tick();
    let digest = case.build().ok().digest();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let case = &case;
            let digest = &digest;
            scope.spawn(move || {
                let out = format!("out-{worker}");
                for round in 0..8 {
                    let output = case.run(["build", "app.toml", "--output", &out]).ok();
                    assert_eq!(output.digest(), *digest);
                    if round % 3 == worker % 3 {
                        let problems = judges::imagespec_problems(&case.path(&out));
                        assert_eq!(problems, Vec::<String>::new());
                        fs::remove_dir_all(case.path(&out)).unwrap();
                    }
                }
            });
        }
        for verb in [&["cache", "prune", "--all"][..], &["cache", "verify"], &["cache", "status"]] {
            let case = &case;
            scope.spawn(move || {
                for _ in 0..12 {
                    case.run(verb).ok();
                }
            });
        }
    });
    case.run(["cache", "verify"]).ok();
    case.build().ok();
    assert_eq!(unchanged(&case.build().ok()).len(), 3);
}
