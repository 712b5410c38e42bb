//! The command line: parses arguments, calls one verb of `commands`, prints the result, returns the exit code.
//!
//! Only this room prints, and only this room reads the environment and the clock.

#![allow(rustdoc::broken_intra_doc_links, reason = "help texts name `error[NAME]` and tables such as [vars]")]

mod affected;
mod arguments;
mod audit;
mod available_memory;
mod build;
mod cache;
mod caller;
mod check;
mod ci_log;
mod explain;
mod init;
mod inspect;
mod interrupts;
mod list;
mod listing;
mod lock;
mod login;
mod manual;
mod merge;
mod password_prompt;
mod plan;
mod print;
mod push;
mod recipe_arguments;
mod registry;
mod render;
mod resolve;
mod shared_cache;
mod terminal;
mod workflow_command;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use clap::FromArgMatches as _;

use crate::{
    build::compile,
    commands,
    report::{ErrorName, Failure, Failures, Progress as _, unfinished},
};
use arguments::{Arguments, SchemaTopic, Verb};
use ci_log::CiLog;
use print::output_failure;
use terminal::{Color, Terminal};

/// Runs the program.
///
/// Exit codes: 0 done, 1 refused (every failure is a refusal by a rule or a negative answer), 2 the work could not be done; 130,
/// 143 and 129 where SIGINT, SIGTERM or SIGHUP ended it.
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
    interrupts::catch();
    let Arguments { verb, quiet, verbose, color } = arguments;
    let terminal = Terminal::new(quiet, verbose, color);
    let done = |result: Result<(), Failures>| result.map(|()| 0);
    let result = match &verb {
        Verb::Affected(arguments) => done(affected::run(arguments, &terminal)),
        Verb::Audit(arguments) => audit::run(arguments, audit::TextStyle::of_stdout(color, verbose), &terminal),
        Verb::Cache(arguments) => cache::run(arguments, &terminal),
        Verb::Init(arguments) => done(init::run(arguments, &terminal)),
        Verb::Build(arguments) => build::run(arguments, &terminal),
        Verb::Check(arguments) => done(check::run(arguments, &terminal)),
        Verb::Plan(arguments) => done(plan::run(arguments, &terminal)),
        Verb::Inspect(arguments) => done(inspect::run(arguments)),
        Verb::List(arguments) => done(list::run(arguments, &terminal)),
        Verb::Lock(arguments) => done(lock::run(arguments, &terminal)),
        Verb::Login(arguments) => done(login::run_login(arguments, &terminal)),
        Verb::Logout(arguments) => done(login::run_logout(arguments, &terminal)),
        Verb::Merge(arguments) => merge::run(arguments, &terminal),
        Verb::Push(arguments) => done(push::run(arguments, &terminal)),
        Verb::Resolve(arguments) => done(resolve::run(arguments, &terminal)),
        Verb::Explain(arguments) => done(explain::run(arguments)),
        Verb::Schema { document: SchemaTopic::Recipe } => {
            done(print::text(&commands::schema::schema()).map_err(output_failure))
        }
        Verb::Schema { document: SchemaTopic::Workspace } => {
            done(print::text(&commands::schema::workspace()).map_err(output_failure))
        }
        Verb::Schema { document: SchemaTopic::Baseline } => {
            done(print::text(&commands::schema::baseline()).map_err(output_failure))
        }
        Verb::Schema { document: SchemaTopic::Audit } => done(print::text(&audit::schema()).map_err(output_failure)),
        Verb::Completions { shell } => done(print::text(&manual::completions(*shell)).map_err(output_failure)),
        Verb::Man { topic } => done(print_text(manual::man(topic.as_deref()))),
        Verb::Help { topic } => done(print_text(manual::help(topic.as_deref()))),
    };
    for detail in registry::NOTICES.take_details() {
        terminal.detail(&detail);
    }
    unfinished::wait_if_ending();
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
        let _ = write!(anstream::stderr(), "{}", CiLog::of_environment().guarded(&text));
    } else {
        let _ = error.print();
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// Prints a text to stdout, or returns the failure.
fn print_text(made: Result<String, Failure>) -> Result<(), Failures> {
    print::text(&made?).map_err(output_failure)
}
