//! The recipe as data: every value typed, every default filled in, every value with its place in the text.
//!
//! The parser makes it, `build` resolves it. What it holds is valid as text; whether files and images exist is not known
//! here.

use std::{collections::BTreeMap, sync::Arc};

use super::{SharedFile, tag_patterns::TagPatterns};
use crate::{
    layer::Compression,
    oci::{Digest, ImagePath, Platform, User},
    policy::Waiver,
    report::{Origin, Rule, Severity, SourceText},
};

/// A value and the place in the recipe it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written; for a default, the table it would be in.
    pub origin: Origin,
}

/// A recipe (product.md calls it the contract; `hardpan schema` prints its JSON Schema).
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The text it was read from.
    pub source: Arc<SourceText>,
    /// `extends`: the file that it takes more from, relative to the recipe.
    pub extends: Option<Located<String>>,
    /// The files that gave what it does not say itself, the nearest first.
    pub shared: Vec<SharedFile>,
    /// `name`, or the file's stem; `None` for a `hardpan.toml` without a name, which is named after its first binary.
    pub name: Option<String>,
    /// At least one, in the recipe's order, no duplicates. Default `linux/amd64`.
    pub platforms: Vec<Platform>,
    /// The base of the image, as written; `None` is `scratch`. `build` resolves it.
    pub base: Option<Located<String>>,
    /// Default gzip.
    pub compression: Compression,
    /// On the manifests and the index. Values may hold variables.
    pub annotations: BTreeMap<String, Located<String>>,
    /// `[vars]`, as written; `--set` replaces values.
    pub vars: BTreeMap<String, String>,
    /// `[[binary]]`, in order.
    pub binaries: Vec<BinaryEntry>,
    /// `[[file]]`, in order.
    pub files: Vec<FileEntry>,
    /// `[[tree]]`, in order.
    pub trees: Vec<TreeEntry>,
    /// `[[dir]]`, in order.
    pub dirs: Vec<DirectoryEntry>,
    /// `[[symlink]]`, in order.
    pub symlinks: Vec<SymlinkEntry>,
    /// `[run]`.
    pub run: RunSettings,
    /// `[system]`.
    pub system: SystemSettings,
    /// `[policy]`.
    pub policy: PolicySettings,
}

/// One `[[binary]]`.
#[derive(Debug, Clone)]
pub struct BinaryEntry {
    /// The table.
    pub origin: Origin,
    /// Where the program comes from.
    pub source: BinarySource,
    /// Default `/usr/bin/<binary>`; always there for [`BinarySource::Path`].
    pub to: Option<Located<ImagePath>>,
    /// Whether it may go over a path of the base.
    pub replace: bool,
    /// Where it exists; `None` is everywhere.
    pub platforms: Option<Vec<Platform>>,
}

/// Exactly one of `go`, `cargo` and `path`.
#[derive(Debug, Clone)]
pub enum BinarySource {
    /// A Go package.
    Go(GoBinary),
    /// A Cargo package.
    Cargo(CargoBinary),
    /// A prebuilt file; may hold variables.
    Path(Located<String>),
}

/// A program that `go build` makes.
#[derive(Debug, Clone)]
pub struct GoBinary {
    /// `go`: `.`, or a package path that begins with `./` or `../`, or an import path of the module.
    pub package: Located<String>,
    /// `dir`: where the toolchain runs, relative to the recipe. Default `.`.
    pub dir: Option<Located<String>>,
    /// Build tags; may hold variables.
    pub tags: Vec<Located<String>>,
    /// More `-ldflags`; may hold variables.
    pub ldflags: Vec<Located<String>>,
    /// More flags of `go build`, checked against those that would escape; may hold variables.
    pub flags: Vec<Located<String>>,
    /// More environment of the compiler, checked against what hardpan sets itself; values may hold variables. `GOWORK` is
    /// allowed here.
    pub env: BTreeMap<String, Located<String>>,
    /// `vcs = true`, where it is written: stamp the revision.
    pub vcs: Option<Origin>,
    /// `cgo = true`: compile C with the program, and link it statically.
    pub cgo: bool,
    /// `cc`: the C compiler of a program with `cgo`; may hold variables. Default: the target's on this machine.
    pub cc: Option<Located<String>>,
    /// `libraries`: libraries of this machine that C code may take, as pkg-config calls them. Default none.
    pub libraries: Vec<Located<String>>,
    /// The parts that are stripped from the program. Default all of them.
    pub strip: Strip,
}

/// `strip`: what the linker leaves out of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strip {
    /// `true`: symbols and debug information.
    Symbols,
    /// `"debuginfo"`: debug information; the names of functions stay.
    DebugInfo,
    /// `false`: nothing.
    Nothing,
}

