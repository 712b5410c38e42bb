//! A layout is the old one or the new one, whenever a build ends.

mod durability;

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use crate::support::{
    case::{APP, Case},
    elf, elf_writer, judges,
    layout::Layout,
};

/// A case that can build two images, `a` and `b`, into one layout.
fn two_images() -> Case {
    let mut case = Case::new();
    for (name, seed) in [("a", 1_u8), ("b", 2)] {
        let mut noise = elf_writer::noise(1_500_000);
        for byte in &mut noise {
            *byte = byte.wrapping_mul(2 * seed + 1).wrapping_add(seed);
        }
        let recipe = APP.replace("path = \"app\"", &format!("path = \"app-{name}\""))
            + &format!("\n[[file]]\nfrom = \"data-{name}\"\nto = \"/srv/data\"\n");
        case = case
            .file(format!("{name}.toml"), format!("name = \"app\"\n{recipe}"))
            .file(format!("app-{name}"), elf::static_amd64_of(100_000 + usize::from(seed)))
            .file(format!("data-{name}"), noise);
    }
    case
}

fn build(case: &Case, name: &str) -> String {
    case.run(["build", "--quiet", &format!("{name}.toml")]).ok().digest()
}

/// The calls by which a build changes what is there: between two of them a kill leaves the same as at the second one. With
/// a question mark, because not every machine has all of them.
const CHANGES: &str = "?mkdir,?mkdirat,?rename,?renameat,?renameat2,?unlink,?unlinkat,?rmdir,?link,?linkat,?symlink,\
                       ?symlinkat,?fsync,?fdatasync,?syncfs,?write,?pwrite64,?ftruncate,?copy_file_range,?fchmod";

/// A moment of a build: before a thread makes that call for the n-th time.
type Moment = (String, usize);

