//! The text of `--help` around the options: one page a verb.
//!
//! Every example is a shell command with a remark behind `#`; `tests/suite/examples.rs` runs them all in a prepared
//! folder.

use super::{
    audit_page, cache_page, check_page, list_page, lock_page, login_page, merge_page, resolve_page,
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
  130, 143, 129  ended by SIGINT, SIGTERM or SIGHUP
  Nothing is written unless it is 0, or a warning says so.

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
together: all of them or none; an error puts back what was replaced, and what cannot be put back (in engines, in registries, or \
written when a later step fails) is told, with `--json` under `left`. Registries are asked first and pushed to last. What needs no compiler is looked at in all of them before the first compiler runs, and all of it \
that is wrong is printed. Publication is atomic: a reader finds the old image or the new one. A path with \
anything but an image or an empty folder is never overwritten, and a link below the current folder or that of the recipe is not \
followed. What a killed build has left in the folder of the output is removed, of whatever image it is.

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
file with a table `[policy]`, as for `hardpan audit`; it counts more than the recipe's own. In that file `[push]` says which tags may move (`hardpan help push`), and `[git]` which variables \
of the environment hand in the commit and the branch, as `--git-revision` and `--git-branch` do:

  [git]
  revision-from = \"CI_COMMIT_SHA\"
  branch-from = \"CI_COMMIT_BRANCH\"

`[compile] pass` lets `GOCACHEPROG` and `RUSTC_WRAPPER` (with `SCCACHE_*`) of the environment reach compilers, which no recipe can; \
metadata files say so under `hardpan.compile.passed`:

  [compile]
  pass = [\"GOCACHEPROG\", \"RUSTC_WRAPPER\"]

The fetch of modules and crates works in the caller's environment. Variables that look like secrets do not reach it unless \
`--fetch-env` names them, and it runs toolchains of the user alone: no `path` of a `rust-toolchain.toml`, and no credential \
provider of a `.cargo/config.toml` of the checkout.

What is handed in must not contradict the checkout, where there is one. `{git.branch}` is written so that a tag can have it: a name \
of lower-case letters, digits, `.`, `_` and `-` as it is; any other in lower case, with one `-` for what does not fit, and the first 8 \
digits of its SHA-256 behind it, so that no two branches share a tag: `feature/login` is `feature-login-df7c7aeb`. A push under \
`{git.revision}` warns of a path that is changed or new since that commit.

With `--cache-url` programs and layers that another machine made come from a store behind the HTTP cache protocol (`GET` and \
`PUT` of `/ac/` and `/cas/`: nginx with WebDAV, bazel-remote). Each record is signed and is used only if `--cache-trust` names the \
key; a job with `--cache-sign` adds what has passed the audit. A store that fails or is poisoned costs time, and is said. \
`--verify-cache` makes a part of what is cached again and fails where it is not the same. Keys are made by `hardpan cache key`; \
logins are in the file of `--cache-auth-file`, a client certificate is that of `--cache-cert` and `--cache-cert-key`, else where \
those of registries are.

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
        ("hardpan build --load docker --tag registry.example.com/hello:1.0", "under another name"),
        ("hardpan build --push 'registry.example.com/{name}:1.0'", "and push it to a registry"),
        ("hardpan build --push-new 'registry.example.com/{name}:2.0'", "to a tag that is new"),
        ("hardpan build --retry 5m", "wait for a registry that is away"),
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
is written. A line `left out` names a path that matches a tree's patterns and is not an input, with the reason.

`--recipe` prints the recipe itself with what it takes from files that it extends and from `hardpan.workspace.toml`, each value \
with its place. It compiles and fetches nothing, and what it prints is a recipe that gives the same image in the same folder.",
    examples: &[
        ("hardpan plan", "hardpan.toml, else recipes/*.toml"),
        ("hardpan plan recipes/hello.toml --platform linux/amd64", "one platform of it"),
        ("hardpan plan recipes/hello.toml --inputs", "and every input, by digest"),
        ("hardpan plan recipes/hello.toml --recipe", "the recipe with all that it takes from other files"),
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

Images are read through the mirrors of podman's registries.conf (CONTAINERS_REGISTRIES_CONF, else \
~/.config/containers/registries.conf, else /etc/containers/registries.conf, and the files of registries.conf.d beside the last two), and \
those of Docker Hub through `registry-mirrors` of docker's daemon.json (~/.config/docker, else /etc/docker) where no `[[registry]]` is \
about it. The first that has the image counts, and the origin comes last; `-v` names those that are passed over. What `blocked = true` \
is about is refused. `insecure = true` allows HTTP and any certificate, for reading; pushes ask for `--plain-http`. Short names, aliases and \
`credential-helpers` of that file have no effect.

Credentials for registries are those of `docker login`, `podman login` and `hardpan login`, with their credential helpers: \
`hardpan help login` has their order. TLS uses the system's CA certificates, \
`--ca-file` and the folders `certs.d`; proxies are those of HTTPS_PROXY and NO_PROXY.

A login is for its registry, and for the host that makes its tokens where both are of one domain. `--token-realm HOST` names one \
of another domain, as the file of `--policy` does in verbs that have one:

  [registry]
  token-realms = [\"gitlab.example.com\"]

`--runtime` prints a deployment for the image's user, ports and writable paths. A volume outlives the container everywhere, under \
one name: a PersistentVolumeClaim (of 1Gi, to be changed), a named volume of compose, a named `Volume=` of podman's quadlet; what \
else is writable goes with the container. Kubernetes also gets a NetworkPolicy that lets traffic in to the declared ports alone; \
resources and probes, of which an image says nothing, are comments to fill in. Several images make one stream of YAML.",
    examples: &[
        ("hardpan inspect out/hello", "config, layers and files"),
        ("hardpan inspect oci:out/hello", "the same, as skopeo writes it"),
        ("hardpan inspect --json out/hello | jq -r .contents[0].digest", "the digest"),
        ("hardpan inspect registry.example.com/hello:1.0", "an image in a registry"),
        ("hardpan inspect --rootfs out/hello", "the file system that a container sees"),
        ("hardpan inspect --runtime kubernetes out/hello --as registry.example.com/hello", "a deployment"),
        ("hardpan inspect --runtime kubernetes --namespace shop out/hello", "in a namespace"),
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

const PUSH: VerbPage = VerbPage {
    about: "\
Pushes an image to registries, and tags it there.

hardpan first asks each registry which blobs it has, and uploads the missing ones, or mounts them from another repository \
of the same registry. Blobs go first, then manifests, tags last: when a push is interrupted, no tag names an incomplete \
image, and the next push uploads only what is missing. An interrupted upload continues at the registry's offset. A REF \
without a tag is pushed by its digest alone.

`--to` pushes several images in one call: all registries are asked first, and no tag is put before all images are there.

`--new REF` and `--tag-policy fail` let no tag move; `--policy FILE` says which tags may, whatever the command line says:

  [push]
  immutable-tags = [\"v*\"]           # never move
  moving-tags = [\"edge\", \"main-*\"]  # where this is there, no other tag moves

Such tags are looked at before anything is sent and again before they are put. Registries cannot put a tag only where it is \
new, so two pushes at the same moment may both succeed: the later one wins.

Stdout gets one line a repository, `HOST/REPOSITORY@sha256:...`; a tag that moves is printed with its old digest.

Credentials, TLS and proxies are described in `hardpan help inspect`.",
    examples: &[
        ("hardpan push out/hello registry.example.com/hello:1.0", "push it, and tag it"),
        ("hardpan push --dry-run out/hello registry.example.com/hello:1.0", "what that would upload"),
        ("hardpan push out/hello registry.example.com/hello:1.0 registry.example.com/hello:latest", "both"),
        ("hardpan push --tag-policy keep out/hello registry.example.com/hello:1.0", "unless it is there"),
        ("hardpan push --to 'registry.example.com/{name}:1.0' out/hello out/other", "several images"),
    ],
    end: EXIT,
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
Prints the JSON Schema (draft 7) of recipes, by which editors complete and check them; with `workspace`, that of \
`hardpan.workspace.toml`; with `audit`, that of the reports of `audit --format json`; with `baseline`, that of the files of `audit --write-baseline`.",
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
        "audit" => &audit_page::AUDIT,
        "list" => &list_page::LIST,
        "lock" => &lock_page::LOCK,
        "login" => &login_page::LOGIN,
        "logout" => &login_page::LOGOUT,
        "push" => &PUSH,
        "resolve" => &resolve_page::RESOLVE,
        "cache" => &cache_page::CACHE,
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
        "platform" | "set" | "source_date" | "git_revision" | "git_branch" | "fetch_env" | "allow_outside" | "from"
        | "lists" | "files" | "recursive" | "metadata" | "update" | "binary" | "since" | "all_when_unknown"
        | "shard" | "durations" => "Inputs",
        "offline" | "jobs" | "keep_going" => "Execution",
        "policy" | "profile" | "fail_on" | "warn_before" | "baseline" | "locked" | "check" => "Checks",
        "list_rules" | "explain" | "waivers" => "Without an image",
        "tag_policy" | "dry_run" | "to" | "new" | "push_to" => "Push",
        "username" | "password_stdin" | "ca_files" | "plain_http" | "retry" | "registry" | "token_realms" => {
            "Registries"
        }
        "cache_url" | "cache_trust" | "cache_sign" | "cache_auth_file" | "cache_cert" | "cache_cert_key"
        | "verify_cache" => "Shared cache",
        "as_recipe" | "rehearse" | "output" | "format" | "engines" | "engine_names" | "json" | "metadata_file"
        | "digest_file" | "runtime" | "repository" | "namespace" | "rootfs" | "explained" | "force" | "name"
        | "push" | "push_new" | "inputs" | "markdown" | "write_baseline" | "sarif_waived" => "Outputs",
        _ => return None,
    })
}
