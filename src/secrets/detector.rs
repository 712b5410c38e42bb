//! [`Detector`]: how one kind of secret is found and verified.
//!
//! A detector begins at a keyword that the one pass over the text found. Its shape reads forward from there (or from
//! a bounded number of bytes before) and never again what it read for the keyword before it, because a token's left
//! neighbour may not be a byte of a token.

use std::borrow::Cow;

use super::{
    class::Class,
    decode, entropy,
    found_secret::{FoundSecret, KeywordWindow},
    keys, linker, placeholder,
    shape::{self, ShapePart},
    url, web,
};
use crate::report::{Rule, Severity};

/// How the secret at a keyword is found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Find {
    /// By a shape that begins at the keyword, or at the first byte of the run of a class before it.
    Shape { before: Option<(Class, usize)>, shape: &'static [ShapePart], proof: Proof },
    /// A private key in PEM.
    Pem,
    /// A PuTTY key.
    Putty,
    /// A JSON Web Token, or a document in base64.
    Web,
    /// A URL's password.
    Url,
    /// A variable that Go's linker sets.
    Linker,
}

/// The check of a token besides its shape and entropy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing.
    Shape,
    /// A CRC-32 in base62, after a prefix of that many bytes. Without it the token is less certain.
    Base62(usize),
    /// A CRC-32 in hexadecimal, after a prefix of that many bytes. Without it the token is less certain.
    Hex(usize),
    /// Bech32, always.
    Bech32,
    /// That many digits somewhere.
    Digits(usize),
    /// These characters somewhere.
    Holds(&'static str),
    /// JSON in base64, after a prefix of that many bytes and up to an underscore.
    Json(usize),
    /// PyPI's macaroon: base64url of its version and the service's name.
    Macaroon,
    /// An AWS key id: worth more when what may be its secret stands near it.
    AwsSecretNear,
}

/// One kind of secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detector {
    /// Its name in reports.
    pub(super) name: &'static str,
    pub(super) rule: Rule,
    pub(super) severity: Severity,
    /// The keywords of the search: at least three bytes each.
    pub(super) keywords: &'static [&'static str],
    pub(super) find: Find,
    /// Bytes that may not stand on either side of a token.
    pub(super) edge: Class,
    /// The least entropy, in tenths of a bit a byte.
    pub(super) entropy: u32,
    /// Whether it is looked for in programs, archives and pictures too.
    pub(super) in_binaries: bool,
}

