//! One answer about private keys: the check before anything is packed refuses what the audit of the finished image would
//! refuse, and nothing else.

use base64ct::{Base64, Encoding as _};
use rcgen::KeyPair;

use super::app;
use crate::support::case::Case;

/// A policy under which keys can be shipped.
const KEYS_ALLOWED: &str = "[policy]\nprofile = \"hardened\"\nseverity = { private-key = \"off\", provider-token = \"off\", credential-file = \"off\" }\n";

/// A PEM block of that label around a body.
fn block(label: &str, body: &str) -> String {
    let dashes = "-----";
    format!("{dashes}BEGIN {label}{dashes}\n{body}\n{dashes}END {label}{dashes}\n")
}

/// Base64 characters that are no key.
fn body(length: usize) -> String {
    "MC4CAQAwBQYDK2VwBCIEIOVzf1VZ0mJp3hPTSTF4ebYAtGy2xKzZb0h8T0bCqGx1".chars().cycle().take(length).collect()
}

fn openssh(cipher: &str) -> String {
    let length = u8::try_from(cipher.len()).expect("a short name");
    let bytes = [b"openssh-key-v1\0\0\0\0", &[length][..], cipher.as_bytes(), &[7; 200]].concat();
    block("OPENSSH PRIVATE KEY", &Base64::encode_string(&bytes))
}

/// A recipe that ships the file `input` as `to`.
fn shipping(to: &str, input: &[u8]) -> Case {
    app(&format!("[[file]]\nfrom = \"input\"\nto = \"{to}\"")).file("input", input).file("keys.toml", KEYS_ALLOWED)
}

/// Whether the check before packing refuses a private key.
#[track_caller]
fn early_check_refuses(case: &Case) -> bool {
    let output = case.run(["plan", "app.toml"]);
    if output.code == 0 {
        return false;
    }
    output.fails(1).says("error[private-key]").says("`input`");
    true
}

