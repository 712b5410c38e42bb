//! Checks flags of `go build` and of Go's compiler, assembler and linker.
//!
//! Refused are flags that run other programs, write elsewhere, or change what hardpan itself has set. The recipe's author is
//! trusted; these lists keep a recipe from meaning something else than it says, and a mistake from becoming an image that
//! cannot be rebuilt.

use super::{
    super::{
        Located,
        shapes::{List, Spanned},
        wording::quoted,
    },
    RecipeText,
    advice::refused_flag,
};
use crate::report::{ErrorName, Failure};

/// Flags of `go build` that hardpan refuses, and the key that is for them, if there is one.
const GO_FLAGS: [(&str, Option<&str>); 26] = [
    ("race", None),
    ("msan", None),
    ("asan", None),
    ("work", None),
    ("json", None),
    ("toolexec", None),
    ("overlay", None),
    ("o", None),
    ("C", Some("dir")),
    ("modfile", None),
    ("pkgdir", None),
    ("exec", None),
    ("n", None),
    ("mod", None),
    ("trimpath", None),
    ("buildvcs", Some("vcs")),
    ("ldflags", Some("ldflags")),
    ("tags", Some("tags")),
    ("compiler", None),
    ("gccgoflags", None),
    ("linkshared", None),
    ("debug-actiongraph", None),
    ("debug-runtime-trace", None),
    ("debug-trace", None),
    ("h", None),
    ("help", None),
];

/// Flags of Go's compiler, assembler and linker that run a program, read a response file or write elsewhere.
const GO_TOOL_FLAGS: [&str; 15] = [
    "o",
    "extld",
    "extldflags",
    "extar",
    "linkmode",
    "linkobj",
    "tmpdir",
    "outdir",
    "cpuprofile",
    "memprofile",
    "blockprofile",
    "mutexprofile",
    "traceprofile",
    "capturehostobjs",
    "benchmarkprofile",
];

/// One flag of `go build`, in any of the spellings of Go's flag package. Says whether the next text is a build mode.
pub(super) fn check_go_flag(flag: &Located<String>) -> Result<Option<()>, Failure> {
    let text = flag.value.as_str();
    let bare = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or(text);
    let (name, value) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
    if name.is_empty() || name.starts_with('-') {
        return Err(Failure::error(ErrorName::RecipeFlag, format!("{} is no flag", quoted(text))).at(&flag.origin));
    }
    if let Some((_, key)) = GO_FLAGS.iter().find(|(refused, _)| *refused == name) {
        return Err(refused_flag(flag, &format!("-{name}"), *key));
    }
    match (name, value) {
        ("buildmode", None) => return Ok(Some(())),
        ("buildmode", Some(mode)) => check_build_mode(flag, mode)?,
        ("gcflags" | "asmflags", Some(value)) => {
            // `pattern=flags` or flags alone.
            let value = if value.starts_with('-') { value } else { value.split_once('=').map_or(value, |(_, v)| v) };
            check_go_tool_flags(flag, value)?;
        }
        ("gcflags" | "asmflags", None) => {
            return Err(Failure::error(ErrorName::RecipeFlag, format!("`-{name}` has its value in the same text"))
                .at(&flag.origin)
                .hint(format!("write `-{name}=...`")));
        }
        _ => {}
    }
    Ok(None)
}

/// Build modes that give a program.
pub(super) fn check_build_mode(flag: &Located<String>, mode: &str) -> Result<(), Failure> {
    if ["pie", "exe", "default"].contains(&mode) {
        return Ok(());
    }
    let what = format!("the build mode {} gives no program", quoted(mode));
    Err(Failure::error(ErrorName::RecipeFlag, what).at(&flag.origin).hint("known here: `pie`, `exe`, `default`"))
}

/// `ldflags`, refused where a flag in them leads out. May hold variables, and is checked again with their values.
pub(super) fn ldflags(page: &RecipeText, list: Option<Spanned<List>>) -> Result<Vec<Located<String>>, Failure> {
    RecipeText::each(list, |at| {
        let located = page.template("`ldflags`", at)?;
        check_go_tool_flags(&located, &located.value)?;
        Ok(located)
    })
}

/// Checks the flags that `go build` hands to one of its tools, all in one `text`, such as an expanded `ldflags`: one
/// that runs a program, reads a response file or writes elsewhere fails at `at`.
pub fn check_go_tool_flags(at: &Located<String>, text: &str) -> Result<(), Failure> {
    for word in split_like_go(text) {
        if word.starts_with('@') {
            // Go's tools read more flags from such a file.
            return Err(
                Failure::error(ErrorName::RecipeFlag, format!("{} is a response file", quoted(word))).at(&at.origin)
            );
        }
        let Some(bare) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
        let name = bare.split('=').next().unwrap_or(bare);
        if GO_TOOL_FLAGS.contains(&name) {
            return Err(refused_flag(at, &format!("-{name}"), None));
        }
    }
    Ok(())
}

/// Words as `cmd/internal/quoted` of Go splits them: at white space, but a word that begins with a quote goes on to
/// the next one.
pub fn split_like_go(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if matches!(first, '"' | '\'') {
            let inner = rest.get(1..).unwrap_or_default();
            inner.split_once(first).unwrap_or((inner, ""))
        } else {
            rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::split_like_go;

    #[test]
    fn words_are_split_as_go_splits_them() {
        assert_eq!(split_like_go("-s  -w\t-X a.b=c"), ["-s", "-w", "-X", "a.b=c"]);
        assert_eq!(split_like_go("-X 'a.b=c -o d' \"-extld=x\""), ["-X", "a.b=c -o d", "-extld=x"]);
        assert_eq!(split_like_go("'open"), ["open"]);
        assert!(split_like_go("  ").is_empty());
    }
}
