//! A layout is the old one or the new one, whenever a build ends.

mod durability;

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::support::{
    case::{APP, Case},
    elf, elf_writer, judges,
    layout::Layout,
};

/// Moments at which a build is killed.
const KILLS: usize = 200;

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

/// Numbers without a pattern, from a seed that a failure prints.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self(u64::from(now.subsec_nanos()) << 20 | now.as_secs() & 0xf_ffff | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
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
fn kill_at_any_moment_leaves_the_old_or_the_new_layout() {
    let case = two_images();
    let digests = [build(&case, "a"), build(&case, "b")];
    // With what the cache has, and without a cache: how long a build takes, in nanoseconds.
    let mut took = [20_000_000_u64, 100_000_000];
    let mut random = Random::new();
    let seed = random.0;
    let mut killed = 0;
    let mut found = [0, 0];
    for round in 0..KILLS {
        let (recipe, took) = (["b.toml", "a.toml"][round % 2], &mut took[round / 2 % 2]);
        let mut command = case.command(["build", "--quiet", recipe]);
        if round / 2 % 2 == 1 {
            command.env("XDG_CACHE_HOME", "/dev/null/no-folder");
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_nanos(random.below(*took)));
        child.kill().unwrap();
        // The moments follow the machine, which has other things to do, so that four of five builds are killed.
        if child.wait().unwrap().success() {
            *took -= *took / 8;
        } else {
            *took += *took / 32;
            killed += 1;
        }
        let layout = Layout::open(case.path("out/app"), None);
        let at = digests.iter().position(|digest| *digest == layout.digest());
        found[at.unwrap_or_else(|| panic!("seed {seed}, round {round}: neither image"))] += 1;
        let problems = judges::imagespec_problems(layout.dir());
        assert!(problems.is_empty(), "seed {seed}, round {round}: {problems:#?}");
    }
    assert!(killed > KILLS / 2, "only {killed} builds were killed before their end");
    assert!(found[0] > 0 && found[1] > 0, "the layout never changed: {found:?}");
    // The next build succeeds and takes away what the killed ones left.
    assert_eq!(build(&case, "b"), digests[1]);
    assert_eq!(leftovers(&case), Vec::<String>::new());
    let layout = Layout::open(case.path("out/app"), None);
    assert_eq!(layout.blobs(), layout.referenced());
}

#[test]
fn kill_before_the_first_layout_is_there_leaves_nothing_or_all() {
    for round in 0..20_u64 {
        let case = two_images();
        let mut command = case.command(["build", "--quiet", "a.toml"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 8));
        child.kill().unwrap();
        child.wait().unwrap();
        let path = case.path("out/app");
        if path.exists() {
            assert_eq!(judges::imagespec_problems(&path), Vec::<String>::new(), "round {round}");
        }
        build(&case, "a");
        assert_eq!(leftovers(&case), Vec::<String>::new(), "round {round}");
    }
}

#[test]
fn two_builds_at_once_into_one_layout_both_succeed() {
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
fn of_many_images_for_a_new_folder_a_kill_leaves_all_or_none() {
    const IMAGES: usize = 24;
    let mut case = Case::new().file("app", elf::static_amd64());
    for number in 0..IMAGES {
        case = case.file(format!("r{number}.toml"), format!("{APP}\n[[file]]\ntext = \"{number}\"\nto = \"/etc/r\"\n"));
    }
    let recipes: Vec<String> = (0..IMAGES).map(|number| format!("r{number}.toml")).collect();
    let build = |output: &str| {
        let mut command = case.command(["build", "--quiet", "--output", output]);
        command.args(&recipes);
        command
    };
    let start = Instant::now();
    assert!(build("rounds/first/{name}").stdout(Stdio::null()).status().unwrap().success());
    let mut took = u64::try_from(start.elapsed().as_nanos()).unwrap() * 3 / 2;
    let mut random = Random::new();
    let seed = random.0;
    let mut found = [0, 0];
    for round in 0..40 {
        let output = format!("rounds/{round}/{{name}}");
        let mut child = build(&output).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_nanos(random.below(took)));
        child.kill().unwrap();
        took = if child.wait().unwrap().success() { took - took / 8 } else { took + took / 12 };
        let folder = case.path(format!("rounds/{round}"));
        found[usize::from(folder.exists())] += 1;
        if folder.exists() {
            let there = fs::read_dir(&folder).unwrap().count();
            assert_eq!(there, IMAGES, "seed {seed}, round {round}");
            for number in 0..IMAGES {
                let layout = Layout::open(folder.join(format!("r{number}")), None);
                assert_eq!(layout.blobs(), layout.referenced(), "seed {seed}, round {round}, image {number}");
            }
        }
    }
    assert!(found[0] > 5 && found[1] > 5, "seed {seed}: {found:?}");
    // The next build of each folder takes away what the killed ones left.
    for round in 0..40 {
        let output = build(&format!("rounds/{round}/{{name}}")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(fs::read_dir(case.path("rounds")).unwrap().count(), 41);
}
