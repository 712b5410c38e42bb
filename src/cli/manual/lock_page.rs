//! The help of `hardpan lock` around its options.

use super::verb_page::VerbPage;

/// The page of `lock`.
pub(super) const LOCK: VerbPage = VerbPage {
    about: "\
Pins what recipes name and what could move, in a lock file beside each recipe: `hello.lock` of `hello.toml`. It holds the \
digest of a base's tag, for each platform; digest and size of every `url`; the version of Mozilla's CA certificates; the Go \
and Rust versions that compile the recipe's programs, and the C library of a gnu target.

An existing pin stays while the recipe names it, also when something newer exists: `--update NAME` moves it, and nothing \
else; `all`, `base`, `url` and `toolchain` are names, too. With `--dry-run` what would move is printed, a line a pin with the \
recipes that have it, and nothing is written. A lock that is complete is not rewritten. `build` and `plan` read the lock and never write it; a lock that does not fit is \
a warning, and with `--locked` a refusal, as is a missing lock.

hardpan carries every version of CA certificates and time zones that it ever shipped: an older lock gives the same bytes with
a newer hardpan.

With `lock = true` in `hardpan.workspace.toml` all recipes of the workspace share one lock beside it, \
`hardpan.workspace.lock`, with one entry a pin. `hardpan lock RECIPE` changes the pins of that recipe; without a RECIPE what no \
recipe of the workspace asks for is removed.

--check answers whether locks fit: each request has a pin, and each pin a request. It uses no network and no compiler: whether \
tags have moved is what `--dry-run --update all` asks, and whether this machine has the compilers and libraries that are \
pinned, `build --locked`. Locks without a recipe are warned of.
--update takes a url with or without its query, which is never printed.

Stdout gets the path of every lock that was written; its changes go to stderr. With --check --json, stdout gets what does \
not fit, also at exit code 1.",
    examples: &[
        ("hardpan lock", "hardpan.lock of hardpan.toml"),
        ("hardpan build --locked", "refuse what the lock does not pin"),
        ("hardpan lock --check", "does it fit? offline, for pull requests"),
        ("hardpan lock --update all --dry-run", "has anything moved?"),
        ("hardpan lock --update certificates --update go", "take the newest of these"),
        ("hardpan lock --json recipes/hello.toml | jq '.locks[].changes'", "for programs"),
    ],
    end: "\
Exit codes:
  0  done; with --check: every lock exists and fits
  1  with --check: a lock is missing or does not fit; or refused by a rule, which the message names
  2  could not do the work: a wrong recipe, lock or option, or a pin that could not be resolved",
};
