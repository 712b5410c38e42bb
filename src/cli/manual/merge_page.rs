//! The help of `hardpan merge` around its options.

use super::verb_page::VerbPage;

/// The page of `merge`.
pub(super) const MERGE: VerbPage = VerbPage {
    about: "\
Joins what the shards of a fleet wrote: metadata files or JSON documents of `hardpan build`, SARIF reports, locks of one recipe. \
All files of a call are of one kind, which their content tells.

Of `hardpan build --shard K/N` the files of all shards are needed, whichever machine they are from. A shard that is missing or \
there twice, an image in two files, and shards that did not divide the same recipes in the same way (their plans differ: another \
commit, another list of recipes, other durations) are refused, by name: what is written is the whole fleet. It is what one call \
without `--shard` would have written, with the duration of each image, and can be given to `--durations` the next time.

SARIF keeps the runs of all files; two files with a run of one tool and id are refused. Locks of one recipe that were written on \
several machines keep the pins of all; two that pin something differently are refused.",
    examples: &[
        ("hardpan merge --output build.json shard-*.json", "of `build --shard`"),
        ("hardpan merge shard-*.json | jq -r '.[].\"containerimage.digest\"'", "to stdout"),
        ("hardpan merge --output all.sarif *.sarif", "for code scanning"),
    ],
    end: "\
Exit codes:
  0  done
  1  done, and each recipe that failed in a call with --keep-going was refused by a rule
  2  done, and a recipe failed for another reason or was not tried; or nothing was written: the files do not fit together",
};
