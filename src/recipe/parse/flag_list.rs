//! Checks `flags`: flags of `go build` or `cargo build`, each with its value in the same text or in the next one.
//!
//! The parser checks them as written, `build` again with variables replaced.

use super::{
    super::{
        Compiler, Located,
        shapes::{List, Spanned},
        wording::quoted,
    },
    RecipeText,
    go_flags::{check_build_mode, check_go_flag},
    rust_flags::check_cargo_flag,
};
use crate::report::{ErrorName, Failure};

/// `flags`, refused where one of them leads out. They may hold variables: what those bring in is checked again by
/// [`check_go_flags`] and [`check_cargo_flags`].
pub(super) fn flags(
    page: &RecipeText,
    compiler: Compiler,
    texts: Option<Spanned<List>>,
) -> Result<Vec<Located<String>>, Failure> {
    let flags = RecipeText::each(texts, |at| page.host_template("a flag", at))?;
    check(compiler, &flags, |text| text.starts_with('{') && !text.starts_with("{{"))?;
    Ok(flags)
}

/// Refuses flags of `go build` whose variables have been replaced, where one of them leads out of the build.
///
/// # Errors
/// At the flag: one that the parser refuses when it is written without variables.
pub fn check_go_flags(flags: &[Located<String>]) -> Result<(), Failure> {
    check_replaced(Compiler::Go, flags)
}

/// The same for flags of `cargo build`.
///
/// # Errors
/// As [`check_go_flags`].
pub fn check_cargo_flags(flags: &[Located<String>]) -> Result<(), Failure> {
    check_replaced(Compiler::Rust, flags)
}

fn check_replaced(compiler: Compiler, flags: &[Located<String>]) -> Result<(), Failure> {
    if let Some(empty) = flags.iter().find(|flag| flag.value.is_empty()) {
        let failure =
            Failure::error(ErrorName::RecipeFlag, "a flag is empty once its variables are replaced").at(&empty.origin);
        return Err(failure.hint("leave it out, or give the variable another value"));
    }
    check(compiler, flags, |_| false)
}

/// Looks at every flag; one that `is_open` begins with a variable, whose value is not known yet.
fn check(compiler: Compiler, flags: &[Located<String>], is_open: impl Fn(&str) -> bool) -> Result<(), Failure> {
    let (mut value_may_follow, mut build_mode) = (false, None);
    for flag in flags {
        let text = flag.value.as_str();
        if is_open(text) {
            (value_may_follow, build_mode) = (true, None);
            continue;
        }
        if build_mode.take().is_some() {
            check_build_mode(flag, text)?;
        } else if !text.starts_with('-') {
            if !value_may_follow {
                return Err(Failure::error(ErrorName::RecipeFlag, format!("{} is no flag", quoted(text)))
                    .at(&flag.origin)
                    .hint("a flag begins with `-`; its value may follow as the next text"));
            }
        } else if compiler == Compiler::Go {
            build_mode = check_go_flag(flag)?;
        } else {
            check_cargo_flag(flag)?;
        }
        value_may_follow = text.starts_with('-') && !text.contains('=');
    }
    match (build_mode, flags.last()) {
        (Some(()), Some(last)) => {
            Err(Failure::error(ErrorName::RecipeFlag, "`-buildmode` needs a value").at(&last.origin))
        }
        _ => Ok(()),
    }
}
