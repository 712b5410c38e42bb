//! Every detector with a hit and what is nearly one, streams cut at every place, and work that is counted.
//!
//! The tokens are made when the tests run, of pieces: nothing in this source looks like one.

use proptest::prelude::*;

use super::*;
use crate::report::{Limits, Rule, Severity};

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALNUM: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// That many characters of `alphabet`, always the same for a length, and as random as a token.
fn noise(alphabet: &str, length: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9e37_79b9_u64 + length as u64;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            letters[usize::try_from(state >> 33).unwrap() % letters.len()]
        })
        .collect()
}

/// `prefix` and 30 characters with the checksum of GitHub and npm.
fn checked(prefix: &str) -> String {
    let body = noise(ALNUM, 30);
    let letters: Vec<char> = ALNUM.chars().collect();
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut sum = ['0'; 6];
    for place in sum.iter_mut().rev() {
        *place = letters[(rest % 62) as usize];
        rest /= 62;
    }
    format!("{prefix}{body}{}", sum.iter().collect::<String>())
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding as _;
    base64ct::Base64::encode_string(bytes)
}

fn base64url(bytes: &[u8]) -> String {
    use base64ct::Encoding as _;
    base64ct::Base64UrlUnpadded::encode_string(bytes)
}

fn jwt(algorithm: &str) -> String {
    let header = base64url(format!("{{\"alg\":\"{algorithm}\"}}").as_bytes());
    let payload = base64url(b"{\"sub\":\"service\"}");
    format!("{header}.{payload}.{}", noise(ALNUM, 43))
}

/// An Ed25519 key in PKCS#8.
fn der() -> Vec<u8> {
    let mut key = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    key.extend(noise(ALNUM, 32).bytes());
    key
}

fn pem_of(label: &str, bytes: &[u8], line_end: &str) -> String {
    let body = base64(bytes);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let dashes = "-".repeat(5);
    format!(
        "{dashes}BEGIN {label}{dashes}{line_end}{}{line_end}{dashes}END {label}{dashes}{line_end}",
        lines.join(line_end)
    )
}

fn pem() -> String {
    pem_of("PRIVATE KEY", &der(), "\n")
}

fn openssh(cipher: &str) -> String {
    let mut bytes = b"openssh-key-v1\0\0\0\0".to_vec();
    bytes.push(u8::try_from(cipher.len()).unwrap());
    bytes.extend(cipher.bytes());
    bytes.extend(noise(ALNUM, 200).bytes());
    pem_of("OPENSSH PRIVATE KEY", &bytes, "\n")
}

fn age() -> String {
    // The last characters of a Bech32 text follow from the others; so they are searched for, one value at a time.
    const ALPHABET: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let prefix = "AGE-SECRET-KEY-";
    let data: Vec<u8> = noise(UPPER, 52).bytes().map(|byte| byte % 32).collect();
    let step = |sum: u32, value: u32| {
        let mut next = (sum & 0x01ff_ffff) << 5 ^ value;
        for (bit, word) in [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].iter().enumerate() {
            if sum >> 25 >> bit & 1 == 1 {
                next ^= word;
            }
        }
        next
    };
    let lower = prefix.to_ascii_lowercase();
    let mut sum = lower.bytes().fold(1, |sum, byte| step(sum, u32::from(byte) >> 5));
    sum = step(sum, 0);
    sum = lower.bytes().fold(sum, |sum, byte| step(sum, u32::from(byte) & 31));
    sum = data.iter().fold(sum, |sum, value| step(sum, u32::from(*value)));
    sum = (0..6).fold(sum, |sum, _| step(sum, 0)) ^ 1;
    let check = (0..6).map(|place| u8::try_from(sum >> (5 * (5 - place)) & 31).unwrap());
    let letters: String =
        data.iter().copied().chain(check).map(|value| char::from(ALPHABET[usize::from(value)])).collect();
    format!("{prefix}1{letters}")
}