/// Whether the audit of the image, built under a policy that ships keys, refuses a private key.
#[track_caller]
fn audit_refuses(case: &Case) -> bool {
    case.run(["build", "app.toml", "--policy", "keys.toml"]).ok();
    let output = case.run(["audit", "out/app", "--profile", "hardened", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("a report");
    let findings = report["audits"][0]["images"][0]["findings"].as_array().expect("findings").iter();
    let heavy = |finding: &serde_json::Value| !["info", "low"].contains(&finding["severity"].as_str().unwrap_or(""));
    findings.filter(|finding| finding["rule"] == "private-key").any(heavy)
}

#[test]
fn the_check_before_packing_and_the_audit_give_one_answer() {
    let pem = key();
    let der = KeyPair::generate().expect("a key").serialize_der();
    let damaged = block("PRIVATE KEY", &Base64::encode_string(&[&der[..], &[0; 3]].concat()));
    let utf16: Vec<u8> = format!("\u{feff}{pem}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let json = format!("{{\"key\": \"{}\"}}", pem.replace('\n', "\\n"));
    let kube = format!("users:\n- user:\n    client-key-data: {}\n", Base64::encode_string(pem.as_bytes()));
    let putty = format!("PuTTY-User-Key-{}: ssh-rsa\nEncryption: none\nPrivate-Lines: 1\n{}\n", "File-3", body(64));
    let in_program = [b"\x7fELF\x02\x01\x01\0\0", pem.as_bytes()].concat();
    for (name, to, input, expected) in [
        ("a key", "/srv/server.key", pem.as_bytes(), true),
        ("a key among tests", "/srv/tests/server.key", pem.as_bytes(), true),
        ("a key of a package's tests", "/usr/lib/python3/test/keycert.pem", pem.as_bytes(), false),
        ("a key in a manual", "/usr/share/doc/x/README", pem.as_bytes(), false),
        // What proves itself is lowered by its place in test data of packages alone.
        ("a key in a file that is compiled by its name", "/usr/lib/libx.so", pem.as_bytes(), true),
        ("a key in a program", "/srv/tool", &in_program, true),
        ("a key in a program of a package", "/usr/lib/tool", &in_program, true),
        ("a key in JSON", "/srv/key.json", json.as_bytes(), true),
        ("a key in UTF-16", "/srv/key.txt", &utf16, true),
        ("a key in DER", "/srv/key", &der, true),
        ("DER and a byte more", "/srv/key", &[&der[..], b"x"].concat(), false),
        ("a damaged key", "/srv/key", damaged.as_bytes(), false),
        ("a key of OpenSSH", "/srv/key", openssh("none").as_bytes(), true),
        ("a key of OpenSSH with a password", "/srv/key", openssh("aes256-ctr").as_bytes(), true),
        ("that in a package", "/usr/lib/x/key", openssh("aes256-ctr").as_bytes(), true),
        ("a key of PuTTY", "/srv/key.ppk", putty.as_bytes(), true),
        ("PuTTY's first line", "/srv/key.ppk", putty.lines().next().expect("a line").as_bytes(), false),
        ("a short block", "/srv/key", block("PRIVATE KEY", &body(48)).as_bytes(), false),
        ("a key in base64", "/root/.kube/config", kube.as_bytes(), true),
        ("the same under any name", "/srv/config", kube.as_bytes(), true),
        ("a key by its name", "/root/.gnupg/secring.gpg", b"any", true),
    ] {
        let case = shipping(to, input);
        assert_eq!(early_check_refuses(&case), expected, "{name}: before packing");
        assert_eq!(audit_refuses(&case), expected, "{name}: in the audit");
    }
}

#[test]
fn a_short_block_builds_and_an_exception_for_it_is_useless() {
    let text = block("PRIVATE KEY", &body(48));
    let file = format!("[[file]]\ntext = '''\n{text}'''\nto = \"/srv/help.txt\"");
    app(&file).build().ok();
    let allow = "[[policy.allow]]\nrule = \"private-key\"\nreason = \"a text about keys\"\nuntil = 9999-12-31\n";
    let warning = "warning: app.toml:1:1: the waiver of private-key at app.toml:1:1 excepts nothing";
    app(&format!("{allow}{file}")).build().ok().says(warning);
}

#[test]
fn threshold_of_the_policy() {
    let case = shipping("/srv/key", openssh("aes256-ctr").as_bytes()).file("high.toml", "policy.fail-on = \"high\"\n");
    case.run(["build", "app.toml", "--policy", "high.toml"]).ok();
    case.build().fails(1).says("error[private-key]");
}

#[test]
fn one_key_in_two_files_weighs_as_much_as_at_its_heaviest_place() {
    let allow = |path: &str| {
        format!("[[policy.allow]]\nrule = \"private-key\"\npath = \"{path}\"\nreason = \"x\"\nuntil = 9999-12-31\n")
    };
    let files = "[[file]]\nfrom = \"input\"\nto = \"/srv/a\"\n[[file]]\nfrom = \"input\"\nto = \"/usr/share/doc/a\"\n";
    let case = |allowed: &str| app(&format!("{allowed}{files}")).file("input", key());
    case(&allow("/srv/a")).build().fails(1).says("`/usr/share/doc/a` would ship it");
    case(&(allow("/srv/a") + &allow("/usr/share/doc/a"))).build().ok();
}

#[test]
fn an_exception_may_name_the_setting_that_a_key_is_in() {
    let allow = "[[policy.allow]]\nrule = \"private-key\"\npath = \"config.Env[TLS_KEY]\"\nreason = \"x\"\nuntil = 9999-12-31\n";
    let env = format!("[run]\nenv = {{ TLS_KEY = '{}' }}\n", key().replace('\n', "\\n"));
    app(&format!("{allow}{env}")).build().ok();
    app(&format!("{}{env}", allow.replace("TLS_KEY", "OTHER"))).build().fails(1).says("TLS_KEY");
}

/// A fresh private key in PEM.
fn key() -> String {
    KeyPair::generate().expect("a key").serialize_pem()
}
