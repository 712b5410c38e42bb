//! Go programs with C in them: compiled with cgo, or refused where they would only seem to work.

use crate::support::case::Case;
use crate::support::judges;

const PLAIN: &str = "name = \"prog\"\n[[binary]]\ngo = \".\"\n[system]\ncertificates = \"none\"\n";
const WITH_CGO: &str = "name = \"prog\"\n[[binary]]\ngo = \".\"\ncgo = true\n[system]\ncertificates = \"none\"\n";
const WAIVED: &str = "name = \"prog\"\n[[binary]]\ngo = \".\"\n[system]\ncertificates = \"none\"\n[[policy.allow]]\nrule = \"needs-cgo\"\n\
                      reason = \"only its types are used\"\nuntil = 2999-01-01\n";

/// A program whose package `inner` has these files for a build with cgo, and without.
fn program(with: &str, without: &str) -> Case {
    Case::new()
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n")
        .file("main.go", "package main\n\nimport _ \"example.com/prog/outer\"\n\nfunc main() {}\n")
        .file("outer/outer.go", "package outer\n\nimport _ \"example.com/prog/inner\"\n")
        .file("inner/with.go", format!("package inner\n\n// int one(void) {{ return 1; }}\nimport \"C\"\n\n{with}"))
        .file("inner/without.go", format!("//go:build !cgo\n\npackage inner\n\n{without}"))
        .file("inner/always.go", "package inner\n\ntype Always struct{}\n")
        .file("prog.toml", PLAIN)
        .file("cgo.toml", WITH_CGO)
        .file("waived.toml", WAIVED)
}

#[test]
fn a_stub_is_refused_by_name_unless_it_is_waived() {
    let case = program(
        "func One() int { return int(C.one()) }\n\nfunc (Always) Two() int { return 2 * One() }\n",
        "func One() int { panic(\"compiled without cgo\") }\n",
    );
    case.run(["build", "prog.toml", "--offline"])
        .fails(1)
        .says("needs-cgo")
        .says("`example.com/prog/inner` needs cgo: without it the package lacks `Always.Two`")
        .says("`example.com/prog` -> `example.com/prog/outer` -> `example.com/prog/inner`")
        .says("add `cgo = true`");
    case.run(["build", "waived.toml", "--offline"]).ok();
    let ended = case.edit("waived.toml", |text| text.replace("2999", "1999"));
    ended.run(["build", "waived.toml", "--offline"]).fails(1).says("ended on 1999-01-01");
}

#[test]
fn a_package_that_does_nothing_without_cgo_is_refused() {
    let registering = "import \"database/sql\"\n\nfunc init() { sql.Register(\"x\", nil); C.one() }\n";
    let import = |text: &str| text.replace("import \"C\"\n\nimport", "import \"C\"\nimport");
    let case = program(registering, "var _ = 1\n").edit("inner/with.go", |text| import(&text));
    case.run(["build", "prog.toml", "--offline"]).fails(1).says("the package does not call `sql.Register`");
    let silent = program("func init() { C.one() }\n", "").edit("inner/always.go", |_| "package inner\n".to_owned());
    silent.run(["build", "prog.toml", "--offline"]).fails(1).says("nothing stands in for its C code");
}

#[test]
fn a_package_with_all_its_names_in_go_builds_with_a_note() {
    let case = program(
        "func One() int { return int(C.one()) }\n\nfunc (Always) Two() int { return hidden() }\n\nfunc hidden() int { return 2 }\n",
        "func One() int { return 1 }\n\nfunc (a *Always) Two() int { return 2 }\n",
    );
    let said = case.run(["build", "prog.toml", "--offline"]).ok().says("example.com/prog/inner");
    assert!(said.messages().contains("note: without cgo, Go code takes the place of C code"), "{}", said.messages());
}

#[test]
fn an_optional_file_with_c_in_the_program_itself_is_no_obstacle() {
    let case =
        program("", "").file("main.go", "package main\n\nvar say = \"go\"\n\nfunc main() { println(say) }\n").file(
            "speed.go",
            "package main\n\n// int one(void) { return 1; }\nimport \"C\"\n\nfunc init() { say = \"c\"; C.one() }\n",
        );
    case.run(["build", "prog.toml", "--offline"]).ok();
    case.run(["init"]).ok();
    // What the other files miss is for the compiler to say, and then for the hint.
    let missing = case.edit("main.go", |text| text.replace("println(say)", "println(say, fast())"));
    let missing = missing.edit("speed.go", |text| format!("{text}\nfunc fast() int {{ return 1 }}\n"));
    let said = missing.run(["build", "prog.toml", "--offline"]).fails(2).says("undefined: fast").says("`cgo = true`");
    assert!(!said.messages().contains("\nruntime\n"), "names of packages are no errors: {}", said.messages());
}

#[test]
fn the_c_compiler_is_found_or_named_with_what_to_install() {
    let case = program("func One() int { return int(C.one()) }\n", "");
    let foreign = case.run(["build", "cgo.toml", "--offline", "--platform", "linux/s390x"]);
    foreign.fails(2).says("`s390x-linux-gnu-gcc` is not in `PATH`").says("`apt install gcc-s390x-linux-gnu`");
    let named = case.edit("cgo.toml", |text| text.replace("cgo = true", "cgo = true\ncc = \"no-{arch}-cc\""));
    named
        .run(["build", "cgo.toml", "--offline"])
        .fails(2)
        .says("the C compiler `no-amd64-cc` of the recipe was not found in `PATH`");
    let library = named.edit("cgo.toml", |text| text.replace("cc = \"no-{arch}-cc\"\n", ""));
    let library = library.edit("inner/with.go", |text| text.replace("// int", "// #cgo pkg-config: zlib\n// int"));
    library
        .run(["build", "cgo.toml", "--offline"])
        .fails(2)
        .says("hint: `pkg-config` finds the libraries of this machine that the recipe names: `libraries = [\"...\"]`");
}

