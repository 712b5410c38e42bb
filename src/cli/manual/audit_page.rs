//! The text around the options of `hardpan audit --help`.

use super::verb_page::VerbPage;

/// The page of `audit`.
pub(super) const AUDIT: VerbPage = VerbPage {
    about: "\
Checks any image against the rules of hardened images: its user, its files and who may write them, secrets in every layer \
and in the config, how programs are linked, and how sound the layers are.

Every layer is read once, and nothing is unpacked to disk. A rule that could not be checked is reported, and never passes.

A policy file has a table `[policy]` with `profile`, `fail-on`, `severity = { RULE = \"low\" }` (or \"off\"), `max-size`, \
`registries`, `waivers = false`, and exceptions under `[[policy.allow]]`, each with `rule`, `path` (a \
glob, also of a key such as `config.Env.TOKEN`), `reason` and `until`. `--warn-before 14d` warns of exceptions that end within \
that time; `--waivers` lists all exceptions of `--policy` and of recipes with their last days.

Several IMAGEs, a list of them (`--from-file`) or a folder that is no layout and holds images make one report: a table with a \
line for each image and rule (with `-v` also the report of each image), one JSON document with `images`, one run of SARIF \
whose locations begin with the name of the image, one page of HTML. An image that cannot be opened is a line `unknown` with \
the error, and the others are audited all the same. A name that comes again is audited once. What else lies in a folder is \
listed as `not an image`, and folders inside of it are not searched. Annotations for GitHub name the image; those of severity \
info need `-v`.",
    examples: &[
        ("hardpan audit out/hello", "the rules against an image"),
        ("hardpan audit out --output audit.html", "every image in a folder, as one page"),
        ("ls -d out/* | hardpan audit --from-file - --format sarif", "a list of images, as one run"),
        ("hardpan audit --profile hardened out/hello", "fails on medium findings, too"),
        ("hardpan audit --output audit.html --output audit.sarif out/hello", "for people, and for a forge"),
        ("hardpan audit --json out/hello | jq -r '.audits[].images[].findings[].rule'", "their rules"),
        ("hardpan audit --waivers recipes/*.toml", "every exception, with its last day"),
        ("hardpan audit --list-rules", "every rule"),
        ("hardpan audit --explain root-user", "what a rule means, and what to do"),
    ],
    end: "\
Exit codes:
  0  done: every rule was checked, and no finding reaches the threshold of the policy
  1  a finding reaches it
  2  a rule could not be checked, or the policy, a list or an image could not be read
  Of several images the worst counts: 2, then 1. Exceptions that end soon change nothing.",
};
