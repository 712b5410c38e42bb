//! The certificates in an image, judged by OpenSSL.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

use crate::support::{
    case::{APP, Case},
    elf,
    judges::{checked, tool},
    layout::sha256,
};

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----\n";
const END: &str = "-----END CERTIFICATE-----\n";

#[test]
fn openssl_accepts_every_root_of_mozillas_bundle() {
    let bundle = built(&app(""));
    let roots = roots(&bundle);
    assert_eq!(roots.len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
    let folder = tempfile::tempdir().expect("a folder");
    let all = folder.path().join("all.pem");
    fs::write(&all, &bundle).expect("the bundle");
    for (at, root) in roots.iter().enumerate() {
        let one = folder.path().join(format!("{at}.pem"));
        fs::write(&one, root).expect("a root");
        // Its own signature is checked too; the day on which the tests run is not the image's business.
        let mut openssl = tool("openssl");
        openssl.args(["verify", "-no_check_time", "-check_ss_sig", "-CAfile"]).arg(&all).arg(&one);
        let said = checked(&mut openssl);
        assert!(said.trim_end().ends_with(": OK"), "{said}");
    }
}

#[test]
fn order_of_the_bundle() {
    let bundle = built(&app(""));
    let folder = tempfile::tempdir().expect("a folder");
    let digests: Vec<_> = roots(&bundle).iter().map(|root| sha256(&der(folder.path(), root))).collect();
    assert!(digests.is_sorted(), "{digests:#?}");
    assert!(digests.windows(2).all(|two| two[0] != two[1]), "a root is there twice");
    // `roots` has seen to it that nothing stands between the certificates.
    assert!(bundle.lines().all(|line| line.len() <= 64 && !line.is_empty()));
}

#[test]
fn private_roots_are_merged_each_once() {
    let [first, second] = ["first", "second"].map(|name| authority(name, 2099));
    let plain = roots(&built(&app("")));
    let case = app("system.extra-certificates = ['corp.pem', 'again.pem', 'corp.pem']")
        .file("corp.pem", format!("# a comment\n{first}\nanother\n{second}"))
        .file("again.pem", first.replace('\n', "\r\n"));
    let all = roots(&built(&case));
    assert_eq!(all.len(), plain.len() + 2);
    for root in plain.iter().chain([&first, &second]) {
        assert_eq!(all.iter().filter(|other| *other == root).count(), 1);
    }
    let folder = tempfile::tempdir().expect("a folder");
    assert!(all.iter().map(|root| sha256(&der(folder.path(), root))).is_sorted());
}

#[test]
fn a_root_of_mozillas_given_again_changes_nothing() {
    let plain = app("").build().ok().layout();
    let again = plain.image().entry(BUNDLE).content;
    let case = app("system.extra-certificates = 'again.pem'").file("again.pem", again);
    assert_eq!(case.build().ok().digest(), plain.digest());
}

#[test]
fn without_mozillas_the_private_roots_are_all_there_is() {
    let root = authority("corp", 2099);
    let named = app("system.certificates = { file = 'corp.pem' }").file("corp.pem", &root);
    assert_eq!(built(&named), root);
    let extra = app("system.certificates = 'none'\nsystem.extra-certificates = 'corp.pem'").file("corp.pem", &root);
    assert_eq!(extra.build().ok().digest(), named.build().ok().digest());
}

#[test]
fn expired_private_root() {
    let expired = authority("corp\u{1b}[2J", 2001);
    let platforms = "platforms = ['linux/amd64', 'linux/arm64']\n";
    let text = |top: &str| format!("{platforms}{top}\n[[binary]]\npath = 'app-{{arch}}'\nto = '/usr/bin/app'\n");
    let case = Case::new()
        .file("app-amd64", elf::static_amd64())
        .file("app-arm64", elf::static_arm64())
        .file("corp.pem", &expired)
        .recipe(&text("system.extra-certificates = ['corp.pem', 'corp.pem']"));
    let output = case.run(["build", "app.toml", "--quiet"]).ok();
    insta::assert_snapshot!(output.messages(), @r"
    warning: app.toml:2:30: `corp.pem`: the certificate of `CN=corp\1b[2J` has expired
      |
    2 | system.extra-certificates = ['corp.pem', 'corp.pem']
      |                              ^^^^^^^^^^
    ");
    let layout = output.layout();
    for architecture in ["amd64", "arm64"] {
        let bundle = String::from_utf8(layout.image_for(architecture).entry(BUNDLE).content).expect("PEM");
        assert!(bundle.contains(&expired));
    }
    // The clock is in the warning alone.
    assert_eq!(case.build().ok().digest(), layout.digest());
}

fn app(top: &str) -> Case {
    Case::new().file("app", elf::static_amd64()).recipe(&format!("{top}\n{APP}"))
}

/// The bundle in the image that a case builds.
fn built(case: &Case) -> String {
    let image = case.build().ok().layout().image();
    String::from_utf8(image.entry(BUNDLE).content).expect("a bundle is PEM")
}

/// The certificates of a bundle, each as PEM. Anything else in it fails.
fn roots(bundle: &str) -> Vec<String> {
    let mut roots = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let body = rest.strip_prefix(BEGIN).unwrap_or_else(|| panic!("not a certificate: {:?}", rest.get(..80)));
        let (body, after) = body.split_once(END).expect("an end");
        assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\n".contains(&byte)), "{body}");
        roots.push(format!("{BEGIN}{body}{END}"));
        rest = after;
    }
    roots
}

/// The DER of a certificate, as OpenSSL reads it.
fn der(folder: &Path, pem: &str) -> Vec<u8> {
    let (from, to) = (folder.join("in.pem"), folder.join("out.der"));
    fs::write(&from, pem).expect("a certificate");
    let mut openssl = tool("openssl");
    checked(openssl.args(["x509", "-outform", "der", "-in"]).arg(&from).arg("-out").arg(&to));
    fs::read(to).expect("its DER")
}

/// A private certificate authority whose certificate ends in `year`.
fn authority(name: &str, year: i32) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(year, 1, 1);
    params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").pem().replace("\r\n", "\n")
}
