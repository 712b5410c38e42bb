//! The forms of an audit's report: text for people, JSON, SARIF, annotations for GitHub, a page.
//!
//! Whatever came from the image passes through [`printable`](crate::report::printable) or is escaped by the form's own
//! rules, so that no file name can forge a line, a command of the pipeline or a tag.

mod github;
mod groups;
mod html;
mod json;
mod options;
mod sarif;
mod text;
mod verb;
mod words;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod sample;

pub(super) use json::schema;
use options::ReportOptions;
pub(super) use verb::{AuditArguments, run};

use super::{arguments::Color, terminal::has_color};
use crate::audit::Audit;

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// For programs; `hardpan schema audit` says what is in it.
    Json,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// For the log of a GitHub workflow: annotations.
    Github,
    /// For a browser: one page that holds everything it needs.
    Html,
}

/// How the text looks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    /// With escape sequences for colors.
    pub(super) color: bool,
    /// With every place, and every rule that was looked at.
    pub(super) verbose: bool,
}

impl Look {
    /// Of the text on stdout.
    pub(super) fn of_stdout(color: Color, verbose: u8) -> Self {
        Self { color: has_color(color, &std::io::stdout()), verbose: verbose > 0 }
    }
}

impl Form {
    /// Every form, in the order of the help.
    pub(super) const ALL: [Self; 5] = [Self::Text, Self::Json, Self::Sarif, Self::Github, Self::Html];

    /// The word for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Html => "html",
        }
    }

    /// The form of that name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// What the end of a file's name says.
    fn of_file(path: &str) -> Option<Self> {
        let name = path.to_ascii_lowercase();
        [
            (".sarif", Self::Sarif),
            (".sarif.json", Self::Sarif),
            (".json", Self::Json),
            (".html", Self::Html),
            (".htm", Self::Html),
            (".txt", Self::Text),
        ]
        .into_iter()
        .find(|(end, _)| name.ends_with(end))
        .map(|(_, form)| form)
    }
}

/// The report of `audits` in a form; ends with a line break. `look` is the text's.
pub(super) fn render(form: Form, audits: &[Audit], look: Look) -> String {
    match form {
        Form::Text => text::render(audits, look),
        Form::Json => json::render(audits),
        Form::Sarif => sarif::render(audits),
        Form::Github => github::render(audits),
        Form::Html => html::render(audits),
    }
}
