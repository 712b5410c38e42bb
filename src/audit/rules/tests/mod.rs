//! Every rule with an image that breaks it and one that nearly does, and the cases that other tools miss.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod configs;
mod contents;
mod hard;
mod layers;
mod programs;
mod properties;
mod streams;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    super::{
        Audit,
        sample_image::{SampleFile, SampleImage, SampleProgram},
    },
    *,
};
use crate::{
    policy::{PathGlob, Policy, Waiver},
    report::{Origin, SourceText},
};

/// An image that breaks a rule, and one that nearly does.
struct Case {
    rule: Rule,
    /// What else such an image breaks, because the same thing is wrong in two ways.
    also: &'static [Rule],
    hit: fn() -> Audit,
    near: fn() -> Audit,
}

/// A case that breaks one rule alone.
const fn case(rule: Rule, hit: fn() -> Audit, near: fn() -> Audit) -> Case {
    Case { rule, also: &[], hit, near }
}

/// A case that breaks others too.
const fn overlapping(rule: Rule, also: &'static [Rule], hit: fn() -> Audit, near: fn() -> Audit) -> Case {
    Case { rule, also, hit, near }
}

/// Rules that no image in memory can break, and why.
const ELSEWHERE: [(Rule, &str); 3] = [
    (Rule::Unsigned, "signatures are not read yet, and the report says so"),
    (Rule::HostPath, "only the build knows its folders, and the report says so"),
    (Rule::NeedsCgo, "only the build knows the packages of a program, and the report says so"),
];

fn cases() -> impl Iterator<Item = Case> {
    configs::cases().into_iter().chain(contents::cases()).chain(layers::cases()).chain(programs::cases())
}

/// The files of a service as it should be.
fn base(server: &[u8]) -> Vec<SampleFile> {
    vec![
        SampleFile::folder("etc"),
        SampleFile::text("etc/group", "root:x:0:\napp:x:65532:\n"),
        SampleFile::text("etc/passwd", "root:x:0:0::/:/sbin/none\napp:x:65532:65532::/:/sbin/none\n"),
        SampleFile::folder("etc/ssl"),
        SampleFile::folder("etc/ssl/certs"),
        SampleFile::text("etc/ssl/certs/ca-certificates.crt", "certificates"),
        SampleFile::folder("tmp").mode(0o1777),
        SampleFile::folder("usr"),
        SampleFile::folder("usr/bin"),
        SampleFile::new("usr/bin/server", server).mode(0o555),
        SampleFile::folder("usr/lib"),
    ]
}

/// An image that every rule is content with, of this program.
fn server(program: &SampleProgram) -> SampleImage {
    named(SampleImage::new()).layer(base(&program.bytes()))
}

/// An image that says what it is.
fn named(sample: SampleImage) -> SampleImage {
    let key = |name: &str| format!("org.opencontainers.image.{name}");
    sample.manifest(
        "annotations",
        json!({
            key("title"): "server", key("version"): "1.0.0", key("revision"): "0123456",
            key("source"): "https://example.com/server", key("licenses"): "Apache-2.0 OR MIT",
            key("created"): "1970-01-01T00:00:00Z",
        }),
    )
}

fn clean() -> SampleImage {
    server(&SampleProgram::default())
}

/// The clean image with one layer more.
fn files(more: Vec<SampleFile>) -> Audit {
    clean().layer(more).audit()
}

/// The clean image with another key in its run config.
fn config(key: &str, value: Value) -> Audit {
    clean().config(key, value).audit()
}

/// The rules that an audit found broken, each once, in the order of the catalogue.
fn broken(audit: &Audit) -> Vec<Rule> {
    let images = audit.images.iter().flat_map(|image| &image.findings);
    let mut rules: Vec<Rule> = audit.findings.iter().chain(images).map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

#[test]
fn every_rule_is_answered_by_exactly_one_check() {
    let mut answered: Vec<Rule> = ALL.iter().flat_map(|check| check.rules).copied().collect();
    answered.extend(index::RULES);
    // The policy tells these of itself.
    answered.extend([Rule::ExpiredWaiver, Rule::UnusedWaiver]);
    answered.sort_unstable();
    assert_eq!(answered, Rule::ALL);
}

#[test]
fn the_clean_image_has_no_finding_and_leaves_no_question() {
    let audit = clean().audit();
    assert_eq!(broken(&audit), [], "{:#?}", audit.images[0].findings);
    assert!(!audit.is_incomplete());
}

#[test]
fn every_rule_has_a_case() {
    let mut rules: Vec<Rule> = cases().map(|case| case.rule).chain(ELSEWHERE.map(|(rule, _)| rule)).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(rules, Rule::ALL);
}

#[test]
fn an_image_breaks_the_rule_of_its_case_and_those_that_overlap_and_no_other() {
    let mut wrong = Vec::new();
    for (number, case) in cases().enumerate() {
        let mut expected: Vec<Rule> = case.also.iter().copied().chain([case.rule]).collect();
        expected.sort_unstable();
        let found = broken(&(case.hit)());
        if found != expected {
            wrong.push(format!("case {number}: {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_image_that_nearly_breaks_the_rule_breaks_none() {
    let mut wrong = Vec::new();
    for (number, case) in cases().enumerate() {
        let audit = (case.near)();
        if !broken(&audit).is_empty() || audit.is_incomplete() {
            let findings: Vec<_> =
                audit.images.iter().flat_map(|image| &image.findings).map(|one| &one.message).collect();
            wrong.push(format!("case {number}, nearly {:?}: {findings:?} {:?}", case.rule, audit.images[0].unknown));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
