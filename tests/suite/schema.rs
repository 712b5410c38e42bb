//! The JSON Schema that editors check recipes with, judged by `boon`, an implementation of JSON Schema.

use std::{fs, path::Path};

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::Value;
use toml::{Table, Value as Toml};

use crate::support::case::Case;

/// Everything that a recipe can say, from the design's first page.
const WHOLE: &str = r#"
format    = 1
name      = "hello"
platforms = ["linux/amd64", "linux/arm64"]
base      = "scratch"
compression = "gzip"
annotations = { "org.opencontainers.image.source" = "https://example.com/hello" }

[vars]
channel = "stable"

[[binary]]
go     = "./cmd/server"
dir    = ".."
to     = "/usr/bin/server"
tags   = ["netgo"]
ldflags = ["-X main.channel={channel}"]
flags  = ["-race"]
env    = { GOWORK = "off" }
vcs    = true
strip  = false

[[binary]]
cargo  = "hello"
target = "x86_64-unknown-linux-gnu"
features = ["tls"]

[[binary]]
path   = "dist/hello-{arch}"
to     = "/usr/bin/hello"

[[file]]
from = "hello.toml"
to   = "/etc/hello/hello.toml"
mode = "0444"

[[file]]
url    = "https://example.com/a"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
to     = "/a"

[[tree]]
from       = "static"
to         = "/srv/static"
include    = ["**/*.html", "**/*.css", "bin/*"]
exclude    = ["drafts/**"]
executable = ["bin/*"]

[[dir]]
to       = "/var/lib/hello"
writable = true
volume   = true

[[symlink]]
to     = "/srv/current"
target = "static"
platforms = ["linux/arm64/v8"]

[run]
user       = "65532:65532"
entrypoint = ["/usr/bin/server"]
args       = ["--port", "8080"]
env        = { RUST_LOG = "info" }
workdir    = "/"
ports      = ["8080/tcp"]
stop-signal = "SIGTERM"
labels     = { }

[system]
certificates = "mozilla"
extra-certificates = ["corp-root.pem"]
passwd    = true
tmp       = false

[policy]
max-size   = "30MB"
registries = ["ghcr.io/acme"]
[[policy.allow]]
rule   = "privileged-port"
path   = "/usr/bin/*"
reason = "speaks to a legacy balancer on 443"
until  = 2027-06-30
"#;

/// Recipes that an editor should underline, and the program refuses.
const WRONG: [&str; 26] = [
    "nmae = 'x'",
    "format = 2",
    "format = '1'",
    "name = '../x'",
    "platforms = []",
    "platforms = ['windows/amd64']",
    "compression = 'brotli'",
    "annotations = { a = 1 }",
    "vars = ['a']",
    "binary = [{ to = '/app' }]",
    "binary = [{ go = '.', cargo = 'x' }]",
    "binary = [{ path = 'app' }]",
    "binary = [{ go = '.', features = ['x'] }]",
    "binary = [{ cargo = 'x', ldflags = '-s' }]",
    "[binary]\ngo = '.'",
    "file = [{ text = 'a', to = 'a' }]",
    "file = [{ text = 'a', from = 'a', to = '/a' }]",
    "file = [{ text = 'a', to = '/a', mode = '0644' }]",
    "tree = [{ from = 'a', to = '/a' }]",
    "dir = [{ to = '/a', writable = 'yes' }]",
    "run.user = '0:0'",
    "run.ports = [8080]",
    "run.entrypoint = []",
    "system.certificates = 'debian'",
    "policy.max-size = '30'",
    "policy.allow = [{ rule = 'no-such-rule', reason = 'x', until = 2099-01-01 }]",
];

#[test]
fn the_committed_schema_is_what_the_program_prints() {
    let printed = Case::new().run(["schema"]).ok().stdout;
    assert!(printed == committed(), "`hardpan schema > schema/recipe.schema.json` is due");
}

#[test]
fn schema_of_reports() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/audit.schema.json");
    let report = fs::read_to_string(path).expect("the committed schema");
    let case = Case::new();
    assert!(
        case.run(["schema", "audit"]).ok().stdout == report,
        "`hardpan schema audit > schema/audit.schema.json` is due"
    );
    assert!(case.run(["schema", "recipe"]).ok().stdout == committed());
    case.run(["schema", "plan"]).fails(2).says("audit");
    is_a_schema(&report);
}

