//! The help of `hardpan list` around its options.

use super::verb_page::VerbPage;

/// The page of `list`.
pub(super) const LIST: VerbPage = VerbPage {
    about: "\
Lists recipes with what is there of each: the name of the image, its platforms, the output in `out` with its form and digest, \
the lock with its pins and whether it fits.

Without a RECIPE it ends with what has none: locks beside recipes, and outputs in `out`.

Nothing is executed, fetched, built or written. Of an output the documents are verified, and that every layer is there in its \
size; a `damaged` one is an error, and so is a recipe or lock that cannot be read. Outputs that `--output` put elsewhere are \
not looked for.",
    examples: &[
        ("hardpan list", "hardpan.toml, else recipes/*.toml"),
        ("hardpan list --json | jq -r '.recipes[].outputs[].digest'", "the digests"),
        ("hardpan list --json | jq -r '.orphans[].path'", "what no recipe has"),
    ],
    end: "\
Exit codes:
  0  done, whether or not everything is built
  2  a recipe, lock or output could not be read, or is damaged; the others are listed",
};
