//! Four verbs are asked about every foreign image: `inspect`, `audit`, and `plan` and `build` with the image as the base of a
//! smallest recipe. What one of them cannot read, none builds on; what the audit passes is built on.
//!
//! `HARDPAN_TEST_STEPS` says how many images of each generator, `HARDPAN_TEST_SEED` which. `--nocapture` shows all answers.
#![allow(clippy::print_stdout, reason = "the answers are what a person asks for")]

mod fixtures;

use serde_json::Value;

use self::fixtures::Fixture;
use crate::{
    accepted::{errors, same_end},
    engines::ABOUT_READING,
    support::{elf, output::Output},
};

/// What the audit finds in an image, and what an image that is built on it does not have, with the reason.
const NOT_KEPT: [(&str, &str); 5] = [
    ("entrypoint-missing", "the entrypoint is the recipe's"),
    ("root-user", "the user is the recipe's"),
    ("named-user", "the user is the recipe's"),
    ("healthcheck", "no health check of a base is kept"),
    ("foreign-layer", "layers are stored beside the image, and their descriptors name no hosts"),
];

/// The words of refusals that are about the recipe, and not about what an image is.
const OF_THE_RECIPE: [&str; 3] = [
    // Unlike one with bytes beside the image, it cannot be kept.
    "the base has a non-distributable (foreign) layer",
    "the base has no image for linux/amd64",
    // The run user cannot be added, which the hint tells to leave.
    "of the base has no line of an account at its beginning",
];

struct Answers {
    name: String,
    inspect: Output,
    rootfs: Output,
    audit: Output,
    /// The rules of findings that fail, and the reasons for what is unknown.
    found: Vec<String>,
    unknown: Vec<String>,
    plan: Output,
    build: Output,
    /// What audit and `inspect` say of what was built, if anything was.
    written: Vec<Output>,
}

#[test]
fn generated_images_have_four_answers_that_agree() {
    agree(fixtures::generated());
}

#[test]
fn odd_documents_have_four_answers_that_agree() {
    agree(fixtures::documents());
}

#[test]
fn audited_images_have_four_answers_that_agree() {
    agree(fixtures::audited());
}

#[test]
fn bases_have_four_answers_that_agree() {
    agree(fixtures::bases());
}

#[test]
fn broken_images_have_four_answers_that_agree() {
    agree(fixtures::broken());
}

#[track_caller]
fn agree(fixtures: Vec<Fixture>) {
    let (mut problems, mut built, mut refused) = (Vec::new(), 0, 0);
    for fixture in fixtures {
        let answers = Answers::of(fixture);
        println!("{}", answers.line());
        built += u32::from(answers.build.code == 0);
        refused += u32::from(answers.build.code != 0);
        let said = answers.disagreements();
        if !said.is_empty() {
            problems.push(format!("{}\n  {}\n{}", answers.line(), said.join("\n  "), answers.sentences()));
        }
    }
    println!("{built} are built on, {refused} are refused");
    // Verbs that refuse all, or nothing, agree about everything.
    assert!(built > 0 && refused > 0, "{built} are built on, {refused} are refused");
    assert!(problems.is_empty(), "{} disagreements:\n\n{}", problems.len(), problems.join("\n"));
}

impl Answers {
    fn of(fixture: Fixture) -> Self {
        let Fixture { name, case, image } = fixture;
        let recipe = format!("base = \"./{image}\"\n[[binary]]\npath = \"program\"\nto = \"/smallest\"\n");
        let case = case.recipe(&recipe).file("program", elf::static_pie_amd64());
        let audit = case.run(["audit", "--profile", "hardened", "--json", image]);
        let (found, unknown) = verdict(&audit);
        let (plan, build) = (case.run(["plan", "app.toml"]), case.run(["build", "app.toml"]));
        let written: [&[&str]; 2] =
            [&["audit", "--profile", "hardened", "out/app"], &["inspect", "--rootfs", "--json", "out/app"]];
        let written = written.into_iter().filter(|_| build.code == 0).map(|words| case.run(words)).collect();
        Self {
            name,
            inspect: case.run(["inspect", image]),
            rootfs: case.run(["inspect", "--rootfs", "--json", image]),
            audit,
            found,
            unknown,
            plan,
            build,
            written,
        }
    }

