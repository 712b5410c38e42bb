//! Checks `-X importpath.name=value` of the recipe's `ldflags`, because Go's linker ignores a variable that does not
//! exist.

use super::{
    declarations::Declared,
    packages::{GoPackage, GoPackages},
};
use crate::{
    recipe::{Located, nearest, split_like_go},
    report::{ErrorName, Failure, printable},
};

/// Refuses a value for a variable that no package of the program has.
pub(super) fn check_linker_variables(ldflags: &[Located<String>], packages: &GoPackages) -> Result<(), Failure> {
    // As Go reads them: joined, so that `-X` may stand in one text and its value in the next one.
    let words = ldflags.iter().flat_map(|flag| split_like_go(&flag.value).into_iter().map(move |word| (flag, word)));
    let mut value_follows = false;
    for (flag, word) in words {
        let bare = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        let stamp = match (std::mem::take(&mut value_follows), bare) {
            (true, _) => Some(word),
            (false, Some("X")) => {
                value_follows = true;
                None
            }
            (false, bare) => bare.and_then(|bare| bare.strip_prefix("X=")),
        };
        // Without `=` or a dot before it, the linker itself refuses it.
        let named = stamp.and_then(|stamp| stamp.split_once('=')).and_then(|(name, _)| name.rsplit_once('.'));
        if let Some((package, variable)) = named {
            check_linker_variable(package, variable, packages).map_err(|failure| failure.at(&flag.origin))?;
        }
    }
    Ok(())
}

fn check_linker_variable(package: &str, variable: &str, packages: &GoPackages) -> Result<(), Failure> {
    let shown = format!("`-X {}.{}`", printable(package), printable(variable));
    let named = packages.named();
    let is_program = |package: &GoPackage| package.name == "main" && !package.dep_only;
    let found = match package {
        "main" => named.first().copied(),
        path => packages.get(path),
    };
    let Some(found) = found else {
        let failure = Failure::error(
            ErrorName::SourceInvalid,
            format!("{shown}: the program has no package `{}`", printable(package)),
        );
        let paths = packages.paths();
        let is_own = |path: &&str| named.iter().any(|own| own.import_path == **path);
        let nearest =
            nearest(package, paths.into_iter().filter(|path| path.contains('.') && !is_own(path)).chain(["main"]));
        return Err(match nearest {
            Some(path) => failure.hint(format!("did you mean `{}.{}`?", printable(path), printable(variable))),
            None => failure.hint("the package is named by its import path, the program's own one by `main`"),
        });
    };
    if package != "main" && is_program(found) {
        let what = format!("{shown}: the linker knows the package of the program as `main` only");
        return Err(
            Failure::error(ErrorName::SourceInvalid, what).hint(format!("write `-X main.{}=...`", printable(variable)))
        );
    }
    let declared = found.declarations()?;
    let place = if package == "main" { "the package of the program" } else { "the package" };
    let what = match declared.names.get(variable) {
        Some(Declared::TextVariable | Declared::SomeVariable) => return Ok(()),
        Some(Declared::OtherVariable) => "is not a string".to_owned(),
        Some(Declared::Constant) => "is a constant, which the linker cannot set".to_owned(),
        Some(Declared::Function) => "is a function".to_owned(),
        Some(Declared::Type) => "is a type".to_owned(),
        None => {
            let strings = declared.names.iter().filter(|(_, declared)| **declared == Declared::TextVariable);
            let strings: Vec<&str> = strings.map(|(name, _)| name.as_str()).collect();
            let failure = Failure::error(
                ErrorName::SourceInvalid,
                format!("{shown}: {place} has no variable `{}`", printable(variable)),
            );
            return Err(match nearest(variable, strings.iter().copied()) {
                Some(name) => failure.hint(format!("did you mean `{}.{}`?", printable(package), printable(name))),
                None => failure.hint(format!("declare it: `var {} string`", printable(variable))),
            });
        }
    };
    let failure =
        Failure::error(ErrorName::SourceInvalid, format!("{shown}: `{}` of {place} {what}", printable(variable)));
    Err(failure.hint(format!("declare it as `var {} string`, or leave the flag out", printable(variable))))
}
