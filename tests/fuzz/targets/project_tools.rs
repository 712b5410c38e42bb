//! Toolchains that answer what a target says, for drafts of recipes.

use std::path::Path;

use hardpan::{
    init::{DraftRequest, DraftedRecipe, Toolchains},
    oci::Platform,
    recipe,
    report::{ErrorName, Failure, Failures},
};

use super::checks;

/// Answers of `go` and `cargo`; none is a tool that is not there.
#[derive(Debug, Default)]
pub struct Answers {
    pub go_module: Option<Vec<u8>>,
    pub go_packages: Option<Vec<u8>>,
    pub cargo_workspace: Option<Vec<u8>>,
}

impl Answers {
    /// Of a module with one program in `dir`.
    pub fn of_one_program(dir: &Path) -> Self {
        let main = dir.join("cmd/server");
        let package = serde_json::json!({"ImportPath": "example.com/server/cmd/server", "Name": "main", "Dir": main});
        Self {
            go_module: Some(br#"{"Module": {"Path": "example.com/server"}}"#.to_vec()),
            go_packages: Some(package.to_string().into_bytes()),
            cargo_workspace: None,
        }
    }
}

fn answer(said: Option<&Vec<u8>>) -> Result<Vec<u8>, Failure> {
    said.cloned().ok_or_else(|| Failure::error(ErrorName::ToolMissing, "it is not installed here"))
}

impl Toolchains for Answers {
    fn go_module(&self, _: &Path) -> Result<Vec<u8>, Failure> {
        answer(self.go_module.as_ref())
    }

    fn go_packages(&self, _: &Path, _: Option<&Path>, _: bool) -> Result<Vec<u8>, Failure> {
        answer(self.go_packages.as_ref())
    }

    fn cargo_workspace(&self, _: &Path) -> Result<Vec<u8>, Failure> {
        answer(self.cargo_workspace.as_ref())
    }

    fn rust_host(&self, _: &Path) -> Result<String, Failure> {
        Ok("x86_64-unknown-linux-gnu".into())
    }

    fn has_rust_target(&self, _: &Path, _: &str) -> Result<bool, Failure> {
        Ok(true)
    }

    fn prebuilt(&self, _: &Path) -> Option<Result<Platform, String>> {
        None
    }
}

/// Drafts a recipe for the project in `dir`: what is drafted is a recipe, and what is shown can be.
pub fn draft(dir: &Path, from: Option<(&str, &str)>, tools: &Answers) -> Option<DraftedRecipe> {
    let request = DraftRequest {
        dir: dir.to_owned(),
        recipe_dir: dir.to_owned(),
        name: None,
        binary: None,
        from: from.map(|(name, text)| (name.to_owned(), text.to_owned())),
    };
    let check = |text: &str, _: &[String]| recipe::parse("hardpan.toml", text).map(drop).map_err(Failures::from);
    let drafted = match hardpan::init::draft(&request, tools, &check) {
        Ok(drafted) => drafted,
        Err(failures) => {
            assert!(!failures.0.is_empty());
            for failure in &failures.0 {
                checks::refusal(failure);
                if let Some((name, text)) = from {
                    checks::place_is_in(failure, name, text);
                }
            }
            return None;
        }
    };
    recipe::parse("hardpan.toml", &drafted.trial).expect("the check has accepted it");
    // Without a program the recipe has all of them as comments.
    if drafted.open.is_none() {
        recipe::parse("hardpan.toml", &drafted.text).expect("a recipe");
    }
    drafted.said.iter().for_each(|line| assert!(!line.trim().is_empty()));
    Some(drafted)
}
