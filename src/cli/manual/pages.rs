//! The text of `--help` around the options: one page a verb.
//!
//! Every example is a shell command with a remark behind `#`; `tests/suite/examples.rs` runs them all in a prepared
//! folder.

use super::{
    check_page, merge_page,
    verb_page::{Examples, VerbPage},
};

/// The end of every `-h`.
pub(super) const SHORT_END: &str =
    "`--help` says more, with examples; `hardpan help recipe` shows every key of a recipe.";

/// What exit codes mean, for every verb.
pub(super) const EXIT: &str = "\
Exit codes:
  0  done
  1  refused by a rule, which the message names
  2  could not do the work: a wrong recipe or option, a missing file, a compile error";

/// The end of the page of `hardpan` itself.
pub(super) const TOP_END: &str = "\
Exit codes:
  0  done
  1  refused by a rule, which the message names
  2  could not do the work: a wrong recipe or option, a missing file, a compile error
  Nothing is written unless it is 0.

Read on:
  hardpan help build     a verb, with examples
  hardpan help recipe    every key of a recipe, with its default";

/// The examples of `hardpan` itself.
pub(super) const TOP: Examples = &[
    ("hardpan build recipes/hello.toml", "writes out/hello, prints hello@sha256:..."),
    ("hardpan plan recipes/hello.toml", "what would be in it: every path, mode and owner"),
    ("hardpan inspect out/hello", "what is in an image"),
    ("hardpan help recipe", "every key of a recipe"),
];

const BUILD: VerbPage = VerbPage {
    about: "\
Compiles, assembles, audits and writes OCI images.

Without a RECIPE: `hardpan.toml` of this folder, else every `recipes/*.toml`. An image goes to `out/{name}`, an OCI \
image layout that skopeo, podman, umoci and crane read; with `--format oci-archive` or `docker-archive` to one file, \
`out/{name}.tar`. A docker archive holds one platform, and no zstd. Several recipes are built in parallel and published \
together: all of them or none. What needs no compiler is looked at in all of them before the first compiler runs, and all of it \
that is wrong is printed. Publication is atomic: a reader finds the old image or the new one. A path with \
anything but an image or an empty folder is never overwritten.

Trees, compiles and `{git.dirty}` ignore the outputs of this call and earlier outputs of hardpan (images, digest files, \
metadata and reports, recognized by their content), so that the next build gives the same digest. Each path that a tree \
leaves out is printed. A recipe that takes an output of its own call as an input is refused.

With `--keep-going` a recipe that fails stops no other one: what is good is written, loaded and pushed, and the last line counts \
how recipes ended: built, unchanged (the image at the path is this one already), failed. `--json` and `--metadata-file` have \
each recipe with its status and errors; a digest file is written for images alone. Two images at one path, or a wrong option, \
stop the call: all are `not tried`. The exit code is that of the worst failure.

Of several recipes each line of progress names its image, and images that have not changed are silent without `-v`. In \
GitHub Actions and GitLab CI (GITHUB_ACTIONS, GITLAB_CI) the lines of each image are a group, and on GitHub errors stand at \
their lines of the change. `-v` puts the seconds since the start before each line.

With `--shard K/N` one of N machines builds its part of the recipes: each recipe is in one shard, the same on every machine that has \
the same recipes. Recipes of one Go module or cargo workspace stay together, unless that is more than the share of a shard. Shards are \
of equal size, or of equal time: `--durations` names the metadata file of an earlier call with `--shard`, which has the duration \
of each image besides what it has without. `hardpan merge` joins the metadata files of all shards, and refuses an incomplete set. A \
shard without recipes ends with 0.

`--platform` chooses among the recipe's platforms, in the recipe's order; platforms that the recipe does not have follow \
in the order of the options.

Every image is audited before it is written: a finding of severity `medium` or above stops the build. `--policy` names a \
file with a table `[policy]`, as for `hardpan audit`; it counts more than the recipe's own.

Stdout gets one line an image, `NAME@sha256:...`; everything else goes to stderr. The digest depends only on the recipe, \
the inputs and the toolchain.",
    examples: &[
        ("hardpan build", "hardpan.toml, else recipes/*.toml"),
        ("hardpan build recipes/hello.toml --output image", "into the folder `image`"),
        ("hardpan build --platform linux/arm64", "instead of the recipe's platforms"),
        ("hardpan build --source-date $(git log -1 --format=%ct)", "the image's date is the commit's"),
        ("hardpan build --offline --json", "no network; one JSON document"),
        ("hardpan build --format oci-archive", "one file that every engine loads"),
        ("hardpan build --load docker", "and load it into docker, podman or containerd"),
        ("hardpan build --push 'registry.example.com/{name}:1.0'", "and push it to a registry"),
        ("hardpan build --digest-file digest --metadata-file build.json", "for the next step of a pipeline"),
        ("hardpan build recipes/*.toml --output 'out/{name}'", "all of them or none"),
        ("hardpan build --keep-going recipes/*.toml", "those that are good"),
        ("hardpan build recipes/*.toml --shard 1/3 --metadata-file shard-1.json", "a third of them"),
    ],
    end: "\
Exit codes:
  0  done
  1  refused by a rule, which the message names, or by --locked
  2  could not do the work: a wrong recipe or option, a missing file, a compile error
  Nothing is written unless it is 0, or with --keep-going.

Read on:
  hardpan help lock      how tags, downloads and toolchains are pinned
  hardpan help recipe    every key of a recipe, with its default",
};