#[test]
fn schema_of_baselines() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/baseline.schema.json");
    let committed = fs::read_to_string(path).expect("the committed schema");
    let printed = Case::new().run(["schema", "baseline"]).ok().stdout;
    assert!(printed == committed, "`hardpan schema baseline > schema/baseline.schema.json` is due");
    is_a_schema(&committed);
}

#[test]
fn schema_of_workspaces() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/workspace.schema.json");
    let committed = fs::read_to_string(path).expect("the committed schema");
    let printed = Case::new().run(["schema", "workspace"]).ok().stdout;
    assert!(printed == committed, "`hardpan schema workspace > schema/workspace.schema.json` is due");
    is_a_schema(&committed);
    let schema: Value = serde_json::from_str(&committed).expect("JSON");
    let keys = |table: &Value| -> Vec<String> { table["properties"].as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&schema), ["defaults", "lock", "recipes"]);
    assert_eq!(
        keys(&schema["definitions"]["Defaults"]),
        ["annotations", "base", "platforms", "policy", "run", "system"]
    );
}

#[test]
fn the_schema_is_a_schema() {
    is_a_schema(&committed());
}

fn is_a_schema(text: &str) {
    let schema: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let meta = compiler.compile("http://json-schema.org/draft-07/schema", &mut schemas).expect("the meta-schema");
    schemas.validate(&schema, meta).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_recipes_of_the_repository_are_valid() {
    let judge = Judge::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the recipes") {
        let path = entry.expect("a recipe").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).expect("a recipe");
            judge.problems(&text).map_or_else(|| seen += 1, |problems| panic!("{}: {problems}", path.display()));
        }
    }
    assert!(seen >= 3, "{seen} recipes");
}

#[test]
fn everything_that_a_recipe_can_say_is_valid() {
    let judge = Judge::new();
    assert_eq!(judge.problems(WHOLE), None);
    assert_eq!(judge.problems(""), None);
    assert_eq!(judge.problems("system.certificates = { file = 'roots.pem' }"), None);
}

#[test]
fn wrong_recipes_are_wrong_to_the_editor_and_to_the_program() {
    let judge = Judge::new();
    let accepted: Vec<_> = WRONG.into_iter().filter(|text| judge.problems(text).is_none()).collect();
    assert!(accepted.is_empty(), "the schema accepts {accepted:#?}");
    let case = Case::new().file("app", crate::support::elf::static_amd64());
    for text in WRONG {
        let output = case.clone().recipe(text).run(["plan", "app.toml"]);
        let by_a_rule = text == "run.user = '0:0'";
        let output = output.fails(if by_a_rule { 1 } else { 2 });
        assert!(output.stderr.contains("app.toml:"), "{text}: {}", output.stderr);
        // What is wrong is the text, not that there is no program.
        assert!(!output.stderr.contains("has no entrypoint"), "{text}: {}", output.stderr);
    }
}

/// The committed schema, compiled.
struct Judge {
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Judge {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V7);
        // Draft 7 leaves it open whether a `format` counts; editors let it.
        compiler.enable_format_assertions();
        let schema = serde_json::from_str(&committed()).expect("JSON");
        compiler.add_resource("recipe.json", schema).expect("a resource");
        let schema = compiler.compile("recipe.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, schema }
    }

    /// What is wrong with a recipe.
    fn problems(&self, recipe: &str) -> Option<String> {
        let table: Table = recipe.parse().unwrap_or_else(|error| panic!("{recipe}: {error}"));
        self.schemas.validate(&json(&Toml::Table(table)), self.schema).err().map(|error| error.to_string())
    }
}

fn committed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/recipe.schema.json");
    fs::read_to_string(path).expect("the committed schema")
}

/// TOML as the editors' servers show it to a validator: dates are texts.
fn json(value: &Toml) -> Value {
    match value {
        Toml::String(text) => Value::from(text.as_str()),
        Toml::Integer(number) => Value::from(*number),
        Toml::Float(number) => Value::from(*number),
        Toml::Boolean(flag) => Value::from(*flag),
        Toml::Datetime(date) => Value::from(date.to_string()),
        Toml::Array(items) => items.iter().map(json).collect(),
        Toml::Table(table) => table.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
    }
}
