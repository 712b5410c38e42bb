//! Writes a lock as TOML: sorted, one fact a line, so that a diff shows what moved. The same lock gives the same bytes.

use std::fmt::Write as _;

use super::{Lock, LockedToolchain};

impl Lock {
    /// The file, for the recipe that is called `recipe`.
    pub fn to_text(&self, recipe: &str) -> String {
        let mut page = LockWriter(String::new());
        let recipe = crate::report::printable(recipe);
        page.line(&format!("# What {recipe} asks for and what could move, pinned. Commit it beside the recipe."));
        page.line("# Written by `hardpan lock`, which keeps what is asked for still; `--update NAME` moves one pin,");
        page.line("# `--check` compares all of them with the world.");
        page.line("");
        page.line("version = 1");
        page.line("format = 1");
        if let Some(bundle) = &self.bundle {
            page.table("[certificates]");
            page.text("name", "mozilla");
            page.text("version", &bundle.version);
            page.text("digest", &bundle.digest.to_string());
        }
        if let Some(timezones) = &self.timezones {
            page.table("[timezones]");
            page.text("version", &timezones.version);
            page.text("digest", &timezones.digest.to_string());
        }
        for (name, base) in &self.bases {
            page.table("[[base]]");
            page.text("name", name);
            page.text("digest", &base.digest.to_string());
            page.table("[base.platforms]");
            for (platform, digest) in &base.platforms {
                page.text(&platform.to_string(), &digest.to_string());
            }
        }
        for (url, locked) in &self.urls {
            page.table("[[file]]");
            page.text("url", url);
            page.text("sha256", &locked.sha256.hex());
            page.line(&format!("size = {}", locked.size));
        }
        for ((compiler, dir), toolchain) in &self.toolchains {
            page.table("[[toolchain]]");
            page.text("name", compiler.name());
            page.text("dir", dir);
            page.toolchain(toolchain);
        }
        page.0
    }
}

/// The text so far.
struct LockWriter(String);

impl LockWriter {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn table(&mut self, header: &str) {
        self.line("");
        self.line(header);
    }

    /// `key = "value"`, both as TOML wants them.
    fn text(&mut self, key: &str, value: &str) {
        self.line(&format!("{} = {}", self::key(key), quoted(value)));
    }

    fn toolchain(&mut self, toolchain: &LockedToolchain) {
        self.text("version", &toolchain.version);
        for (key, value) in [("commit", &toolchain.commit), ("llvm", &toolchain.llvm)] {
            if let Some(value) = value {
                self.text(key, value);
            }
        }
        if !toolchain.cc.is_empty() {
            self.table("[toolchain.cc]");
            for (platform, name) in &toolchain.cc {
                self.text(platform, name);
            }
        }
        for (scope, files) in &toolchain.files {
            self.table(&format!("[toolchain.files.{}]", key(scope)));
            for (name, digest) in files {
                self.text(name, &digest.to_string());
            }
        }
    }
}

/// A key (TOML 1.0, "Keys"): in quotes where it needs them.
fn key(text: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !text.is_empty() && text.bytes().all(bare) { text.to_owned() } else { quoted(text) }
}

/// A basic string (TOML 1.0, "String"), with everything escaped that a terminal or a reader could take for something
/// else.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            // Writing to a String cannot fail.
            c => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
