//! What of this machine reaches a program is named, pinned and looked at again: headers, archives, start files, libraries.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use crate::support::{
    case::{Case, scratch},
    judges::{checked, tool},
    layout::sha256,
    walks::{Dice, Ground, kill, steps},
};

const GNU: &str = "name = \"app\"\n[[binary]]\ncargo = \"app\"\ntarget = \"x86_64-unknown-linux-gnu\"\n[system]\ncertificates = \"none\"\n";

/// A program whose build script compiles `src/c.c`, by the compiler that `CC` names, and prints what `said` says.
fn with_c(said: &str) -> Case {
    let build = format!(
        r#"use std::{{env, process::Command}};
fn main() {{
    let out = env::var("OUT_DIR").unwrap();
    let cc = env::var(format!("CC_{{}}", env::var("TARGET").unwrap())).unwrap_or("cc".into());
    println!("cargo::rerun-if-env-changed=CC_{{}}", env::var("TARGET").unwrap());
    let run = |program: &str, words: &[&str]| {{
        assert!(Command::new(program).args(words).status().unwrap().success());
    }};
    run(&cc, &["-O2", "-c", "src/c.c", "-o", &format!("{{out}}/c.o")]);
    run("ar", &["crsD", &format!("{{out}}/libc_code.a"), &format!("{{out}}/c.o")]);
    println!("cargo::rustc-link-search=native={{out}}");
    println!("cargo::rustc-link-lib=static=c_code");
    {said}
}}
"#
    );
    Case::new()
        .recipe(GNU)
        .file("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[build-dependencies]\ncc = { path = \"cc\" }\n")
        .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"cc\",\n]\n\n[[package]]\nname = \"cc\"\nversion = \"1.0.0\"\n")
        // By its name hardpan knows that there is C in the program.
        .file("cc/Cargo.toml", "[package]\nname = \"cc\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")
        .file("cc/src/lib.rs", "")
        .file("build.rs", build)
        .file("src/c.c", "#include <string.h>\nunsigned long length(const char *text) { return strlen(text); }\n")
        .file(
            "src/main.rs",
            "unsafe extern \"C\" { fn length(text: *const std::ffi::c_char) -> usize; }\nfn main() { println!(\"{}\", unsafe { length(c\"four\".as_ptr()) }); }\n",
        )
}

/// The case with a cache of its own, in which no other test compiles, and a folder of tools in its `PATH`. The folder is
/// outside of the checkout, so that no tool counts as a source.
fn with_tools(case: Case) -> (Case, Case) {
    let tools = Case::new();
    let path = format!("{}:{}", tools.dir().display(), std::env::var("PATH").expect("PATH"));
    let cache = tools.path("../cache");
    (case.env("PATH", path).env("XDG_CACHE_HOME", cache), tools)
}

