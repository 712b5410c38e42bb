//! Reads the text of a recipe, or of a file that recipes share.

use std::{fs::File, io::Read as _, path::Path, sync::Arc};

use crate::report::{ErrorName, Failure, Limits, Origin, SourceText, printable};

/// What a recipe takes, as a rule.
const USUAL_BYTES: usize = 4 << 10;

/// The text of the file at `path`, without a byte order mark. `what` it is, as messages call it: `the recipe`.
pub(super) fn read_text(what: &str, path: &Path) -> Result<Arc<SourceText>, Failure> {
    let fault = |error: std::io::Error| Failure::io(&format!("read {what}"), path, &error);
    let file = File::open(path).map_err(fault)?;
    // Room for most recipes, which are read at once then.
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    file.take(Limits::RECIPE_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > Limits::RECIPE_BYTES {
        return Err(Failure::error(ErrorName::RecipeLimit, format!("{what} is larger than 1 MiB")).in_path(path));
    }
    let shown = printable(&path.to_string_lossy()).into_owned();
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
        let place = Origin::new(&Arc::new(SourceText { path: shown.clone(), text }), span);
        Failure::error(ErrorName::RecipeSyntax, format!("{what} is not UTF-8")).at(&place).hint("save it as UTF-8")
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(Arc::new(SourceText { path: shown, text }))
}
