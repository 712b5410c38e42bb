//! Each detector with its token and with what is nearly one.

use super::*;
use crate::report::Severity;

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
        let is_free = [
            "private-key",
            "jwt",
            "url-password",
            "linker-flag",
            "1password-token",
            "grafana-cloud-token",
            "sentry-token",
        ]
        .contains(&name);
        if is_free {
            continue;
        }
        let prefix: String = token.chars().take(5).collect();
        let dull = format!("{prefix}{}", "a".repeat(token.len() - 5));
        assert_eq!(detectors(&scan("srv/file", &dull)), [""; 0], "{name}");
        let cut: String = token.trim_end_matches(['"', '=']).chars().take(12).collect();
        assert_eq!(detectors(&scan("srv/file", &cut)), [""; 0], "{name}");
        let is_inside =
            !["aws-secret", "slack-webhook", "twilio-key", "azure-storage-key", "linker-flag"].contains(&name);
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
fn a_token_of_a_fixed_length_does_not_go_on() {
    let fixed = [
        "aws-access-key",
        "gcp-api-key",
        "google-client-secret",
        "github-fine-grained-token",
        "huggingface-token",
        "digitalocean-token",
        "databricks-token",
        "pulumi-token",
        "rubygems-token",
        "linear-token",
        "postman-token",
        "shopify-token",
        "sendgrid-key",
        "telegram-token",
        "sentry-user-token",
        "jfrog-token",
    ];
    for (name, token) in tokens().into_iter().filter(|(name, _)| fixed.contains(name)) {
        assert_eq!(detectors(&scan("srv/a", &format!("{token}0"))), [""; 0], "{name}");
        assert_eq!(detectors(&scan("srv/a", &format!("{token}."))), [name], "{name}");
    }
}

#[test]
fn a_wrong_checksum_makes_a_token_less_certain_and_none_inside_of_other_strings() {
    let right = checked("ghp_");
    let mut wrong = right.clone();
    let last = if wrong.pop() == Some('x') { 'y' } else { 'x' };
    wrong.push(last);
    assert_eq!(scan("srv/a", &right)[0].severity, Severity::Critical);
    assert_eq!(scan("srv/a", &wrong)[0].severity, Severity::High);
    let inside = |token: &str| scan_as(ContentKind::Binary, "srv/a", format!("\0text{token}more\0").as_bytes());
    assert_eq!(detectors(&inside(&right)), ["github-token"], "strings of a Go program have no borders");
    assert_eq!(inside(&right)[0].severity, Severity::Critical, "a proof is one in a program, too");
    assert_eq!(inside(&wrong), []);
    let alone = scan_as(ContentKind::Binary, "srv/a", format!("\0{wrong}\0").as_bytes());
    assert_eq!(alone[0].severity, Severity::Medium);
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
        ["https://user:", "p@ssw0rd@host.internal/"].concat(),
    ] {
        assert_eq!(detectors(&scan("srv/a", &token)), [""; 0], "{token}");
    }
}