fn holds(case: &Case, text: &str) -> bool {
    let program = case.run(["build", "app.toml", "--offline"]).ok().layout().image().entry("/usr/bin/app").content;
    program.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn c_compiler_in_the_lock() {
    let case = with_c("");
    case.run(["lock", "--offline", "app.toml"]).ok();
    let text = fs::read_to_string(case.path("app.lock")).expect("the lock");
    let version = Command::new("cc").arg("--version").output().expect("cc").stdout;
    let version = String::from_utf8(version).expect("text").lines().next().expect("a line").to_owned();
    assert!(text.contains(&format!("[toolchain.cc]\nx86_64-unknown-linux-gnu = \"{version}\"\n")), "{text}");
    let cc1 = Command::new("cc").arg("-print-prog-name=cc1").output().expect("cc").stdout;
    let cc1 = sha256(&fs::read(String::from_utf8(cc1).expect("text").trim()).expect("cc1"));
    assert!(text.contains(&format!("\ncc1 = \"{cc1}\"\n")) && text.contains("\nheaders = \"sha256:"), "{text}");
    case.run(["build", "app.toml", "--offline", "--locked"]).ok();
    let moved = case.edit("app.lock", |text| text.replace(&cc1, &sha256(b"another compiler")));
    let build = moved.run(["build", "app.toml", "--offline", "--locked"]).fails(1);
    build.says(&format!("`cc1 for x86_64-unknown-linux-gnu` is `{cc1}` now"));
    // A pin that C code needs and the lock lacks is no pin that fits.
    let lacking =
        moved.edit("app.lock", |text| text.split_inclusive('\n').filter(|line| !line.starts_with("cc1 = ")).collect());
    lacking
        .run(["build", "app.toml", "--offline", "--locked"])
        .fails(1)
        .says("`cc1 for x86_64-unknown-linux-gnu` has no pin here");
    let moved = lacking.run(["lock", "--update", "toolchain", "--dry-run", "--offline", "app.toml"]).ok();
    moved.says("the compiler `rust`: 1 file of this machine for x86_64-unknown-linux-gnu  (app)");
}

/// Locks and builds `case`, and changes the pin `name` in the lock: warm locked builds are refused, each of them.
fn holds_pin(case: Case, name: &str) -> Case {
    let cache = Case::new();
    let case = case.env("XDG_CACHE_HOME", cache.path("../cache"));
    case.run(["lock", "--offline", "app.toml"]).ok();
    case.run(["build", "app.toml", "--offline", "--locked"]).ok();
    let case = case.edit("app.lock", |text| {
        let start = format!("{name} = \"sha256:");
        let line = text.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no {name} in {text}"));
        text.replace(line, &format!("{name} = \"{}\"", sha256(b"another file")))
    });
    for _ in 0..2 {
        let refused = case.run(["build", "app.toml", "--offline", "--locked"]).fails(1);
        refused.says(&format!("`{} for ", name.trim_matches('"')));
    }
    case
}

#[test]
fn pin_of_some_code_in_warm_builds() {
    let of_kernel = "#include <linux/bpf.h>\n";
    let case = holds_pin(with_c("").edit("src/c.c", |text| format!("{of_kernel}{text}")), "\"kernel headers\"");
    // Code that does without it is compiled anew, and fits the lock.
    let case = case.edit("src/c.c", |text| text.replace(of_kernel, ""));
    case.run(["build", "app.toml", "--offline", "--locked"]).ok();
    let cgo = Case::new()
        .recipe("name = \"app\"\n[[binary]]\ngo = \".\"\ncgo = true\n[system]\ncertificates = \"none\"\n")
        .file("go.mod", "module example.com/app\n\ngo 1.21\n")
        .file(
            "main.go",
            "package main\n\n// #include <linux/bpf.h>\nimport \"C\"\n\nfunc main() { println(C.BPF_REG_4) }\n",
        );
    holds_pin(cgo, "\"kernel headers\"");
}

#[test]
fn the_compiler_of_cxx_code_is_pinned_wherever_there_is_some() {
    let cxx = "#include <cstring>\nextern \"C\" unsigned long length(const char *text) { return std::strlen(text); }\n";
    // A C compiler compiles C++ where a source is called so.
    let rust = with_c("").file("src/c.cc", cxx).edit("build.rs", |text| text.replace("src/c.c\"", "src/c.cc\""));
    holds_pin(rust, "cc1plus");
    let cgo = Case::new()
        .recipe("name = \"app\"\n[[binary]]\ngo = \".\"\ncgo = true\n[system]\ncertificates = \"none\"\n")
        .file("go.mod", "module example.com/app\n\ngo 1.21\n")
        .file("c.cpp", cxx.replace("return", "std::string copy(text); return").replace("<cstring>", "<cstring>\n#include <string>"))
        .file("main.go", "package main\n\n// unsigned long length(const char *);\nimport \"C\"\n\nfunc main() { println(C.length(C.CString(\"four\"))) }\n");
    let cgo = holds_pin(cgo, "\"headers of C++\"");
    let fortran = cgo.file("f.f90", "end\n");
    fortran
        .run(["build", "app.toml", "--offline"])
        .fails(2)
        .says("the package `example.com/app` has Fortran code, for which a lock can pin no compiler");
}

/// A program with what its build script makes of `said`.
fn with_build_script(dependency: &str, said: &str) -> Case {
    Case::new()
        .recipe(&GNU.replace("gnu", "musl"))
        .file("Cargo.toml", format!("[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[build-dependencies]\n{dependency} = {{ path = \"tool\" }}\n"))
        .file("Cargo.lock", format!("version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"{dependency}\",\n]\n\n[[package]]\nname = \"{dependency}\"\nversion = \"1.0.0\"\n"))
        .file("tool/Cargo.toml", format!("[package]\nname = \"{dependency}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"))
        .file("tool/src/lib.rs", "")
        .file("build.rs", format!("use std::process::Command;\nfn main() {{\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    let said = Command::new({said}).output().unwrap();\n    println!(\"cargo::rustc-env=SAID={{}}\", String::from_utf8(said.stdout).unwrap().trim());\n}}\n"))
        .file("src/main.rs", "fn main() { println!(\"said:{}\", env!(\"SAID\")); }\n")
}

#[test]
fn generator_of_a_build_script() {
    let (case, tools) = with_tools(with_build_script("prost-build", "\"protoc\""));
    let protoc = |word: &str| tools.clone().file("protoc", format!("#!/bin/sh\necho {word}\n")).mode("protoc", 0o755);
    protoc("first-protoc");
    case.run(["lock", "--offline", "app.toml"]).ok();
    assert!(holds(&case, "said:first-protoc"));
    case.run(["build", "app.toml", "--offline", "--locked"]).ok();
    protoc("other-protoc");
    for _ in 0..2 {
        let refused = case.run(["build", "app.toml", "--offline", "--locked"]).fails(1);
        refused.says("`protoc for x86_64-unknown-linux-musl` is");
    }
    assert!(holds(&case, "said:other-protoc"));
    // What no build script calls is no input.
    let idle = case.edit("build.rs", |text| text.replace("\"protoc\"", "\"pwd\""));
    idle.run(["build", "app.toml", "--offline", "--locked"]).ok();
}

#[test]
fn build_script_that_asks_git() {
    let case = with_build_script("other", "\"git\").args([\"describe\", \"--tags\", \"--always\", \"--abbrev=40\"]");
    let cache = Case::new();
    let case = case.env("XDG_CACHE_HOME", cache.path("../cache"));
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let git = Command::new("git").args(identity).args(words).current_dir(case.path(".")).output().expect("git");
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
        String::from_utf8(git.stdout).expect("text").trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    for number in 0..3 {
        git(&["commit", "-q", "--allow-empty", "-m", &number.to_string()]);
        let head = git(&["rev-parse", "HEAD"]);
        assert!(holds(&case, &format!("said:{head}")), "{number}");
    }
    git(&["tag", "v1"]);
    case.run(["build", "app.toml", "--offline"]).ok().says("note: a build script or a macro asks git");
    assert!(holds(&case, "said:v1"));
}

#[test]
fn header_of_another_library() {
    let case = with_c("").edit("src/c.c", |text| format!("#include \"other.h\"\n{text}"));
    let elsewhere = Case::new().file("include/other.h", "#define OTHER 1\n");
    let include = elsewhere.path("include");
    // Neither a folder of the compiler nor one of the sources.
    let case =
        case.edit("build.rs", |text| text.replace("\"-O2\",", &format!("\"-O2\", \"-I{}\",", include.display())));
    for _ in 0..2 {
        case.run(["build", "app.toml", "--offline"])
            .fails(2)
            .says(&format!(
                "C code of the program is compiled with the header `{}/other.h` of this machine",
                include.display()
            ))
            .says("`libraries = [");
    }
    let case = case.edit("src/c.c", |text| text.replace("#include \"other.h\"\n", ""));
    case.run(["build", "app.toml", "--offline"]).ok();
}

#[test]
fn archive_of_this_machine() {
    let elsewhere = Case::new().file("more.c", "int more(void) { return 3; }\n");
    let archive = |name: &str| {
        let run = |program: &str, words: &[&str]| {
            let status = Command::new(program).args(words).current_dir(elsewhere.path(".")).status().expect(program);
            assert!(status.success(), "{program}");
        };
        run("cc", &["-c", "more.c", "-o", "more.o"]);
        run("ar", &["crsD", name, "more.o"]);
    };
    archive("libmore.a");
    let folder = fs::canonicalize(elsewhere.path(".")).expect("a folder");
    // In a library of Rust, an archive is bundled by rustc: the linker sees none.
    for (kind, is_library) in [("", false), ("static=", false), ("static=", true)] {
        let said = format!(
            "println!(\"cargo::rustc-link-search=native={}\");\n    println!(\"cargo::rustc-link-lib={kind}more\");",
            folder.display()
        );
        let case = with_c(&said);
        let case = if is_library {
            let main = fs::read_to_string(case.path("src/main.rs")).expect("the program");
            let library = main.replace("fn main() {", "pub fn run() {");
            case.file("src/lib.rs", format!("unsafe extern \"C\" {{ fn more() -> i32; }}\npub fn more_of_it() -> i32 {{ unsafe {{ more() }} }}\n{library}"))
                .file("src/main.rs", "fn main() { println!(\"{}\", app::more_of_it()); app::run(); }\n")
        } else {
            case.edit("src/main.rs", |text| {
                text.replace(
                    "fn main() {",
                    "unsafe extern \"C\" { fn more() -> i32; }\nfn main() { println!(\"{}\", unsafe { more() });",
                )
            })
        };
        case.run(["build", "app.toml", "--offline"])
            .fails(2)
            .says(&format!("the linker takes `{}/libmore.a` of this machine into the program", folder.display()))
            .says("nothing in the recipe names it");
    }
}

#[test]
fn compiler_header_changed_under_its_old_time() {
    let (case, tools) = with_tools(with_c(""));
    let tools = tools
        .file("own-cc", "#!/bin/sh\nexec cc -isystem \"${0%/*}/sys\" \"$@\"\n")
        .mode("own-cc", 0o755)
        .file("sys/word.h", "#define WORD \"first-word\"\n");
    let case = case.edit("app.toml", |text| text.replace("[system]", "cc = \"own-cc\"\n[system]"));
    let case = case.edit("src/c.c", |_| {
        "#include <word.h>\nunsigned long length(const char *text) { return text == WORD ? 1 : sizeof(WORD) + (unsigned long)WORD; }\n".to_owned()
    });
    case.run(["lock", "--offline", "app.toml"]).ok();
    assert!(holds(&case, "first-word"));
    let header = tools.path("sys/word.h");
    let time = fs::metadata(&header).and_then(|metadata| metadata.modified()).expect("a time");
    let _tools = tools.file("sys/word.h", "#define WORD \"other-word\"\n");
    fs::File::options().write(true).open(&header).and_then(|file| file.set_modified(time)).expect("its old time");
    let refused = case.run(["build", "app.toml", "--offline", "--locked"]).fails(1);
    refused.says("`headers for x86_64-unknown-linux-gnu (own-cc)` is");
    assert!(holds(&case, "other-word") && !holds(&case, "first-word"));
    let folder = scratch();
    let cold = case.clone().env("XDG_CACHE_HOME", folder.path()).run(["build", "app.toml", "--offline"]).ok().digest();
    assert_eq!(cold, case.run(["build", "app.toml", "--offline"]).ok().digest());
}

#[test]
fn a_start_file_that_is_replaced_is_linked_again() {
    // A note that no linker drops.
    let note = |word: &str| {
        format!(
            "__asm__(\".section .note.word,\\\"a\\\",@note\\n.long 4,8,1\\n.ascii \\\"abc\\\\0\\\"\\n.ascii \\\"{word}\\\"\\n.text\");\n"
        )
    };
    let (case, tools) = with_tools(with_c(""));
    let case = case.edit("app.toml", |text| text.replace("[system]", "linker = \"own-link\"\n[system]"));
    let tools = tools.file("own-link", "#!/bin/sh\nexec cc -B \"${0%/*}/start\" \"$@\"\n").mode("own-link", 0o755);
    let start = |word: &str| {
        let tools = tools.clone().file("start/note.c", note(word));
        let shell =
            "set -e; cc -c note.c -o note.o; ld -r -o crti.o \"$(cc -print-file-name=crti.o)\" note.o; rm note.o";
        let status = Command::new("sh").args(["-c", shell]).current_dir(tools.path("start")).status().expect("sh");
        assert!(status.success());
    };
    start("firstone");
    case.run(["lock", "--offline", "app.toml"]).ok();
    assert!(holds(&case, "firstone"));
    start("otherone");
    let locked = case.run(["build", "app.toml", "--offline", "--locked"]).fails(1);
    locked.says("`crti.o for x86_64-unknown-linux-gnu (own-link)` is");
    assert!(holds(&case, "otherone"));
}

/// A `pkg-config` that knows the library `more`, whose files are in `at`.
fn pkg_config(at: &Path) -> String {
    let at = at.display();
    format!(
        "#!/bin/sh\nfor word do :; done\n[ \"$word\" = more ] || exit 1\ncase \"$*\" in\n*pcfiledir*) echo {at} ;;\n\
         *--cflags*) echo -I{at}/include ;;\n*--libs*) echo -L{at} -lmore -lm ;;\nesac\n"
    )
}

#[test]
fn library_of_the_recipe() {
    let library = Case::new()
        .file("more.pc", "Name: more\nDescription: more\nVersion: 1\nLibs: -lmore\n")
        .file("include/more.h", "#define MORE 3\nint more(void);\n")
        .file("more.c", "int more(void) { return 3; }\n");
    let folder = fs::canonicalize(library.path(".")).expect("a folder");
    let shell = "cc -c more.c -o more.o && ar crsD libmore.a more.o && rm more.o";
    assert!(Command::new("sh").args(["-c", shell]).current_dir(&folder).status().expect("sh").success());
    let said = format!(
        "println!(\"cargo::rustc-link-search=native={0}\");\n    println!(\"cargo::rustc-link-lib=static=more\");\n    \
         assert!(std::path::Path::new(&std::env::var(\"PKG_CONFIG_LIBDIR\").unwrap()).join(\"more.pc\").is_file());",
        folder.display()
    );
    let case = with_c(&said)
        .edit("app.toml", |text| text.replace("[system]", "libraries = [\"more\"]\n[system]"))
        .edit("src/c.c", |text| format!("#include <more.h>\n{text}"))
        .edit("build.rs", |text| text.replace("\"-O2\",", &format!("\"-O2\", \"-I{}/include\",", folder.display())))
        .edit("src/main.rs", |text| {
            text.replace(
                "fn main() {",
                "unsafe extern \"C\" { fn more() -> i32; }\nfn main() { println!(\"{}\", unsafe { more() });",
            )
        })
        .file("bin/pkg-config", pkg_config(&folder))
        .mode("bin/pkg-config", 0o755);
    let path = format!("{}:{}", case.path("bin").display(), std::env::var("PATH").expect("PATH"));
    let case = case.env("PATH", path);
    case.run(["lock", "--offline", "app.toml"]).ok();
    let text = fs::read_to_string(case.path("app.lock")).expect("the lock");
    let scope = "[toolchain.files.\"x86_64-unknown-linux-gnu (more)\"]\n";
    for line in ["\"libmore.a\" = \"sha256:", "\"more.pc\" = \"sha256:", "\"headers of more\" = \"sha256:"] {
        assert!(text.split(scope).nth(1).is_some_and(|files| files.contains(line)), "{line}: {text}");
    }
    case.run(["build", "app.toml", "--offline", "--locked"]).ok();
    for (path, name) in [("more.pc", "more.pc"), ("include/more.h", "headers of more"), ("libmore.a", "libmore.a")] {
        let path = folder.join(path);
        let before = fs::read(&path).expect("a file of the library");
        let after =
            if name == "libmore.a" { [&before[..], b"\n"].concat() } else { [&before[..], b"/* */\n"].concat() };
        fs::write(&path, after).expect("a changed file");
        let refused = case.run(["build", "app.toml", "--offline", "--locked"]).fails(1);
        refused.says(&format!("`{name} for x86_64-unknown-linux-gnu (more)` is"));
        fs::write(&path, before).expect("the old file");
    }
    let unknown = case.clone().edit("app.toml", |text| text.replace("[\"more\"]", "[\"less\"]"));
    unknown
        .run(["build", "app.toml", "--offline"])
        .fails(2)
        .says("app.toml:5:14: pkg-config does not know the library `less`");
    let musl = case.edit("app.toml", |text| text.replace("target = \"x86_64-unknown-linux-gnu\"\n", ""));
    musl.run(["build", "app.toml", "--offline"]).fails(2).says("`libraries` are those of this machine");
}

#[test]
fn cgo_is_refused_a_library_that_nothing_names() {
    let library =
        Case::new().file("include/more.h", "int more(void);\n").file("more.c", "int more(void) { return 3; }\n");
    let folder = fs::canonicalize(library.path(".")).expect("a folder");
    let shell = "cc -c more.c -o more.o && ar crsD libmore.a more.o && rm more.o";
    assert!(Command::new("sh").args(["-c", shell]).current_dir(&folder).status().expect("sh").success());
    let main = format!(
        "package main\n\n// #cgo LDFLAGS: -L{0} -lmore\n// int more(void);\nimport \"C\"\n\nfunc main() {{ println(C.more()) }}\n",
        folder.display()
    );
    let case = Case::new()
        .recipe("[[binary]]\ngo = \".\"\ncgo = true\n[system]\ncertificates = \"none\"\n")
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n")
        .file("main.go", &main);
    let refused = case.run(["build", "app.toml", "--offline"]).fails(2);
    refused.says(&format!("the linker takes `{}/libmore.a` of this machine into the program", folder.display()));
    let header = main.replace(
        &format!("// #cgo LDFLAGS: -L{} -lmore\n// int more(void);", folder.display()),
        &format!(
            "// #cgo CFLAGS: -I{}/include\n// #include <more.h>\n// int more(void) {{ return 4; }}",
            folder.display()
        ),
    );
    let case = case.file("main.go", header);
    for _ in 0..2 {
        case.run(["build", "app.toml", "--offline"]).fails(2).says("/include/more.h` of this machine");
    }
}

#[test]
fn a_plan_lists_everything_that_reaches_the_bytes() {
    let case = with_c("")
        .file("etc.txt", "text")
        .edit("app.toml", |text| format!("{text}[[file]]\nfrom = \"etc.txt\"\nto = \"/etc/app.txt\"\n"));
    case.run(["lock", "--offline", "app.toml"]).ok();
    let inputs = || {
        let plan = case.run(["plan", "app.toml", "--offline", "--inputs", "--json"]).ok().stdout;
        let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
        plan["plans"][0]["inputs"].as_array().expect("inputs").clone()
    };
    let digest = |path: &Path| sha256(&fs::read(path).expect("a file"));
    let found = inputs();
    let has = |kind: &str, name: &str, digest: &str| {
        found.iter().any(|input| input["kind"] == kind && input["name"] == name && input["digest"] == digest)
    };
    for (kind, name) in [("recipe", "app.toml"), ("lock", "app.lock"), ("pins", "Cargo.lock")] {
        assert!(has(kind, name, &digest(&case.path(name))), "{kind} {name}: {found:#?}");
    }
    assert!(has("file", "/etc/app.txt", &sha256(b"text")), "{found:#?}");
    assert!(found.iter().all(|input| input["name"] != "/usr/bin/app"), "a program is no input: {found:#?}");
    let libc = Command::new("cc").arg("-print-file-name=libc.a").output().expect("cc").stdout;
    let libc = String::from_utf8(libc).expect("text");
    assert!(has("machine", "libc.a for x86_64-unknown-linux-gnu", &digest(Path::new(libc.trim()))));
    assert!(found.iter().any(|input| input["kind"] == "toolchain" && input["digest"].is_string()), "{found:#?}");
    assert!(found.iter().any(|input| input["kind"] == "source" && input["name"] == "."), "{found:#?}");
    let text = case.run(["plan", "app.toml", "--offline", "--inputs"]).ok().stdout;
    assert!(text.contains("  input machine      libc.a for x86_64-unknown-linux-gnu  sha256:"), "{text}");
    assert!(!case.run(["plan", "app.toml", "--offline"]).ok().stdout.contains("input "));
}

/// What a random walk changes: a letter each for the compiler, one of its headers, a header that may not be there, a start
/// file, the program's own C code, and the header and the archive of a library, which may not be installed (`-`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Tools([char; 7]);

/// What each of them may be.
const LETTERS: [[char; 3]; 7] = [
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
    ['-', 'a', 'b'],
    ['a', 'b', 'b'],
    ['a', 'b', 'a'],
    ['-', 'a', 'b'],
    ['a', 'b', 'b'],
];
/// The C code of the program, which is on a branch of git for each letter.
const SOURCE: usize = 4;

impl Tools {
    /// Writes them into `tools`, each file with its old size and time.
    fn write(&self, case: &Case, tools: &Path) {
        let [compiler, header, probed, start, source, library, archive] = self.0;
        let script = format!("#!/bin/sh\nexec cc -isystem \"${{0%/*}}/sys\" -DTOOL='\"{compiler}\"' \"$@\"\n");
        put(&tools.join("own-cc"), &script);
        put(&tools.join("sys/word.h"), &format!("#define WORD \"{header}\"\n"));
        put(&case.path("src/c.c"), &code(source));
        put_or_remove(&tools.join("sys/probed.h"), probed, &format!("#define PROBED \"{probed}\"\n"));
        let more = tools.join("more");
        put_or_remove(&more.join("more.pc"), library, "Name: more\nDescription: more\nVersion: 1\nLibs: -lmore\n");
        put_or_remove(
            &more.join("include/more.h"),
            library,
            &format!("#define MORE \"{library}\"\nextern const char more[];\n"),
        );
        copy(&tools.join("objects").join(start.to_string()), &tools.join("start/crti.o"));
        let installed = more.join("libmore.a");
        if library == '-' {
            drop(fs::remove_file(installed));
        } else {
            copy(&tools.join(format!("objects/libmore-{archive}.a")), &installed);
        }
    }

    /// What a program of them holds; nothing where it cannot be made.
    fn said(&self) -> Option<[String; 3]> {
        let [compiler, header, probed, start, source, library, archive] = self.0;
        let said = format!("said:{compiler}{header}{library}{probed}{source}");
        (library != '-').then(|| [said, format!("note:{start}!!"), format!("more:{archive}!!")])
    }
}

/// The C code of the program of that letter.
fn code(letter: char) -> String {
    format!(
        "#include <word.h>\n#include <more.h>\n#include <string.h>\n#if __has_include(<probed.h>)\n#include <probed.h>\n\
         #else\n#define PROBED \"-\"\n#endif\nconst char said[] = \"said:\" TOOL WORD MORE PROBED \"{letter}\";\n\
         unsigned long length(const char *text) {{ return strlen(text) + (unsigned long)said + (unsigned long)more; }}\n"
    )
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).expect("a file");
    }
    set_old(path);
}

