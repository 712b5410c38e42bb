//! The words around the options: one page a verb.
//!
//! Every example is a line for a shell, with a remark behind `#`; `tests/suite/examples.rs` runs them all, in the
//! folder that it calls the workshop.

use std::fmt::Write as _;

/// The page of a verb.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// What it does, and what it does not.
    pub(super) about: &'static str,
    /// Command and remark.
    pub(super) examples: Examples,
    /// What comes after the examples: exit codes, and where to read on.
    pub(super) end: &'static str,
}

/// Commands and what they do.
pub(super) type Examples = &'static [(&'static str, &'static str)];

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

const BUILD: Page = Page {
    about: "\
Compiles, assembles, checks and writes OCI images.

Without a RECIPE: `hardpan.toml` of this folder, else every `recipes/*.toml`. An image goes to `out/{name}`, an OCI \
image layout that skopeo, podman, umoci and crane read; with `--format oci-archive` or `docker-archive` to one file, \
`out/{name}.tar`. A docker archive holds one platform, and no zstd. Several recipes are built side by side and written \
together: all of them or none. The old image or the new one is there at every \
moment; what is neither an image nor empty is never overwritten.

A tree, a compile and `{git.dirty}` pass over what the call writes, and what hardpan wrote before (images, digests, \
metadata, reports, told by their content); so the next build gives the same digest. Each path that a tree leaves out is \
told. A recipe that names an output of its own call is refused.

`--platform` chooses among the recipe's platforms, in the recipe's order; others follow as they are given.

Every image passes the audit first: a finding of `medium` or above writes nothing. `--policy` names a file with a table \
`[policy]`, as `hardpan audit` takes it, that stands above the recipe.

Stdout gets one line an image, `NAME@sha256:...`; all else goes to stderr. The digest depends on the recipe, the \
inputs and the toolchain alone.",
    examples: &[
        ("hardpan build", "hardpan.toml, else recipes/*.toml"),
        ("hardpan build recipes/hello.toml --output image", "into the folder `image`"),
        ("hardpan build --platform linux/arm64", "instead of the recipe's platforms"),
        ("hardpan build --source-date $(git log -1 --format=%ct)", "the image's date is the commit's"),
        ("hardpan build --offline --json", "no network; one JSON document"),
        ("hardpan build --format oci-archive", "one file, out/{name}.tar, that everything loads"),
        ("hardpan build --load docker", "and hand it to docker, podman or containerd"),
        ("hardpan build --push 'registry.example.com/{name}:1.0'", "and send it to a registry"),
        ("hardpan build --digest-file digest --metadata-file build.json", "for the next step of a pipeline"),
        ("hardpan build recipes/*.toml --output 'out/{name}'", "all of them or none"),
    ],
    end: "\
Exit codes:
  0  done
  1  refused by a rule, which the message names, or by --locked
  2  could not do the work: a wrong recipe or option, a missing file, a compile error
  Nothing is written unless it is 0.

Read on:
  hardpan help lock      how that which could move is pinned
  hardpan help recipe    every key of a recipe, with its default",
};

const PLAN: Page = Page {
    about: "\
Shows what would be in the image: every path with its mode, owner, size, digest and recipe line.

Programs are compiled and every rule is checked, as for `build`, but those of packed sizes (`max-size`); nothing is written. A line `left out` names each path \
that a tree's patterns match and that is no input, and why.",
    examples: &[
        ("hardpan plan", "hardpan.toml, else recipes/*.toml"),
        ("hardpan plan recipes/hello.toml --platform linux/amd64", "one platform of it"),
        ("hardpan plan recipes/hello.toml --inputs", "and everything that reaches its bytes, by digest"),
        ("hardpan plan --json | jq -r '.plans[].images[].layers[].entries[].path'", "the paths"),
    ],
    end: EXIT,
};