const PLAN: VerbPage = VerbPage {
    about: "\
Shows what would be in the image: every path with its mode, owner, size, digest and recipe line.

Programs are compiled and every rule is checked, as for `build`, except the size of the stored layers (`max-size`); nothing \
is written. A line `left out` names a path that matches a tree's patterns and is not an input, with the reason.",
    examples: &[
        ("hardpan plan", "hardpan.toml, else recipes/*.toml"),
        ("hardpan plan recipes/hello.toml --platform linux/amd64", "one platform of it"),
        ("hardpan plan recipes/hello.toml --inputs", "and every input, by digest"),
        ("hardpan plan --json | jq -r '.plans[].images[].layers[].entries[].path'", "the paths"),
    ],
    end: EXIT,
};

const INSPECT: VerbPage = VerbPage {
    about: "\
Shows the config, layers and files of any image. Every byte is checked against its digest.

IMAGE is the folder of an OCI image layout, or the file of an OCI archive or a docker archive (`docker save`, `podman \
save`), recognized by its content; skopeo's transport may stand before it, and a reference behind it. Anything else is \
a reference to a registry, HOST/REPOSITORY[:TAG][@DIGEST], with or without `docker://`.

Credentials for registries are those of `docker login` and `podman login`: REGISTRY_AUTH_FILE, podman's auth.json, \
docker's config.json (DOCKER_CONFIG), with their credential helpers and stores. TLS uses the system's CA certificates, \
`--ca-file` and the folders `certs.d`; proxies are those of HTTPS_PROXY and NO_PROXY.",
    examples: &[
        ("hardpan inspect out/hello", "config, layers and files"),
        ("hardpan inspect oci:out/hello", "the same, as skopeo writes it"),
        ("hardpan inspect --json out/hello | jq -r .contents[0].digest", "the digest"),
        ("hardpan inspect registry.example.com/hello:1.0", "an image in a registry"),
        ("hardpan inspect --rootfs out/hello", "the file system that a container sees"),
        ("hardpan inspect --runtime kubernetes out/hello --as registry.example.com/hello", "a deployment"),
    ],
    end: EXIT,
};

