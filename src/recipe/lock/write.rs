//! Writes a lock as TOML: sorted, one fact a line, so that a diff shows what moved. The same lock gives the same bytes.

use super::{
    super::toml_writer::{self, quoted},
    Lock, LockedToolchain,
};

impl Lock {
    /// The file, for the recipe that is called `recipe`, or for all recipes of a workspace.
    pub fn to_text(&self, recipe: Option<&str>) -> String {
        let mut page = LockWriter(String::new());
        page.line(&match recipe.map(crate::report::printable) {
            Some(name) => format!("# What {name} asks for and what could move, pinned. Commit it beside the recipe."),
            None => "# What the recipes of this workspace ask for and what could move, pinned. Commit it.".to_owned(),
        });
        page.line("# Written by `hardpan lock`, which keeps what is asked for still; `--update NAME` moves one pin,");
        page.line("# `--check` says whether recipes ask for anything else.");
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
        self.line(&format!("{} = {}", toml_writer::key(key), quoted(value)));
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
            self.table(&format!("[toolchain.files.{}]", toml_writer::key(scope)));
            for (name, digest) in files {
                self.text(name, &digest.to_string());
            }
        }
    }
}
