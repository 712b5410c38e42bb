//! Variables, labels, history, arguments.

use super::*;
use crate::report::{Rule, Severity};

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