const AFFECTED: VerbPage = VerbPage {
    about: "\
Lists the recipes whose images could differ between a commit and the working tree, so that a pipeline builds those alone. \
Nothing is compiled, fetched or written, and neither Go nor Rust is needed.

`--since REV` compares with the merge base of REV and HEAD, as a pull request shows it; `A...B` with the merge base of A and B, \
where B must be part of what is checked out; `REV..` with REV itself, such as the commit that was deployed last. Files that are \
not committed or not in git count as changed. A clone that lacks REV or the history up to the merge base is refused, unless \
--all-when-unknown is there: then all recipes are affected.

The inputs of a recipe are: the recipe, its lock and `--policy`; files, trees by their patterns, certificates and a base on the \
disk, with every link on the way; of Go programs the folders of all packages, whatever platform or tag they are for, what they \
embed, and every go.mod, go.sum and vendor folder; of Rust programs the packages and their path dependencies, Cargo.toml and \
Cargo.lock of the workspace, cargo's configuration and rust-toolchain. `{git...}` variables and `vcs = true` are affected by every \
commit. So is a Rust package with a build script, a procedural macro, or a path that leads out of it: for it the whole checkout \
counts.

What is not understood is affected, with the reason, which `--explain` prints: files that git ignores or that are outside of the \
checkout, inputs that an earlier step of the pipeline makes, a recipe that cannot be read. A step that writes sources into the \
folder of a package has to run before.

Stdout gets the path of each affected recipe, a line each; removed recipes and the count go to stderr. `--format matrix` prints \
what `strategy.matrix` of GitHub takes through `fromJSON`; of an empty one GitHub makes an error: \
`if: needs.plan.outputs.matrix != '{\"include\":[]}'` skips the job.",
    examples: &[
        ("hardpan affected --since origin/main", "what this branch changes"),
        ("hardpan affected --since origin/main | xargs -r hardpan build", "build those, if any"),
        ("hardpan affected --since origin/main --format matrix recipes/*.toml", "for strategy.matrix"),
        ("hardpan affected --since HEAD --format json | jq -r '.affected[].name'", "uncommitted"),
        ("hardpan affected --since HEAD --explain server", "which files make it so"),
    ],
    end: "\
Exit codes:
  0  done, whether or not a recipe is affected
  2  it is not known what changed, or a wrong option",
};