fn scan_as(kind: Kind, path: &str, bytes: &[u8]) -> Vec<SecretHit> {
    let mut scanner = SecretScanner::new(kind, path);
    scanner.push(bytes);
    scanner.finish()
}

fn scan(path: &str, text: &str) -> Vec<SecretHit> {
    let mut scanner = SecretScanner::sniffing(path);
    scanner.push(text.as_bytes());
    scanner.finish()
}

fn detectors(hits: &[SecretHit]) -> Vec<&'static str> {
    hits.iter().map(|hit| hit.detector).collect()
}

/// Each detector's name and a token of it.
fn tokens() -> Vec<(&'static str, String)> {
    let join = |parts: &[&str]| parts.concat();
    vec![
        ("aws-access-key", join(&["AKIA", &noise(UPPER, 16)])),
        ("aws-access-key", join(&["A3T", "X", &noise(UPPER, 16)])),
        ("aws-secret", join(&["aws_secret_access_key = ", &noise(ALNUM, 40)])),
        ("aws-secret", join(&["AWS_SECRET_ACCESS_KEY=", &noise(ALNUM, 40)])),
        ("aws-secret", join(&["\"SecretAccessKey\": \"", &noise(ALNUM, 40), "\""])),
        ("gcp-api-key", join(&["AIza", &noise(ALNUM, 35)])),
        ("google-client-secret", join(&["GOCSPX-", &noise(ALNUM, 28)])),
        ("github-token", checked("ghp_")),
        ("github-token", checked("gho_")),
        ("github-refresh-token", checked("ghr_")),
        ("github-fine-grained-token", join(&["github_pat_", &noise(ALNUM, 22), "_", &noise(ALNUM, 59)])),
        ("gitlab-token", join(&["glpat-", &noise(ALNUM, 20)])),
        ("gitlab-token", join(&["glrt-", &noise(ALNUM, 20)])),
        ("gitlab-token", join(&["glptt-", &noise(HEX, 40)])),
        ("slack-token", join(&["xoxb-", &noise(DIGITS, 12), "-", &noise(DIGITS, 13), "-", &noise(ALNUM, 24)])),
        ("slack-token", join(&["xoxe.xoxp-1-", &noise(ALNUM, 120)])),
        ("slack-app-token", join(&["xapp-1-A", &noise(DIGITS, 9), "-", &noise(DIGITS, 12), "-", &noise(HEX, 64)])),
        (
            "slack-webhook",
            join(&[
                "https://hooks.slack.com/services/T",
                &noise(UPPER, 10),
                "/B",
                &noise(UPPER, 10),
                "/",
                &noise(ALNUM, 24),
            ]),
        ),
        ("stripe-key", join(&["sk_live_", &noise(ALNUM, 24)])),
        ("stripe-key", join(&["rk_live_", &noise(ALNUM, 99)])),
        ("stripe-test-key", join(&["sk_test_", &noise(ALNUM, 24)])),
        ("npm-token", checked("npm_")),
        ("pypi-token", join(&["pypi-", &base64url(format!("\x02\x01\x08pypi.org{}", noise(ALNUM, 80)).as_bytes())])),
        ("docker-hub-token", join(&["dckr_pat_", &noise(ALNUM, 27)])),
        ("openai-key", join(&["sk-", &noise(ALNUM, 20), "T3BlbkFJ", &noise(LETTERS, 20)])),
        ("openai-key", join(&["sk-proj-", &noise(ALNUM, 74), "T3BlbkFJ", &noise(LETTERS, 74)])),
        ("anthropic-key", join(&["sk-ant-api03-", &noise(ALNUM, 93), "AA"])),
        ("huggingface-token", join(&["hf_", &noise(LETTERS, 34)])),
        ("digitalocean-token", join(&["dop_v1_", &noise(HEX, 64)])),
        ("doppler-token", join(&["dp.pt.", &noise(ALNUM, 43)])),
        ("databricks-token", join(&["dapi", &noise(HEX, 32)])),
        ("pulumi-token", join(&["pul-", &noise(HEX, 40)])),
        ("rubygems-token", join(&["rubygems_", &noise(HEX, 48)])),
        ("linear-token", join(&["lin_api_", &noise(ALNUM, 40)])),
        ("postman-token", join(&["PMAK-", &noise(HEX, 24), "-", &noise(HEX, 34)])),
        ("shopify-token", join(&["shpat_", &noise(HEX, 32)])),
        ("sendgrid-key", join(&["SG.", &noise(ALNUM, 22), ".", &noise(ALNUM, 43)])),
        ("twilio-key", join(&["TWILIO_API_KEY=SK", &noise(HEX, 32)])),
        ("grafana-token", join(&["glsa_", &noise(ALNUM, 32), "_", &noise(HEX, 8)])),
        (
            "grafana-cloud-token",
            join(&["glc_", &base64(format!("{{\"o\":\"1\",\"k\":\"{}\"}}", noise(ALNUM, 40)).as_bytes())]),
        ),
        ("vault-token", join(&["hvs.", &noise(ALNUM, 95)])),
        ("age-key", age()),
        ("telegram-token", join(&[&noise("123456789", 9), ":AA", &noise(ALNUM, 33)])),
        (
            "sentry-token",
            join(&[
                "sntrys_",
                &base64(b"{\"iat\":1,\"url\":\"https://sentry.io\",\"org\":\"x\"}"),
                "_",
                &noise(ALNUM, 43),
            ]),
        ),
        ("sentry-user-token", join(&["sntryu_", &noise(HEX, 64)])),
        ("azure-storage-key", join(&["AccountKey=", &noise(ALNUM, 86), "=="])),
        ("jfrog-token", join(&["AKCp", &noise(ALNUM, 69)])),
        ("jfrog-token", join(&["cmVmdGtu", &noise(ALNUM, 56)])),
        ("1password-token", join(&["ops_", &base64(format!("{{\"k\":\"{}\"}}", noise(ALNUM, 240)).as_bytes())])),
        ("heroku-token", join(&["HRKU-AA", &noise(ALNUM, 58)])),
        ("atlassian-token", join(&["ATATT3", &noise(ALNUM, 186)])),
        ("private-key", pem()),
        ("jwt", jwt("HS256")),
        ("url-password", join(&["postgres://app:", &noise(ALNUM, 12), "@db.internal:5432/x"])),
    ]
}

