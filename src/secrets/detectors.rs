//! The table of all detectors.
//!
//! From the rules that are public for these tokens; every shape is written anew. At most 64 keywords, so that the
//! pass can look for all of them with vector instructions.

use super::{
    class::Class,
    detector::{Detector, Find, Proof},
    keys, linker,
    shape::ShapePart::{self, From, Run, Text},
    url, web,
};
use crate::report::{Rule, Severity};

const UPPER: Class = Class::of(b"A-Z2-7");
const UPPER_DIGIT: Class = Class::of(b"0-9A-Z");
const SLACK: Class = Class::of(b"0-9A-Za-z-");
const PATH: Class = Class::of(b"0-9A-Za-z/+");
const PADDED: Class = Class::of(b"0-9A-Za-z+/=");
/// The separators between the name of a setting and its value.
const BETWEEN: Class = Class::of(b" \t\"'=:>\\,");
const BECH32: Class = Class::of(b"02-9AC-HJ-NP-Z");
const AZURE: Class = Class::of(b"0-9A-Za-z_~.-");
const WORD: Class = Class::WORD;
const ALNUM: Class = Class::ALNUM;

const fn exactly(class: Class, length: usize) -> ShapePart {
    Run(class, length, length)
}

/// Every detector that works on a stream of any kind of text.
pub(super) const DETECTORS: &[Detector] = &[
    Detector::token("aws-access-key", &["AKIA", "ASIA", "ABIA", "ACCA"], &[exactly(ALNUM, 4), exactly(UPPER, 16)], 30)
        .weighing(Severity::Medium)
        .proof(Proof::AwsSecretNear)
        .in_binaries()
        .edge(Class::of(b"0-9A-Za-z_+/=-")),
    Detector::token("aws-access-key", &["A3T"], &[Text("A3T"), exactly(UPPER_DIGIT, 1), exactly(UPPER, 16)], 30)
        .weighing(Severity::Medium)
        .proof(Proof::AwsSecretNear)
        .in_binaries()
        .edge(Class::of(b"0-9A-Za-z_+/=-")),
    Detector::token(
        "aws-secret",
        &["ecret_access_key"],
        &[Run(Class::of(b"0-9A-Za-z_."), 17, 80), Run(BETWEEN, 1, 8), From, exactly(Class::BASE64, 40)],
        40,
    )
    .before(Class::of(b"0-9A-Za-z_."), 32)
    .edge(PADDED),
    Detector::token(
        "aws-secret",
        &["ECRET_ACCESS_KEY", "ecretAccessKey"],
        &[Run(Class::of(b"0-9A-Za-z_."), 14, 80), Run(BETWEEN, 1, 8), From, exactly(Class::BASE64, 40)],
        40,
    )
    .before(Class::of(b"0-9A-Za-z_."), 32)
    .edge(PADDED),
    Detector::token("gcp-api-key", &["AIza"], &[Text("AIza"), exactly(WORD, 35)], 40)
        // Many are made to be in the pages of a site.
        .weighing(Severity::Medium)
        .in_binaries(),
    Detector::token("google-client-secret", &["GOCSPX-"], &[Text("GOCSPX-"), exactly(WORD, 28)], 35),
    Detector::token("github-token", &["ghp_", "gho_", "ghu_", "ghs_"], &[exactly(WORD, 4), exactly(ALNUM, 36)], 30)
        .proof(Proof::Base62(4))
        .in_binaries(),
    Detector::token("github-refresh-token", &["ghr_"], &[Text("ghr_"), Run(ALNUM, 36, 76)], 30)
        .proof(Proof::Base62(4))
        .in_binaries(),
    Detector::token(
        "github-fine-grained-token",
        &["github_pat_"],
        &[Text("github_pat_"), exactly(ALNUM, 22), Text("_"), exactly(ALNUM, 59)],
        30,
    )
    .in_binaries(),
    Detector::token("gitlab-token", &["glpat-"], &[Text("glpat-"), Run(WORD, 20, 300)], 30).in_binaries(),
    Detector::token("gitlab-token", &["gldt-", "glrt-"], &[exactly(SLACK, 5), Run(WORD, 20, 300)], 30),
    Detector::token("gitlab-token", &["glptt-"], &[Text("glptt-"), exactly(Class::LOWER_HEX, 40)], 30),
    // Every kind begins with the number of a workspace or holds one; words of a manual have no digits.
    Detector::token(
        "slack-token",
        &["xox"],
        &[Text("xox"), exactly(Class::of(b"abceoprs"), 1), exactly(Class::of(b".-"), 1), Run(SLACK, 24, 300)],
        30,
    )
    .proof(Proof::Digits(8))
    .in_binaries(),
    Detector::token(
        "slack-app-token",
        &["xapp-"],
        &[
            Text("xapp-"),
            exactly(Class::DIGIT, 1),
            Text("-"),
            Run(UPPER_DIGIT, 8, 14),
            Text("-"),
            Run(Class::DIGIT, 9, 16),
            Text("-"),
            Run(Class::LOWER_HEX, 60, 70),
        ],
        30,
    )
    .in_binaries(),
    Detector::token(
        "slack-webhook",
        &["hooks.slack.com/"],
        &[Text("hooks.slack.com/"), Run(Class::ALPHA, 8, 9), Text("/"), Run(PATH, 40, 60)],
        35,
    )
    .weighing(Severity::High),
    Detector::token("stripe-key", &["k_live_", "k_prod_"], &[Run(WORD, 8, 8), Run(ALNUM, 16, 250)], 30)
        .before(Class::of(b"rs"), 1)
        .in_binaries(),
    Detector::token("stripe-test-key", &["k_test_"], &[Run(WORD, 8, 8), Run(ALNUM, 16, 250)], 30)
        .before(Class::of(b"rs"), 1)
        .weighing(Severity::Low),
    Detector::token("npm-token", &["npm_"], &[Text("npm_"), exactly(ALNUM, 36)], 30)
        .proof(Proof::Base62(4))
        .in_binaries(),
    Detector::token("pypi-token", &["pypi-AgEIcHlwaS5vcmc"], &[Text("pypi-"), Run(WORD, 70, 1100)], 30)
        .proof(Proof::Macaroon)
        .in_binaries(),
    Detector::token(
        "docker-hub-token",
        &["dckr_"],
        &[Text("dckr_"), exactly(Class::of(b"po"), 1), Text("at_"), Run(WORD, 27, 40)],
        30,
    )
    .in_binaries(),
    Detector::token("openai-key", &["T3BlbkFJ"], &[Text("sk-"), Run(WORD, 40, 200)], 35)
        .before(WORD, 128)
        .proof(Proof::Holds("T3BlbkFJ"))
        .in_binaries(),
    Detector::token("anthropic-key", &["sk-ant-"], &[Text("sk-ant-"), Run(WORD, 95, 130)], 35).in_binaries(),
    Detector::token("huggingface-token", &["hf_"], &[Text("hf_"), exactly(Class::ALPHA, 34)], 35),
    Detector::token(
        "digitalocean-token",
        &["_v1_"],
        &[Text("do"), exactly(WORD, 5), exactly(Class::LOWER_HEX, 64)],
        30,
    )
    .before(Class::of(b"a-z"), 3)
    .in_binaries(),
    Detector::token("doppler-token", &["dp.pt."], &[Text("dp.pt."), Run(ALNUM, 40, 44)], 30),
    Detector::token("databricks-token", &["dapi"], &[Text("dapi"), exactly(Class::LOWER_HEX, 32)], 30)
        .edge(Class::of(b"0-9A-Za-z_")),
    Detector::token("pulumi-token", &["pul-"], &[Text("pul-"), exactly(Class::LOWER_HEX, 40)], 30),
    Detector::token("rubygems-token", &["rubygems_"], &[Text("rubygems_"), exactly(Class::LOWER_HEX, 48)], 30),
    Detector::token("linear-token", &["lin_api_"], &[Text("lin_api_"), exactly(ALNUM, 40)], 30),
    Detector::token(
        "postman-token",
        &["PMAK-"],
        &[Text("PMAK-"), exactly(Class::LOWER_HEX, 24), Text("-"), exactly(Class::LOWER_HEX, 34)],
        30,
    ),
    Detector::token(
        "shopify-token",
        &["shp"],
        &[Text("shp"), exactly(Class::of(b"acpst"), 2), Text("_"), exactly(Class::HEX, 32)],
        30,
    ),
    Detector::token("sendgrid-key", &["SG."], &[Text("SG."), exactly(WORD, 22), Text("."), exactly(WORD, 43)], 35),
    Detector::token(
        "twilio-key",
        &["wilio", "WILIO"],
        &[Run(Class::of(b"0-9A-Za-z_.-"), 5, 48), Run(BETWEEN, 1, 8), From, Text("SK"), exactly(Class::LOWER_HEX, 32)],
        30,
    )
    .edge(Class::NONE),
    Detector::token(
        "grafana-token",
        &["glsa_"],
        &[Text("glsa_"), exactly(ALNUM, 32), Text("_"), exactly(Class::HEX, 8)],
        30,
    )
    .proof(Proof::Hex("glsa_".len()))
    .in_binaries(),
    Detector::token("grafana-cloud-token", &["glc_eyJ"], &[Text("glc_"), Run(PADDED, 32, 400)], 30)
        .proof(Proof::Json("glc_".len())),
    Detector::token("vault-token", &["hvs.", "hvb."], &[exactly(Class::of(b"a-z."), 4), Run(WORD, 24, 300)], 35),
    Detector::token("age-key", &["AGE-SECRET-KEY-1"], &[Text("AGE-SECRET-KEY-1"), exactly(BECH32, 58)], 30)
        .proof(Proof::Bech32)
        .of_rule(Rule::PrivateKey)
        .in_binaries(),
    Detector::token("telegram-token", &[":AA"], &[Run(Class::DIGIT, 8, 10), Text(":AA"), exactly(WORD, 33)], 40)
        .before(Class::DIGIT, 10)
        .weighing(Severity::High),
    Detector::token(
        "sentry-token",
        &["sntrys_eyJ"],
        &[Text("sntrys_"), Run(PADDED, 40, 400), Text("_"), Run(PADDED, 40, 50)],
        30,
    )
    .proof(Proof::Json("sntrys_".len())),
    Detector::token("sentry-user-token", &["sntryu_"], &[Text("sntryu_"), exactly(Class::LOWER_HEX, 64)], 30),
    Detector::token(
        "azure-storage-key",
        &["AccountKey="],
        &[Text("AccountKey="), From, exactly(Class::BASE64, 86), Text("==")],
        40,
    ),
    Detector::token(
        "azure-client-secret",
        &["7Q~", "8Q~"],
        &[exactly(AZURE, 3), exactly(Class::DIGIT, 1), Text("Q~"), Run(AZURE, 31, 34)],
        35,
    )
    .before(AZURE, 3)
    .edge(AZURE),
    Detector::token("jfrog-token", &["AKCp"], &[Text("AKCp"), exactly(ALNUM, 69)], 45).edge(PADDED),
    Detector::token("jfrog-token", &["cmVmdGtu"], &[Text("cmVmdGtu"), exactly(ALNUM, 56)], 40).edge(PADDED),
    Detector::token("1password-token", &["ops_eyJ"], &[Text("ops_"), Run(PADDED, 250, 2000)], 40)
        .proof(Proof::Json("ops_".len())),
    Detector::token("heroku-token", &["HRKU-AA"], &[Text("HRKU-AA"), Run(WORD, 56, 60)], 40),
    Detector::token("atlassian-token", &["ATATT3"], &[Text("ATATT3"), Run(Class::of(b"0-9A-Za-z_=-"), 150, 250)], 40),
    Detector::parsed("private-key", Rule::PrivateKey, &[keys::BEGIN], Find::Pem).edge(Class::NONE).in_binaries(),
    Detector::parsed("putty-key", Rule::PrivateKey, &[keys::PUTTY], Find::Putty).edge(Class::NONE).in_binaries(),
    Detector::parsed("jwt", Rule::ProviderToken, &[web::OBJECT], Find::Web)
        .edge(Class::of(b"0-9A-Za-z_.=+/-"))
        .in_binaries(),
    Detector::parsed("url-password", Rule::CredentialFile, &[url::MARK], Find::Url).edge(Class::NONE).in_binaries(),
    Detector::parsed("linker-flag", Rule::CredentialFile, &[linker::FLAGS], Find::Linker)
        .edge(Class::NONE)
        .in_binaries(),
];

#[cfg(test)]
mod tests {
    use super::{super::shape, *};

    #[test]
    fn the_keywords_are_few_long_enough_and_none_begins_another() {
        let keywords: Vec<&str> = DETECTORS.iter().flat_map(|detector| detector.keywords).copied().collect();
        assert!(keywords.len() <= 64, "{}", keywords.len());
        for (at, keyword) in keywords.iter().enumerate() {
            assert!(keyword.len() >= 3, "{keyword}");
            for (other_at, other) in keywords.iter().enumerate() {
                assert!(at == other_at || !other.starts_with(keyword), "{keyword} begins {other}");
            }
        }
    }

    #[test]
    fn every_shape_fits_into_the_window() {
        for detector in DETECTORS {
            if let Find::Shape { before, shape, .. } = detector.find {
                assert!(shape::longest(shape) + 300 < crate::report::Limits::SECRET_AHEAD, "{}", detector.name);
                assert!(
                    before.is_none_or(|(_, most)| most < crate::report::Limits::SECRET_BEHIND),
                    "{}",
                    detector.name
                );
            }
        }
    }
}
