//! [`ErrorName`]: the stable names of failures with exit code 2, shown as `error[name]` and explained by `hardpan explain`.

use std::{error, fmt, io};

/// Makes the enum, its list and its texts of one table.
macro_rules! error_names {
    ($($(#[doc = $group:literal])* $variant:ident = $name:literal, $meaning:literal, $cure:literal;)*) => {
        /// What kind of failure stopped the work: the name in `error[name]`, which `hardpan explain NAME` explains.
        ///
        /// Names are stable: scripts and searches depend on them. A name is about what the reader has to look at (their
        /// recipe, a file, a registry), not about the line of code that found it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorName {
            $(#[doc = $meaning] $variant,)*
        }

        impl ErrorName {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name, in kebab case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What happened: one or two sentences.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What to do about it: one or two sentences.
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$variant => $cure,)* }
            }
        }
    };
}

error_names! {
    // The command line and what surrounds the call.
    Usage = "usage",
        "The command line has an unknown verb or option, an option without a value or with an invalid value, or options that exclude each other.",
        "Run `hardpan help VERB` for what the verb takes.";
    Environment = "environment",
        "A variable of the environment that hardpan reads, such as `SOURCE_DATE_EPOCH`, has a value that it cannot take, or is not set.",
        "Set, correct or unset the variable that the message names.";
    Resources = "resources",
        "The system has not enough memory, threads, processes or file handles.",
        "Run it again with fewer jobs (`--jobs 1`) or higher limits (`ulimit -a` shows them).";
    Internal = "internal",
        "hardpan found that its own result is not what it has to be, and threw it away.",
        "This is a fault of hardpan: report it with the command line and the message.";

    // Files of this machine.
    FileNotFound = "file-not-found",
        "A file or folder that the call needs does not exist.",
        "Check the path in the message; relative paths in a recipe are relative to the recipe's folder.";
    PermissionDenied = "permission-denied",
        "The system does not let this user read or write a file or folder.",
        "Change its owner or mode, or run hardpan as a user who may.";
    DiskFull = "disk-full",
        "The file system has no space or no quota left.",
        "Free some space (`hardpan cache prune` helps), or write to another file system.";
    FileKind = "file-kind",
        "There is a file where a folder is needed, a folder where a file is needed, or a device, FIFO or socket.",
        "Name a path of the kind that the message asks for.";
    FileTooLarge = "file-too-large",
        "A file is larger than the bound that hardpan keeps for files of its kind.",
        "The message has the bound. A file of that size is usually another file than was meant.";
    FileError = "file-error",
        "The system could not read, write, list, rename or lock a file, for the reason in the message.",
        "The reason is the system's own text; look at the file system and the path that the message names.";

    // Recipes.
    RecipeSyntax = "recipe-syntax",
        "The recipe is not a TOML document, or not UTF-8.",
        "Correct the line that the message points at; `hardpan schema` lets an editor check recipes while they are written.";
    RecipeKey = "recipe-key",
        "The recipe has a key or table that does not exist, or one in the wrong place.",
        "`hardpan help recipe` lists all keys; the message names the nearest one.";
    RecipeMissing = "recipe-missing",
        "The recipe lacks a key that it needs.",
        "Add the key that the message names; `hardpan help recipe` describes it.";
    RecipeValue = "recipe-value",
        "A value in the recipe has another type or form than its key takes.",
        "`hardpan help recipe` says what the key takes.";
    RecipeConflict = "recipe-conflict",
        "Two keys of the recipe exclude each other, a key lacks the key that it needs, or a setting is written twice.",
        "Keep one of the two, or add the key that the message names.";
    RecipeFlag = "recipe-flag",
        "A recipe cannot give a compiler this flag or variable: it would run another program, write elsewhere, or change what hardpan sets itself.",
        "Leave it out, or use the key that the hint names; `hardpan help recipe` describes all keys.";
    RecipeVariable = "recipe-variable",
        "A variable is unknown, has no value or an invalid value, stands in a key where variables are not replaced, or has a malformed name; or `--set` names a variable that `[vars]` does not declare.",
        "Declare it in `[vars]`; `--set NAME=VALUE` gives it another value. Braces that are no variable are written `{{` and `}}`.";
    RecipePath = "recipe-path",
        "Engines read a path inside of the image differently, or images cannot have it.",
        "Write an absolute path without `.`, `..`, empty parts and names that begin with `.wh.`.";
    RecipePattern = "recipe-pattern",
        "A pattern of paths does not parse, or matches nothing.",
        "`*`, `?`, `[a-z]` and `{a,b}` match within one folder, `**` any number of folders, and a leading dot has to be written. A pattern that matches nothing is usually misspelled.";
    RecipeLimit = "recipe-limit",
        "The recipe asks for more of something than hardpan's bounds allow.",
        "The message has the bound; split the recipe.";
    RecipeFormat = "recipe-format",
        "The recipe wants a format of image bytes, or a version of hardpan, that this one does not have.",
        "Use the hardpan that the recipe asks for, or another `format`.";
    EntryConflict = "entry-conflict",
        "Two entries would be at one path in the image, one would be below a file, or one would let the run user replace another.",
        "Remove one of them, or give it another path; the message says which ones they are.";

    // What goes into images.
    InputNotFound = "input-not-found",
        "An input that the recipe names does not exist.",
        "Create it first (some are results of a build), or correct the path; it is relative to the recipe's folder.";
    InputOutside = "input-outside",
        "A path of the recipe leads out of the git checkout, or, where there is no checkout, out of the folder of `hardpan.workspace.toml` or of the recipe.",
        "Copy the file into the checkout, or pass `--allow-outside`.";
    InputKind = "input-kind",
        "An input is a folder where a file is needed or the reverse, or something that images cannot have.",
        "Name an input of the kind that the message asks for.";
    InputChanged = "input-changed",
        "An input changed while it was read, so that no digest stands for it.",
        "Run the build again when nothing writes to it any more.";
    InputLink = "input-link",
        "A symbolic link leads out of its tree, to nothing or to itself, or has a target that Linux cannot follow.",
        "Correct the link, or leave it out with a pattern.";
    InputName = "input-name",
        "Engines read a file name or path differently, or a compiler does not take it: it is not UTF-8, has control characters or is too long.",
        "Rename the file or move the checkout, or leave the file out with a pattern.";
    ProgramFormat = "program-format",
        "A program is not an ELF executable that Linux starts, or is damaged.",
        "Name the compiled program itself, not a script or an archive.";
    ProgramAccess = "program-access",
        "The user of the image cannot start the program, or there is none to start.",
        "Correct `entrypoint` or `user` of `[run]`, or the `mode` of the file.";
    Certificate = "certificate",
        "A certificate file has no certificate, an expired or malformed one, or something else in it.",
        "Name a PEM file with CA certificates alone.";
    Accounts = "accounts",
        "`/etc/passwd` or `/etc/group` of the image cannot be made or understood.",
        "Correct `user` of `[run]`, or the base whose files these are.";
    Download = "download",
        "A file could not be downloaded from its address.",
        "The message has the HTTP status or the network's reason; check the address, the proxy (`HTTPS_PROXY`, `NO_PROXY`) and the trusted roots (`--ca-file`).";
    DownloadDigest = "download-digest",
        "A downloaded file has other bytes than its digest says.",
        "If the file was meant to change, correct `sha256`; if not, do not use it.";

    // Compiling.
    ToolMissing = "tool-missing",
        "A compiler, linker, library or other part of a toolchain that the build needs is not installed or not found.",
        "Install what the message names, or correct `PATH`.";
    ToolUnsupported = "tool-unsupported",
        "A compiler, linker or other program is there and cannot do what the build needs, or says something that hardpan does not understand.",
        "Use one of the versions that the README names.";
    SourceInvalid = "source-invalid",
        "The project to compile (`Cargo.toml`, `go.mod`, its lock) cannot be read or does not have what the recipe names.",
        "Correct the project; cargo and go print the same reason.";
    SourceUnpinned = "source-unpinned",
        "The project takes code from a place that its lock does not pin, or that is outside of what hardpan can watch.",
        "Pin it in `Cargo.lock` or `go.sum`, or move it into the workspace.";
    MachineInput = "machine-input",
        "A program takes a header, an archive or a compiler of this machine that nothing in the recipe names, so that no lock pins it.",
        "Name the library with `libraries = [\"...\"]`, or let a feature of the package compile it from source.";
    CompilerFlag = "compiler-flag",
        "A flag asks for the processor of the machine that compiles, or takes more flags from a file that hardpan does not check.",
        "Name the processor, such as `-march=x86-64-v3` or `-Ctarget-cpu=x86-64-v3`, and write flags where the message says.";
    CargoConfig = "cargo-config",
        "A configuration file of cargo (`.cargo/config.toml`) cannot be read, or would change the program on this machine alone.",
        "Correct the key that the message points at, or move it into the `.cargo/config.toml` of the checkout.";
    CompileFailed = "compile-failed",
        "The compiler or the linker refused the code.",
        "Its own messages stand above; `cargo build` or `go build` shows them as well.";
    FetchUntrusted = "fetch-untrusted",
        "The checkout would have the fetch of dependencies, which works in the caller's environment, run a program of its own.",
        "Move the setting into the configuration of this machine, or fetch the dependencies before and build with `--offline`.";
    CompileNetwork = "compile-network",
        "Fetching the project's dependencies failed.",
        "Check the network and the proxy of cargo or go; `--offline` needs them fetched before.";
    Enclosure = "enclosure",
        "The namespaces, mounts or processes in which compilers run could not be made.",
        "The message has the system's reason, such as a limit in `/proc/sys/user`.";
    Git = "git",
        "git is missing, failed, or cannot answer about the project's folder: no repository, no commit, no tag, or an incomplete clone.",
        "Install git, clone the whole repository with its tags, or remove what needs git's answers: `vcs = true` and the variables `{git...}`.";

    // Locks and policies.
    LockStale = "lock-stale",
        "The lock file does not fit the recipe, the inputs or the tools of this machine.",
        "Run `hardpan lock` if the change is wanted; the message says what differs.";
    LockSyntax = "lock-syntax",
        "The lock file cannot be read, or was written by another version of hardpan.",
        "Do not edit it; run `hardpan lock` again.";
    Policy = "policy",
        "The policy of a file or a recipe cannot be read, has a key, rule or severity that does not exist, or a recipe's is looser than builds keep to.",
        "Correct the line that the message points at; a recipe excepts a rule with `[[policy.allow]]`.";
    Baseline = "baseline",
        "The file of `hardpan audit --baseline` is no baseline, or one of another format.",
        "Correct the place that the message points at, or write the file anew with `--write-baseline`.";

    // Images that are read.
    ImageNotFound = "image-not-found",
        "There is no image at that place, or none of that name in it.",
        "Check the path or the reference; `hardpan inspect` lists what a layout or archive has.";
    ImagePlatform = "image-platform",
        "The image is not there for the platform that is wanted.",
        "The message says which platforms it has.";
    ImageInvalid = "image-invalid",
        "A manifest, index, config, layer, layout or archive breaks the OCI specification, or can be read in two ways.",
        "Make the image again with a tool that follows the specification; do not run it.";
    ImageUnsupported = "image-unsupported",
        "The image has something that hardpan does not read, such as an old format, an encryption or an unknown packing.",
        "Convert it, for example with `skopeo copy --format oci`.";
    ImageTooLarge = "image-too-large",
        "The image is larger, deeper or has more parts than hardpan's bounds allow.",
        "The message has the bound. Split the image, or suspect it.";
    RuntimeProfile = "runtime-profile",
        "The image has a user, port or volume that the settings of a runtime (a Kubernetes manifest, a run command) cannot name.",
        "Make the image with a numeric user, and ports and volumes of the plain form.";
    Deployment = "deployment",
        "A deployment file is not YAML of UTF-8, or names an image by a recipe or a Go package that is not known.",
        "The message has the place; `hardpan help resolve` says which references there are.";
    Metadata = "metadata",
        "A metadata file does not say where an image was pushed, or says it twice.",
        "Write it anew with `hardpan build --push REF --metadata-file FILE`.";
    BlobMissing = "blob-missing",
        "The image names a blob that is not there.",
        "Copy or pull the image again.";
    BlobMismatch = "blob-mismatch",
        "A blob has other bytes than its digest or size says.",
        "The copy is damaged or was changed: fetch it again, and do not use this one.";
    Base = "base",
        "The base of a recipe cannot be used.",
        "The message says why; another base, or a digest, is written as `base = \"NAME@sha256:...\"`.";

    // Registries.
    Reference = "reference",
        "The name of an image is malformed (an invalid reference), or the registry or engine does not allow it.",
        "Write `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@sha256:DIGEST`; a path follows its transport, as in `oci:PATH`.";
    RegistryUnreachable = "registry-unreachable",
        "The registry could not be reached: no address, connection refused or reset, or a timeout.",
        "Check the host, the network and the proxy (`HTTPS_PROXY`, `NO_PROXY`).";
    RegistryTls = "registry-tls",
        "TLS to the registry failed, usually because its certificate is not trusted.",
        "Install its CA on this machine, or name the CA's file with `--ca-file`; `--plain-http` is for registries without TLS.";
    RegistryLogin = "registry-login",
        "The registry refused the credentials, wants some, or asked for them in a way that is not understood (401, 403).",
        "Log in with `hardpan login`, `docker login` or `podman login`, or give `--username` and `--password-stdin`.";
    RegistryNotFound = "registry-not-found",
        "The registry has no such repository, tag or digest (404).",
        "Check the reference; some registries answer 404 where a login is missing.";
    RegistryLimit = "registry-limit",
        "The registry asks for fewer requests (429), takes nothing of that size (413), or others write to the same tag.",
        "Wait, or ask its operator; the message has the registry's own text.";
    RegistryRefusal = "registry-refusal",
        "The registry refused the request with another status than those above.",
        "The message has the status and the registry's own text.";
    RegistryProtocol = "registry-protocol",
        "What the registry answered does not follow the distribution specification, or leads to a place that hardpan does not follow.",
        "Report it to the registry's operator; the message says what was expected.";
    RegistryBlocked = "registry-blocked",
        "A `registries.conf` of this machine says that nothing is pulled from the registry (`blocked = true`).",
        "The message has the line. Take the image from another registry, or give the blocked one a mirror there.";
    RegistriesConf = "registries-conf",
        "A `registries.conf`, which says where images are pulled from, cannot be read.",
        "Correct the line; `man containers-registries.conf` has the format. `CONTAINERS_REGISTRIES_CONF` names another file.";
    Credentials = "credentials",
        "A file of credentials, a helper that it names, or the password on standard input cannot be used.",
        "Correct what the message names, or log in again with `hardpan login`, `docker login` or `podman login`.";
    Offline = "offline",
        "`--offline` was given, and something has to be fetched.",
        "Run once without `--offline`; what was fetched is kept in the cache.";

    // What is written.
    OutputOccupied = "output-occupied",
        "What is at the output's path is no image, a symbolic link, or a recipe that exists already, and is not replaced.",
        "Name another path, or remove it first; `hardpan init --force` replaces a recipe.";
    OutputConflict = "output-conflict",
        "Two outputs of one call would be at one place, or an output would be an input.",
        "Give each recipe its own `name`, and put `{name}` into `--output`, `--digest-file`, `--metadata-file` and `--push`.";
    Merge = "merge",
        "The files that `hardpan merge` or `--durations` was given are of no kind that it knows, or do not fit together: a shard is missing or there twice, shards divided other recipes, or two files say something else about one image or pin.",
        "The message names the files. Build all shards from one commit, with the same recipes and the same `--durations`, and merge all of them.";
    OutputForm = "output-form",
        "The form of the output cannot hold the image, or does not exist.",
        "Use `--format layout` or `--format oci-archive`: a docker archive holds one platform, and no zstd.";
    EngineMissing = "engine-missing",
        "The engine to load the image into is not installed or does not run.",
        "Install or start Docker, podman or containerd, or choose another one with `--load`.";
    EngineFailed = "engine-failed",
        "The engine refused the image or failed.",
        "The message has the engine's own text.";
    Cache = "cache",
        "The cache cannot be used.",
        "`XDG_CACHE_HOME` names another folder; `hardpan cache verify` removes what is damaged, `hardpan cache prune --all` everything.";
    CacheKey = "cache-key",
        "The key that seals the records of the cache cannot be read or made, is no key, or is open to others.",
        "`HARDPAN_CACHE_KEY_FILE`, else `XDG_STATE_HOME/hardpan/cache.key`, else `~/.local/state/hardpan/cache.key` names it: a file of its user alone with 64 hexadecimal digits. Without one hardpan makes it.";
    CacheArchive = "cache-archive",
        "The file is not an archive that `hardpan cache export` wrote, or was cut short or changed.",
        "Export it again. Nothing of it is used.";
    CacheUntrusted = "cache-untrusted",
        "A record of an archive of the cache is not signed by a key that is trusted, or was changed after that.",
        "Name the public key of the job that exported it with `--cache-trust`; if it was that key, do not use the archive.";

    // Projects that `init` reads.
    ProjectUnknown = "project-unknown",
        "`init` found nothing in the folder that it can make a recipe of.",
        "Run it in the folder of a Cargo or Go project or of a static program, or name that folder: `hardpan init DIR`.";
    ProjectAmbiguous = "project-ambiguous",
        "`init` found several programs or ways, and does not guess.",
        "Name one with `--binary`, or choose one of those that the recipe has as comments.";
    Dockerfile = "dockerfile",
        "The Dockerfile cannot be read, or has something that a recipe cannot say.",
        "The message has the line; change it, or write that part of the recipe by hand.";
    KoYaml = "ko-yaml",
        "The file that `init --from` names is no `.ko.yaml` that ko reads, or none of its builds is a program that a recipe can have.",
        "The message has the line; `hardpan init` without `--from` reads the project itself.";
}

