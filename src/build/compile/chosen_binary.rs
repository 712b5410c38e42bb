//! Finds the package and the binary of a cargo workspace that the recipe names, and suggests names where there is none.

use super::{
    cargo_metadata::{CargoMetadata, MetadataPackage},
    installed_rust::closest,
};
use crate::{
    recipe::CargoBinary,
    report::{ErrorName, Failure, printable},
};

/// The chosen binary.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChosenBinary {
    /// The package's name; one member has it.
    pub(super) package: String,
    /// The binary's name.
    pub(super) binary: String,
}

impl CargoMetadata {
    /// The manifest of the member of that name.
    pub(super) fn manifest(&self, name: &str) -> Option<std::path::PathBuf> {
        let package = self.members().find(|package| package.name == name)?;
        Some(package.manifest_path.clone())
    }

    /// The package and the binary that `wanted` means: `package/bin`, or a package with one binary.
    pub(super) fn choose(&self, wanted: &CargoBinary) -> Result<ChosenBinary, Failure> {
        let name = wanted.package.value.as_str();
        let fail = |what: String| Failure::error(ErrorName::SourceInvalid, what).at(&wanted.package.origin);
        let Some(package) = self.members().find(|package| package.name == name) else {
            let failure = fail(format!("the workspace has no package `{}`", printable(name)));
            return Err(suggest(failure, name, self.members().map(|package| package.name.as_str()), ""));
        };
        let names: Vec<_> = package.binaries().collect();
        let binary = match (&wanted.binary, names.as_slice()) {
            (_, []) => {
                let failure = fail(format!("the package `{name}` is a library, it has no binaries"));
                let programs = self.members().filter(|package| package.binaries().next().is_some());
                return Err(suggest(failure, "", programs.map(|package| package.name.as_str()), ""));
            }
            (Some(binary), names) if names.contains(&binary.as_str()) => binary.clone(),
            (Some(binary), names) => {
                let failure = fail(format!("the package `{name}` has no binary `{}`", printable(binary)));
                return Err(suggest(failure, binary, names.iter().copied(), &format!("{name}/")));
            }
            (None, [only]) => (*only).to_owned(),
            (None, names) => {
                let failure = fail(format!("the package `{name}` has {} binaries", names.len()));
                return Err(suggest(failure, "", names.iter().copied(), &format!("{name}/")));
            }
        };
        Ok(ChosenBinary { package: name.to_owned(), binary })
    }
}

impl MetadataPackage {
    /// The names of its binaries.
    fn binaries(&self) -> impl Iterator<Item = &str> {
        let binaries = self.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "bin"));
        binaries.map(|target| target.name.as_str())
    }
}

/// Adds what there is to choose from, the most similar one as a question.
fn suggest<'a>(failure: Failure, word: &str, names: impl Iterator<Item = &'a str>, before: &str) -> Failure {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    let list: Vec<_> = names.iter().take(20).map(|name| format!("`{before}{}`", printable(name))).collect();
    let more = if names.len() > list.len() { ", ..." } else { "" };
    let list = format!("{}{more}", list.join(", "));
    match closest(word, names.iter().copied()) {
        Some(like) if names.len() > 1 => {
            failure.hint(format!("did you mean `{before}{}`? there are {list}", printable(like)))
        }
        Some(_) => failure.hint(format!("did you mean {list}?")),
        None if names.is_empty() => failure,
        None if names.len() == 1 => failure.hint(format!("there is {list}")),
        None => failure.hint(format!("there are {list}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::{
        recipe::Located,
        report::{Origin, SourceText},
    };

    fn wanted(package: &str, binary: Option<&str>) -> CargoBinary {
        let source = Arc::new(SourceText { path: "r.toml".into(), text: "x".into() });
        CargoBinary {
            binary: binary.map(str::to_owned),
            ..CargoBinary::new(Located { value: package.into(), origin: Origin::new(&source, 0..1) })
        }
    }

    fn choose(package: &str, binary: Option<&str>) -> Result<(String, String), (String, Option<String>)> {
        let json = r#"{"workspace_root": "/w", "workspace_members": ["1", "2", "3"], "packages": [
            {"id": "1", "name": "hello", "manifest_path": "/w/Cargo.toml", "targets": [
                {"name": "hello", "kind": ["lib"]}, {"name": "server", "kind": ["bin"]}, {"name": "client", "kind": ["bin"]}]},
            {"id": "2", "name": "one", "manifest_path": "/w/one/Cargo.toml", "targets": [{"name": "uno", "kind": ["bin"]}]},
            {"id": "3", "name": "lib", "manifest_path": "/w/lib/Cargo.toml", "targets": [{"name": "lib", "kind": ["proc-macro"]}]}]}"#;
        let metadata = CargoMetadata::read(json.as_bytes()).unwrap();
        let chosen = metadata.choose(&wanted(package, binary));
        chosen.map(|choice| (choice.package, choice.binary)).map_err(|failure| (failure.what, failure.hint))
    }

    #[test]
    fn the_only_binary_and_a_named_one_are_found() {
        assert_eq!(choose("one", None), Ok(("one".into(), "uno".into())));
        assert_eq!(choose("hello", Some("client")), Ok(("hello".into(), "client".into())));
    }

    #[test]
    fn what_is_not_there_is_answered_with_what_is() {
        for (package, binary, what, hint) in [
            ("hello", None, "the package `hello` has 2 binaries", "there are `hello/client`, `hello/server`"),
            (
                "hello",
                Some("serber"),
                "the package `hello` has no binary `serber`",
                "did you mean `hello/server`? there are `hello/client`, `hello/server`",
            ),
            (
                "helo",
                None,
                "the workspace has no package `helo`",
                "did you mean `hello`? there are `hello`, `lib`, `one`",
            ),
            ("lib", None, "the package `lib` is a library, it has no binaries", "there are `hello`, `one`"),
        ] {
            assert_eq!(choose(package, binary), Err((what.into(), Some(hint.into()))));
        }
    }
}
