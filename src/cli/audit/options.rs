//! `--format` and `--output`, and the files they ask for.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Form, Look, render};
use crate::{
    audit::Audit,
    commands::staged_file::StagedFile,
    report::{ErrorName, Failure, printable},
};

/// Where the report goes, and in which forms.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportOptions {
    /// The form on stdout: text, json, sarif, github or html; text, when an --output takes this form [default: text]
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Write the report to a file, too: FORMAT=FILE, or a FILE that ends in .txt, .json, .sarif or .html; repeatable
    #[arg(short, long, value_name = "[FORMAT=]FILE")]
    output: Vec<String>,
}

/// The reports of one audit, begun: the files are there without their names, so that a folder that cannot be written to
/// costs no audit.
#[derive(Debug)]
pub(in crate::cli) struct Reports {
    stdout: Form,
    files: Vec<(Form, StagedFile)>,
}

impl ReportOptions {
    /// The forms as they were asked for: the one on stdout, and each file's.
    fn forms(&self, json: bool) -> Result<(Form, Vec<(Form, PathBuf)>), Failure> {
        let format = self
            .format
            .as_deref()
            .or(json.then_some("json"))
            .map(|name| Form::named(name).ok_or_else(|| no_form(name)))
            .transpose()?;
        let mut files: Vec<(Form, PathBuf)> = Vec::new();
        for output in &self.output {
            let named = output.split_once('=').and_then(|(name, path)| Some((Form::named(name)?, path)));
            let (form, path) = match named {
                Some((form, path)) => (Some(form), path),
                None => (Form::of_file(output).or(format), output.as_str()),
            };
            let shown = printable(output);
            let Some(form) = form else {
                return Err(Failure::error(ErrorName::Usage, format!("`--output {shown}` does not say which form"))
                    .hint(format!("put the form before it, as in `sarif={shown}`")));
            };
            if path.is_empty() || path == "-" {
                return Err(Failure::error(ErrorName::Usage, format!("`--output {shown}` names no file"))
                    .hint("`--format` says what goes to stdout"));
            }
            if files.iter().any(|(_, other)| other == Path::new(path)) {
                return Err(Failure::error(
                    ErrorName::OutputConflict,
                    format!("`--output {}` is there twice", printable(path)),
                ));
            }
            files.push((form, PathBuf::from(path)));
        }
        // The same report in two places is asked for by nobody: `--format html --output report.html` means the file.
        let taken = |form| files.iter().any(|(other, _)| *other == form);
        let stdout = format.filter(|form| !taken(*form)).unwrap_or(Form::Text);
        Ok((stdout, files))
    }

    /// Begins every file. `json` is another way to ask for that form on stdout.
    ///
    /// # Errors
    /// An option that cannot be read, or a file that cannot be written.
    pub(in crate::cli) fn begin(&self, json: bool) -> Result<Reports, Failure> {
        let (stdout, files) = self.forms(json)?;
        let begin = |(form, path): (Form, PathBuf)| {
            Ok((form, StagedFile::begin("--output", &path, "stdout has the report of `--format`")?))
        };
        Ok(Reports { stdout, files: files.into_iter().map(begin).collect::<Result<_, Failure>>()? })
    }
}

impl Reports {
    /// Writes every file whole, gives all of them their names, and returns what goes to stdout. `look` is stdout's: a file
    /// is never colored.
    pub(in crate::cli) fn publish(mut self, audits: &[Audit], look: Look) -> Result<String, Failure> {
        for (form, file) in &mut self.files {
            file.write(render(*form, audits, Look { color: false, ..look }))?;
        }
        self.files.into_iter().try_for_each(|(_, file)| file.publish())?;
        Ok(render(self.stdout, audits, look))
    }
}

fn no_form(name: &str) -> Failure {
    let names = Form::ALL.map(|form| format!("`{}`", form.name())).join(", ");
    Failure::error(ErrorName::Usage, format!("`--format {}` is not one of {names}", printable(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(format: Option<&str>, outputs: &[&str]) -> Result<(Form, Vec<(Form, PathBuf)>), Failure> {
        let output = outputs.iter().map(|text| (*text).to_owned()).collect();
        ReportOptions { format: format.map(str::to_owned), output }.forms(false)
    }

    #[test]
    fn a_form_is_named_or_told_by_the_end_of_the_file() {
        let (stdout, files) =
            forms(None, &["a.json", "sarif=b", "c.SARIF", "html=x.txt", "k=v.html", "d.sarif.json"]).expect("forms");
        assert_eq!(stdout, Form::Text);
        let told: Vec<_> = files.iter().map(|(form, path)| (form.name(), path.to_str().expect("UTF-8"))).collect();
        assert_eq!(
            told,
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
        assert_eq!(forms(Some("github"), &["a.html"]).expect("forms").0, Form::Github);
        let (stdout, files) = forms(Some("sarif"), &["results"]).expect("forms");
        assert_eq!((stdout, files[0].0), (Form::Text, Form::Sarif));
        assert_eq!(forms(Some("html"), &["a.html"]).expect("forms").0, Form::Text);
    }

    #[test]
    fn what_says_no_form_or_names_no_file_is_refused() {
        for (format, output, what) in [
            (None, "results", "`--output results` does not say which form"),
            (None, "sarif=", "`--output sarif=` names no file"),
            (None, "json=-", "`--output json=-` names no file"),
            (Some("xml"), "a.json", "`--format xml` is not one of `text`, `json`, `sarif`, `github`, `html`"),
        ] {
            assert_eq!(forms(format, &[output]).expect_err("a refusal").what, what);
        }
        assert_eq!(
            forms(None, &["a.json", "json=a.json"]).expect_err("twice").what,
            "`--output a.json` is there twice"
        );
    }
}
