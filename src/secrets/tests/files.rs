//! Keys, tokens that decode, and files made for credentials.

use super::*;
use crate::report::{Rule, Severity};

#[test]
fn keys_of_every_form_are_found_and_weigh_what_they_are_worth() {
    let mut sec1 = vec![0x30, 0x31, 2, 1, 1, 4, 0x20];
    sec1.extend([7; 0x33 - 7]);
    let mut rsa = vec![0x30, 0x82, 1, 0, 2, 1, 0, 2, 0x81, 0x81];
    rsa.resize(4 + 256, 0x5a);
    for (key, severity) in [
        (pem(), Severity::Critical),
        (pem().replace('\n', "\r\n"), Severity::Critical),
        (pem().replace('\n', "\\n"), Severity::Critical),
        (pem().replace('\n', " "), Severity::Critical),
        (format!("key: |\n  {}", pem().replace('\n', "\n  ")), Severity::Critical),
        (format!("\"{}\"", pem().trim_end().replace('\n', "\\n\" +\n  \"")), Severity::Critical),
        (pem_of("EC PRIVATE KEY", &sec1, "\n"), Severity::Critical),
        (pem_of("RSA PRIVATE KEY", &rsa, "\n"), Severity::Critical),
        (openssh("none"), Severity::Critical),
        (openssh("aes256-ctr"), Severity::Medium),
        (
            pem_of("RSA PRIVATE KEY", noise(ALNUM, 300).as_bytes(), "\n").replacen(
                '\n',
                "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n",
                1,
            ),
            Severity::Medium,
        ),
        // One byte short of what its header says.
        (pem_of("RSA PRIVATE KEY", &rsa[..200], "\n"), Severity::Low),
    ] {
        let hits = scan("srv/a", &key);
        assert_eq!(detectors(&hits), ["private-key"], "{key}");
        assert_eq!(hits[0].severity, severity, "{key}");
        assert_eq!(hits[0].rule, Rule::PrivateKey);
    }
}

/// What is no key, and as long as one.
fn certificate() -> Vec<u8> {
    [&[0x30, 0x2e, 0x30, 5][..], noise(ALNUM, 44).as_bytes()].concat()
}

#[test]
fn words_about_keys_and_certificates_are_none() {
    let dashes = "-".repeat(5);
    for text in [
        format!("{dashes}BEGIN PRIVATE KEY{dashes}"),
        format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}%s{dashes}END RSA PRIVATE KEY{dashes}"),
        format!(
            "expected {dashes}BEGIN PRIVATE KEY{dashes} in the file and then some more text follows here, long enough"
        ),
        format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}\nMIIEpAIBAAKCAQEA...\n{dashes}END RSA PRIVATE KEY{dashes}"),
        pem_of("CERTIFICATE", &certificate(), "\n"),
        pem_of("PUBLIC KEY", &certificate(), "\n"),
        "PuTTY-User-Key-File-2: ssh-rsa".to_owned(),
        "PuTTY-User-Key-File- version".to_owned(),
    ] {
        assert_eq!(detectors(&scan("srv/a", &text)), [""; 0], "{text}");
    }
}

#[test]
fn putty_keys_are_read_line_by_line() {
    let key = |encryption: &str| {
        format!(
            "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: {encryption}\r\nComment: x\r\nPublic-Lines: 1\r\n{}\r\nPrivate-Lines: 1\r\n{}\r\nPrivate-MAC: 00\r\n",
            noise(ALNUM, 64),
            noise(ALNUM, 48)
        )
    };
    assert_eq!(scan("srv/a", &key("none"))[0].severity, Severity::Critical);
    assert_eq!(scan("srv/a", &key("aes256-cbc"))[0].severity, Severity::Medium);
}

#[test]
fn a_file_that_is_a_key_in_der_is_found_and_one_with_a_byte_more_is_not() {
    let mut key = der();
    let hits = scan_as(ContentKind::Binary, "srv/key.der", &key);
    assert_eq!((detectors(&hits), hits[0].severity), (vec!["private-key"], Severity::Critical));
    key.push(0);
    assert_eq!(scan_as(ContentKind::Binary, "srv/key.der", &key), []);
}

#[test]
fn tokens_of_the_web_must_decode() {
    assert_eq!(detectors(&scan("srv/a", &jwt("RS256"))), ["jwt"]);
    assert_eq!(scan("srv/a", &jwt("none")), []);
    let header = base64url(b"{\"typ\":\"JWT\"}");
    assert_eq!(scan("srv/a", &format!("{header}.{header}.{}", noise(ALNUM, 43))), [], "no algorithm");
    let auths = base64(format!("{{\"auths\":{{\"r\":{{\"auth\":\"{}\"}}}}}}", base64(b"ci:Zk3vQ9xT2m")).as_bytes());
    assert_eq!(detectors(&scan("srv/a.yaml", &format!(".dockerconfigjson: {auths}\n"))), ["docker-config"]);
}