#[test]
fn every_detector_finds_its_token_in_every_surrounding_of_text() {
    let all = tokens();
    for detector in detectors::DETECTORS.iter().filter(|detector| detector.name != "putty-key") {
        assert!(all.iter().any(|(name, _)| *name == detector.name), "no token for {}", detector.name);
    }
    for (name, token) in all {
        for text in [
            token.clone(),
            format!("x = '{token}'\r\n"),
            format!("\n  {token}\n"),
            format!("{} {token}", "y ".repeat(70_000)),
        ] {
            let hits = scan("srv/file", &text);
            assert!(
                hits.iter().any(|hit| hit.detector == name),
                "{name}: {:?} in {} bytes",
                detectors(&hits),
                text.len()
            );
        }
    }
}

#[test]
fn a_token_with_a_character_more_or_less_or_without_randomness_is_none() {
    for (name, token) in tokens() {
        // What is not of one fixed length, or proves itself inside of anything.
        let is_free = ["private-key", "jwt", "url-password", "1password-token", "grafana-cloud-token", "sentry-token"]
            .contains(&name);
        if is_free {
            continue;
        }
        let prefix: String = token.chars().take(5).collect();
        let dull = format!("{prefix}{}", "a".repeat(token.len() - 5));
        assert_eq!(detectors(&scan("srv/file", &dull)), [""; 0], "{name}");
        let cut: String = token.trim_end_matches(['"', '=']).chars().take(12).collect();
        assert_eq!(detectors(&scan("srv/file", &cut)), [""; 0], "{name}");
        let is_inside = !["aws-secret", "slack-webhook", "twilio-key", "azure-storage-key"].contains(&name);
        let has_checksum = name.starts_with("github-token")
            || name.starts_with("npm")
            || name.starts_with("github-r")
            || name == "age-key";
        if is_inside && !has_checksum {
            let hits = scan("srv/file", &format!("ab0{token}"));
            assert!(
                !hits.iter().any(|hit| hit.detector == name) || matches!(name, "telegram-token" | "slack-token"),
                "{name}"
            );
        }
    }
}

