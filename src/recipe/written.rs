//! The recipe as it is written: serde structs, before any check.
//!
//! The parser deserializes into them, and `hardpan schema` generates the JSON Schema from them.
//!
//! The comments of the fields are the descriptions that editors show (`hardpan schema`).

use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::json;

use super::shapes::{CertificatesWord, Day, List, Loose, Pairs, PlatformWord, Spanned, StripWord, TomlTable};
use crate::report::Rule;

/// What is in an image, and how it runs. Built by `hardpan build`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "hardpan recipe")]
#[schemars(rename = "Recipe")]
pub(super) struct RecipeDocument {
    /// The encoding of the image. There is one so far.
    #[schemars(extend("enum" = [1], "default" = 1))]
    pub(super) format: Option<Spanned<i64>>,
    /// A file with keys of a recipe, relative to this one: what stands there counts where this recipe does not say otherwise.
    pub(super) extends: Option<Spanned<String>>,
    /// The image's name. Default: the name of the recipe file without `.toml`; for `hardpan.toml` the name of the
    /// first binary.
    #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$"), length(max = 128))]
    pub(super) name: Option<Spanned<String>>,
    /// The platforms to build for, in the order of the image index. Default: `["linux/amd64"]`.
    #[schemars(length(min = 1))]
    pub(super) platforms: Option<Spanned<Vec<Spanned<PlatformWord>>>>,
    /// What the image is built on: `HOST/REPOSITORY[:TAG]@sha256:...`, a tag alone that the lock pins, or the path of an
    /// OCI layout or an archive, which begins with `.` or `/`.
    #[schemars(extend("default" = "scratch"))]
    pub(super) base: Option<Spanned<String>>,
    /// How layers are compressed.
    #[schemars(extend("enum" = ["gzip", "zstd", "none"], "default" = "gzip"))]
    pub(super) compression: Option<Spanned<String>>,
    /// Annotations of the manifests and, if there is one, of the index. Values may hold `{variables}`.
    #[serde(default)]
    pub(super) annotations: Pairs,
    /// Variables for `{name}` in other values; `--set name=value` changes them.
    #[serde(default)]
    pub(super) vars: Pairs,
    /// Programs: built from Go or Rust source, or prebuilt.
    #[serde(default)]
    pub(super) binary: Vec<Spanned<TomlTable<WrittenBinary>>>,
    /// Single files.
    #[serde(default)]
    pub(super) file: Vec<Spanned<TomlTable<WrittenFile>>>,
    /// Folders, by explicit patterns.
    #[serde(default)]
    pub(super) tree: Vec<Spanned<TomlTable<WrittenTree>>>,
    /// Folders of their own; the only way to a path that the run user can write.
    #[serde(default)]
    pub(super) dir: Vec<Spanned<TomlTable<WrittenDirectory>>>,
    /// Symbolic links.
    #[serde(default)]
    pub(super) symlink: Vec<Spanned<TomlTable<WrittenSymlink>>>,
    /// How the image runs: the OCI config.
    pub(super) run: Option<Spanned<TomlTable<WrittenRun>>>,
    /// What a static binary needs around it.
    pub(super) system: Option<Spanned<TomlTable<WrittenSystem>>>,
    /// What the image must keep to, and its named exceptions.
    pub(super) policy: Option<Spanned<TomlTable<WrittenPolicy>>>,
}

/// What the recipes below a folder share: `hardpan.workspace.toml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "hardpan workspace")]
#[schemars(rename = "Workspace")]
pub(super) struct WorkspaceDocument {
    /// One lock for all recipes, `hardpan.workspace.lock` beside this file, instead of one beside each recipe.
    #[schemars(extend("default" = false))]
    pub(super) lock: Option<Spanned<bool>>,
    /// The recipes that share the lock, as paths below this folder; `*` stands for any characters within one name. Default:
    /// `hardpan.toml` and `recipes/*.toml`.
    pub(super) recipes: Option<Spanned<List>>,
    /// What counts in every recipe below this folder that does not say otherwise.
    #[allow(dead_code, reason = "its types are checked; its values are merged into recipes")]
    pub(super) defaults: Option<Spanned<TomlTable<WrittenDefaults>>>,
}

