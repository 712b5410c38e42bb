//! `hardpan audit`: its options, its request, its exit code, and the list of rules.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::{
    groups::{AuditOutcome, audit_outcome},
    report_options::ReportOptions,
    text::TextStyle,
};
use crate::{
    cli::{caller, explain::render_rule, print, registry::RegistryArguments, terminal::Color},
    commands::audit,
    report::{ErrorName, Failure, Failures, RuleFacts, Severity},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArguments {
    /// An OCI layout folder, an OCI archive, a docker archive, or a reference to a registry, HOST/REPOSITORY:TAG
    #[arg(value_name = "IMAGE", required_unless_present_any = ["list_rules", "explain"])]
    image: Option<String>,
    /// A policy file with a table [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A built-in policy: default (fails on high) or hardened (fails on medium)
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Fail on findings of this severity or above: info, low, medium, high or critical
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<String>,
    #[command(flatten)]
    registry: RegistryArguments,
    #[command(flatten)]
    report: ReportOptions,
    /// Print one JSON document instead of text: the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// List every rule, without an image
    #[arg(long, conflicts_with_all = ["image", "policy", "profile", "fail_on", "output", "format"])]
    list_rules: bool,
    /// Explain a rule, by its name or code, without an image
    #[arg(
        long,
        value_name = "RULE",
        conflicts_with_all = ["image", "policy", "profile", "fail_on", "output", "format", "list_rules"]
    )]
    explain: Option<String>,
}

/// Runs `audit` and returns the exit code.
pub(in crate::cli) fn run(arguments: &AuditArguments, color: Color, verbose: u8) -> Result<u8, Failures> {
    if arguments.list_rules {
        let rules = audit::rules();
        let text = if arguments.json { print::json(&rules) } else { Ok(list(&rules)) };
        return show(text).map(|()| 0);
    }
    if let Some(name) = &arguments.explain {
        let facts = audit::explain(name)?;
        let text = if arguments.json { print::json(facts) } else { Ok(render_rule(facts)) };
        return show(text).map(|()| 0);
    }
    let request = audit::AuditRequest {
        image: arguments.image.clone().unwrap_or_default(),
        access: arguments.registry.access()?,
        policy: arguments.policy.clone(),
        profile: arguments.profile.clone(),
        fail_on: arguments.fail_on.as_deref().map(severity).transpose()?,
        today: caller::day(),
    };
    // Create the report files first: a path that cannot be written fails before the audit.
    let reports = arguments.report.begin(arguments.json)?;
    let audits = audit::audit(&request)?;
    let text = reports.publish(&audits, TextStyle::of_stdout(color, verbose))?;
    show(Ok(text))?;
    let outcome = audits.iter().map(audit_outcome).max();
    Ok(outcome.map_or(0, AuditOutcome::exit_code))
}

fn show(text: std::io::Result<String>) -> Result<(), Failures> {
    let printed = text.and_then(|text| print::text(&text));
    printed.map_err(|error| Failure::io("write the output", "stdout", &error).into())
}

/// Parses `--fail-on`.
fn severity(name: &str) -> Result<Severity, Failure> {
    name.parse().map_err(|error| {
        Failure::error(ErrorName::Usage, format!("`--fail-on {}`: {error}", crate::report::printable(name)))
    })
}

/// One line a rule.
fn list(rules: &[&RuleFacts]) -> String {
    let width = rules.iter().map(|facts| facts.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for facts in rules {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<7}  {:<8}  {:<width$}  {}", facts.code, facts.severity, facts.name, facts.title);
    }
    text
}
