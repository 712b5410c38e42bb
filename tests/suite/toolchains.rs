//! Compilers: what surrounds them does not reach the bytes, and what would is refused by name.

mod configuration;
mod environment;
mod fetches;
mod freshness;
mod native;
mod paths;
mod prebuilt_go;
mod revisions;
mod sharing;

use crate::support::{
    case::{Case, scratch},
    judges::{checked, tool},
};

const GO_RECIPE: &str = "name = \"prog\"\n[[binary]]\ngo = \"./cmd/prog\"\nldflags = \"-X main.version={channel}\"\n[vars]\nchannel = \"stable\"\n";
const CARGO_RECIPE: &str = "name = \"prog\"\n[[binary]]\ncargo = \"prog\"\ntarget = \"x86_64-unknown-linux-gnu\"\n[system]\ncertificates = \"none\"\n";

/// A Go module with a package of its own, so that paths of the checkout could show.
pub fn go_project() -> Case {
    Case::new()
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n")
        .file(
            "cmd/prog/main.go",
            "package main\n\nimport (\n\t\"fmt\"\n\t\"runtime\"\n\n\t\"example.com/prog/inner\"\n)\n\nvar version = \"none\"\n\n\
             func main() {\n\t_, file, _, _ := runtime.Caller(0)\n\tfmt.Println(version, file, inner.Where())\n}\n",
        )
        .file(
            "inner/inner.go",
            "package inner\n\nimport \"runtime\"\n\nfunc Where() string {\n\t_, file, _, _ := runtime.Caller(0)\n\treturn file\n}\n",
        )
        .file("prog.toml", GO_RECIPE)
        .file("lib/lib.go", "package lib\n")
}