/// What counts in every recipe of a workspace that does not say otherwise. Paths are relative to the workspace's file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Defaults")]
#[allow(dead_code, reason = "its types are checked; its values are merged into recipes")]
pub(super) struct WrittenDefaults {
    /// The platforms to build for.
    #[schemars(length(min = 1))]
    pub(super) platforms: Option<Spanned<Vec<Spanned<PlatformWord>>>>,
    /// What images are built on.
    pub(super) base: Option<Spanned<String>>,
    /// Annotations, merged by key.
    #[serde(default)]
    pub(super) annotations: Pairs,
    /// How images run, merged by key; `env` and `labels` as well.
    pub(super) run: Option<Spanned<TomlTable<WrittenRun>>>,
    /// What a static binary needs around it, merged by key.
    pub(super) system: Option<Spanned<TomlTable<WrittenSystem>>>,
    /// What images must keep to. A recipe may say it stricter, never looser; exceptions are added up.
    pub(super) policy: Option<Spanned<TomlTable<WrittenPolicy>>>,
}

/// A program; exactly one of `go`, `cargo` and `path`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("oneOf" = json!([
    {
        "required": ["go"],
        "not": { "anyOf": [
            { "required": ["target"] }, { "required": ["features"] }, { "required": ["profile"] },
            { "required": ["rustflags"] }, { "required": ["linker"] }, { "required": ["debug-file"] },
            { "required": ["auditable"] },
        ] },
    },
    {
        "required": ["cargo"],
        "not": { "anyOf": [
            { "required": ["tags"] }, { "required": ["ldflags"] }, { "required": ["vcs"] }, { "required": ["cgo"] },
        ] },
    },
    { "required": ["path", "to"] },
])))]
#[schemars(rename = "Binary")]
pub(super) struct WrittenBinary {
    /// A Go package: `.`, `./cmd/server`, or an import path of the module.
    pub(super) go: Option<Spanned<String>>,
    /// A Cargo package with one binary, or `package/binary`.
    pub(super) cargo: Option<Spanned<String>>,
    /// A prebuilt static file; may hold `{variables}`.
    pub(super) path: Option<Spanned<String>>,
    /// Where the toolchain runs, relative to the recipe. Default: the recipe's folder.
    pub(super) dir: Option<Spanned<String>>,
    /// A Rust target triple. Default: musl of the platform.
    pub(super) target: Option<Spanned<String>>,
    /// Where the program goes. Default: `/usr/bin/<binary>`; `path` needs it.
    #[schemars(regex(pattern = "^/"))]
    pub(super) to: Option<Spanned<String>>,
    /// Go build tags; may hold `{variables}`.
    pub(super) tags: Option<Spanned<List>>,
    /// More `-ldflags` of Go; may hold `{variables}`.
    pub(super) ldflags: Option<Spanned<List>>,
    /// Cargo features; may hold `{variables}`.
    pub(super) features: Option<Spanned<List>>,
    /// More flags of `go build` or `cargo build`; may hold `{variables}`.
    pub(super) flags: Option<Spanned<List>>,
    /// More environment of the compiler; values may hold `{variables}`.
    pub(super) env: Option<Spanned<Pairs>>,
    /// The Cargo profile.
    #[schemars(extend("default" = "release"))]
    pub(super) profile: Option<Spanned<String>>,
    /// More flags of rustc for every crate of the target.
    pub(super) rustflags: Option<Spanned<List>>,
    /// The linker of a Cargo program, by name or by a path relative to `dir`; may hold `{variables}`. Default: what the
    /// checkout's cargo configuration names, else the toolchain's own.
    pub(super) linker: Option<Spanned<String>>,
    /// The C compiler for the target, by name or by a path relative to `dir`; may hold `{variables}`.
    pub(super) cc: Option<Spanned<String>>,
    /// Libraries of this machine that C code may take, by the names that pkg-config knows: linked as archives, and pinned.
    pub(super) libraries: Option<Spanned<List>>,
    /// Compile C with a Go program, and link it statically.
    #[schemars(extend("default" = false))]
    pub(super) cgo: Option<Spanned<bool>>,
    /// Stamp revision, time, state and version into a Go program (`-buildvcs`), from a whole clone.
    #[schemars(extend("default" = false))]
    pub(super) vcs: Option<Spanned<bool>>,
    /// Leave out symbols and debug information, or only `"debuginfo"`.
    #[schemars(extend("default" = true))]
    pub(super) strip: Option<Spanned<StripWord>>,
    /// Where the symbols go that `strip` takes out of a Cargo program, relative to the recipe; may hold `{variables}`.
    pub(super) debug_file: Option<Spanned<String>>,
    /// Put the list of a Cargo program's dependencies into it, in the form of cargo-auditable.
    #[schemars(extend("default" = true))]
    pub(super) auditable: Option<Spanned<bool>>,
    /// Put it over a path that the base has.
    #[schemars(extend("default" = false))]
    pub(super) replace: Option<Spanned<bool>>,
    /// For these platforms only. Default: every one.
    #[schemars(length(min = 1))]
    pub(super) platforms: Option<Spanned<Vec<Spanned<PlatformWord>>>>,
}

