//! Files of root certificates that are none.

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair};

use super::{app, refusal};

#[test]
fn no_file_of_certificates() {
    let said = refusal(2, &app("system.extra-certificates = [\"corp.pem\"]"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem` does not exist
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    "#);
}

#[test]
fn no_file_instead_of_mozillas() {
    let said = refusal(2, &app("system.certificates = { file = \"roots.pem\" }"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:32: `roots.pem` does not exist
      |
    1 | system.certificates = { file = "roots.pem" }
      |                                ^^^^^^^^^^^
    "#);
}

#[test]
fn an_empty_file() {
    let said = refusal(2, &app("system.extra-certificates = [\"corp.pem\"]").file("corp.pem", ""));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem` holds no certificate in PEM
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    "#);
}

#[test]
fn a_text() {
    let said = refusal(2, &app("system.extra-certificates = [\"corp.pem\"]").file("corp.pem", "my certificates\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem` holds no certificate in PEM
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    "#);
}

#[test]
fn der() {
    let said = refusal(2, &app("system.extra-certificates = [\"corp.pem\"]").file("corp.pem", authority().der()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem` holds no certificate in PEM
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    hint: it looks like DER; `openssl x509 -inform der -in FILE` makes PEM of it
    "#);
}

#[test]
fn a_truncated_file() {
    let said =
        refusal(2, &app("system.extra-certificates = [\"corp.pem\"]").file("corp.pem", &authority().pem()[..300]));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem` ends inside a certificate
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    "#);
}

#[test]
fn a_certificate_that_is_cut() {
    let said = refusal(
        2,
        &app("system.extra-certificates = [\"corp.pem\"]")
            .file("corp.pem", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmg\n-----END CERTIFICATE-----\n"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem`: certificate 1 does not parse: ASN.1 DER message is incomplete: expected 10, actual 9 at DER byte 9
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    "#);
}

#[test]
fn a_certificate_that_is_no_base64() {
    let said = refusal(
        2,
        &app("system.extra-certificates = [\"corp.pem\"]")
            .file("corp.pem", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem`: certificate 1 is not base64 between its BEGIN and END lines
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    "#);
}

#[test]
fn a_request_for_a_certificate() {
    let said = refusal(
        2,
        &app("system.extra-certificates = [\"corp.pem\"]")
            .file("corp.pem", "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem` holds a `CERTIFICATE REQUEST`, not only certificates
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    "#);
}

#[test]
fn a_file_of_50_mb() {
    let said = refusal(2, &app("system.extra-certificates = [\"corp.pem\"]").file("corp.pem", vec![b'#'; 50 << 20]));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `corp.pem` is larger than 8 MiB
      |
    1 | system.extra-certificates = ["corp.pem"]
      |                              ^^^^^^^^^^
    "#);
}

#[test]
fn a_folder_of_certificates() {
    let said = refusal(2, &app("system.extra-certificates = [\"certs\"]").folder("certs"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `certs` is a folder, not a file
      |
    1 | system.extra-certificates = ["certs"]
      |                              ^^^^^^^
    "#);
}

#[test]
fn certificates_out_of_bounds() {
    let said = refusal(2, &app("system.extra-certificates = [\"../corp.pem\"]").file("../corp.pem", authority().pem()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `../corp.pem` leaves the recipe's folder
      |
    1 | system.extra-certificates = ["../corp.pem"]
      |                              ^^^^^^^^^^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn certificates_by_a_variable() {
    let said = refusal(2, &app("system.extra-certificates = [\"{arch}.pem\"]").file("amd64.pem", authority().pem()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:30: `{arch}` is not replaced here
      |
    1 | system.extra-certificates = ["{arch}.pem"]
      |                              ^^^^^^^^^^^^
    hint: variables are for `from`, `path`, `args`, `env`, `labels`, `annotations`, `ldflags`, `tags`, `features`, `flags`, `cc` and `linker`
    "#);
}

/// A private certificate authority's own certificate.
fn authority() -> Certificate {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate")
}