#[test]
fn a_wrong_checksum_makes_a_token_less_certain_in_text_and_none_in_a_binary() {
    let right = checked("ghp_");
    let mut wrong = right.clone();
    let last = if wrong.pop() == Some('x') { 'y' } else { 'x' };
    wrong.push(last);
    assert_eq!(scan("srv/a", &right)[0].severity, Severity::Critical);
    assert_eq!(scan("srv/a", &wrong)[0].severity, Severity::Medium);
    let inside = |token: &str| scan_as(Kind::Binary, "srv/a", format!("\0text{token}more\0").as_bytes());
    assert_eq!(detectors(&inside(&right)), ["github-token"], "strings of a Go program have no borders");
    assert_eq!(inside(&right)[0].severity, Severity::Medium);
    assert_eq!(inside(&wrong), []);
}

#[test]
fn an_aws_key_weighs_more_beside_a_secret() {
    let id = format!("AKIA{}", noise(UPPER, 16));
    assert_eq!(scan("srv/a", &id)[0].severity, Severity::Medium);
    let both = scan("srv/a", &format!("{id}\n{}\n", noise(ALNUM, 40)));
    assert_eq!(both[0].severity, Severity::High);
}

#[test]
fn samples_of_manuals_are_none() {
    for token in [
        ["AKIAIOSFODNN7", "EXAMPLE"].concat(),
        ["sk_test_4eC39HqLyjWDa", "rjtT1zdp7dc"].concat(),
        ["ghp_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"].concat(),
        ["xoxb-", "your-slack-bot-token-goes-here"].concat(),
        ["postgres://user:", "password@localhost/db"].concat(),
        ["postgres://user:", "${DB_PASSWORD}@db/x"].concat(),
        ["https://user:", "Zk3vQ9xT2mB@example.com/"].concat(),
    ] {
        assert_eq!(detectors(&scan("srv/a", &token)), [""; 0], "{token}");
    }
}

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
        pem_of("CERTIFICATE", &der(), "\n"),
        pem_of("PUBLIC KEY", &der(), "\n"),
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
    let hits = scan_as(Kind::Binary, "srv/key.der", &key);
    assert_eq!((detectors(&hits), hits[0].severity), (vec!["private-key"], Severity::Critical));
    key.push(0);
    assert_eq!(scan_as(Kind::Binary, "srv/key.der", &key), []);
}