impl Detector {
    /// A token of a service that is known by its shape.
    pub(super) const fn token(
        name: &'static str,
        keywords: &'static [&'static str],
        shape: &'static [ShapePart],
        entropy: u32,
    ) -> Self {
        Self {
            name,
            rule: Rule::ProviderToken,
            severity: Severity::Critical,
            keywords,
            find: Find::Shape { before: None, shape, proof: Proof::Shape },
            edge: Class::WORD,
            entropy,
            in_binaries: false,
        }
    }

    /// A secret with a parser of its own.
    pub(super) const fn parsed(name: &'static str, rule: Rule, keywords: &'static [&'static str], find: Find) -> Self {
        Self { rule, find, ..Self::token(name, keywords, &[], 0) }
    }

    /// The detector with a check of its tokens.
    pub(super) const fn proof(self, proof: Proof) -> Self {
        match self.find {
            Find::Shape { before, shape, .. } => Self { find: Find::Shape { before, shape, proof }, ..self },
            _ => self,
        }
    }

    /// The detector, whose tokens begin up to `most` bytes of a class before the keyword.
    pub(super) const fn before(self, class: Class, most: usize) -> Self {
        match self.find {
            Find::Shape { shape, proof, .. } => {
                Self { find: Find::Shape { before: Some((class, most)), shape, proof }, ..self }
            }
            _ => self,
        }
    }

    /// The detector with another severity.
    pub(super) const fn weighing(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// The detector with other bytes that may not stand beside a token.
    pub(super) const fn edge(self, edge: Class) -> Self {
        Self { edge, ..self }
    }

    /// The detector for another rule.
    pub(super) const fn of_rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    /// The detector, used in binary data too.
    pub(super) const fn in_binaries(self) -> Self {
        Self { in_binaries: true, ..self }
    }

    /// The secret at the keyword of `window`. In binaries it must prove itself or look more random than in text.
    pub(super) fn find<'a>(
        &self,
        window: KeywordWindow<'a>,
        is_binary: bool,
        work: &mut u64,
    ) -> Option<FoundSecret<'a>> {
        *work += 1;
        let has_neighbour = window.before().last().is_some_and(|byte| self.edge.has(*byte));
        let found = match self.find {
            Find::Shape { before, shape, proof } => self.shaped(window, (before, shape, proof), is_binary, work),
            _ if has_neighbour => None,
            Find::Pem => keys::pem(window, work),
            Find::Putty => keys::putty(window, work),
            Find::Web => web::token(window, work),
            Find::Url => url::userinfo(window, is_binary, work),
            Find::Linker => linker::variable(window, work),
        }?;
        let margin = if is_binary && !found.proven { 5 } else { 0 };
        let is_random = entropy::tenths(&found.value) >= self.entropy + margin;
        *work += found.value.len() as u64;
        is_random.then_some(found)
    }

    fn shaped<'a>(
        &self,
        window: KeywordWindow<'a>,
        (before, shape, proof): (Option<(Class, usize)>, &[ShapePart], Proof),
        is_binary: bool,
        work: &mut u64,
    ) -> Option<FoundSecret<'a>> {
        let back = before.map_or(0, |(class, most)| class.run_back(window.before(), most));
        *work += back as u64;
        let start = window.keyword.checked_sub(back)?;
        let beside =
            |at: Option<usize>| at.and_then(|at| window.bytes.get(at)).is_some_and(|byte| self.edge.has(*byte));
        let has_checksum = matches!(proof, Proof::Base62(_) | Proof::Hex(_) | Proof::Bech32);
        let mut has_neighbour = beside(start.checked_sub(1));
        if has_neighbour && !has_checksum {
            return None;
        }
        let fit = shape::fit(shape, window.bytes.get(start..)?, work)?;
        let at = start + fit.start..start + fit.end;
        has_neighbour |= beside(Some(at.end));
        let value = window.bytes.get(at.clone())?;
        let (proven, severity) = self.prove(proof, value, window, work)?;
        // Sixteen letters are in many binaries; the pair of an id and its secret is not.
        if is_binary && !proven && proof == Proof::AwsSecretNear {
            return None;
        }
        let is_alone = !has_neighbour || proven;
        // A wrong checksum may be a token that its maker did not issue; it is a leak of the same kind.
        let severity = if is_binary && !proven && has_checksum { Some(Severity::Medium) } else { severity };
        let is_real = is_alone && !placeholder::is_sample_token(value);
        is_real.then_some(FoundSecret { at, value: Cow::Borrowed(value), name: None, severity, proven })
    }

    /// Whether `value` is proven, and its weight where that changes it; `None` when it is refuted.
    fn prove(
        &self,
        proof: Proof,
        value: &[u8],
        window: KeywordWindow<'_>,
        work: &mut u64,
    ) -> Option<(bool, Option<Severity>)> {
        let after = |prefix: usize| value.get(prefix..).unwrap_or_default();
        let certain = |right: bool| (right, (!right).then_some(Severity::High.min(self.severity)));
        match proof {
            Proof::Shape => Some((false, None)),
            Proof::Base62(prefix) => Some(certain(decode::has_base62_checksum(after(prefix)))),
            Proof::Hex(prefix) => {
                Some(certain(decode::has_hex_checksum(after(prefix)) || decode::has_hex_checksum(value)))
            }
            Proof::Bech32 => decode::is_bech32(value).then_some((true, None)),
            Proof::Digits(least) => {
                (value.iter().filter(|byte| byte.is_ascii_digit()).count() >= least).then_some((false, None))
            }
            Proof::Holds(words) => memchr::memmem::find(value, words.as_bytes()).map(|_| (false, None)),
            Proof::Json(prefix) => {
                let base64 = after(prefix).split(|byte| *byte == b'_').next()?;
                decode::json_object(&decode::base64(base64)?).map(|_| (true, None))
            }
            Proof::Macaroon => {
                let bytes = decode::base64url(after("pypi-".len()))?;
                bytes.starts_with(b"\x02\x01\x08pypi.org").then_some((true, None))
            }
            Proof::AwsSecretNear => {
                let is_pair = is_aws_secret_near(window, work);
                Some((is_pair, is_pair.then_some(Severity::High)))
            }
        }
    }
}

/// Whether 40 characters that look like the secret of an AWS key stand within some lines of the keyword.
fn is_aws_secret_near(window: KeywordWindow<'_>, work: &mut u64) -> bool {
    const NEAR: usize = 256;
    let from = window.keyword.saturating_sub(NEAR);
    let to = window.bytes.len().min(window.keyword + NEAR);
    let near = window.bytes.get(from..to).unwrap_or_default();
    *work += near.len() as u64;
    near.split(|byte| !Class::BASE64.has(*byte)).any(is_aws_secret)
}

/// Whether `text` is 40 characters of base64 as random as the secret of an AWS key.
pub(super) fn is_aws_secret(text: &[u8]) -> bool {
    text.len() == 40
        && Class::BASE64.all(text)
        && !Class::HEX.all(text)
        && entropy::tenths(text) >= 40
        && !placeholder::is_sample_token(text)
}
