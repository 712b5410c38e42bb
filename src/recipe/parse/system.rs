//! Parses `[system]`: certificates, accounts, `/tmp`, time zones.

use super::{
    super::{
        Certificates, Passwd, SystemSettings,
        shapes::{CertificatesWord, Spanned, TomlTable},
        wording::{nearest, quoted},
        written,
    },
    RecipeText,
};
use crate::report::{ErrorName, Failure};

/// `[system]`, or what stands for it.
pub(super) fn system(
    page: &RecipeText,
    at: Option<Spanned<TomlTable<written::WrittenSystem>>>,
) -> Result<SystemSettings, Failure> {
    let Some(at) = at else { return Ok(SystemSettings::default_at(page.origin(&(0..0)), page.has_base)) };
    let TomlTable(table) = at.value;
    let default = SystemSettings::default_at(page.origin(&at.span), page.has_base);
    Ok(SystemSettings {
        certificates: table.certificates.map_or(Ok(default.certificates), |at| certificates(page, at))?,
        extra_certificates: RecipeText::each(table.extra_certificates, |at| {
            page.literal("a path of certificates", at)
        })?,
        passwd: table.passwd.map_or(default.passwd, |at| if at.value { Passwd::Written } else { Passwd::None }),
        tmp: table.tmp.map_or(default.tmp, |at| at.value),
        timezones: table.timezones.is_some_and(|at| at.value),
        replace: page.replace(table.replace)?,
        origin: default.origin,
    })
}

/// `certificates`.
fn certificates(page: &RecipeText, at: Spanned<CertificatesWord>) -> Result<Certificates, Failure> {
    match at.value {
        CertificatesWord::File(table) => Ok(Certificates::File(page.literal("`file`", table.file)?)),
        CertificatesWord::Word(word) => match word.as_str() {
            "mozilla" => Ok(Certificates::Mozilla),
            "none" => Ok(Certificates::None),
            "base" if page.has_base => Ok(Certificates::Base),
            "base" => Err(page
                .failure(&at.span, "the certificates are those of a `base`, and the recipe has none")
                .named(ErrorName::RecipeConflict)
                .hint("`mozilla` is the default without a base")),
            word => {
                let hint = match nearest(word, ["mozilla", "none", "base"]) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "known: `mozilla`, `none`, `base`, or `{ file = \"roots.pem\" }`".to_owned(),
                };
                Err(page.failure(&at.span, format!("unknown certificates {}", quoted(word))).hint(hint))
            }
        },
    }
}