impl ErrorName {
    /// The name for an error of a reader or of the system on a file: that of its [`NamedReason`], where it has one.
    pub fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind;
        if let Some(reason) = error.get_ref().and_then(|inner| inner.downcast_ref::<NamedReason>()) {
            return reason.name;
        }
        // ENFILE and EMFILE, for which `ErrorKind` has no name.
        if matches!(error.raw_os_error(), Some(23 | 24)) {
            return Self::Resources;
        }
        match error.kind() {
            ErrorKind::OutOfMemory => Self::Resources,
            ErrorKind::NotFound => Self::FileNotFound,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::PermissionDenied,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            ErrorKind::FileTooLarge => Self::FileTooLarge,
            ErrorKind::NotADirectory | ErrorKind::IsADirectory => Self::FileKind,
            _ => Self::FileError,
        }
    }

    /// The name with these letters.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == text)
    }
}

/// What a reader of an image reports through `std::io::Error`: the sentence, with the name of its kind, which
/// [`ErrorName::of_io`] finds again. Without it every damaged blob and every HTTP status would be a `file-error`.
#[derive(Debug)]
pub struct NamedReason {
    name: ErrorName,
    what: String,
}

impl NamedReason {
    /// The error for `std::io::Read`.
    pub fn error(name: ErrorName, kind: io::ErrorKind, what: impl Into<String>) -> io::Error {
        io::Error::new(kind, Self { name, what: what.into() })
    }
}

impl fmt::Display for NamedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl error::Error for NamedReason {}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