/// A file; exactly one of `from`, `text` and `url`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("oneOf" = json!([
    { "required": ["from"] },
    { "required": ["text"] },
    { "required": ["url", "sha256"] },
])))]
#[schemars(rename = "File")]
pub(super) struct WrittenFile {
    /// A file, relative to the recipe; may hold `{variables}`.
    pub(super) from: Option<Spanned<String>>,
    /// The text itself. Line breaks are line feeds, whatever ends the lines of the recipe.
    pub(super) text: Option<Spanned<String>>,
    /// Keep the line breaks of `text` as the recipe has them.
    #[schemars(extend("default" = false))]
    pub(super) raw: Option<Spanned<bool>>,
    /// A download, never without its digest; taken as it is, never unpacked.
    #[schemars(regex(pattern = "^[Hh][Tt][Tt][Pp][Ss]?://[^@/?#]+([/?][^#]*)?$"))]
    pub(super) url: Option<Spanned<String>>,
    /// The SHA-256 of the download.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub(super) sha256: Option<Spanned<String>>,
    /// Where the file goes.
    #[schemars(regex(pattern = "^/."))]
    pub(super) to: Spanned<String>,
    /// Its mode; the mode on this machine is never read.
    #[schemars(extend("enum" = ["0444", "0555"], "default" = "0444"))]
    pub(super) mode: Option<Spanned<Loose>>,
    /// Put it over a path that the base has.
    #[schemars(extend("default" = false))]
    pub(super) replace: Option<Spanned<bool>>,
    /// For these platforms only. Default: every one.
    #[schemars(length(min = 1))]
    pub(super) platforms: Option<Spanned<Vec<Spanned<PlatformWord>>>>,
}

/// What is taken from a folder. Links stay links and must stay inside.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Tree")]
pub(super) struct WrittenTree {
    /// The folder, relative to the recipe; may hold `{variables}`.
    pub(super) from: Spanned<String>,
    /// Where it goes.
    #[schemars(regex(pattern = "^/"))]
    pub(super) to: Spanned<String>,
    /// Patterns of what to take. `*` stays in one folder, `**` does not; dotfiles only when the dot is written.
    #[schemars(required)]
    pub(super) include: Option<Spanned<List>>,
    /// Patterns of what to leave out of that.
    pub(super) exclude: Option<Spanned<List>>,
    /// Patterns of what gets mode 0555 instead of 0444.
    pub(super) executable: Option<Spanned<List>>,
    /// Put it over a path that the base has.
    #[schemars(extend("default" = false))]
    pub(super) replace: Option<Spanned<bool>>,
    /// For these platforms only. Default: every one.
    #[schemars(length(min = 1))]
    pub(super) platforms: Option<Spanned<Vec<Spanned<PlatformWord>>>>,
}