fn put_or_remove(path: &Path, letter: char, text: &str) {
    if letter == '-' { drop(fs::remove_file(path)) } else { put(path, text) }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a folder")).expect("its folder");
    fs::copy(from, to).expect("a copy");
    set_old(to);
}

fn set_old(path: &Path) {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    // Both times: bindfs ignores who sets one of them.
    let times = fs::FileTimes::new().set_accessed(old).set_modified(old);
    fs::File::options().write(true).open(path).and_then(|file| file.set_times(times)).expect("a time");
}

/// Runs a script of the shell in a folder.
fn shell(folder: &Path, script: &str) {
    checked(tool("sh").args(["-c", script]).current_dir(folder));
}

/// A program of C code and a library of this machine, and the folder of its tools.
fn with_tools_of_a_walk() -> (Case, Case) {
    let (case, beside) = with_tools(with_c(""));
    let more = beside.path("more");
    let build = format!(
        "println!(\"cargo::rustc-link-search=native={0}\");\n    println!(\"cargo::rustc-link-lib=static=more\");\n",
        more.display()
    );
    let case = case
        .edit("app.toml", |text| {
            text.replace("[system]", "cc = \"own-cc\"\nlinker = \"own-link\"\nlibraries = [\"more\"]\n[system]")
        })
        .edit("build.rs", |text| {
            let at = text.rfind('}').expect("the end of main");
            format!("{}    {build}{}", &text[..at], &text[at..])
                .replace("\"-O2\",", &format!("\"-O2\", \"-I{}/include\",", more.display()))
        });
    let script =
        pkg_config(&more).replace("for word", &format!("[ -e {}/more.pc ] || exit 1\nfor word", more.display()));
    let beside = beside
        .file("own-cc", "")
        .mode("own-cc", 0o755)
        .file("own-link", "#!/bin/sh\nexec cc -B \"${0%/*}/start\" \"$@\"\n")
        .mode("own-link", 0o755)
        .file("pkg-config", script)
        .mode("pkg-config", 0o755)
        .folder("objects");
    let objects = beside.path("objects");
    for letter in ["a", "b"] {
        let note = format!(
            "__asm__(\".section .note.word,\\\"a\\\",@note\\n.long 4,8,1\\n.ascii \\\"abc\\\\0\\\"\\n.ascii \\\"note:{letter}!!\\\"\\n.text\");\n"
        );
        fs::write(objects.join("note.c"), note).expect("the code of a start file");
        fs::write(objects.join("more.c"), format!("const char more[] = \"more:{letter}!!\";\n")).expect("a library");
        shell(
            &objects,
            &format!(
                "set -e; cc -c note.c -o note.o; ld -r -o {letter} \"$(cc -print-file-name=crti.o)\" note.o\n\
                 cc -c more.c -o more.o; ar crsD libmore-{letter}.a more.o"
            ),
        );
    }
    branch_for_each_letter(&case);
    (case, beside)
}

