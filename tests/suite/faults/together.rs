//! Builds side by side, some of which are killed, and inputs that change while they are read.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    thread::{scope, sleep},
    time::Duration,
};

use super::{NAMES, assert_told, build_all, change, digests, leftovers, three};
use crate::support::{
    case::{APP, Case},
    elf,
    layout::Layout,
    walks::{Dice, steps},
};

#[test]
fn builds_side_by_side_with_kills() {
    let mut dice = Dice::new();
    let case = three("one").env("TMPDIR", "/tmp");
    let mut known = Vec::new();
    for text in ["one", "two", "three"] {
        let case = change(case.clone(), text);
        case.run(build_all(&[])).ok();
        known.push(digests(&case));
    }
    let of_name = |index: usize| known.iter().map(|all| all[index].clone().unwrap()).collect::<Vec<_>>();
    for round in 0..steps(8) {
        change(case.clone(), ["one", "two", "three"][dice.below(3)]);
        let orders = [["a.toml", "b.toml", "c.toml"], ["c.toml", "a.toml", "b.toml"], ["b.toml", "c.toml", "a.toml"]];
        let mut children: Vec<_> = orders
            .iter()
            .map(|order| {
                let words = ["build", "--quiet"].iter().chain(order);
                case.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            })
            .collect();
        sleep(Duration::from_millis(dice.below(300) as u64));
        let victim = dice.below(4);
        if let Some(child) = children.get_mut(victim) {
            child.kill().unwrap();
        }
        for (index, child) in children.iter_mut().enumerate() {
            let status = crate::support::case::wait(child, Duration::from_secs(120)).expect("a build that hangs");
            assert!(index == victim || status.success(), "round {round}, build {index}: {status}");
        }
        for (index, name) in NAMES.iter().enumerate() {
            let layout = Layout::open(case.path(format!("out/{name}")), None);
            assert!(of_name(index).contains(&layout.digest()), "round {round}: {name}");
        }
    }
    case.run(build_all(&[])).ok();
    assert!(known.iter().any(|all| *all == digests(&case)));
    assert_eq!(leftovers(&case.path("..")), Vec::<String>::new());
}

/// Writes over what is there, from the front to the end, without making it shorter at any moment.
fn write_in_place(path: &Path, bytes: &[u8]) {
    let mut file = fs::File::options().write(true).open(path).unwrap();
    bytes.chunks(64 << 10).for_each(|piece| file.write_all(piece).unwrap());
}

#[test]
fn inputs_that_change_while_they_are_read() {
    let recipe = format!("{APP}\n[[file]]\nfrom = \"data\"\nto = \"/srv/data\"\n");
    let case = Case::new().file("app", elf::static_amd64()).recipe(&recipe);
    // Each version has one byte everywhere, so that a mixture shows.
    let versions: Vec<Vec<u8>> = (0..4_u8).map(|version| vec![version; 4 << 20]).collect();
    let case = case.file("data", &versions[0]);
    let is_over = AtomicBool::new(false);
    let mut ends = [0, 0];
    scope(|threads| {
        threads.spawn(|| {
            let mut dice = Dice::new();
            while !is_over.load(Ordering::Relaxed) {
                let version = &versions[dice.below(versions.len())];
                let beside = case.path("data.new");
                // Half of the time at once, half of the time in place.
                if dice.below(2) == 0 {
                    fs::write(&beside, version).and_then(|()| fs::rename(&beside, case.path("data"))).unwrap();
                } else {
                    write_in_place(&case.path("data"), version);
                }
                sleep(Duration::from_millis(dice.below(60) as u64));
            }
        });
        for round in 0..steps(14) {
            let output = case.run(["build", "--quiet", "app.toml"]);
            assert_told(&output, &format!("round {round}"));
            ends[usize::from(output.code == 0)] += 1;
            if output.code != 0 {
                assert!(output.stderr.contains("changed while it was read"), "{}", output.stderr);
                continue;
            }
            let data = output.layout().image().entry("srv/data").content;
            let is_one = data.windows(2).all(|pair| pair[0] == pair[1]);
            assert!(is_one, "round {round}: a mixture of {} bytes", data.len());
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(ends[0] > 0, "no change was seen: {ends:?}");
}
