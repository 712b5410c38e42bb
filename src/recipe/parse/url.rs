//! Parses `url` and `sha256` of a `[[file]]`: an address without a login, and the digest of the download.

use std::collections::BTreeMap;

use super::{
    super::{FileSource, Located, Recipe, shapes::Spanned, wording::quoted},
    RecipeText,
};
use crate::{
    oci::Digest,
    report::{ErrorName, Failure, Limits},
};

/// A download; the two keys come together or not at all.
pub(super) fn download(
    page: &RecipeText,
    url: Spanned<String>,
    sha256: Option<Spanned<String>>,
) -> Result<FileSource, Failure> {
    let Some(sha256) = sha256 else {
        return Err(page
            .failure(&url.span, "a `url` needs its digest")
            .named(ErrorName::RecipeMissing)
            .hint("add `sha256 = \"...\"`, the 64 digits that `sha256sum` prints for a copy that you have examined"));
    };
    let url = address(page, url)?;
    let digest = Digest::parse_hex(sha256.value.strip_prefix("sha256:").unwrap_or(&sha256.value));
    let digest = digest.map_err(|error| {
        page.failure(&sha256.span, format!("`sha256` is {error}")).hint("`sha256sum FILE` prints them")
    })?;
    Ok(FileSource::Url { url, sha256: page.locate(Spanned { value: digest, span: sha256.span }) })
}

/// An absolute address over HTTP, as RFC 3986 spells it. Whether it may be reached without TLS is decided when it is
/// downloaded.
fn address(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let at = page.literal("`url`", at)?;
    let failure = |what: &str| Err(Failure::error(ErrorName::RecipeValue, what).at(&at.origin));
    let text = at.value.as_str();
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return failure("a `url` begins with `https://`");
    }
    if text.len() > Limits::URL_BYTES {
        return failure("the `url` is too long");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return failure("the `url` holds a login, which every reader of the recipe would see")
            .map_err(|failure| failure.hint("name a place that needs none, or fetch the file before the build"));
    }
    if authority.is_empty() {
        return failure("the `url` names no host");
    }
    if text.contains('#') {
        return failure("the `url` has a fragment (`#...`), which no server ever sees");
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic() || r#""\<>^`{|}"#.contains(*c)) {
        return failure(&format!("the `url` has {}, which is written as `%` and two digits", quoted(&odd.to_string())));
    }
    Ok(at)
}

/// Refuses two digests for one address: one of them is wrong.
pub(super) fn refuse_two_digests(recipe: &Recipe) -> Result<(), Failure> {
    let mut seen: BTreeMap<&str, &Located<Digest>> = BTreeMap::new();
    for file in &recipe.files {
        let FileSource::Url { url, sha256 } = &file.source else { continue };
        let first = seen.entry(&url.value).or_insert(sha256);
        if first.value != sha256.value {
            let line = first.origin.line_seen_from(&sha256.origin);
            let what = format!("this `url` has another digest on {line}");
            return Err(Failure::error(ErrorName::RecipeConflict, what)
                .at(&sha256.origin)
                .hint("one address has one content; one digest is wrong"));
        }
    }
    Ok(())
}
