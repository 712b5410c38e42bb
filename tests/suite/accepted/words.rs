//! Odd names and texts: valid in a recipe, and such that readers have stumbled over them.

use std::fmt::Write as _;

use crate::support::walks::Dice;

/// Names of files and folders that a recipe may write.
const NAMES: [&str; 48] = [
    "plain",
    "README",
    "readme",
    "ünïcode",
    // The same to a reader, in two ways.
    "é",
    "e\u{301}",
    "ß",
    "ſ",
    "K",
    "🦀",
    "日本語",
    "\u{202e}right-to-left",
    "zero\u{200b}width",
    "\u{feff}mark",
    "\u{e000}private",
    "\u{fffd}",
    " leading",
    "trailing ",
    "two words",
    "back\\slash",
    "\\",
    "\\057",
    "quo\"te",
    "it's",
    "`id`",
    "$HOME",
    "semi;colon",
    "star*",
    "question?",
    "[a-z]",
    "{brace}",
    "{{braces}}",
    "percent%2f",
    "%s%n",
    "...",
    "..a",
    "a..",
    ".hidden",
    "-dash",
    "--help",
    "~",
    "#hash",
    "a=b",
    "c:",
    ".wh",
    "x.wh.y",
    "@LongLink",
    "0",
];

/// Names that only a folder of the machine may have, and that `[[tree]]` finds there.
const FOUND: [&str; 4] = ["tab\there", "line\nbreak", "\u{1b}[31mred", "\u{7f}"];

/// Names that rules know.
const KNOWN: [&str; 20] = [
    "Dockerfile",
    ".git",
    ".env",
    ".netrc",
    "id_rsa",
    "known_hosts",
    ".bash_history",
    "server.key",
    "passwd",
    "shadow",
    "sh",
    "busybox",
    "curl",
    "gcc",
    "sudo",
    "apk",
    "sshd",
    "x.a",
    "x.pyc",
    "ld.so.conf",
];

/// Values of variables, labels and annotations.
const TEXTS: [&str; 16] = [
    "",
    " ",
    "plain",
    "a \"quoted\" word",
    "back\\slash\\",
    "it's",
    "ünïcode 🦀",
    "e\u{301}",
    "\u{202e}right-to-left",
    "\u{feff}",
    "{{braces}}",
    "a=b=c",
    "$(id) `id` $HOME",
    "</script><!--",
    "%s%n%00",
    "[\"/bin/sh\"]",
];

/// A name for an image's path.
pub fn name(dice: &mut Dice) -> String {
    match dice.below(14) {
        // Up to what Linux can open: 255 bytes.
        0 => "x".repeat(200 + dice.below(56)),
        1 => format!("{}y", "é".repeat(100 + dice.below(28))),
        2 => dice.one_of(&KNOWN).to_owned(),
        3 => format!("{}-{}", dice.one_of(&NAMES), dice.below(1000)),
        _ => dice.one_of(&NAMES).to_owned(),
    }
}

/// A name in a folder of this machine.
pub fn found_name(dice: &mut Dice) -> String {
    if dice.below(25) == 0 { dice.one_of(&FOUND).to_owned() } else { name(dice) }
}

/// A value; sometimes a long one.
pub fn text(dice: &mut Dice) -> String {
    if dice.below(20) == 0 { "long ".repeat(2000) } else { dice.one_of(&TEXTS).to_owned() }
}

/// A text in TOML.
pub fn quoted(text: &str) -> String {
    let mut toml = "\"".to_owned();
    for character in text.chars() {
        match character {
            '"' => toml.push_str("\\\""),
            '\\' => toml.push_str("\\\\"),
            _ if character.is_control() => write!(toml, "\\u{:04x}", u32::from(character)).expect("a string"),
            _ => toml.push(character),
        }
    }
    toml.push('"');
    toml
}
