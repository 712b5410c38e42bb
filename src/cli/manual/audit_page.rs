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
glob, also of a key such as `config.Env.TOKEN`) or `fingerprint` (of one finding, from the JSON report), `reason` and `until`. `--warn-before 14d` warns of exceptions that end within \
that time; `--waivers` lists all exceptions of `--policy` and of recipes with their last days.

One cause is one finding: what the run user may change below `/srv` is a finding of `/srv` with the number of all places. \
`fingerprint` of a finding is made of its rule, its path or key and the detector, so that it outlives builds; another secret of \
the same kind at the same place has the same one.

`--write-baseline FILE` writes the findings of today, and `--baseline FILE` accepts those: they are counted as `baseline` and \
fail no audit. A finding that is not in the file, or weighs more than it did, counts; so do one more file of a flood of \
credential files, and everything that could not be checked. Entries that are no longer found are told: with both options, FILE \
is written anew for the images of the call, without them, and the others keep their days. The file of one IMAGE is about any \
image; that of several has a part for each, by its name without a digest.

SARIF leaves out what is waived or in the baseline, because GitHub shows suppressed results as open alerts; with \
`--sarif-waived` they are there. A rule whose findings have several severities is there once for each: `shell`, `shell/low`.

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
        ("hardpan audit out/hello --write-baseline baseline.json", "start with what there is"),
        ("hardpan audit out/hello --baseline baseline.json", "and fail on what is new"),
        ("hardpan audit --waivers recipes/*.toml", "every exception, with its last day"),
        ("hardpan audit --list-rules", "every rule"),
        ("hardpan audit --explain root-user", "what a rule means, and what to do"),
    ],
    end: "\
Exit codes:
  0  done: every rule was checked, and no finding reaches the threshold of the policy
  1  a finding reaches it
  2  a rule could not be checked, or the policy, the baseline, a list or an image could not be read
  Of several images the worst counts: 2, then 1. Exceptions that end soon change nothing.",
};
