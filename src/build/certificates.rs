//! The root certificates that an image trusts: Mozilla's and the recipe's own, parsed one by one and written as one PEM
//! bundle in a canonical order. Private keys and other PEM blocks are refused.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};
use x509_cert::{
    Certificate,
    der::{Decode as _, pem},
};

use crate::{
    oci::Digest,
    report::{ErrorName, Failure, Rule, printable},
    secrets::KeySearch,
};

/// Where the bundle is in an image: what Go, OpenSSL and rustls look for by default on Debian.
pub(super) const BUNDLE_PATH: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Root certificates by the SHA-256 of their DER: sorted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RootCertificates(BTreeMap<Digest, Vec<u8>>);

impl RootCertificates {
    /// Mozilla's roots for TLS servers, the newest.
    pub(super) fn mozilla() -> Self {
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| der.to_vec()).collect()
    }

    /// Keeps those whose digest is `wanted`.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(&Digest) -> bool) {
        self.0.retain(|digest, _| wanted(digest));
    }

    /// The digests of all of them.
    #[cfg(test)]
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.0.keys()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds every certificate of a PEM file. `name` is how messages call it. What comes back are warnings:
    /// certificates that had expired at `now` (seconds since 1970).
    pub(super) fn add_pem(&mut self, name: &str, text: &[u8], now: u64) -> Result<Vec<Failure>, Failure> {
        let name = printable(name).into_owned();
        let (mut count, mut warnings) = (0, Vec::new());
        for block in blocks(&name, text)? {
            count += 1;
            let der = decode(&block).ok_or_else(|| {
                Failure::error(
                    ErrorName::Certificate,
                    format!("`{name}`: certificate {count} is not base64 between its BEGIN and END lines"),
                )
            })?;
            let certificate = Certificate::from_der(&der).map_err(|error| {
                Failure::error(ErrorName::Certificate, format!("`{name}`: certificate {count} does not parse: {error}"))
            })?;
            let end = certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs();
            if end < now {
                let subject = certificate.tbs_certificate().subject().to_string();
                warnings.push(Failure::error(
                    ErrorName::Certificate,
                    format!("`{name}`: the certificate of `{}` has expired", printable(&subject)),
                ));
            }
            self.0.insert(Digest::of(&der), der);
        }
        if count == 0 {
            let failure = Failure::error(ErrorName::Certificate, format!("`{name}` holds no certificate in PEM"));
            return Err(if text.first() == Some(&0x30) {
                failure.hint("it looks like DER; `openssl x509 -inform der -in FILE` makes PEM of it")
            } else {
                failure
            });
        }
        Ok(warnings)
    }

    /// The bundle: PEM, sorted by the digest of the DER, no comments, 64 characters a line.
    pub(super) fn to_pem(&self) -> Result<Vec<u8>, Failure> {
        let mut bundle = Vec::new();
        for der in self.0.values() {
            let text = pem::encode_string("CERTIFICATE", pem::LineEnding::LF, der).map_err(|error| {
                Failure::error(ErrorName::Internal, format!("cannot write a certificate as PEM: {error}"))
            })?;
            bundle.extend_from_slice(text.as_bytes());
        }
        Ok(bundle)
    }
}

impl FromIterator<Vec<u8>> for RootCertificates {
    fn from_iter<T: IntoIterator<Item = Vec<u8>>>(ders: T) -> Self {
        Self(ders.into_iter().map(|der| (Digest::of(&der), der)).collect())
    }
}

/// The base64 bodies of the certificates in a PEM file; comments between them are fine, other blocks are not.
fn blocks(name: &str, text: &[u8]) -> Result<Vec<String>, Failure> {
    let mut keys = KeySearch::new();
    keys.push(text);
    if keys.finish().is_some() {
        return Err(Failure::refused(Rule::PrivateKey, format!("`{name}` holds a private key"))
            .hint("a file of roots holds certificates only; take the key out and consider it leaked"));
    }
    let text = String::from_utf8_lossy(text);
    let (mut bodies, mut open) = (Vec::new(), None);
    for line in text.lines().map(str::trim) {
        let marker = |begin: &str| line.strip_prefix(begin).and_then(|rest| rest.strip_suffix("-----"));
        if let Some(label) = marker("-----BEGIN ") {
            if label != "CERTIFICATE" {
                return Err(Failure::error(
                    ErrorName::Certificate,
                    format!("`{name}` holds a `{}`, not only certificates", printable(label)),
                ));
            }
            if open.replace(String::new()).is_some() {
                return Err(Failure::error(
                    ErrorName::Certificate,
                    format!("`{name}`: a certificate begins inside another one"),
                ));
            }
        } else if marker("-----END ").is_some() {
            bodies.extend(open.take());
        } else if let Some(body) = &mut open {
            body.push_str(line);
        }
    }
    match open {
        Some(_) => Err(Failure::error(ErrorName::Certificate, format!("`{name}` ends inside a certificate"))),
        None => Ok(bodies),
    }
}

fn decode(body: &str) -> Option<Vec<u8>> {
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Base64::decode_vec(&body).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_sorted_and_reads_back() {
        let roots = RootCertificates::mozilla();
        assert_eq!(roots.len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        let pem = roots.to_pem().unwrap();
        let mut again = RootCertificates::default();
        again.add_pem("bundle", &pem, 0).unwrap();
        assert_eq!(again.0, roots.0);
        assert_eq!(
            pem.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"-----BEGIN")).count(),
            roots.len()
        );
    }

    #[test]
    fn comments_odd_widths_and_line_ends_do_not_matter() {
        let roots = RootCertificates::mozilla();
        let der = roots.0.values().next().unwrap();
        let body = Base64::encode_string(der);
        let wide =
            body.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\r\n");
        let text = format!("# a comment\r\n-----BEGIN CERTIFICATE-----\r\n{wide}\r\n-----END CERTIFICATE-----\r\n");
        let mut one = RootCertificates::default();
        one.add_pem("one", text.as_bytes(), 0).unwrap();
        assert_eq!(one.0.values().next().unwrap(), der);
    }

    #[test]
    fn what_is_no_list_of_certificates_is_refused() {
        let what = |text: &[u8]| RootCertificates::default().add_pem("f", text, 0).unwrap_err().what;
        assert_eq!(what(b""), "`f` holds no certificate in PEM");
        assert_eq!(what(b"\x30\x82\x01\x00"), "`f` holds no certificate in PEM");
        assert!(what(b"-----BEGIN CERTIFICATE-----\nMIIB").ends_with("ends inside a certificate"));
        assert!(what(b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n").contains("does not parse"));
        assert!(what(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").contains("not base64"));
        assert!(what(b"-----BEGIN X509 CRL-----\nMAAA\n-----END X509 CRL-----\n").contains("`X509 CRL`"));
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIOVzf1VZ0mJp3hPTSTF4ebYAtGy2xKzZb0h8T0bCqGx1\n-----END PRIVATE KEY-----\n";
        let failure = RootCertificates::default().add_pem("f", key.as_bytes(), 0).unwrap_err();
        assert_eq!(failure.rule, Some(Rule::PrivateKey));
    }
}