/// A program that `cargo build` makes.
#[derive(Debug, Clone)]
pub struct CargoBinary {
    /// `cargo`, before the `/`.
    pub package: Located<String>,
    /// `cargo`, after the `/`; `None` is the package's only binary.
    pub binary: Option<String>,
    /// `dir`: where the toolchain runs, relative to the recipe. Default `.`.
    pub dir: Option<Located<String>>,
    /// A target triple; default musl of the platform.
    pub target: Option<Located<String>>,
    /// Cargo features; may hold variables.
    pub features: Vec<Located<String>>,
    /// More flags of `cargo build`, checked against those that would escape; may hold variables.
    pub flags: Vec<Located<String>>,
    /// More environment of the compiler, checked against what hardpan sets itself; values may hold variables.
    pub env: BTreeMap<String, Located<String>>,
    /// `profile`: the Cargo profile. Default `release`.
    pub profile: Option<Located<String>>,
    /// `rustflags`: more flags of rustc for every crate of the target, after those of the checkout's configuration.
    pub rustflags: Vec<Located<String>>,
    /// `linker`: a program name or a path relative to `dir`; may hold variables. Default: the checkout's configuration, else
    /// the toolchain's own.
    pub linker: Option<Located<String>>,
    /// `cc`: the C compiler for the target; may hold variables. Default: the target's on this machine.
    pub cc: Option<Located<String>>,
    /// `libraries`: libraries of this machine that C code may take, as pkg-config calls them. Default none.
    pub libraries: Vec<Located<String>>,
    /// The parts that are stripped from the program. Default all of them.
    pub strip: Strip,
    /// `debug-file`: where the symbols go that `strip` takes out, relative to the recipe; may hold variables.
    pub debug_file: Option<Located<String>>,
    /// `auditable = false`: leave out the list of dependencies.
    pub auditable: bool,
}

impl GoBinary {
    /// A program with every other key at its default.
    pub fn new(package: Located<String>) -> Self {
        Self {
            package,
            dir: None,
            tags: Vec::new(),
            ldflags: Vec::new(),
            flags: Vec::new(),
            env: BTreeMap::new(),
            vcs: None,
            cgo: false,
            cc: None,
            libraries: Vec::new(),
            strip: Strip::Symbols,
        }
    }
}

impl CargoBinary {
    /// The only program of a package, with every other key at its default.
    pub fn new(package: Located<String>) -> Self {
        Self {
            package,
            binary: None,
            dir: None,
            target: None,
            features: Vec::new(),
            flags: Vec::new(),
            env: BTreeMap::new(),
            profile: None,
            rustflags: Vec::new(),
            linker: None,
            cc: None,
            libraries: Vec::new(),
            strip: Strip::Symbols,
            debug_file: None,
            auditable: true,
        }
    }
}

/// One `[[file]]`.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// The table.
    pub origin: Origin,
    /// Where the bytes come from.
    pub source: FileSource,
    /// Where they go.
    pub to: Located<ImagePath>,
    /// `0o444` (default) or `0o555`.
    pub mode: u32,
    /// Whether it may go over a path of the base.
    pub replace: bool,
    /// Where it exists; `None` is everywhere.
    pub platforms: Option<Vec<Platform>>,
}

/// Exactly one of `from`, `text` and `url`.
#[derive(Debug, Clone)]
pub enum FileSource {
    /// A host path; may hold variables.
    From(Located<String>),
    /// The text itself.
    Text(Located<String>),
    /// A download, taken as it is.
    Url {
        /// `https://...`, or `http://...`, without a login; holds no variables.
        url: Located<String>,
        /// The digest of the download.
        sha256: Located<Digest>,
    },
}

/// One `[[tree]]`.
#[derive(Debug, Clone)]
pub struct TreeEntry {
    /// The table.
    pub origin: Origin,
    /// A folder of the host; may hold variables.
    pub from: Located<String>,
    /// Where it goes; may be the root.
    pub to: Located<ImagePath>,
    /// Globs of what to take; at least one.
    pub include: Vec<Located<String>>,
    /// Globs of what to leave out of that.
    pub exclude: Vec<Located<String>>,
    /// Globs of what gets mode 0555.
    pub executable: Vec<Located<String>>,
    /// Whether it may go over a path of the base.
    pub replace: bool,
    /// Where it exists; `None` is everywhere.
    pub platforms: Option<Vec<Platform>>,
}

/// One `[[dir]]`.
#[derive(Debug, Clone)]
pub struct DirectoryEntry {
    /// The table.
    pub origin: Origin,
    /// Which path.
    pub to: Located<ImagePath>,
    /// Owned by the run user, mode 0700; else root and 0755.
    pub writable: bool,
    /// Declared as a volume.
    pub volume: bool,
    /// Whether it may go over a path of the base.
    pub replace: bool,
    /// Where it exists; `None` is everywhere.
    pub platforms: Option<Vec<Platform>>,
}