/// The moments of a build of these words, at most `most` of each call, the first and the last among them.
fn moments(case: &Case, words: &[&str], most: usize) -> Vec<Moment> {
    let (output, calls) = case.traced(&[&format!("--trace={CHANGES}")], words);
    output.ok();
    let mut made: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in calls {
        // `1234 rename("a", "b") = 0`; what a call goes on with, and ends, is another shape.
        let (thread, call) = line.split_once(' ').unwrap();
        if let Some((name, _)) = call.trim_start().split_once('(').filter(|(name, _)| !name.contains(' ')) {
            *made.entry((name.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for ((name, _), count) in made {
        let longest = counts.entry(name).or_default();
        *longest = count.max(*longest);
    }
    let of = |(name, count): (String, usize)| {
        let chosen = most.min(count);
        (1..=chosen).map(move |at| (name.clone(), if at == 1 { 1 } else { at * count / chosen }))
    };
    counts.into_iter().flat_map(of).collect()
}

/// Builds with these words until that moment, at which the build is killed. Whether it came to it.
fn is_killed(case: &Case, words: &[&str], (call, at): &Moment) -> bool {
    let (traced, killed) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={at}"));
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &traced, "-e", &killed];
    let mut command = case.command_under(strace, words);
    !command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

/// The case as it is, and without a cache.
fn with_and_without_a_cache(case: &Case) -> [Case; 2] {
    [case.clone(), case.clone().env("XDG_CACHE_HOME", "/dev/null/no-folder")]
}

/// Everything in the output folder and beside it that no image needs.
fn leftovers(case: &Case) -> Vec<String> {
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    let mut left: Vec<_> = names(&case.path("out")).into_iter().filter(|name| name != "app").collect();
    let own = ["blobs", "index.json", "oci-layout"];
    left.extend(names(&case.path("out/app")).into_iter().filter(|name| !own.contains(&name.as_str())));
    left
}

#[test]
fn kill_over_an_old_layout() {
    let case = two_images();
    let digests = [build(&case, "a"), build(&case, "b")];
    let recipes = ["a.toml", "b.toml"];
    for case in with_and_without_a_cache(&case) {
        let (mut found, mut killed) = ([0, 0], 0);
        let mut there = 1;
        let all = moments(&case, &["build", "--quiet", recipes[there]], usize::MAX);
        for moment in &all {
            let wanted = 1 - there;
            killed += usize::from(is_killed(&case, &["build", "--quiet", recipes[wanted]], moment));
            let layout = Layout::open(case.path("out/app"), None);
            let at = digests.iter().position(|digest| *digest == layout.digest());
            there = at.unwrap_or_else(|| panic!("{moment:?}: neither image"));
            found[usize::from(there == wanted)] += 1;
            let problems = judges::imagespec_problems(layout.dir());
            assert!(problems.is_empty(), "{moment:?}: {problems:#?}");
        }
        assert!(killed > all.len() / 2, "{killed} of {} moments: {all:?}", all.len());
        assert!(found[0] > 0 && found[1] > 0, "old and new: {found:?}");
    }
    // The next build succeeds and takes away what the killed ones left.
    assert_eq!(build(&case, "b"), digests[1]);
    assert_eq!(leftovers(&case), Vec::<String>::new());
    let layout = Layout::open(case.path("out/app"), None);
    assert_eq!(layout.blobs(), layout.referenced());
}

#[test]
fn kill_before_the_first_layout() {
    let case = two_images();
    for case in with_and_without_a_cache(&case) {
        let words = ["build", "--quiet", "a.toml"];
        // The one of the other case.
        drop(fs::remove_dir_all(case.path("out")));
        let (mut found, all) = ([0, 0], moments(&case, &words, usize::MAX));
        for moment in &all {
            fs::remove_dir_all(case.path("out")).unwrap();
            is_killed(&case, &words, moment);
            let path = case.path("out/app");
            found[usize::from(path.exists())] += 1;
            if path.exists() {
                assert_eq!(judges::imagespec_problems(&path), Vec::<String>::new(), "{moment:?}");
            }
            build(&case, "a");
            assert_eq!(leftovers(&case), Vec::<String>::new(), "{moment:?}");
        }
        assert!(found[0] > 0 && found[1] > 0, "nothing and all: {found:?}");
    }
}

#[test]
fn two_builds_at_once() {
    let case = two_images();
    let digests = [build(&case, "a"), build(&case, "b")];
    for round in 0..15 {
        if round % 3 == 0 {
            fs::remove_dir_all(case.path("out")).unwrap();
        }
        let mut children: Vec<_> = ["a.toml", "b.toml", "a.toml"]
            .into_iter()
            .map(|recipe| case.command(["build", "--quiet", recipe]).stdout(Stdio::null()).spawn().unwrap())
            .collect();
        for child in &mut children {
            assert!(child.wait().unwrap().success(), "round {round}");
        }
        let layout = Layout::open(case.path("out/app"), None);
        assert!(digests.contains(&layout.digest()), "round {round}");
        assert_eq!(judges::imagespec_problems(layout.dir()), Vec::<String>::new(), "round {round}");
        assert_eq!(layout.blobs(), layout.referenced(), "round {round}");
        assert_eq!(leftovers(&case), Vec::<String>::new(), "round {round}");
    }
}

#[test]
fn kill_of_many_images() {
    const IMAGES: usize = 24;
    let mut case = Case::new().file("app", elf::static_amd64());
    for number in 0..IMAGES {
        case = case.file(format!("r{number}.toml"), format!("{APP}\n[[file]]\ntext = \"{number}\"\nto = \"/etc/r\"\n"));
    }
    let recipes: Vec<String> = (0..IMAGES).map(|number| format!("r{number}.toml")).collect();
    let words = |output: &str| -> Vec<String> {
        let options = ["build", "--quiet", "--output", output].map(str::to_owned);
        options.into_iter().chain(recipes.iter().cloned()).collect()
    };
    let all = moments(&case, &words("rounds/first/{name}").iter().map(String::as_str).collect::<Vec<_>>(), 4);
    let mut found = [0, 0];
    for (round, moment) in all.iter().enumerate() {
        let words = words(&format!("rounds/{round}/{{name}}"));
        is_killed(&case, &words.iter().map(String::as_str).collect::<Vec<_>>(), moment);
        let folder = case.path(format!("rounds/{round}"));
        let images: Vec<_> = (0..IMAGES).map(|number| folder.join(format!("r{number}"))).collect();
        let there: Vec<_> = images.iter().filter(|image| image.exists()).collect();
        // Each gets its name in one step, but not all of them in one.
        found[usize::from(there.len() == IMAGES)] += 1;
        for image in there {
            let layout = Layout::open(image, None);
            assert_eq!(layout.blobs(), layout.referenced(), "{moment:?}, {}", image.display());
        }
    }
    assert!(found[0] > 0 && found[1] > 0, "not all and all: {found:?}");
    // The next build of each folder takes away what the killed ones left.
    for round in 0..all.len() {
        case.run(words(&format!("rounds/{round}/{{name}}"))).ok();
    }
    assert_eq!(fs::read_dir(case.path("rounds")).unwrap().count(), all.len() + 1);
}