const AUDIT: VerbPage = VerbPage {
    about: "\
Checks any image against the rules of hardened images: its user, its files and who may write them, secrets in every layer \
and in the config, how programs are linked, and how sound the layers are.

Every layer is read once, and nothing is unpacked to disk. A rule that could not be checked is reported, and never passes.

A policy file has a table `[policy]` with `profile`, `fail-on`, `severity = { RULE = \"low\" }` (or \"off\"), `max-size`, \
`registries`, `waivers = false`, and exceptions under `[[policy.allow]]`, each with `rule`, `path` (a \
glob, also of a key such as `config.Env.TOKEN`), `reason` and `until`.",
    examples: &[
        ("hardpan audit out/hello", "the rules against an image"),
        ("hardpan audit --profile hardened out/hello", "fails on medium findings, too"),
        ("hardpan audit --output audit.html --output audit.sarif out/hello", "for people, and for a forge"),
        ("hardpan audit --json out/hello | jq -r '.audits[].images[].findings[].rule'", "their rules"),
        ("hardpan audit --list-rules", "every rule"),
        ("hardpan audit --explain root-user", "what a rule means, and what to do"),
    ],
    end: "\
Exit codes:
  0  done: every rule was checked, and no finding reaches the threshold of the policy
  1  a finding reaches it
  2  a rule could not be checked, or the policy or the image could not be read",
};

const PUSH: VerbPage = VerbPage {
    about: "\
Pushes an image to registries, and tags it there.

hardpan first asks each registry which blobs it has, and uploads the missing ones, or mounts them from another repository \
of the same registry. Blobs go first, then manifests, tags last: when a push is interrupted, no tag names an incomplete \
image, and the next push uploads only what is missing. An interrupted upload continues at the registry's offset. A REF \
without a tag is pushed by its digest alone.

Stdout gets one line a repository, `HOST/REPOSITORY@sha256:...`; a tag that moves is printed with its old digest.

Credentials, TLS and proxies are described in `hardpan help inspect`.",
    examples: &[
        ("hardpan push out/hello registry.example.com/hello:1.0", "push it, and tag it"),
        ("hardpan push --dry-run out/hello registry.example.com/hello:1.0", "what that would upload"),
        ("hardpan push out/hello registry.example.com/hello:1.0 registry.example.com/hello:latest", "both"),
        ("hardpan push --tag-policy keep out/hello registry.example.com/hello:1.0", "unless it is there"),
    ],
    end: EXIT,
};

const LOCK: VerbPage = VerbPage {
    about: "\
Pins what recipes name and what could move, in a lock file beside each recipe: `hello.lock` of `hello.toml`. It holds the \
digest of a base's tag, for each platform; digest and size of every `url`; the version of Mozilla's CA certificates; the Go \
and Rust versions that compile the recipe's programs, and the C library of a gnu target.

An existing pin stays while the recipe names it, also when something newer exists: `--update NAME` moves it. A lock that \
is complete is not rewritten. `build` and `plan` read the lock and never write it; a lock that does not fit is \
a warning, and with `--locked` a refusal, as is a missing lock.

hardpan carries every version of CA certificates and time zones that it ever shipped: an older lock gives the same bytes with
a newer hardpan.

--check downloads every url past the cache and compares it with the lock; with --offline it skips them.
--update takes a url with or without its query, which is never printed.

Stdout gets the path of every lock that was written; its changes go to stderr. With --check --json, stdout gets the pins \
that moved, also at exit code 1.",
    examples: &[
        ("hardpan lock", "hardpan.lock of hardpan.toml"),
        ("hardpan build --locked", "refuse what the lock does not pin"),
        ("hardpan lock --check", "has anything moved?"),
        ("hardpan lock --update certificates --update go", "take the newest of these"),
        ("hardpan lock --json recipes/hello.toml | jq '.locks[].changes'", "for programs"),
    ],
    end: "\
Exit codes:
  0  done; with --check: every lock exists and fits its recipe, and no pin has moved
  1  with --check: a lock is missing or stale, or a pin has moved; or refused by a rule, which the message names
  2  could not do the work: a wrong recipe, lock or option, or a pin that could not be checked",
};

const INIT: VerbPage = VerbPage {
    about: "\
Writes a recipe for the Go or Rust project, or the prebuilt program, of a folder.

It prints each decision with its reason. Where several programs are possible and no reason decides, all of them \
are comments in the recipe, and none is chosen. An existing recipe is never overwritten without `--force`.

`--from` translates a Dockerfile: the program and how it is compiled, arguments, variables, labels, ports, files. Of a \
`.ko.yaml` it takes builds with their flags and variables, and platforms; `kodata` becomes a tree. What a recipe cannot \
say is listed, line by line with the reason, on stderr and at the end of the recipe.",
    examples: &[
        ("hardpan init --force", "hardpan.toml for the project of this folder"),
        ("hardpan init --binary worker", "for one of several programs"),
        ("hardpan init --from Dockerfile --output -", "translate a Dockerfile, print the recipe only"),
        ("hardpan init --from .ko.yaml", "translate what ko builds"),
        ("hardpan init --output hello.toml --name hello", "under another name"),
    ],
    end: "\
Exit codes:
  0  done
  2  nothing was written: no program was found, or a file that it needs is missing, which the message names; or the
     recipe has all programs as comments, because no reason chooses one
  The path of the recipe goes to stdout, everything else to stderr.",
};

const CACHE: VerbPage = VerbPage {
    about: "\
Shows, prunes or verifies the cache, which saves builds from making or downloading anything twice.

It is in `XDG_CACHE_HOME/hardpan`, else `~/.cache/hardpan`: layers that were built or pulled and files that were downloaded, \
by digest; results computed from them; and what Go and cargo compiled. Layers, downloads and results take at most 10 GB: \
the least recently used are removed automatically; compiled code is removed when it was not used for 60 days. \
Nothing is removed while a build uses the cache: `prune` and `verify` wait for it.

Every entry is verified before it is used, so the cache may be removed, copied or restored at any time, and damaged entries \
are made again. A build without a cache (no `XDG_CACHE_HOME` and no `HOME`, or a folder that cannot be written) gives the \
same image.",
    examples: &[
        ("hardpan cache status", "where it is, and what is in it"),
        ("hardpan cache status --json | jq .blobs.bytes", "the same for programs"),
        ("hardpan cache prune --max-size 2GB", "leave the most recent 2 GB"),
        ("hardpan cache verify", "read all of it, remove what is damaged"),
    ],
    end: "\
Exit codes:
  0  done
  1  `verify` removed damaged entries, whose names go to stdout
  2  the cache cannot be used",
};

const EXPLAIN: VerbPage = VerbPage {
    about: "\
Explains the name in `error[NAME]`: what it means, and what to do about it.

An error that stops hardpan has the name of its kind (exit code 2); a refusal has the name of its rule (exit code 1), which \
also has a code, such as USR001. Names are stable: scripts may depend on them. Without a NAME all of them are listed, \
errors first.",
    examples: &[
        ("hardpan explain recipe-key", "an error"),
        ("hardpan explain root-user", "a rule, as `hardpan audit --explain root-user` does"),
        ("hardpan explain", "all names"),
        ("hardpan explain --markdown > errors.md", "all of them explained, as a page"),
    ],
    end: EXIT,
};

const SCHEMA: VerbPage = VerbPage {
    about: "\
Prints the JSON Schema (draft 7) of recipes, by which editors complete and check them; or, with `audit`, the schema of the \
reports of `audit --format json`.",
    examples: &[
        ("hardpan schema > recipe.schema.json", "then `#:schema ./recipe.schema.json` in a recipe"),
        ("hardpan schema audit > audit.schema.json", "for programs that read reports"),
    ],
    end: EXIT,
};

const COMPLETIONS: VerbPage = VerbPage {
    about: "Prints a completion script for a shell: verbs, options and their values.",
    examples: &[
        ("hardpan completions bash > ~/.local/share/bash-completion/completions/hardpan", ""),
        ("hardpan completions zsh > ~/.zfunc/_hardpan", "`fpath+=~/.zfunc` before compinit"),
        ("hardpan completions fish > ~/.config/fish/completions/hardpan.fish", ""),
    ],
    end: EXIT,
};

const MAN: VerbPage = VerbPage {
    about: "\
Prints a manual page in roff.

Without a TOPIC it is hardpan(1); with a verb its own page; with `recipe` the keys of a recipe.",
    examples: &[("hardpan man | man -l -", "read it"), ("hardpan man build > hardpan-build.1", "save it")],
    end: EXIT,
};

const HELP: VerbPage = VerbPage {
    about: "\
Shows the long help of a verb, the same as its `--help`.

`hardpan help recipe` prints every key of a recipe with its default, as a recipe that builds.",
    examples: &[
        ("hardpan help build", "what `hardpan build --help` prints"),
        ("hardpan help recipe", "every key of a recipe"),
    ],
    end: EXIT,
};

/// The page of a verb.
pub(super) fn page(verb: &str) -> Option<&'static VerbPage> {
    Some(match verb {
        "build" => &BUILD,
        "plan" => &PLAN,
        "check" => &check_page::CHECK,
        "merge" => &merge_page::MERGE,
        "inspect" => &INSPECT,
        "affected" => &AFFECTED,
        "audit" => &AUDIT,
        "lock" => &LOCK,
        "push" => &PUSH,
        "cache" => &CACHE,
        "init" => &INIT,
        "explain" => &EXPLAIN,
        "schema" => &SCHEMA,
        "completions" => &COMPLETIONS,
        "man" => &MAN,
        "help" => &HELP,
        _ => return None,
    })
}

/// The heading that an option of a verb stands under, by its id.
pub(super) fn heading(id: &str) -> Option<&'static str> {
    Some(match id {
        "platform" | "set" | "source_date" | "allow_outside" | "from" | "update" | "binary" | "since"
        | "all_when_unknown" | "shard" | "durations" => "Inputs",
        "offline" | "jobs" | "keep_going" => "Execution",
        "policy" | "profile" | "fail_on" | "locked" | "check" => "Checks",
        "list_rules" | "explain" => "Without an image",
        "tag_policy" | "dry_run" => "Push",
        "username" | "password_stdin" | "ca_files" | "plain_http" => "Registries",
        "output" | "format" | "engines" | "json" | "metadata_file" | "digest_file" | "runtime" | "repository"
        | "rootfs" | "explained" | "force" | "name" | "push" | "inputs" | "markdown" => "Outputs",
        _ => return None,
    })
}