/// One `[[symlink]]`.
#[derive(Debug, Clone)]
pub struct SymlinkEntry {
    /// The table.
    pub origin: Origin,
    /// Which path.
    pub to: Located<ImagePath>,
    /// The target: absolute, or relative to the folder of the link. Not empty, no control characters.
    pub target: Located<String>,
    /// Whether it may go over a path of the base.
    pub replace: bool,
    /// Where it exists; `None` is everywhere.
    pub platforms: Option<Vec<Platform>>,
}

/// `[run]`.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// The table, or the start of the recipe where there is none.
    pub origin: Origin,
    /// Default 65532:65532.
    pub user: User,
    /// Default: the only binary.
    pub entrypoint: Option<Located<Vec<String>>>,
    /// OCI `Cmd`; may hold variables.
    pub args: Vec<Located<String>>,
    /// May hold variables in its values.
    pub env: BTreeMap<String, Located<String>>,
    /// Default none is written, which means `/`.
    pub workdir: Option<Located<ImagePath>>,
    /// `8080/tcp` and the like, normalised, sorted by the recipe's order.
    pub ports: Vec<Located<String>>,
    /// `SIGTERM` and the like; checked.
    pub stop_signal: Option<String>,
    /// May hold variables in its values.
    pub labels: BTreeMap<String, Located<String>>,
}

/// `[system]`.
#[derive(Debug, Clone)]
pub struct SystemSettings {
    /// The table, or the start of the recipe where there is none.
    pub origin: Origin,
    /// Default Mozilla's; with a base what that has.
    pub certificates: Certificates,
    /// Host paths of more roots, in PEM.
    pub extra_certificates: Vec<Located<String>>,
    /// Where `/etc/passwd` and `/etc/group` come from. Default: written; with a base what that has.
    pub passwd: Passwd,
    /// Whether `/tmp` is there. Default false.
    pub tmp: bool,
    /// Whether IANA's time zones are in `/usr/share/zoneinfo`. Default false.
    pub timezones: bool,
    /// Whether these files may go over those of the base.
    pub replace: bool,
}

/// Where `/etc/passwd` and `/etc/group` come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passwd {
    /// hardpan writes them, with root and the run user.
    Written,
    /// The base has them; a line for the run user is added where they have none.
    Base,
    /// The recipe does not want them.
    None,
}

/// Which roots an image trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificates {
    /// The embedded bundle.
    Mozilla,
    /// None; then `extra-certificates` is all there is.
    None,
    /// The certificates of the base.
    Base,
    /// A PEM file of the host.
    File(Located<String>),
}

/// `[policy]`, of a recipe or of a policy file.
#[derive(Debug, Clone)]
pub struct PolicySettings {
    /// The built-in policy that it begins with: `default` or `hardened`.
    pub profile: Option<Located<String>>,
    /// The severity from which on a finding fails.
    pub fail_on: Option<Severity>,
    /// Other severities of rules; `None` switches one off. A recipe only has heavier ones.
    pub severities: BTreeMap<Rule, Option<Severity>>,
    /// Whether exceptions count; they do by default.
    pub waivers: bool,
    /// Stored bytes of all layers of one platform.
    pub max_size: Option<Located<u64>>,
    /// Where bases may come from; none is anywhere.
    pub registries: Vec<Located<String>>,
    /// The registries of the caller's policy file, which a base must be in as well.
    pub registries_above: Vec<Located<String>>,
    /// The named exceptions.
    pub allow: Vec<Waiver>,
    /// Whether there is a `[policy]`: a policy file may say something else alone.
    pub is_written: bool,
    /// `[push]` of a policy file.
    pub tags: TagPatterns,
    /// `[git]` of a policy file.
    pub git: GitVariables,
    /// `[compile] pass` of a policy file: variables of the environment that reach compilers.
    pub pass: Vec<Located<String>>,
    /// `[registry] token-realms` of a policy file, as they are written: hosts that may see the login of a registry which names them.
    pub token_realms: Vec<Located<String>>,
}

/// `[git]` of a policy file: the variables of the environment that say what is checked out.
#[derive(Debug, Clone, Default)]
pub struct GitVariables {
    /// That of the commit.
    pub revision: Option<Located<String>>,
    /// That of the branch.
    pub branch: Option<Located<String>>,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            profile: None,
            fail_on: None,
            severities: BTreeMap::new(),
            waivers: true,
            max_size: None,
            registries: Vec::new(),
            registries_above: Vec::new(),
            allow: Vec::new(),
            is_written: false,
            tags: TagPatterns::default(),
            git: GitVariables::default(),
            pass: Vec::new(),
            token_realms: Vec::new(),
        }
    }
}

impl Recipe {
    /// The place of the recipe as a whole: its first byte.
    pub fn start(&self) -> Origin {
        Origin::new(&self.source, 0..0)
    }
}
