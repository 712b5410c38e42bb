//! Every detector with a hit and what is nearly one, streams cut at every place, and work that is counted.
//!
//! The tokens are made when the tests run, of pieces: nothing in this source looks like one.

mod config;
mod files;
mod key_search;
mod properties;
mod recall;
mod streams;
mod tokens;

use super::*;

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

fn scan_as(kind: ContentKind, path: &str, bytes: &[u8]) -> Vec<SecretHit> {
    let mut scanner = SecretScanner::new(kind, path);
    scanner.push(bytes);
    scanner.finish().hits
}

fn scan(path: &str, text: &str) -> Vec<SecretHit> {
    let mut scanner = SecretScanner::sniffing(path);
    scanner.push(text.as_bytes());
    scanner.finish().hits
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
        (
            "pypi-token",
            join(&["pypi-", &base64url(format!("\x02\x01\x08pypi.org\x02{}", noise(ALNUM, 80)).as_bytes())]),
        ),
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
        ("azure-client-secret", join(&[&noise(ALNUM, 3), "8Q", "~", &noise(ALNUM, 34)])),
        ("jfrog-token", join(&["AKCp", &noise(ALNUM, 69)])),
        ("jfrog-token", join(&["cmVmdGtu", &noise(ALNUM, 56)])),
        ("1password-token", join(&["ops_", &base64(format!("{{\"k\":\"{}\"}}", noise(ALNUM, 240)).as_bytes())])),
        ("heroku-token", join(&["HRKU-AA", &noise(ALNUM, 58)])),
        ("atlassian-token", join(&["ATATT3", &noise(ALNUM, 186)])),
        ("private-key", pem()),
        ("linker-flag", join(&["-ldflags=\"-s -X main.dbPassword=", &noise(ALNUM, 12), "\""])),
        ("jwt", jwt("HS256")),
        ("url-password", join(&["postgres://app:", &noise(ALNUM, 12), "@db.internal:5432/x"])),
    ]
}