/// A Cargo workspace with a path dependency and a build script, whose panics name files.
pub fn cargo_project(case: Case, folder: &str) -> Case {
    let at = |path: &str| format!("{folder}{path}");
    case.file(at("Cargo.toml"), "[workspace]\nmembers = [\"prog\", \"inner\"]\nresolver = \"3\"\n")
        .file(
            at("Cargo.lock"),
            "version = 4\n\n[[package]]\nname = \"inner\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"prog\"\nversion = \"0.1.0\"\ndependencies = [\n \"inner\",\n]\n",
        )
        .file(
            at("prog/Cargo.toml"),
            "[package]\nname = \"prog\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[features]\nloud = []\n\n[dependencies]\ninner = { path = \"../inner\" }\n",
        )
        .file(
            at("prog/build.rs"),
            "fn main() {\n    let out = std::env::var(\"OUT_DIR\").unwrap();\n    std::fs::write(format!(\"{out}/made.rs\"), \"pub fn made() -> &'static str { file!() }\\n\").unwrap();\n}\n",
        )
        .file(
            at("prog/src/main.rs"),
            "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n\nfn main() {\n    println!(\"{} {} {}\", made(), file!(), inner::place());\n    let numbers: Vec<usize> = std::env::args().map(|a| a.len()).collect();\n    println!(\"{}\", numbers[numbers.len() - 1]);\n}\n",
        )
        .file(at("inner/Cargo.toml"), "[package]\nname = \"inner\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .file(at("inner/src/lib.rs"), "pub fn place() -> &'static str {\n    std::panic::Location::caller().file()\n}\n")
        .file(at("prog.toml"), CARGO_RECIPE)
}

fn digest(case: &Case) -> String {
    case.run(["build", "prog.toml", "--offline"]).ok().digest()
}

/// The program in the image.
fn program(case: &Case) -> Vec<u8> {
    case.run(["build", "prog.toml", "--offline"]).ok().layout().image().entry("/usr/bin/prog").content
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn go_in_two_checkouts_and_a_hostile_environment() {
    let reference = digest(&go_project());
    let elsewhere = go_project();
    assert!(!holds(&program(&elsewhere), &elsewhere.dir().to_string_lossy()), "the checkout's path is in the program");
    let (goenv, cache) = (elsewhere.path("goenv"), scratch());
    std::fs::write(&goenv, "GOFLAGS=-race\nGOAMD64=v3\nCGO_ENABLED=1\n").unwrap();
    let hostile = elsewhere
        .env("GOENV", &goenv)
        .env("GOFLAGS", "-ldflags=-X=main.version=evil -tags=evil")
        .env("GOAMD64", "v3")
        .env("CGO_ENABLED", "1")
        .env("GOOS", "windows")
        .env("GOWORK", "/nonexistent/go.work")
        .env("TZ", "Asia/Tokyo")
        .env("XDG_CACHE_HOME", cache.path());
    assert_eq!(digest(&hostile), reference);
}

#[test]
fn a_go_work_of_a_parent_folder_has_no_effect() {
    let case = go_project().file("../go.work", "go 1.21\n\nuse ./nowhere\n");
    assert_eq!(digest(&case), digest(&go_project()));
}

#[test]
fn variables_reach_the_ldflags() {
    let case = go_project();
    let beta = case.run(["build", "prog.toml", "--offline", "--set", "channel=beta"]).ok().layout();
    let path = case.path("prog.bin");
    std::fs::write(&path, beta.image().entry("/usr/bin/prog").content).unwrap();
    checked(tool("chmod").arg("755").arg(&path));
    let mut command = std::process::Command::new(&path);
    let said = checked(&mut command);
    assert_eq!(said.trim(), "beta example.com/prog/cmd/prog/main.go example.com/prog/inner/inner.go");
    case.run(["build", "prog.toml", "--offline", "--set", "chanel=beta"]).fails(2).says("chanel");
}

#[test]
fn cargo_in_two_checkouts_and_a_hostile_environment() {
    let reference = digest(&cargo_project(Case::new(), ""));
    let elsewhere = cargo_project(Case::new().folder("a/checkout/that/lies/deeper"), "a/checkout/that/lies/deeper/");
    let elsewhere = elsewhere.cwd("a/checkout/that/lies/deeper");
    let bytes = program(&elsewhere);
    assert!(!holds(&bytes, &elsewhere.dir().to_string_lossy()), "the checkout's path is in the program");
    let cache = scratch();
    let hostile = elsewhere
        .env("RUSTFLAGS", "-C opt-level=0 -C debuginfo=2")
        .env("CARGO_ENCODED_RUSTFLAGS", "-Copt-level=0")
        .env("CARGO_BUILD_RUSTFLAGS", "-Copt-level=1")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "true")
        .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Copt-level=0")
        .env("CARGO_BUILD_TARGET", "wasm32-unknown-unknown")
        .env("CARGO_TARGET_DIR", "/nonexistent")
        .env("RUSTC_WRAPPER", "/nonexistent")
        .env("CFLAGS", "-O0")
        .env("TZ", "Asia/Tokyo")
        .env("LANG", "tr_TR.UTF-8")
        .env("XDG_CACHE_HOME", cache.path());
    assert_eq!(digest(&hostile), reference);
}

#[test]
fn hints_of_compilers_that_fail() {
    let go = go_project().edit("prog.toml", |text| text.replace("./cmd/prog", "./lib"));
    go.run(["build", "prog.toml", "--offline"]).fails(2).says("./lib");
    let none = go_project().edit("prog.toml", |text| text.replace("./cmd/prog", "./nothing"));
    none.run(["build", "prog.toml", "--offline"]).fails(2).says("./nothing");
    let cargo =
        cargo_project(Case::new(), "").edit("prog.toml", |text| text.replace("cargo = \"prog\"", "cargo = \"porg\""));
    cargo.run(["build", "prog.toml", "--offline"]).fails(2).says("porg").says("prog");
    let library =
        cargo_project(Case::new(), "").edit("prog.toml", |text| text.replace("cargo = \"prog\"", "cargo = \"inner\""));
    library.run(["build", "prog.toml", "--offline"]).fails(2).says("inner");
    let target = cargo_project(Case::new(), "")
        .edit("prog.toml", |text| text.replace("x86_64-unknown-linux-gnu", "riscv64gc-unknown-linux-musl"));
    target
        .edit("prog.toml", |text| format!("platforms = [\"linux/riscv64\"]\n{text}"))
        .run(["build", "prog.toml", "--offline"])
        .fails(2)
        .says("rustup target add riscv64gc-unknown-linux-musl");
}

#[test]
fn several_binaries_of_a_package_are_listed() {
    let case = cargo_project(Case::new(), "").file("prog/src/bin/other.rs", "fn main() {}\n");
    case.run(["build", "prog.toml", "--offline"]).fails(2).says("prog/other").says("prog/prog");
    let chosen = case.edit("prog.toml", |text| text.replace("cargo = \"prog\"", "cargo = \"prog/other\""));
    let layout = chosen.run(["build", "prog.toml", "--offline"]).ok().layout();
    assert_eq!(layout.image().entrypoint(), ["/usr/bin/other"]);
}

#[test]
fn a_missing_toolchain_is_one_clear_sentence() {
    let case = go_project().env("PATH", "/nonexistent");
    case.run(["build", "prog.toml", "--offline"]).fails(2).says("go");
    let case = cargo_project(Case::new(), "").env("PATH", "/nonexistent");
    case.run(["build", "prog.toml", "--offline"]).fails(2).says("cargo");
}

#[test]
fn a_compile_error_is_shown() {
    let case = go_project().file("inner/inner.go", "package inner\n\nfunc Where() string { return 5 }\n");
    case.run(["build", "prog.toml", "--offline"]).fails(2).says("inner.go");
    let case = cargo_project(Case::new(), "").file("inner/src/lib.rs", "pub fn place() -> &'static str { 5 }\n");
    case.run(["build", "prog.toml", "--offline"]).fails(2).says("mismatched types");
}

/// A build script that calls the C compiler with absolute paths, as most do; `assert` and `__FILE__` keep them.
#[test]
fn c_code_of_a_build_script_does_not_name_the_checkout() {
    let with_c = |folder: &str| {
        let at = |path: &str| format!("{folder}{path}");
        cargo_project(Case::new().folder(folder), folder)
            .file(at("prog/c/where.c"), "const char *place(void) { return __FILE__; }\n")
            .file(
                at("prog/build.rs"),
                "use std::{env::var, process::Command};\nfn main() {\n    let (root, out) = (var(\"CARGO_MANIFEST_DIR\").unwrap(), var(\"OUT_DIR\").unwrap());\n    \
                 std::fs::write(format!(\"{out}/made.rs\"), \"\").unwrap();\n    let flags = var(\"CFLAGS\").unwrap_or_default();\n    \
                 let mut cc = Command::new(\"cc\");\n    cc.args(flags.split_whitespace()).arg(\"-c\").arg(format!(\"{root}/c/where.c\"));\n    \
                 assert!(cc.arg(\"-o\").arg(format!(\"{out}/where.o\")).status().unwrap().success());\n    \
                 println!(\"cargo:rustc-link-arg={out}/where.o\");\n}\n",
            )
            .file(
                at("prog/src/main.rs"),
                "extern \"C\" { fn place() -> *const std::ffi::c_char; }\nfn main() {\n    \
                 println!(\"{:?} {}\", unsafe { std::ffi::CStr::from_ptr(place()) }, inner::place());\n}\n",
            )
            .cwd(folder)
    };
    let (here, deeper) = (with_c("here/"), with_c("a/checkout/that/lies/deeper/"));
    let bytes = program(&deeper);
    assert!(holds(&bytes, "/build/source/prog/c/where.c"), "the C code is not in the program");
    assert!(!holds(&bytes, &deeper.dir().to_string_lossy()), "the checkout's path is in the program");
    assert_eq!(digest(&deeper), digest(&here));
}

#[test]
fn a_stamped_program_is_the_same_with_its_image_beside_it() {
    let case = go_project().edit("prog.toml", |text| text.replace("ldflags", "vcs = true\nldflags"));
    let git = |arguments: &[&str]| {
        let mut git = tool("git");
        git.current_dir(case.dir()).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
        checked(&mut git)
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "all"]);
    let first = digest(&case);
    assert!(git(&["status", "--porcelain"]).contains("out/"), "the image is no longer where git sees it");
    assert_eq!(digest(&case), first);
    assert!(holds(&program(&case), "vcs.modified=false"));
    let case = case.folder("made");
    let elsewhere = ["--output", "an image ", "--digest-file", "made/digest", "--metadata-file", "made/metadata.json"];
    for _ in 0..2 {
        case.run(["build", "prog.toml", "--offline"].into_iter().chain(elsewhere)).ok();
        assert_eq!(digest(&case), first, "outputs at other places are none of the checkout either");
    }
    let changed = case.clone().file("untracked.txt", "");
    assert!(holds(&program(&changed), "vcs.modified=true"));
}