    /// The codes of all, as a line of a table.
    fn line(&self) -> String {
        let codes = [&self.inspect, &self.rootfs, &self.audit, &self.plan, &self.build].map(|output| output.code);
        format!(
            "inspect {} rootfs {} audit {} plan {} build {}  {}  {:?}",
            codes[0], codes[1], codes[2], codes[3], codes[4], self.name, self.found
        )
    }

    /// What was said, for who has to find out why.
    fn sentences(&self) -> String {
        let mut lines: Vec<_> = self.unknown.iter().map(|reason| format!("    audit: unknown: {reason}")).collect();
        let verbs = [
            ("inspect", &self.inspect),
            ("rootfs", &self.rootfs),
            ("audit", &self.audit),
            ("plan", &self.plan),
            ("build", &self.build),
        ];
        for (verb, output) in verbs {
            lines.extend(errors(output).iter().map(|line| format!("    {verb}: {line}")));
        }
        lines.join("\n")
    }

    fn disagreements(&self) -> Vec<String> {
        let mut said = Vec::new();
        let mut demand = |holds: bool, sentence: &str| {
            if !holds {
                said.push(sentence.to_owned());
            }
        };
        let is_refused = self.plan.code != 0 && self.build.code != 0;
        demand(same_end(&self.plan, &self.build).is_ok(), "plan and build differ");
        demand(self.audit.code != 2 || is_refused, "the audit does not know, and it is built on");
        let about_reading = self.found.iter().any(|rule| ABOUT_READING.contains(&&**rule));
        demand(!about_reading || is_refused, "readers may differ, and it is built on");
        let is_kept = |rule: &String| !NOT_KEPT.iter().any(|(known, _)| known == rule);
        let weighs = self.audit.code == 2 || self.found.iter().any(is_kept);
        demand(!weighs || is_refused, "the audit refuses it, and it is built on");
        let of_the_recipe =
            errors(&self.build).iter().any(|line| OF_THE_RECIPE.iter().any(|words| line.contains(words)));
        demand(weighs || !is_refused || of_the_recipe, "the audit passes it, and it is not built on");
        // The audit reads a layer by its first bytes, and reports that its media type says something else.
        let is_mislabelled = self.inspect.stderr.contains("its media type calls it")
            && self.found.iter().any(|rule| rule == "ambiguous-manifest");
        demand(
            self.inspect.code == 0 || self.audit.code == 2 || is_mislabelled,
            "inspect cannot read it, and the audit can",
        );
        demand(self.rootfs.code == 0 || weighs, "inspect cannot show it, and the audit passes it");
        demand(self.written.iter().all(|verb| verb.code == 0), "what is built on it is not accepted");
        said
    }
}

/// The rules of the findings that fail, each once, and what is unknown.
fn verdict(audit: &Output) -> (Vec<String>, Vec<String>) {
    let Ok(report) = serde_json::from_str::<Value>(&audit.stdout) else { return (Vec::new(), errors(audit)) };
    let audits = &report["audits"][0];
    let images = audits["images"].as_array().into_iter().flatten();
    let parts: Vec<_> = images.chain([audits]).collect();
    let each = |key: &str| parts.iter().filter_map(|part| part[key].as_array()).flatten().cloned().collect::<Vec<_>>();
    let fails = |finding: &&Value| !matches!(finding["severity"].as_str(), Some("low" | "info"));
    let mut found: Vec<_> = each("findings")
        .iter()
        .filter(fails)
        .map(|finding| finding["rule"].as_str().expect("a rule").to_owned())
        .collect();
    found.sort();
    found.dedup();
    (found, each("unknown").iter().map(ToString::to_string).collect())
}