#[test]
fn tokens_of_the_web_must_decode() {
    assert_eq!(detectors(&scan("srv/a", &jwt("RS256"))), ["jwt"]);
    assert_eq!(scan("srv/a", &jwt("none")), []);
    let header = base64url(b"{\"typ\":\"JWT\"}");
    assert_eq!(scan("srv/a", &format!("{header}.{header}.{}", noise(ALNUM, 43))), [], "no algorithm");
    let auths = base64(format!("{{\"auths\":{{\"r\":{{\"auth\":\"{}\"}}}}}}", base64(b"ci:Zk3vQ9xT2m")).as_bytes());
    assert_eq!(detectors(&scan("srv/a.yaml", &format!(".dockerconfigjson: {auths}\n"))), ["jwt"]);
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
            "kubeconfig",
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

#[test]
fn utf16_and_its_offsets() {
    for (kind, mark) in [(Kind::Utf16Le, [0xff, 0xfe]), (Kind::Utf16Be, [0xfe, 0xff])] {
        let text = format!("größe = 1\r\ntoken = {}", checked("ghp_"));
        let at = text.chars().take_while(|c| *c != 'p').count() - 2;
        let wide = text
            .encode_utf16()
            .flat_map(|unit| if kind == Kind::Utf16Le { unit.to_le_bytes() } else { unit.to_be_bytes() });
        let bytes: Vec<u8> = mark.into_iter().chain(wide).collect();
        let mut scanner = SecretScanner::sniffing("srv/a.txt");
        bytes.iter().for_each(|byte| scanner.push(&[*byte]));
        let hits = scanner.finish();
        assert_eq!(detectors(&hits), ["github-token"]);
        assert_eq!(hits[0].offset, 2 + 2 * at as u64);
    }
}

#[test]
fn the_cuts_of_a_stream_change_nothing() {
    let mut text = "x ".repeat(40_000);
    for (_, token) in tokens() {
        text.push_str(&token);
        text.push_str("\n.\n");
    }
    text.push_str(&"y ".repeat(40_000));
    for kind in [Kind::Text, Kind::Binary] {
        let whole = scan_as(kind, "srv/a", text.as_bytes());
        assert!(whole.len() > 15, "{}", whole.len());
        for size in [7, 4096, 65_536, 65_537, 98_304, 100_000] {
            let mut scanner = SecretScanner::new(kind, "srv/a");
            text.as_bytes().chunks(size).for_each(|chunk| scanner.push(chunk));
            assert_eq!(scanner.finish(), whole, "{size}");
        }
    }
}

#[test]
fn a_token_is_found_at_every_cut_and_at_every_place_of_a_block() {
    let token = checked("ghp_");
    let text = format!("..{token}..");
    for cut in 0..=text.len() {
        let mut scanner = SecretScanner::new(Kind::Text, "srv/a");
        scanner.push(&text.as_bytes()[..cut]);
        scanner.push(&text.as_bytes()[cut..]);
        let hits = scanner.finish();
        assert_eq!((hits.len(), hits[0].offset), (1, 2), "{cut}");
    }
    for shift in 0..60 {
        let before = Limits::SECRET_BLOCK - 50 + shift;
        let text = format!("{}{text}{}", ".".repeat(before), ".".repeat(2 * Limits::SECRET_BLOCK));
        assert_eq!(scan("srv/a", &text)[0].offset, before as u64 + 2);
    }
}

#[test]
fn a_line_of_megabytes_is_read_like_any_other() {
    let mut scanner = SecretScanner::sniffing("srv/a.js");
    let filler = vec![b'x'; 1 << 20];
    for _ in 0..8 {
        scanner.push(&filler);
        scanner.push(format!(" {} ", checked("npm_")).as_bytes());
    }
    let hits = scanner.finish();
    assert_eq!(hits.len(), 1, "the same secret eight times");
    assert_eq!(hits[0].offset, (1 << 20) + 1);
}

/// Input made to be slow: what begins as many tokens as it can and ends as none.
fn hostile() -> Vec<String> {
    let mut inputs: Vec<String> = detectors::DETECTORS
        .iter()
        .flat_map(|detector| detector.keywords)
        .flat_map(|word| {
            [(*word).to_owned(), format!("{word} "), format!("{word}."), format!("{word}a."), format!("{word}a ")]
        })
        .collect();
    let dashes = "-".repeat(5);
    inputs.extend(tokens().into_iter().map(|(_, token)| token));
    inputs.extend([
        format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}\n"),
        format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}\nAAAA: "),
        "PuTTY-User-Key-File-2: a\nEncryption: none\n".to_owned(),
        "eyJ.eyJ.".to_owned(),
        "eyJhdXRocyI6 ".to_owned(),
        "a://b:c".to_owned(),
        "aa://".to_owned(),
        "sk-T3BlbkFJ".to_owned(),
        "{\"auths\":".to_owned(),
        "[".to_owned(),
        "password ".to_owned(),
        "a=".to_owned(),
        "\\n".to_owned(),
    ]);
    inputs
}

