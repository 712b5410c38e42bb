//! `hardpan audit`: its options, its request, its exit code, and the list of rules.

use std::{fmt::Write as _, num::NonZeroUsize, path::PathBuf};

use clap::Args;

use super::{baseline, groups::report_outcome, report_options::ReportOptions, text::TextStyle, waivers};
use crate::{
    cli::{caller, explain::render_rule, print, registry::RegistryArguments, terminal::Terminal},
    commands::{audit, staged_file::StagedFile},
    report::{ErrorName, Failure, Failures, RuleFacts, Severity, printable},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArguments {
    /// OCI layout folders, OCI archives, docker archives, references to registries, HOST/REPOSITORY:TAG, or folders of images
    #[arg(value_name = "IMAGE", required_unless_present_any = ["list_rules", "explain", "lists", "waivers"])]
    images: Vec<String>,
    /// Also audit the images that FILE lists, one a line, `#` before comments; `-` is standard input; repeatable
    #[arg(long = "from-file", value_name = "FILE")]
    lists: Vec<PathBuf>,
    /// A policy file with a table [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A built-in policy: default (fails on high) or hardened (fails on medium)
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Fail on findings of this severity or above: info, low, medium, high or critical
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<String>,
    /// Warn of exceptions of the policy that end within this time, such as 14d or 2w; the exit code stays
    #[arg(long, value_name = "TIME", value_parser = days)]
    warn_before: Option<u32>,
    /// A file of --write-baseline: the findings in it are accepted, unless they weigh more by now
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the findings of today to FILE, to be accepted from now on; the exit code stays
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// Images that are audited at a time, at most 4; the report does not depend on it [default: the machine's processors]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    registry: RegistryArguments,
    #[command(flatten)]
    report: ReportOptions,
    /// Print one JSON document instead of text: the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// List every rule, without an image
    #[arg(long, conflicts_with_all = ["images", "lists", "policy", "profile", "fail_on", "warn_before", "output", "format", "baseline", "write_baseline", "sarif_waived"])]
    list_rules: bool,
    /// Explain a rule, by its name or code, without an image
    #[arg(
        long,
        value_name = "RULE",
        conflicts_with_all = ["images", "lists", "policy", "profile", "fail_on", "warn_before", "output", "format", "list_rules", "baseline", "write_baseline", "sarif_waived"]
    )]
    explain: Option<String>,
    /// List the exceptions of --policy and of recipes with their last days: those named instead of images, else those here
    #[arg(long, conflicts_with_all = ["lists", "profile", "fail_on", "output", "format", "list_rules", "explain", "baseline", "write_baseline", "sarif_waived"])]
    waivers: bool,
}

/// Runs `audit` and returns the exit code.
pub(in crate::cli) fn run(arguments: &AuditArguments, style: TextStyle, terminal: &Terminal) -> Result<u8, Failures> {
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
    if arguments.waivers {
        let request = audit::WaiverListRequest {
            policy: arguments.policy.clone(),
            recipes: arguments.images.iter().map(PathBuf::from).collect(),
            today: caller::day(),
        };
        let all = audit::list_waivers(&request)?;
        let text = if arguments.json { waivers::document(&all) } else { waivers::table(&all, arguments.warn_before) };
        return show(Ok(text)).map(|()| 0);
    }
    arguments.registry.check_stdin(arguments.lists.iter().any(|list| list.as_os_str() == "-"))?;
    let request = audit::AuditRequest {
        images: arguments.images.clone(),
        lists: arguments.lists.clone(),
        access: arguments.registry.access()?,
        policy: arguments.policy.clone(),
        profile: arguments.profile.clone(),
        fail_on: arguments.fail_on.as_deref().map(severity).transpose()?,
        today: caller::day(),
        warn_before: arguments.warn_before,
        baseline: arguments.baseline.clone(),
        jobs: arguments.jobs.unwrap_or_else(caller::processors),
    };
    // Create the report files first: a path that cannot be written fails before the audit.
    let reports = arguments.report.begin(arguments.json)?;
    let file = arguments.write_baseline.as_deref();
    let file = file.map(|path| StagedFile::begin("--write-baseline", path, "name a file")).transpose()?;
    let report = audit::audit(&request)?;
    if let Some(mut file) = file {
        file.write(baseline::document(&report, request.today))?;
        file.publish()?;
    }
    let text = reports.publish(&report, style)?;
    show(Ok(text))?;
    if let audit::AuditSubject::Fleet(fleet) = &report.subject {
        let failures = fleet.images.iter().filter_map(|image| image.result.as_ref().err().cloned());
        terminal.failures(&Failures(failures.collect()));
    }
    Ok(report_outcome(&report).exit_code())
}

fn show(text: std::io::Result<String>) -> Result<(), Failures> {
    let printed = text.and_then(|text| print::text(&text));
    printed.map_err(|error| Failure::io("write the output", "stdout", &error).into())
}

/// Parses `--fail-on`.
fn severity(name: &str) -> Result<Severity, Failure> {
    name.parse().map_err(|error| Failure::error(ErrorName::Usage, format!("`--fail-on {}`: {error}", printable(name))))
}

/// Parses `--warn-before`: a number of days or weeks, in days.
fn days(text: &str) -> Result<u32, String> {
    // A hundred years: what ends later does not end soon.
    const LONGEST: u32 = 36_525;
    let of = |number: &str, days: u32| {
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u32>().ok().filter(|_| digits)?.checked_mul(days).filter(|days| *days <= LONGEST)
    };
    let found =
        text.strip_suffix('d').map(|number| of(number, 1)).or(text.strip_suffix('w').map(|number| of(number, 7)));
    found
        .flatten()
        .ok_or_else(|| format!("`{}` is not a number of days or weeks, such as `14d` or `2w`", printable(text)))
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

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        for (text, expected) in [("14d", Some(14)), ("2w", Some(14)), ("0d", Some(0)), ("36525d", Some(36_525))] {
            assert_eq!(days(text).ok(), expected, "{text}");
        }
        for text in ["", "14", "d", "w", "+1d", "-1d", "1 d", "1m", "1D", "36526d", "99999999999w", "1dw", "\u{664}d"] {
            assert!(days(text).is_err(), "{text}");
        }
    }
}
