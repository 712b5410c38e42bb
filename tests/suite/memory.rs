//! Memory does not grow with the inputs.

use std::{
    fs::{self, File},
    io::Write as _,
};

use crate::support::{
    case::{APP, Case},
    elf, elf_writer,
    foreign::{Foreign, Tar},
    output::Output,
};

/// What a build or an audit may take, in KiB: compilers are not part of these builds.
const LIMIT: u64 = 100 << 10;

/// The same of 50,000 small files, of each of which something is known until the image is written.
const MANY: u64 = 72 << 10;

/// Prints the peak resident set of the program it runs, in KiB, as the last line of stderr.
const MEASURE: &str = "\
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)";

fn peak(output: &Output) -> u64 {
    output.stderr.lines().last().unwrap().parse().unwrap()
}

#[test]
fn one_file_of_a_gibibyte_takes_no_more_than_a_small_one() {
    let recipe = format!("{APP}\n[[file]]\nfrom = \"big\"\nto = \"/srv/big\"\n");
    let case = Case::new().recipe(&recipe).file("app", elf::static_amd64());
    // The first 96 MiB cannot be compressed, the rest is a hole.
    let mut big = File::create(case.path("big")).unwrap();
    let noise = elf_writer::noise(1 << 20);
    for round in 0..96_u8 {
        let block: Vec<u8> = noise.iter().map(|byte| byte ^ round).collect();
        big.write_all(&block).unwrap();
    }
    big.set_len(1 << 30).unwrap();
    let output = case.run_under(["python3", "-c", MEASURE], ["build", "app.toml", "--jobs", "2"]).ok();
    assert!(peak(&output) < LIMIT, "{} KiB", peak(&output));
    let image = output.layout().image();
    assert_eq!(image.entry("/srv/big").size, 1 << 30);
}

#[test]
fn fifty_thousand_small_files_fit_too() {
    let recipe = format!("{APP}\n[[tree]]\nfrom = \"many\"\nto = \"/srv/many\"\ninclude = [\"**/*.txt\"]\n");
    let case = Case::new().recipe(&recipe).file("app", elf::static_amd64());
    for folder in 0..500 {
        let path = case.path(format!("many/folder-{folder:03}"));
        fs::create_dir_all(&path).unwrap();
        for file in 0..100 {
            fs::write(path.join(format!("a-file-with-a-name-{file:02}.txt")), format!("{folder} {file}\n")).unwrap();
        }
    }
    let output = case.run_under(["python3", "-c", MEASURE], ["build", "app.toml", "--jobs", "2"]).ok();
    assert!(peak(&output) < MANY, "{} KiB", peak(&output));
    let entries = output.layout().image().entries();
    assert_eq!(entries.keys().filter(|path| path.contains("/a-file-with-a-name-")).count(), 50_000);
}

/// `benches/audit.py` measures an image of a gibibyte in 100,000 files.
#[test]
fn an_audit_holds_no_layer_and_no_program_whole() {
    let mut files = Tar::new();
    for number in 0..20_000 {
        let path = format!("usr/share/folder-{}/a-file-with-a-name-of-usual-length-{number}", number / 100);
        files = files.file(&path, 0o644, "some text\n");
    }
    let large = Tar::new().file("usr/bin/large", 0o755, elf::static_amd64_of(48 << 20));
    let zeros = Tar::new().file("srv/zeros", 0o644, vec![0; 64 << 20]);
    let image = Foreign::new("app:1").layer("", files).layer("", large).layer("", zeros);
    let case = image.layout(Case::new(), "image");
    let output = case.run_under(["python3", "-c", MEASURE], ["audit", "image"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(peak(&output) < LIMIT, "{} KiB", peak(&output));
}