#[test]
fn hostile_input_costs_a_bounded_number_of_steps_a_byte() {
    for unit in hostile() {
        let text = unit.repeat((48 << 10) / unit.len());
        for path in ["srv/a", "root/.netrc", "srv/.env"] {
            let mut scanner = SecretScanner::new(Kind::Text, path);
            scanner.push(text.as_bytes());
            let (_, work) = scanner.finish_counting();
            let bound = WORK_PER_BYTE * text.len() as u64;
            assert!(work <= bound, "{:?}: {} steps a byte", &unit.get(..unit.len().min(40)), work / text.len() as u64);
        }
    }
}

#[test]
fn a_flood_of_secrets_keeps_its_bound_and_the_heaviest() {
    let mut text = String::new();
    for number in 0..500 {
        text.push_str(&format!("https://user:Zk3vQ9xT2mB{number}@host{number}.internal/\n"));
    }
    text.push_str(&pem());
    let hits = scan("srv/a", &text);
    assert_eq!(hits.len(), Limits::SECRETS_PER_FILE);
    assert!(hits.iter().any(|hit| hit.rule == Rule::PrivateKey));
}

#[test]
fn nothing_that_is_shown_holds_the_value() {
    for (name, token) in tokens() {
        for hit in scan("srv/.env", &format!("TOKEN={token}\n")) {
            let shown = format!("{} {hit:?} {}", hit.masked, serde_json::to_string(&hit).unwrap());
            let long: Vec<&str> =
                token.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| part.len() > 9).collect();
            for part in long {
                // A name of the setting may be a long word too.
                let is_name = part.bytes().all(|byte| byte.is_ascii_alphabetic()) && part.len() < 16;
                assert!(is_name || !shown.contains(part), "{name}: {shown}");
            }
        }
    }
}

#[test]
fn variables_are_judged_by_name_and_by_value() {
    let env = |name: &str, value: &str| scan_text(TextContext::Env { name }, value);
    let password = "hunter2";
    let hits = env("DB_PASSWORD", password);
    assert_eq!((hits.len(), hits[0].rule), (1, Rule::SecretInEnv));
    assert_eq!(hits[0].masked, "DB_PASSWORD=\u{2026} (hidden)");
    assert_eq!(detectors(&env("ANY", &checked("ghp_"))), ["github-token"]);
    assert_eq!(detectors(&env("GITHUB_TOKEN", &checked("ghp_"))), ["github-token"], "one finding, the better name");
    assert_eq!(env("ANY", &pem())[0].rule, Rule::PrivateKey);
    assert_eq!(detectors(&env("DATABASE_URL", &["postgres://a:", "Zk3vQ9xT2m", "@db/x"].concat())), ["url-password"]);
    for (name, value) in [
        ("GPG_KEY", &*noise(HEX, 40)),
        ("KEYBOARD", "de"),
        ("PASSWORD_FILE", "/run/secrets/x"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "${X}"),
        ("TOKEN_URL", "https://a/b"),
        ("PATH", "/usr/bin"),
        ("SSL_CERT_FILE", "/etc/ssl/certs/ca.crt"),
    ] {
        assert_eq!(env(name, value), [], "{name}={value}");
    }
}

