//! The command line: parses arguments, calls one verb of `commands`, prints the result, returns the exit code.
//!
//! Only this room prints, and only this room reads the environment and the clock.

#![allow(rustdoc::broken_intra_doc_links, reason = "help texts name `error[NAME]` and tables such as [vars]")]

mod affected;
mod arguments;
mod audit;
mod cache;
mod caller;
mod explain;
mod init;
mod listing;
mod lock;
mod manual;
mod print;
mod push;
mod registry;
mod render;
mod terminal;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::FromArgMatches as _;

use crate::{
    build::compile,
    commands,
    report::{ErrorName, Failure, Failures, Progress as _},
};
use arguments::{Arguments, BuildArguments, Color, InspectArguments, PlanArguments, SchemaTopic, Verb};
use terminal::Terminal;

/// Runs the program.
///
/// Exit codes: 0 done, 1 refused (every failure is a refusal by a rule or a negative answer), 2 the work could not be done.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|verb| verb == compile::ENCLOSURE) {
        return run_enclosure(words);
    }
    // `--help` is printed to stdout with code 0, a usage error to stderr with code 2.
    let matches = manual::command().try_get_matches();
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => return print_clap_error(&error),
    };
    let terminal = Terminal::new(arguments.quiet, arguments.verbose, arguments.color);
    let done = |result: Result<(), Failures>| result.map(|()| 0);
    let result = match &arguments.verb {
        Verb::Affected(arguments) => done(affected::run(arguments, &terminal)),
        Verb::Audit(audit) => audit::run(audit, arguments.color, arguments.verbose),
        Verb::Cache(arguments) => cache::run(arguments, &terminal),
        Verb::Init(arguments) => done(init::run(arguments, &terminal)),
        Verb::Build(build) => done(run_build(build, &terminal)),
        Verb::Plan(plan) => done(run_plan(plan, &terminal)),
        Verb::Inspect(inspect) => done(run_inspect(inspect)),
        Verb::Lock(lock) => done(lock::run(lock, &terminal)),
        Verb::Push(push) => done(push::run(push, &terminal)),
        Verb::Explain(arguments) => done(explain::run(arguments)),
        Verb::Schema { document: SchemaTopic::Recipe } => {
            done(print::text(&commands::schema::schema()).map_err(output_failure))
        }
        Verb::Schema { document: SchemaTopic::Audit } => done(print::text(&audit::schema()).map_err(output_failure)),
        Verb::Completions { shell } => done(print::text(&manual::completions(*shell)).map_err(output_failure)),
        Verb::Man { topic } => done(print_text(manual::man(topic.as_deref()))),
        Verb::Help { topic } => done(print_text(manual::help(topic.as_deref()))),
    };
    for notice in registry::NOTICES.take() {
        terminal.warn(&notice);
    }
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failures) => {
            terminal.failures(&failures);
            ExitCode::from(failures.exit_code())
        }
    }
}

/// Runs a stage of a compile in namespaces; hardpan starts itself with this hidden verb. The process has one thread.
fn run_enclosure(words: impl Iterator<Item = OsString>) -> ExitCode {
    compile::enclose(words).map_or_else(
        |failure| {
            Terminal::new(false, 0, Color::Auto).failures(&failure.into());
            ExitCode::from(2)
        },
        ExitCode::from,
    )
}

/// Prints what clap has instead of arguments: help or the version on stdout with code 0, a usage error on stderr with
/// code 2.
fn print_clap_error(error: &clap::Error) -> ExitCode {
    if let Some(failure) = manual::later_verb_failure(error) {
        Terminal::new(false, 0, Color::Auto).failures(&failure.into());
    } else if error.render().to_string().starts_with("error:") {
        // clap's sentence, its tip and its usage lines stay; only the name is added. Nothing is left to do where stderr is
        // closed.
        let text = error.render().ansi().to_string().replacen("error:", &format!("error[{}]:", ErrorName::Usage), 1);
        let _ = write!(anstream::stderr(), "{text}");
    } else {
        let _ = error.print();
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// Prints a text to stdout, or returns the failure.
fn print_text(made: Result<String, Failure>) -> Result<(), Failures> {
    print::text(&made?).map_err(output_failure)
}

fn run_build(arguments: &BuildArguments, terminal: &Terminal) -> Result<(), Failures> {
    let access = arguments.push.access()?;
    let request = commands::build::BuildRequest {
        recipes: arguments.common.recipes.clone(),
        platforms: arguments.common.platforms()?,
        output: arguments.output()?,
        form: arguments.form()?,
        set: arguments.common.set.clone(),
        engines: arguments.delivery.engines()?,
        metadata_file: arguments.delivery.metadata_file.clone(),
        digest_file: arguments.delivery.digest_file.clone(),
        policy: arguments.policy.clone(),
        push: arguments.push.request(&arguments.common, &access)?,
        settings: caller::settings(&arguments.common, access)?,
    };
    let built = commands::build::build(&request, terminal)?;
    print::built(&built, arguments.common.json).map_err(output_failure)
}

fn run_plan(arguments: &PlanArguments, terminal: &Terminal) -> Result<(), Failures> {
    let request = commands::plan::PlanRequest {
        recipes: arguments.common.recipes.clone(),
        platforms: arguments.common.platforms()?,
        set: arguments.common.set.clone(),
        inputs: arguments.inputs,
        settings: caller::settings(&arguments.common, arguments.registry.access()?)?,
    };
    let plans = commands::plan::plan(&request, terminal)?;
    print::plans(&plans, arguments.common.json).map_err(output_failure)
}

fn run_inspect(arguments: &InspectArguments) -> Result<(), Failures> {
    let access = arguments.registry.access()?;
    if let Some(runtime) = arguments.runtime()? {
        let repository = arguments.repository.as_deref();
        let deployment = commands::runtime::deployment(&arguments.image, runtime, repository, &access)?;
        return print::text(&deployment).map_err(output_failure);
    }
    let report = commands::inspect::inspect(&arguments.image, arguments.rootfs, &access)?;
    print::inspected(&report, arguments.json).map_err(output_failure)
}

/// The failure of a write to stdout. A closed pipe is not one: its reader has read enough.
#[allow(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn output_failure(error: io::Error) -> Failures {
    Failure::io("write the output", "stdout", &error).into()
}