#[test]
fn a_fetch_leaves_the_checkout_alone_whatever_go_env_says() {
    let case = go_project().file("goenv", "GOFLAGS=-mod=mod\n").networked();
    let case = case.edit("cmd/prog/main.go", |text| {
        text.replace("\t\"runtime\"\n", "\t\"runtime\"\n\n\t_ \"example.com/other\"\n")
    });
    let case = case
        .edit("go.mod", |text| format!("{text}\nreplace example.com/other => ./other\n"))
        .file("other/go.mod", "module example.com/other\n\ngo 1.21\n")
        .file("other/other.go", "package other\n");
    let before = std::fs::read_to_string(case.path("go.mod")).unwrap();
    let goenv = case.path("goenv");
    case.clone().env("GOENV", goenv).run(["build", "prog.toml"]).fails(2).says("to add it");
    assert_eq!(std::fs::read_to_string(case.path("go.mod")).unwrap(), before);
}

#[test]
fn what_go_leaves_out_is_explained() {
    let work = go_project()
        .file("go.work", "go 1.21\n\nuse .\nuse ./other\n")
        .file("other/go.mod", "module example.com/other\n\ngo 1.21\n")
        .file("other/other.go", "package other\n")
        .edit("cmd/prog/main.go", |text| text.replace("\t\"runtime\"\n", "\t\"runtime\"\n\t_ \"example.com/other\"\n"));
    work.run(["build", "prog.toml", "--offline"]).fails(2).says("GOWORK");
    let named = work.edit("prog.toml", |text| text.replace("ldflags", "env = { GOWORK = \"go.work\" }\nldflags"));
    named.run(["build", "prog.toml", "--offline"]).ok();
    let cgo = go_project().file("cmd/prog/main.go", "package main\n\nimport \"C\"\n\nfunc main() {}\n");
    cgo.run(["build", "prog.toml", "--offline"]).fails(2).says("`cgo = true`");
}
