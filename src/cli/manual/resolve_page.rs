//! The text around the options of `hardpan resolve --help`.

use super::{pages::EXIT, verb_page::VerbPage};

/// The page of `resolve`.
pub(super) const RESOLVE: VerbPage = VerbPage {
    about: "\
Replaces images that deployment files name by their source with HOST/REPOSITORY@sha256:..., and keeps every other byte: \
comments, quotes, line breaks.

`hardpan://NAME` is the image of that name, `hardpan://PATH` the image of the recipe at a path from here, `ko://IMPORTPATH` the \
image of the recipe that compiles that Go package (as written in `go`, or with the path of its module). A value of YAML or JSON \
is replaced if it is such a reference as a whole, plain or in quotes. References in a key, in a block scalar or in the middle of a \
value stay as they are, with a warning; comments are not looked at. A reference to no recipe, to several, or to an image that was \
not pushed is refused with its line, and then nothing is written.

The digests are those of `--metadata` files, which `hardpan build --push REF --metadata-file FILE` writes; no network is used then. \
With `--push REF` the recipes that the files name, and no others, are built and pushed as by `hardpan build --push REF`.

Of a folder, the files that end in .yaml, .yml or .json are read, sorted; with -R also those of the folders in it. Stdout gets all \
of them with `---` between two. With --output each file is written below that folder, all of them or none.",
    examples: &[
        ("hardpan resolve -f deploy --metadata pushed.json", "what `build --push` wrote there"),
        ("hardpan resolve -f deploy --metadata pushed.json | kubectl apply -f -", "and deploy it"),
        ("hardpan resolve -R -f deploy --metadata pushed.json --output resolved", "file by file"),
        ("hardpan resolve -f deploy --push 'registry.example.com/{name}'", "build and push first"),
    ],
    end: EXIT,
};
