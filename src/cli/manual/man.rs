//! Manual pages in roff, for `man -l` and mandoc: one a verb, and hardpan-recipe(5).

use std::io;

use clap::Command;
use clap_mangen::Man;
use roff::{Roff, roman};

/// The page of a command: what clap knows, then examples and exit codes line by line, which clap_mangen would run
/// together.
pub(super) fn page(command: Command, examples: &str, end: &str) -> io::Result<String> {
    let verbs = command.has_subcommands();
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let man = Man::new(command);
    let mut page = title(&name, 1).into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if verbs {
        man.render_subcommands_section(&mut page)?;
    }
    let mut rest = Roff::new();
    for text in [examples, end] {
        for section in text.split("\n\n").filter(|section| !section.is_empty()) {
            let (title, lines) = section.split_once(":\n").unwrap_or(("NOTES", section));
            verbatim(&mut rest, &title.to_uppercase(), lines);
        }
    }
    rest.to_writer(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// hardpan-recipe(5): the cheat sheet.
pub(super) fn recipe(sheet: &str) -> io::Result<String> {
    let mut page = Roff::new();
    page.control("SH", ["NAME"]);
    page.text([roman("hardpan-recipe - what an image holds, and how it runs")]);
    verbatim(&mut page, "DESCRIPTION", sheet);
    let mut out = title("hardpan-recipe", 5).into_bytes();
    page.to_writer(&mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The first line. It has no date, because the page is the same whenever it is made; the `roff` crate would leave the
/// empty word out, and the version would be taken for the date.
fn title(name: &str, section: u8) -> String {
    format!(".TH \"{name}\" \"{section}\" \"\" \"hardpan {}\" \"hardpan\"\n", env!("CARGO_PKG_VERSION"))
}

/// A section whose lines stay lines.
fn verbatim(page: &mut Roff, title: &str, lines: &str) {
    page.control("SH", [title]);
    page.control("nf", []);
    for line in lines.lines() {
        // An empty line is a space to `nf`, and a fault to mandoc when it stands at the end of a section.
        if line.is_empty() {
            page.control("sp", []);
        } else {
            page.text([roman(line)]);
        }
    }
    page.control("fi", []);
}