const INSPECT: Page = Page {
    about: "\
Shows the config, layers and files of an image, whoever made it. Every byte is checked against its digest.

IMAGE is the folder of an OCI image layout, or the file of an OCI archive or a docker archive (`docker save`, `podman \
save`), told apart by content; or one with skopeo's transport before it, and maybe a name behind it. What is no path is \
a reference to a registry, HOST/REPOSITORY[:TAG][@DIGEST]; `docker://` says so, too.

A registry is reached with what `docker login` or `podman login` left behind: REGISTRY_AUTH_FILE, podman's auth.json, \
docker's config.json (DOCKER_CONFIG), their helpers and stores; over TLS with the system's roots, `--ca-file` and the \
folders `certs.d`, through the proxy of HTTPS_PROXY and NO_PROXY.",
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

const AUDIT: Page = Page {
    about: "\
Looks for the practices of hardened images in any image, whoever built it: who runs it, what is in it, who may write to \
what, secrets in every layer and in the configuration, how programs were linked, and how sound the layers are.

Every layer is read once and nothing is unpacked to disk. What could not be looked at is said, and is never a pass.

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
  0  done: everything was looked at, and no finding weighs as much as the threshold
  1  a finding does
  2  something could not be looked at, or the policy or the image could not be read",
};

const PUSH: Page = Page {
    about: "\
Sends an image to registries, and tags it there.

Each registry is asked first what it has; what is missing is sent, or mounted from another repository of the same \
registry. Blobs go first, then manifests, tags last: whenever a push ends, no tag names half an image, and the next one \
sends only what is missing. An upload that breaks goes on where the registry stands. A REF without a tag is pushed by \
its digest alone.

Stdout gets one line a repository, `HOST/REPOSITORY@sha256:...`; a tag that moves is told with the digest it had.

A registry is reached with what `docker login` or `podman login` left behind, as `hardpan help inspect` says.",
    examples: &[
        ("hardpan push out/hello registry.example.com/hello:1.0", "send it, and tag it"),
        ("hardpan push --dry-run out/hello registry.example.com/hello:1.0", "what that would send"),
        ("hardpan push out/hello registry.example.com/hello:1.0 registry.example.com/hello:latest", "both"),
        ("hardpan push --tag-policy keep out/hello registry.example.com/hello:1.0", "unless it is there"),
    ],
    end: EXIT,
};

const LOCK: Page = Page {
    about: "\
Pins what recipes ask for and what could move, in a file beside each recipe: `hello.lock` of `hello.toml`. In it are what \
the tag of a base named, for each platform; digest and size of every `url`; the version of Mozilla's roots; the Go and Rust \
that compile the recipe's programs, and the C library of a gnu target.

A pin that is asked for still is kept as it is, also when the world has moved on: `--update NAME` moves it. A lock that \
says all of it already is left alone. `build` and `plan` take what the lock says and never write it; what does not fit is \
a warning, and with `--locked` a refusal, as is a lock that is missing.

hardpan carries every bundle of roots and of time zones that it ever shipped: an older lock builds to the same bytes with
a newer hardpan.

--check fetches every url past the cache and compares what is there with the lock; with --offline it leaves them out.
--update takes an address with or without its query, which is never shown.

Stdout gets the path of every lock that was written; what changed in it goes to stderr. With --check --json it gets what
moved, also at exit code 1.",
    examples: &[
        ("hardpan lock", "hardpan.lock of hardpan.toml"),
        ("hardpan build --locked", "only what the lock says"),
        ("hardpan lock --check", "has anything moved?"),
        ("hardpan lock --update certificates --update go", "take the newest of these"),
        ("hardpan lock --json recipes/hello.toml | jq '.locks[].changes'", "for programs"),
    ],
    end: "\
Exit codes:
  0  done; with --check: every lock is there, fits its recipe, and nothing has moved
  1  with --check: a lock is missing or stale, or something has moved; or a rule refused, which the message names
  2  could not do the work: a wrong recipe, lock or option, or something that could not be looked at",
};

const INIT: Page = Page {
    about: "\
Writes a recipe for the Go or Rust project, or the prebuilt program, found in a folder.

It says what it chose and why. Where several programs could be meant and nothing speaks for one of them, all of them \
are in the recipe as comments, and none is chosen. A recipe that is there already is never overwritten.

`--from` translates a Dockerfile: the program and how it is compiled, arguments, variables, labels, ports, files. Of a \
`.ko.yaml` it takes builds with their flags and variables, and platforms; `kodata` becomes a tree. What a recipe cannot \
say is listed, line by line with the reason, on stderr and at the end of the recipe.",
    examples: &[
        ("hardpan init --force", "hardpan.toml for the project of this folder"),
        ("hardpan init --binary worker", "for one of several programs"),
        ("hardpan init --from Dockerfile --output -", "translate a Dockerfile, and only look"),
        ("hardpan init --from .ko.yaml", "translate what ko builds"),
        ("hardpan init --output hello.toml --name hello", "under another name"),
    ],
    end: "\
Exit codes:
  0  done
  2  nothing was written: no program was found, or something it needs is missing, which the message names; or the
     recipe has all programs as comments, because nothing says which one is meant
  The path of the recipe goes to stdout, everything else to stderr.",
};

const CACHE: Page = Page {
    about: "\
Shows, prunes or verifies what builds keep, so that they need not make or fetch it twice.

It is in `XDG_CACHE_HOME/hardpan`, else `~/.cache/hardpan`: layers that were built or pulled and files that were fetched, by \
digest; what was worked out from them; and what Go and cargo compiled. Layers and the like take at most 10 GB, and what \
was not used for longest goes first, by itself; what a toolchain compiled goes when nobody asked for it for 60 days. \
Nothing is removed while a build uses the cache: `prune` and `verify` wait for it.

Nothing there is believed unseen, so the cache may be removed, copied or restored at any time; what is damaged is made again. \
A build without a cache (no `XDG_CACHE_HOME` and no `HOME`, or a folder that cannot be written) gives the same image.",
    examples: &[
        ("hardpan cache status", "where it is, and what is in it"),
        ("hardpan cache status --json | jq .blobs.bytes", "the same for programs"),
        ("hardpan cache prune --max-size 2GB", "leave the most recent 2 GB"),
        ("hardpan cache verify", "read all of it, remove what is damaged"),
    ],
    end: "\
Exit codes:
  0  done
  1  `verify` found something damaged, whose names go to stdout, and removed it
  2  the cache cannot be used",
};

const EXPLAIN: Page = Page {
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

const SCHEMA: Page = Page {
    about: "\
Prints the JSON Schema (draft 7) of recipes, by which editors complete and check them; or, with `audit`, of what `audit \
--format json` prints.",
    examples: &[
        ("hardpan schema > recipe.schema.json", "then `#:schema ./recipe.schema.json` in a recipe"),
        ("hardpan schema audit > audit.schema.json", "for programs that read reports"),
    ],
    end: EXIT,
};

const COMPLETIONS: Page = Page {
    about: "Prints a script by which a shell completes hardpan's verbs and options.",
    examples: &[
        ("hardpan completions bash > ~/.local/share/bash-completion/completions/hardpan", ""),
        ("hardpan completions zsh > ~/.zfunc/_hardpan", "`fpath+=~/.zfunc` before compinit"),
        ("hardpan completions fish > ~/.config/fish/completions/hardpan.fish", ""),
    ],
    end: EXIT,
};

const MAN: Page = Page {
    about: "\
Prints a manual page in roff.

Without a TOPIC it is hardpan(1); with a verb its own page; with `recipe` the keys of a recipe.",
    examples: &[("hardpan man | man -l -", "read it"), ("hardpan man build > hardpan-build.1", "keep it")],
    end: EXIT,
};

const HELP: Page = Page {
    about: "\
Shows the long help of a verb, as its `--help` does.

`hardpan help recipe` prints every key of a recipe with its default, as a recipe that builds.",
    examples: &[
        ("hardpan help build", "what `hardpan build --help` prints"),
        ("hardpan help recipe", "every key of a recipe"),
    ],
    end: EXIT,
};

/// The page of a verb.
pub(super) fn page(verb: &str) -> Option<&'static Page> {
    Some(match verb {
        "build" => &BUILD,
        "plan" => &PLAN,
        "inspect" => &INSPECT,
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
        "platform" | "set" | "source_date" | "allow_outside" | "from" | "update" | "binary" => "What goes in",
        "offline" | "jobs" => "How it works",
        "policy" | "profile" | "fail_on" | "locked" | "check" => "What must hold",
        "list_rules" | "explain" => "Without an image",
        "tag_policy" | "dry_run" => "How it is sent",
        "username" | "password_stdin" | "ca_files" | "plain_http" => "How registries are reached",
        "output" | "format" | "engines" | "json" | "metadata_file" | "digest_file" | "runtime" | "repository"
        | "rootfs" | "force" | "name" | "push" | "inputs" | "markdown" => "What comes out",
        _ => return None,
    })
}

/// The examples as lines, remarks below each other where the commands are short.
pub(super) fn examples(examples: Examples) -> String {
    /// Commands longer than this get their remark after two spaces.
    const COLUMN: usize = 48;
    let longest = examples.iter().map(|(command, _)| command.len()).filter(|length| *length <= COLUMN).max();
    let width = longest.unwrap_or(0);
    let mut text = String::from(if examples.is_empty() { "" } else { "Examples:" });
    for (command, remark) in examples {
        // Writing to a String cannot fail.
        let _ = match *remark {
            "" => write!(text, "\n  {command}"),
            remark => write!(text, "\n  {command:<width$}  # {remark}"),
        };
    }
    text
}