/// A folder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Directory")]
pub(super) struct WrittenDirectory {
    /// Which path.
    #[schemars(regex(pattern = "^/."))]
    pub(super) to: Spanned<String>,
    /// Owned by the run user with mode 0700, instead of root with 0755.
    #[schemars(extend("default" = false))]
    pub(super) writable: Option<Spanned<bool>>,
    /// Declared as a volume, so that it works on a read-only root.
    #[schemars(extend("default" = false))]
    pub(super) volume: Option<Spanned<bool>>,
    /// Put it over a path that the base has.
    #[schemars(extend("default" = false))]
    pub(super) replace: Option<Spanned<bool>>,
    /// For these platforms only. Default: every one.
    #[schemars(length(min = 1))]
    pub(super) platforms: Option<Spanned<Vec<Spanned<PlatformWord>>>>,
}

/// A symbolic link.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Symlink")]
pub(super) struct WrittenSymlink {
    /// Which path.
    #[schemars(regex(pattern = "^/."))]
    pub(super) to: Spanned<String>,
    /// What it points at: absolute, or relative to the folder it is in.
    #[schemars(length(min = 1))]
    pub(super) target: Spanned<String>,
    /// Put it over a path that the base has.
    #[schemars(extend("default" = false))]
    pub(super) replace: Option<Spanned<bool>>,
    /// For these platforms only. Default: every one.
    #[schemars(length(min = 1))]
    pub(super) platforms: Option<Spanned<Vec<Spanned<PlatformWord>>>>,
}

/// How the image runs: the OCI config.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Run")]
pub(super) struct WrittenRun {
    /// Numeric `uid:gid`; 0 is refused.
    #[schemars(regex(pattern = "^[1-9][0-9]*:[1-9][0-9]*$"), extend("default" = "65532:65532"))]
    pub(super) user: Option<Spanned<Loose>>,
    /// The program and its fixed arguments. Default: the only binary.
    #[schemars(length(min = 1))]
    pub(super) entrypoint: Option<Spanned<Vec<Spanned<String>>>>,
    /// Arguments that a caller may replace (OCI `Cmd`); may hold `{variables}`.
    #[serde(default)]
    pub(super) args: Vec<Spanned<String>>,
    /// Environment; values may hold `{variables}`.
    #[serde(default)]
    pub(super) env: Pairs,
    /// The working directory.
    #[schemars(regex(pattern = "^/"), extend("default" = "/"))]
    pub(super) workdir: Option<Spanned<String>>,
    /// Ports, such as `8080/tcp`.
    #[serde(default)]
    #[schemars(inner(regex(pattern = "^[1-9][0-9]{0,4}(/(tcp|udp|sctp))?$")))]
    pub(super) ports: Vec<Spanned<Loose>>,
    /// The signal that asks the program to stop: `SIGTERM`, or its number as a text.
    #[schemars(regex(pattern = "^(SIG[A-Z0-9+-]+|[1-9][0-9]?)$"), extend("default" = "SIGTERM"))]
    pub(super) stop_signal: Option<Spanned<Loose>>,
    /// Labels; values may hold `{variables}`.
    #[serde(default)]
    pub(super) labels: Pairs,
}

/// What a static binary needs around it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "System")]
pub(super) struct WrittenSystem {
    /// The roots that the image trusts. Default: `mozilla`; with a base `base`, those that it has.
    pub(super) certificates: Option<Spanned<CertificatesWord>>,
    /// PEM files of more roots.
    pub(super) extra_certificates: Option<Spanned<List>>,
    /// Write `/etc/passwd` and `/etc/group`. Default: `true`; with a base those that it has, and a line for the run user
    /// where they have none. `false` leaves them as they are.
    pub(super) passwd: Option<Spanned<bool>>,
    /// Put `/tmp`, mode 1777.
    #[schemars(extend("default" = false))]
    pub(super) tmp: Option<Spanned<bool>>,
    /// Put the IANA time zones into `/usr/share/zoneinfo`; the lock pins their version.
    #[schemars(extend("default" = false))]
    pub(super) timezones: Option<Spanned<bool>>,
    /// Put these files over those that the base has.
    #[schemars(extend("default" = false))]
    pub(super) replace: Option<Spanned<bool>>,
}