#[test]
fn sqlite() {
    let checkout = |folder: &str| {
        let at = |path: &str| format!("{folder}/{path}");
        let case = Case::new().networked();
        case.file(at("go.mod"), "module example.com/prog\n\ngo 1.21\n\nrequire github.com/mattn/go-sqlite3 v1.14.53\n")
            .file(at("go.sum"), SQLITE_SUMS)
            .file(at("main.go"), SQLITE)
            .file(at("prog.toml"), PLAIN)
            .file(at("cgo.toml"), WITH_CGO)
            .cwd(folder)
    };
    let case = checkout("here");
    let refused = case.run(["build", "prog.toml"]).fails(1);
    refused.says("`github.com/mattn/go-sqlite3` needs cgo").says("`example.com/prog` -> `github.com/mattn/go-sqlite3`");
    let layout = case.run(["build", "cgo.toml"]).ok().layout();
    assert_eq!(judges::runc(&layout).trim(), "42 sqlite");
    case.run(["lock", "cgo.toml"]).ok();
    case.run(["build", "cgo.toml", "--locked"]).ok();
    let moved = case.clone().edit("here/cgo.lock", |text| {
        text.replace("[toolchain.cc]\n\"linux/amd64\" = \"", "[toolchain.cc]\n\"linux/amd64\" = \"old ")
    });
    moved
        .run(["build", "cgo.toml", "--locked"])
        .fails(1)
        .says("`cc linux/amd64` is")
        .says("`hardpan lock --update go`");
    moved.run(["lock", "cgo.toml", "--update", "go", "--dry-run"]).ok().says("the compiler `go`: cc linux/amd64 old ");
    let other = checkout("another/and deeper");
    assert_eq!(other.run(["build", "cgo.toml"]).ok().layout().digest(), layout.digest());
}

const SQLITE_SUMS: &str = "github.com/mattn/go-sqlite3 v1.14.53 h1:mnTM0owzUMrKuLo+0w51NUiB0ir2Fo7kFXlPt/l3BGs=\n\
github.com/mattn/go-sqlite3 v1.14.53/go.mod h1:6JTjA44L93a0QCyJef5YvlPoKXntQPjzWv5gtm9sB6w=\n\n";

const SQLITE: &str = "package main

import (
\t\"database/sql\"
\t\"fmt\"

\t_ \"github.com/mattn/go-sqlite3\"
)

func main() {
\tdb, err := sql.Open(\"sqlite3\", \":memory:\")
\tif err != nil {
\t\tpanic(err)
\t}
\tvar said string
\tif err := db.QueryRow(\"select (40 + 2) || ' sqlite'\").Scan(&said); err != nil {
\t\tpanic(err)
\t}
\tfmt.Println(said)
}
";

#[test]
fn a_stamp_for_a_variable_that_is_not_there_is_refused_by_name() {
    let case = Case::new()
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n")
        .file("main.go", "package main\n\nimport \"example.com/prog/inner\"\n\nvar (\n\tversion, commit = \"dev\", \"\"\n\tcount int\n)\n\nconst kind = \"x\"\n\nfunc main() { println(version, commit, count, kind, inner.Name) }\n")
        .file("inner/inner.go", "package inner\n\nimport \"os\"\n\nvar Name = os.Args[0]\n\nvar dropped string\n")
        .file("prog.toml", PLAIN);
    let stamped = |ldflags: &str| {
        let recipe = PLAIN.replace("go = \".\"\n", &format!("go = \".\"\nldflags = {ldflags}\n"));
        case.clone().file("prog.toml", recipe).run(["build", "prog.toml", "--offline"])
    };
    // A variable that the linker drops is fine, and so is one whose type only the compiler knows.
    stamped("\"-X main.version=1 -X 'main.commit=a b' -X=example.com/prog/inner.dropped=x\"").ok();
    stamped("[\"-s\", \"-X\", \"example.com/prog/inner.Name=x\"]").ok();
    for (ldflags, what, hint) in [
        (
            "\"-X main.verson=1\"",
            "`-X main.verson`: the package of the program has no variable `verson`",
            "`main.version`",
        ),
        ("\"-X main.other=1\"", "has no variable `other`", "`var other string`"),
        ("\"-X main.count=1\"", "`count` of the package of the program is not a string", "`var count string`"),
        ("\"-X main.kind=1\"", "is a constant, which the linker cannot set", "`var kind string`"),
        (
            "[\"-X\", \"example.com/prog.version=1\"]",
            "the linker knows the package of the program as `main` only",
            "`-X main.version=...`",
        ),
        (
            "\"-X example.com/prog/iner.Name=1\"",
            "the program has no package `example.com/prog/iner`",
            "`example.com/prog/inner.Name`",
        ),
        ("\"-X example.com/else.Name=1\"", "the program has no package `example.com/else`", "by its import path"),
    ] {
        stamped(ldflags).fails(2).says(what).says(hint);
    }
}
