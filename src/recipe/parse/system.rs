//! `[system]`.

use super::{
    super::{
        Certificates, System,
        shapes::{At, CertificatesWord, Table},
        wording::{nearest, quoted},
        written,
    },
    Page,
};
use crate::report::Failure;

/// `[system]`, or what stands for it.
pub(super) fn system(page: &Page, at: Option<At<Table<written::System>>>) -> Result<System, Failure> {
    let Some(at) = at else { return Ok(System::default_at(page.origin(&(0..0)))) };
    let Table(table) = at.value;
    let default = System::default_at(page.origin(&at.span));
    Ok(System {
        certificates: table.certificates.map_or(Ok(Certificates::Mozilla), |at| certificates(page, at))?,
        extra_certificates: Page::each(table.extra_certificates, |at| page.literal("a path of certificates", at))?,
        passwd: table.passwd.map_or(default.passwd, |at| at.value),
        tmp: table.tmp.map_or(default.tmp, |at| at.value),
        origin: default.origin,
    })
}

/// `certificates`.
fn certificates(page: &Page, at: At<CertificatesWord>) -> Result<Certificates, Failure> {
    match at.value {
        CertificatesWord::File(table) => Ok(Certificates::File(page.literal("`file`", table.file)?)),
        CertificatesWord::Word(word) => match word.as_str() {
            "mozilla" => Ok(Certificates::Mozilla),
            "none" => Ok(Certificates::None),
            "base" => Err(page.failure(&at.span, "certificates of a `base` are not supported by this version yet")),
            word => {
                let hint = match nearest(word, ["mozilla", "none"]) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "known: `mozilla`, `none`, or `{ file = \"roots.pem\" }`".to_owned(),
                };
                Err(page.failure(&at.span, format!("unknown certificates {}", quoted(word))).hint(hint))
            }
        },
    }
}