/// What the image must keep to, and its named exceptions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Policy")]
pub(super) struct WrittenPolicy {
    /// The built-in policy that it begins with. What hardpan builds passes `hardened`.
    #[schemars(extend("enum" = ["default", "hardened"]))]
    pub(super) profile: Option<Spanned<String>>,
    /// The severity from which on a finding fails. A recipe can only say a lighter one than `medium`, or `medium`.
    #[schemars(extend("enum" = ["info", "low", "medium", "high", "critical"]))]
    pub(super) fail_on: Option<Spanned<String>>,
    /// Other severities of rules. A recipe can only make them heavier; in a policy file `off` switches one off.
    #[serde(default)]
    pub(super) severity: Pairs,
    /// Whether exceptions count.
    #[schemars(extend("default" = true))]
    pub(super) waivers: Option<Spanned<bool>>,
    /// The most that the stored layers of one platform may take, such as `30MB`.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)? ?(B|kB|MB|GB|KiB|MiB|GiB)$"))]
    pub(super) max_size: Option<Spanned<String>>,
    /// Where bases may come from, such as `ghcr.io/acme`.
    pub(super) registries: Option<Spanned<List>>,
    /// Exceptions: named, scoped, reasoned and dated.
    #[serde(default)]
    pub(super) allow: Vec<Spanned<TomlTable<Allow>>>,
}

/// A file that says what images must keep to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PolicyFile {
    /// What images must keep to.
    pub(super) policy: Option<Spanned<TomlTable<WrittenPolicy>>>,
    /// Which tags of registries may move.
    pub(super) push: Option<Spanned<TomlTable<WrittenPush>>>,
    /// What a pipeline says of git.
    pub(super) git: Option<Spanned<TomlTable<WrittenGit>>>,
    /// What of a pipeline reaches compilers.
    pub(super) compile: Option<Spanned<TomlTable<WrittenCompile>>>,
    /// What a pipeline says of registries.
    pub(super) registry: Option<Spanned<TomlTable<WrittenRegistry>>>,
}

/// `[compile]` of a policy file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenCompile {
    /// Variables of the environment: `GOCACHEPROG`, `RUSTC_WRAPPER`.
    pub(super) pass: Option<Spanned<List>>,
}

/// `[registry]` of a policy file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenRegistry {
    /// Hosts that make the tokens of registries on other domains.
    pub(super) token_realms: Option<Spanned<List>>,
}

/// `[push]` of a policy file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenPush {
    /// Patterns of tags that never move.
    pub(super) immutable_tags: Option<Spanned<List>>,
    /// Patterns of the only tags that move.
    pub(super) moving_tags: Option<Spanned<List>>,
}

/// `[git]` of a policy file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenGit {
    /// The variable of the environment that has the commit.
    pub(super) revision_from: Option<Spanned<String>>,
    /// The variable of the environment that has the branch.
    pub(super) branch_from: Option<Spanned<String>>,
}

/// One exception.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Allow {
    /// The rule that is waived.
    #[schemars(transform = name_the_rules)]
    pub(super) rule: Spanned<String>,
    /// For which paths of the image (a glob). Default: every one.
    pub(super) path: Option<Spanned<String>>,
    /// For the one finding that a report of `hardpan audit` gives this fingerprint: in policy files alone, so that the
    /// schema of recipes does not have it.
    #[schemars(skip)]
    pub(super) fingerprint: Option<Spanned<String>>,
    /// Why.
    #[schemars(regex(pattern = r"\S"))]
    pub(super) reason: Spanned<String>,
    /// The last day it holds, such as `2027-06-30`, without quotes.
    pub(super) until: Spanned<Day>,
}

/// The names of the rules, as an `enum`.
fn name_the_rules(schema: &mut Schema) {
    schema.insert("enum".to_owned(), Rule::names().into());
}