/// Makes the sources a repository of git.
fn branch_for_each_letter(case: &Case) {
    let git = "git -c user.name=a -c user.email=a@b";
    for letter in ['a', 'b'] {
        // With a time of now: git itself would believe the old one.
        fs::write(case.path("src/c.c"), code(letter)).expect("the C code");
        shell(
            &case.dir(),
            &format!(
                "set -e; {git} init -q; {git} checkout -q -b {letter}; {git} add Cargo.* build.rs src cc; {git} commit -q -m {letter}"
            ),
        );
    }
}

/// Tools, headers, start files and libraries change under their size and time, come and go, sources become those of another
/// branch, and compiles are killed: each build has what is there now, and the same tools give the same digest.
#[test]
fn whatever_tool_changes_a_warm_build_is_a_cold_one() {
    let (case, beside) = with_tools_of_a_walk();
    let mut ground = Ground::chosen(&beside.dir());
    let (mut tools, mut dice) = (Tools(['a', 'a', '-', 'a', 'a', 'a', 'a']), Dice::new());
    let mut digests = BTreeMap::new();
    let words = ["build", "app.toml", "--offline"];
    for step in 0..steps(16) {
        let part = dice.below(tools.0.len());
        tools.0[part] = dice.one_of(&LETTERS[part]);
        if part == SOURCE {
            shell(&case.dir(), &format!("git checkout -q -f {}", tools.0[SOURCE]));
        }
        tools.write(&case, &ground.stage());
        ground.show();
        if dice.below(3) == 0 {
            kill(&mut case.command(words), Duration::from_millis(dice.below(900) as u64));
        }
        let built = case.run(words);
        let Some(said) = tools.said() else {
            built.fails(2).says("pkg-config does not know the library `more`");
            continue;
        };
        let built = built.ok();
        let program = built.layout().image().entry("/usr/bin/app").content;
        for text in said {
            let has = program.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(has, "step {step}: no {text} in the program of {tools:?}");
        }
        let digest = built.digest();
        let known = digests.entry(tools.clone()).or_insert_with(|| digest.clone());
        assert_eq!(*known, digest, "step {step}: the same tools, two programs: {tools:?}");
    }
    if tools.said().is_some() {
        let cold = scratch();
        let cold = case.clone().env("XDG_CACHE_HOME", cold.path()).run(words).ok().digest();
        assert_eq!(digests.get(&tools), Some(&cold));
    }
}