#[test]
fn files_made_for_credentials_are_read_as_what_they_are() {
    let password = "Zk3vQ9xT2m";
    for (path, text, detector) in [
        ("root/.netrc", format!("machine a\n login b\n password {password}\n"), "netrc"),
        ("root/.npmrc", format!("//registry.npmjs.org/:_authToken={password}\n"), "npmrc"),
        ("root/.npmrc", format!("_auth={password}\n"), "npmrc"),
        ("root/.pypirc", format!("[pypi]\nusername = a\npassword = {password}\n"), "pypirc"),
        ("root/.pgpass", format!("host:5432:db:user:{password}\n"), "pgpass"),
        ("root/.my.cnf", format!("[client]\npassword=\"{password}\"\n"), "my-cnf"),
        ("srv/.env", format!("A=1\nexport DB_PASSWORD='{password}'\n"), "dotenv"),
        (
            "root/.cargo/credentials.toml",
            format!("[registry]\ntoken = \"cio{}\"\n", noise(ALNUM, 32)),
            "cargo-credentials",
        ),
        ("root/.gem/credentials", format!(":some_api_key: {password}\n"), "gem-credentials"),
        ("etc/shadow", format!("root:$6$saltsalt${}:19000::::::\n", noise(ALNUM, 86)), "shadow-hash"),
        ("srv/.htpasswd", format!("a:$apr1$salt${}\n", noise(ALNUM, 22)), "htpasswd"),
        ("root/.vault-token", format!("{}\n", noise(ALNUM, 26)), "vault-token"),
        ("srv/.git/config", format!("[http]\n\textraheader = AUTHORIZATION: basic {password}\n"), "git-header"),
        ("root/.kube/config", format!("users:\n- user:\n    token: {}\n", noise(ALNUM, 32)), "kubeconfig"),
        (
            "root/.kube/config",
            format!("users:\n- user:\n    client-key-data: {}\n", base64(pem().as_bytes())),
            "private-key",
        ),
        ("srv/wp-config.php", format!("<?php\ndefine( 'DB_PASSWORD', '{password}' );\n"), "wp-config"),
        ("srv/database.yml", format!("production:\n  password: {password}\n"), "database-config"),
        (
            "root/.docker/config.json",
            format!("{{\"auths\":{{\"r\":{{\"auth\":\"{}\"}}}}}}", base64(format!("ci:{password}").as_bytes())),
            "docker-config",
        ),
        (
            "root/x.json",
            format!("{{\"type\":\"authorized_user\",\"refresh_token\":\"{}\"}}", noise(ALNUM, 60)),
            "gcloud-credentials",
        ),
        (
            "root/.terraform.d/credentials.tfrc.json",
            format!("{{\"credentials\":{{\"a\":{{\"token\":\"{}\"}}}}}}", noise(ALNUM, 30)),
            "terraform-token",
        ),
        ("srv/app.yaml", format!("client_secret: {}\n", noise(ALNUM, 32)), "generic-secret"),
    ] {
        let hits = scan(path, &text);
        assert!(hits.iter().any(|hit| hit.detector == detector), "{path}: {:?}", detectors(&hits));
        assert!(hits.iter().all(|hit| !hit.masked.contains(password)), "{path}");
        // The same without a value.
        let empty = text
            .replace(password, "${VALUE}")
            .replace(&noise(ALNUM, 32), "${VALUE}")
            .replace(&base64(format!("ci:{password}").as_bytes()), "");
        if empty != text {
            assert_eq!(detectors(&scan(path, &empty)), [""; 0], "{path}: {empty}");
        }
    }
    assert_eq!(scan("etc/shadow", "root:*:19000::::::\nbin:!:1::::::\n\nshort\n"), []);
}

#[test]
fn a_service_account_is_one_finding_and_not_a_key_besides() {
    let text = format!(
        "{{\n \"type\": \"service_account\",\n \"client_email\": \"a@b.iam\",\n \"private_key\": \"{}\"\n}}",
        pem().replace('\n', "\\n")
    );
    assert_eq!(detectors(&scan("srv/a.json", &text)), ["gcp-service-account"]);
}

#[test]
fn settings_in_sources_and_packages_are_none() {
    let line = format!("client_secret: {}\n", noise(ALNUM, 32));
    assert_eq!(scan("srv/app.rb", &line), []);
    assert_eq!(scan("usr/share/x/app.yaml", &line), []);
    assert_eq!(scan("srv/tests/app.yaml", &line), []);
}
