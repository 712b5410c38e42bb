//! `--format` and `--output` of `hardpan audit`, and the report files that they name. All files are published together,
//! after the audit.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    report_form::{ReportForm, render},
    text::TextStyle,
};
use crate::{
    commands::{audit::AuditReport, staged_file::StagedFile},
    report::{ErrorName, Failure, printable},
};

/// `--format` and `--output`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportOptions {
    /// The format on stdout: text, json, sarif, github or html; text where an --output has this format [default: text]
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Also write the report to a file: FORMAT=FILE, or a FILE that ends in .txt, .json, .sarif or .html; repeatable
    #[arg(short, long, value_name = "[FORMAT=]FILE")]
    output: Vec<String>,
    /// Keep waived findings, and those of the baseline, in SARIF as suppressed results: GitHub shows those as open alerts
    #[arg(long)]
    sarif_waived: bool,
}

/// The opened report files of one call. They have no names yet, so that a folder that cannot be written fails before the
/// audit.
#[derive(Debug)]
pub(in crate::cli) struct Reports {
    stdout: ReportForm,
    files: Vec<(ReportForm, StagedFile)>,
    keeps_suppressed: bool,
}

impl ReportOptions {
    /// The requested formats: the one on stdout, and one for each file.
    fn forms(&self, json: bool) -> Result<(ReportForm, Vec<(ReportForm, PathBuf)>), Failure> {
        let format = self
            .format
            .as_deref()
            .or(json.then_some("json"))
            .map(|name| ReportForm::named(name).ok_or_else(|| no_form(name)))
            .transpose()?;
        let mut files: Vec<(ReportForm, PathBuf)> = Vec::new();
        for output in &self.output {
            let named = output.split_once('=').and_then(|(name, path)| Some((ReportForm::named(name)?, path)));
            let (form, path) = match named {
                Some((form, path)) => (Some(form), path),
                None => (ReportForm::of_file(output).or(format), output.as_str()),
            };
            let shown = printable(output);
            let Some(form) = form else {
                return Err(Failure::error(ErrorName::Usage, format!("`--output {shown}` names no report format"))
                    .hint(format!("put the format before it, as in `sarif={shown}`")));
            };
            if path.is_empty() || path == "-" {
                return Err(Failure::error(ErrorName::Usage, format!("`--output {shown}` has no file name"))
                    .hint("`--format` says what goes to stdout"));
            }
            if files.iter().any(|(_, other)| other == Path::new(path)) {
                return Err(Failure::error(
                    ErrorName::OutputConflict,
                    format!("`--output {}` is given twice", printable(path)),
                ));
            }
            files.push((form, PathBuf::from(path)));
        }
        // `--format html --output report.html` means the file: the same report is not printed as well.
        let taken = |form| files.iter().any(|(other, _)| *other == form);
        let stdout = format.filter(|form| !taken(*form)).unwrap_or(ReportForm::Text);
        Ok((stdout, files))
    }

    /// Opens every report file. `json` is `--json`, the same as `--format json`.
    ///
    /// # Errors
    /// An option that cannot be read, or a file that cannot be written.
    pub(in crate::cli) fn begin(&self, json: bool) -> Result<Reports, Failure> {
        let (stdout, files) = self.forms(json)?;
        let begin = |(form, path): (ReportForm, PathBuf)| {
            Ok((form, StagedFile::begin("--output", &path, "stdout has the report of `--format`")?))
        };
        let files = files.into_iter().map(begin).collect::<Result<_, Failure>>()?;
        Ok(Reports { stdout, files, keeps_suppressed: self.sarif_waived })
    }
}

impl Reports {
    /// Writes every file whole, gives all of them their names, and returns what goes to stdout. `look` is stdout's: a file
    /// is never colored.
    pub(in crate::cli) fn publish(mut self, report: &AuditReport, look: TextStyle) -> Result<String, Failure> {
        let keeps = self.keeps_suppressed;
        for (form, file) in &mut self.files {
            file.write(render(*form, report, TextStyle { color: false, ..look }, keeps))?;
        }
        self.files.into_iter().try_for_each(|(_, file)| file.publish())?;
        Ok(render(self.stdout, report, look, keeps))
    }
}

fn no_form(name: &str) -> Failure {
    let names = ReportForm::ALL.map(|form| format!("`{}`", form.name())).join(", ");
    Failure::error(ErrorName::Usage, format!("`--format {}` is not one of {names}", printable(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(format: Option<&str>, outputs: &[&str]) -> Result<(ReportForm, Vec<(ReportForm, PathBuf)>), Failure> {
        let output = outputs.iter().map(|text| (*text).to_owned()).collect();
        ReportOptions { format: format.map(str::to_owned), output, sarif_waived: false }.forms(false)
    }

    #[test]
    fn a_form_is_named_or_told_by_the_end_of_the_file() {
        let (stdout, files) =
            forms(None, &["a.json", "sarif=b", "c.SARIF", "html=x.txt", "k=v.html", "d.sarif.json"]).expect("forms");
        assert_eq!(stdout, ReportForm::Text);
        let shown: Vec<_> = files.iter().map(|(form, path)| (form.name(), path.to_str().expect("UTF-8"))).collect();
        assert_eq!(
            shown,
            [
                ("json", "a.json"),
                ("sarif", "b"),
                ("sarif", "c.SARIF"),
                ("html", "x.txt"),
                ("html", "k=v.html"),
                ("sarif", "d.sarif.json")
            ]
        );
    }

    #[test]
    fn the_format_is_stdouts_unless_a_file_takes_it() {
        assert_eq!(forms(Some("github"), &["a.html"]).expect("forms").0, ReportForm::Github);
        let (stdout, files) = forms(Some("sarif"), &["results"]).expect("forms");
        assert_eq!((stdout, files[0].0), (ReportForm::Text, ReportForm::Sarif));
        assert_eq!(forms(Some("html"), &["a.html"]).expect("forms").0, ReportForm::Text);
    }

    #[test]
    fn what_says_no_form_or_names_no_file_is_refused() {
        for (format, output, what) in [
            (None, "results", "`--output results` names no report format"),
            (None, "sarif=", "`--output sarif=` has no file name"),
            (None, "json=-", "`--output json=-` has no file name"),
            (Some("xml"), "a.json", "`--format xml` is not one of `text`, `json`, `sarif`, `github`, `html`"),
        ] {
            assert_eq!(forms(format, &[output]).expect_err("a refusal").what, what);
        }
        assert_eq!(
            forms(None, &["a.json", "json=a.json"]).expect_err("twice").what,
            "`--output a.json` is given twice"
        );
    }
}
