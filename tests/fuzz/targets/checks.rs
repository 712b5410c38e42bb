//! What every target asks of a refusal, and how one file holds several.

use hardpan::report::{Failure, FailurePlace};

/// Between the parts of an input that stands for several files.
const LINE: &[u8] = b"\n----\n";

/// The parts of an input, which lines of dashes divide.
pub fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(LINE.len()).position(|window| window == LINE) {
        parts.push(&rest[..at]);
        rest = &rest[at + LINE.len()..];
    }
    parts.push(rest);
    parts
}

/// The text that bytes are, with a sign for what is none.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A sentence that is shown: it says something, and moves no cursor.
pub fn sentence(text: &str) {
    assert!(!text.trim().is_empty());
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

/// A refusal has a sentence, and its place is inside of the text.
pub fn refusal(failure: &Failure) {
    sentence(&failure.what);
    sentence(&failure.to_string());
    failure.hint.iter().for_each(|hint| sentence(hint));
    if let Some(FailurePlace::Recipe(origin)) = &failure.place {
        let text = &origin.source.text;
        assert!(text.get(origin.span.clone()).is_some());
        let (line, column) = origin.line_column();
        let written = text.split('\n').nth(line - 1).expect("the line is in the text");
        assert!((1..=written.chars().count() + 1).contains(&column), "{line}:{column}");
    }
}

/// The line that a text of the form `NAME:LINE: ...` names is in a text.
pub fn line_is_in(said: &str, name: &str, text: &str) {
    let rest = said.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')).expect("the name of the file");
    let line: usize = rest.split([':', ' ']).next().and_then(|line| line.parse().ok()).expect("a line");
    // In YAML a carriage return ends a line as well.
    assert!((1..=text.split(['\n', '\r']).count()).contains(&line), "{said}");
}

/// The line of a failure whose place is `NAME:LINE` is in a text.
pub fn place_is_in(failure: &Failure, name: &str, text: &str) {
    if let Some(FailurePlace::Path(path)) = &failure.place {
        let path = path.to_string_lossy();
        if path.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')) {
            line_is_in(&path, name, text);
        }
    }
}

/// The checksum of each block that could be a header of a tar is set right, so that the reader looks further.
pub fn checked(mut tar: Vec<u8>) -> Vec<u8> {
    for block in tar.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    tar
}