#[test]
fn histories_and_arguments_are_read_as_commands() {
    let secret = "Zk3vQ9xT2m";
    for text in [
        format!("|2 VERSION=1 NPM_TOKEN={secret} /bin/sh -c npm ci"),
        format!("/bin/sh -c #(nop)  ENV DB_PASSWORD={secret}"),
        format!("ARG API_KEY=\"{secret}\""),
        format!("RUN curl -u user:{secret} https://x/y"),
        format!("RUN curl -sSL --user 'user:{secret}' https://x/y"),
        format!("RUN curl -H 'Authorization: Bearer {secret}' https://x/y"),
        format!("RUN tool --password {secret} x"),
        format!("RUN tool --password={secret} x"),
        format!("RUN docker login -u a -p {secret} r"),
        format!("RUN mysql -p{secret} x"),
        format!("RUN sshpass -p {secret} ssh x"),
        format!("RUN git clone https://user:{secret}@git.internal/x.git"),
    ] {
        let hits = scan_text(TextContext::History, &text);
        assert_eq!(hits.len(), 1, "{text}: {hits:?}");
        assert_eq!((hits[0].rule, hits[0].severity), (Rule::SecretInHistory, Severity::High), "{text}");
        assert!(!hits[0].masked.contains(secret), "{text}");
        let offset = usize::try_from(hits[0].offset).unwrap();
        assert!(offset <= text.find(secret).unwrap(), "{text}");
        let reference = text.replace(secret, "$VALUE");
        assert_eq!(scan_text(TextContext::History, &reference), [], "{reference}");
    }
    for text in [
        "RUN mkdir -p /srv/x",
        "RUN curl -u x",
        "RUN apt-get install -y password-store",
        "CMD [\"nginx\"]",
        "COPY --from=build /tokenizer /x",
        "RUN --mount=type=secret,id=token cat /run/secrets/token",
    ] {
        assert_eq!(scan_text(TextContext::History, text), [], "{text}");
    }
    let words = ["/app", "--db-password", secret];
    assert_eq!(scan_arguments(&words)[0].rule, Rule::SecretInArguments);
    assert_eq!(scan_arguments(&["/app", "--password-file", "/run/secrets/x"]), []);
}

#[test]
fn labels_are_judged_by_their_values() {
    let label = |key: &str, value: &str| scan_text(TextContext::Label { key }, value);
    assert_eq!(label("org.x", &checked("ghp_"))[0].rule, Rule::SecretInLabel);
    assert_eq!(label("org.x.url", &["https://a:", "Zk3vQ9xT2m", "@h/x"].concat()).len(), 1);
    assert_eq!(label("org.opencontainers.image.title", "token"), []);
}

#[test]
fn hits_are_the_same_on_every_run() {
    let text: String = tokens().into_iter().map(|(_, token)| token + "\n").collect();
    assert_eq!(scan("srv/a", &text), scan("srv/a", &text));
}

/// Bytes that begin tokens more often than chance does.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<Vec<u8>> = tokens()
        .into_iter()
        .map(|(_, token)| token.into_bytes())
        .chain(hostile().into_iter().map(String::into_bytes))
        .collect();
    let piece = prop_oneof![
        3 => proptest::sample::select(words),
        2 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => Just(b"\n".to_vec()),
        1 => Just(b" ".to_vec()),
        1 => (0_usize..70_000).prop_map(|length| vec![b'z'; length]),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_chunks_of_any_bytes_give_the_same_hits(bytes in pieces(), cuts in proptest::collection::vec(1_usize..90_000, 1..6),
        path in proptest::sample::select(vec!["srv/a", "srv/.env", "root/.netrc", "root/.kube/config", "a.json", "etc/shadow"]))
    {
        let mut whole = SecretScanner::sniffing(path);
        whole.push(&bytes);
        let (whole, work) = whole.finish_counting();
        prop_assert!(work <= WORK_PER_BYTE * bytes.len() as u64 + 4096);
        let mut cut = SecretScanner::sniffing(path);
        let mut rest = bytes.as_slice();
        let mut sizes = cuts.iter().cycle();
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            cut.push(head);
            rest = tail;
        }
        prop_assert_eq!(cut.finish(), whole);
    }

    #[test]
    fn any_text_of_a_configuration_is_read(text in ".{0,300}", name in ".{0,40}") {
        for context in [TextContext::Env { name: &name }, TextContext::Label { key: &name }, TextContext::History, TextContext::Argument] {
            for hit in scan_text(context, &text) {
                prop_assert!(text.len() < 4 || !hit.masked.contains(&text));
            }
        }
        let _ = name_hit(&name);
    }
}
