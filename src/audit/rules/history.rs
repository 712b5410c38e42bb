//! CFG004 and CFG005: downloads in the history of the build.

use serde_json::Value;

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    history_command::{self, first, name},
    rule_check::RuleCheck,
};
use crate::report::{Limits, Rule};

pub(super) const CHECK: RuleCheck =
    RuleCheck { rules: &[Rule::AddFromUrl, Rule::PipeToShell], files: false, run: check_history };

fn check_history(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let history = view.document.get("history").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if history.is_empty() {
        for rule in CHECK.rules {
            notes.not_applicable(*rule, "the image has no history");
        }
        return;
    }
    for (index, entry) in history.iter().enumerate().take(Limits::ENTRIES) {
        let Some(command) = entry.get("created_by").and_then(Value::as_str) else { continue };
        let place = || FindingPlace::key(format!("history[{index}]"));
        if let Some(url) = added_url(command) {
            notes.found(Rule::AddFromUrl, place(), format!("`{}` was added from the network", without_login(url)));
        }
        if pipes_to_shell(command) {
            notes.found(Rule::PipeToShell, place(), "a download was piped into a shell");
        }
    }
}

/// A URL without its login and its query, which may hold secrets.
fn without_login(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    let path = path.split(['?', '#']).next().unwrap_or(path);
    format!("{scheme}://{host}/{path}")
}

/// The URL of an `ADD` without a checksum.
fn added_url(command: &str) -> Option<&str> {
    // Every address has one of these.
    if memchr::memchr(b'@', command.as_bytes()).is_none() && !command.contains("://") {
        return None;
    }
    // `ADD ["https://...", "/x"]` too.
    let blank = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | ',' | '"');
    let words: Vec<&str> = command.split(blank).filter(|word| !word.is_empty()).collect();
    // `/bin/sh -c #(nop) ADD ...` of the old builder, `ADD ...` of buildkit.
    let add = words.iter().position(|word| word.eq_ignore_ascii_case("ADD"))?;
    let is_instruction = add == 0 || words.get(add - 1).is_some_and(|word| word.ends_with("#(nop)"));
    let arguments = words.get(add + 1..)?;
    if !is_instruction || arguments.iter().any(|word| word.starts_with("--checksum=")) {
        return None;
    }
    let url = |word: &&&str| {
        let text = word.to_ascii_lowercase();
        ["http://", "https://", "ftp://", "git://", "ssh://", "git@"].iter().any(|scheme| text.starts_with(scheme))
    };
    arguments.iter().find(url).copied()
}

/// Programs that run commands from their input.
const SHELLS: [&str; 14] =
    ["sh", "bash", "ash", "dash", "zsh", "ksh", "python", "python3", "perl", "ruby", "node", "eval", "source", "."];

/// Whether what something downloads goes into a shell, through a pipe or as its argument.
fn pipes_to_shell(command: &str) -> bool {
    // What is a pipe or a substitution has one of these.
    if memchr::memchr3(b'|', b'(', b'`', command.as_bytes()).is_none() {
        return false;
    }
    let body = history_command::statements(command);
    body.lines().any(|statement| {
        let mut downloads = false;
        statement.split('|').any(|part| {
            let pipes = downloads && first(part).is_some_and(|word| SHELLS.contains(&word));
            downloads |= first(part).is_some_and(is_download);
            pipes || substitutes(part)
        })
    })
}

/// `sh -c "$(curl ...)"` and `bash <(curl ...)`.
fn substitutes(part: &str) -> bool {
    ["$(", "<(", "`"].iter().any(|opening| {
        part.split_once(opening).is_some_and(|(before, inside)| {
            first(inside).is_some_and(is_download)
                && before.split_whitespace().any(|word| SHELLS.contains(&name(word)) && word != ".")
        })
    })
}

fn is_download(word: &str) -> bool {
    matches!(word, "curl" | "wget")
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleImage, has};
    use super::*;

    #[test]
    fn downloads_without_a_digest_are_found() {
        let rules = |command: &str| has(&SampleImage::new().history(command).layer([]).audit(), CHECK.rules);
        assert_eq!(rules("ADD https://example.com/x /x # buildkit"), [Rule::AddFromUrl]);
        assert_eq!(rules("/bin/sh -c #(nop) ADD http://example.com/x in /x"), [Rule::AddFromUrl]);
        assert_eq!(rules("ADD --checksum=sha256:00 https://example.com/x /x"), []);
        assert_eq!(rules("/bin/sh -c #(nop) ADD file:0123 in / "), []);
        assert_eq!(rules("RUN echo ADD https://example.com"), []);
        assert_eq!(rules("RUN /bin/sh -c curl -sSL https://x.sh | bash -s -- -y"), [Rule::PipeToShell]);
        assert_eq!(rules("RUN wget -qO- https://x | tar xz | sh"), [Rule::PipeToShell]);
        assert_eq!(rules("RUN curl -O https://x || sh fallback.sh"), []);
        assert_eq!(rules("RUN curl https://x | tar xz"), []);
        assert_eq!(rules("RUN cat x | sh"), []);
        assert_eq!(rules("ADD [\"https://example.com/x\", \"/x\"]"), [Rule::AddFromUrl]);
        assert_eq!(rules("ADD git@github.com:acme/x.git /x # buildkit"), [Rule::AddFromUrl]);
        for hit in [
            "|1 V=1 /bin/sh -c curl -sSL https://x | sudo -E bash -",
            "RUN /bin/bash -o pipefail -c set -eux; apt-get update && curl -fsS https://x | V=1 sh",
            "RUN /bin/sh -c bash -c \"$(curl -fsSL https://x)\"",
            "RUN bash <(wget -qO- https://x)",
            "RUN (curl https://x | python3 -)",
            "RUN --mount=type=cache,target=/x curl https://x | sh",
        ] {
            assert_eq!(rules(hit), [Rule::PipeToShell], "{hit}");
        }
        for near in [
            "RUN /bin/sh -c V=$(curl https://x) && echo $V",
            "RUN apt-get install -y curl && echo y | sh setup.sh",
            "RUN curl -o x https://x | true; cat x",
            "RUN wget https://x ; ls | sh",
            "RUN",
            "",
            "|",
            "/bin/sh -c",
        ] {
            assert_eq!(rules(near), [], "{near}");
        }
    }
}
