//! The part of PERM011 that is about interpreters: variables that make them load code from where the run user can write.

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    loader::is_writable,
};
use crate::report::Rule;
use crate::rootfs::{TarEntryKind, join, parent};

/// Variables with a list of folders or files that an interpreter loads code from.
const SEARCHED: [&str; 11] = [
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PERL5LIB",
    "PERLLIB",
    "RUBYLIB",
    "GEM_PATH",
    "NODE_PATH",
    "CLASSPATH",
    "BASH_ENV",
    "PHP_INI_SCAN_DIR",
];

/// Variables with options of an interpreter, and the options that name code which it loads.
const OPTIONS: [(&str, &[&str]); 7] = [
    ("NODE_OPTIONS", &["--require", "-r", "--import", "--loader", "--experimental-loader"]),
    ("JAVA_TOOL_OPTIONS", &JAVA),
    ("JDK_JAVA_OPTIONS", &JAVA),
    ("_JAVA_OPTIONS", &JAVA),
    ("JAVA_OPTS", &JAVA),
    ("RUBYOPT", &["-r", "-I"]),
    ("PERL5OPT", &["-I"]),
];

/// Options of Java that name code.
const JAVA: [&str; 5] = ["-javaagent:", "-agentpath:", "-Xbootclasspath/a:", "-cp", "-classpath"];

/// Tells of every variable through which the run user can change what the service loads.
pub(super) fn check_injection(view: &ImageView<'_>, notes: &mut RuleNotes) {
    if view.user.uid.is_none_or(|uid| uid == 0) {
        return;
    }
    for (variable, value) in view.env() {
        let paths: Vec<&str> = if SEARCHED.contains(&variable) {
            value.split(':').collect()
        } else if let Some((_, options)) = OPTIONS.iter().find(|(known, _)| *known == variable) {
            loaded(value, options)
        } else {
            continue;
        };
        // An empty value is none; an empty part is the working directory.
        let mut paths = paths.into_iter().filter(|_| !value.is_empty());
        if let Some(path) = paths.find(|path| can_change(view, path)) {
            let shown = if path.is_empty() { "the working directory" } else { path };
            let message = format!("`{variable}` loads code from `{shown}`, to which the run user can write");
            notes.found(Rule::LoaderHijack, FindingPlace::key(format!("config.Env[{variable}]")), message);
        }
    }
}

/// The paths that options of this list name in a value.
fn loaded<'a>(value: &'a str, options: &[&str]) -> Vec<&'a str> {
    let mut paths = Vec::new();
    let mut words = value.split_whitespace();
    while let Some(word) = words.next() {
        let Some(option) = options.iter().find(|option| word.starts_with(**option)) else { continue };
        let attached = word.strip_prefix(option).unwrap_or_default().trim_start_matches('=');
        let named = if attached.is_empty() { words.next().unwrap_or_default() } else { attached };
        // `-javaagent:/x.jar=options`, `-cp a:b`.
        let named = named.split('=').next().unwrap_or_default();
        // What begins otherwise is the name of a package.
        paths.extend(named.split(':').filter(|path| path.starts_with(['/', '.'])));
    }
    paths
}

/// Whether the run user can put other code to a path, which is relative to the working directory.
fn can_change(view: &ImageView<'_>, path: &str) -> bool {
    let base = view.text("WorkingDir").filter(|folder| folder.starts_with('/')).unwrap_or("/");
    let path = join(base, path.trim_start_matches("file://").trim_end_matches('*'));
    match view.find(&path) {
        Ok((at, _, entry)) if entry.kind == TarEntryKind::File => {
            view.may_change(entry) || is_writable(view, parent(&at))
        }
        _ => is_writable(view, &path),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, has};
    use super::*;

    #[test]
    fn interpreters_that_load_what_the_run_user_can_write_are_found() {
        let files = || {
            vec![
                SampleFile::folder("app"),
                SampleFile::text("app/x.js", "x"),
                SampleFile::folder("data").owner(65532, 65532),
                SampleFile::text("data/x.js", "x"),
                SampleFile::folder("tmp").mode(0o1777),
            ]
        };
        let with = |line: &str, folder: &str| {
            let sample = SampleImage::new().config("WorkingDir", serde_json::json!(folder));
            has(&sample.env(&[line]).layer(files()).audit(), &[Rule::LoaderHijack])
        };
        for bad in [
            "PYTHONPATH=/app:/data",
            "PERL5LIB=/tmp/lib",
            "RUBYLIB=/data/lib",
            "NODE_PATH=/data",
            "NODE_OPTIONS=--require /data/x.js",
            "NODE_OPTIONS=--max-http-header-size=1 --import=/tmp/y.mjs",
            "JAVA_TOOL_OPTIONS=-javaagent:/data/agent.jar=x=y",
            "RUBYOPT=-r/data/x",
            "BASH_ENV=/data/env",
        ] {
            assert_eq!(with(bad, "/app"), [Rule::LoaderHijack], "{bad}");
        }
        for good in [
            "PYTHONPATH=/app",
            "PYTHONPATH=",
            "PYTHONPATH=:/app",
            "NODE_OPTIONS=--require dotenv/config",
            "NODE_OPTIONS=--require /app/x.js",
            "JAVA_TOOL_OPTIONS=-Xmx1g",
            "OTHER_PATH=/data",
        ] {
            assert_eq!(with(good, "/app"), [], "{good}");
        }
        assert_eq!(with("PYTHONPATH=:/app", "/data"), [Rule::LoaderHijack], "an empty part is the working directory");
        let root = SampleImage::new().user("0").env(&["PYTHONPATH=/data"]).layer(files());
        assert_eq!(has(&root.audit(), &[Rule::LoaderHijack]), []);
    }
}
