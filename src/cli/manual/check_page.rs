//! The help of `hardpan check` around its options.

use super::verb_page::VerbPage;

/// The page of `check`.
pub(super) const CHECK: VerbPage = VerbPage {
    about: "\
Checks recipes without building anything: for pull requests and pre-commit hooks.

What is checked: the recipe; that its files, trees and folders are there, inside of the checkout and free of private keys; \
that paths, links and the entrypoint fit together; that prebuilt programs run in the image; that the lock beside the recipe, \
if there is one, fits it; that the base is pinned and from a registry that the policy allows. All errors of all recipes are \
printed, in the order of the recipes, in the words of `build`.

No compiler, no other program and no network is used. So these are not looked at: layers of a base in a registry; what is \
behind a `url`; compilers and what they make, and the compilers that a lock pins; what `{git...}` stands for; the finished \
image, with its size and the rules of `hardpan audit`. `-v` and the JSON (`unseen`) say what that was for each recipe. \
`hardpan plan` looks at all of it.",
    examples: &[
        ("hardpan check", "hardpan.toml, else recipes/*.toml"),
        ("hardpan check recipes/*.toml", "all of them, and all of their errors"),
        ("hardpan check --quiet recipes/*.toml", "nothing but errors: for a hook of git"),
        ("hardpan check --json | jq -r '.recipes[].errors[].message'", "for programs"),
    ],
    end: "\
Exit codes:
  0  done: no error was found
  1  each error is a refusal by a rule, which the message names, or of a lock that is missing or does not fit
  2  an error is of another kind: a wrong recipe, lock, policy or option, or a missing file",
};
