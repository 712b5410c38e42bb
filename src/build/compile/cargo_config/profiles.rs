//! The cargo profile of a compile and those that it inherits from.

use std::{collections::BTreeSet, fs};

use toml::{Table, Value};

use super::{CargoConfiguration, CompileContext};

impl CargoConfiguration {
    /// The names of the profile of a compile and of all that it inherits from.
    ///
    /// `[profile.<name>]` of a configuration wins over that of the workspace's `Cargo.toml` (The Cargo Book,
    /// "Profiles").
    pub(super) fn profiles(&self, reach: &CompileContext<'_>) -> BTreeSet<String> {
        // A `Cargo.toml` that cannot be read is refused by cargo, in its own words.
        let text = fs::read_to_string(reach.workspace.join("Cargo.toml")).unwrap_or_default();
        let manifest: Table = text.parse().unwrap_or_default();
        let mut names = BTreeSet::new();
        let mut next = Some(reach.profile.to_owned());
        while let Some(name) = next {
            let path = ["profile", name.as_str(), "inherits"];
            let configured = self.all().find_map(|config| config.get(&path));
            let written = || manifest.get("profile")?.get(&name)?.get("inherits");
            let inherits = configured.or_else(written).and_then(Value::as_str);
            next = match (name.as_str(), inherits) {
                ("dev" | "release", _) => None,
                ("test", _) => Some("dev".to_owned()),
                ("bench", _) => Some("release".to_owned()),
                (_, inherits) => inherits.map(str::to_owned),
            };
            // Profiles that inherit from each other are refused by cargo.
            if !names.insert(name) {
                break;
            }
        }
        names
    }
}
