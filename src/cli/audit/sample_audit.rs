//! Test audits with typical findings, for the snapshots of every report format.

use serde_json::json;

use crate::{
    audit::{
        Accepted, Audit, Finding, FindingPlace, ImageAudit, LayerFacts, LayerRef, NotApplicable, PolicySummary,
        Presence, SeverityOverride, SizedPath, Unknown, Unread, Waived,
    },
    commands::audit::{AuditFleet, FleetImage, OtherFile},
    image::Skip,
    oci::{DiffId, Digest},
    policy::DatedWaiver,
    report::{ErrorName, Failure, Rule, Severity},
};

/// A layer of the sample: of its index everything follows.
pub(super) fn layer(index: usize) -> LayerRef {
    let words = ["ADD file:1f2e in /", "RUN apt-get update && apt-get install -y curl", "COPY . /app # buildkit"];
    let digest = |what: &str| Digest::of(format!("{what} {index}").as_bytes());
    LayerRef {
        index,
        digest: digest("layer"),
        diff_id: DiffId::new(digest("tar")),
        created_by: words.get(index).map(|words| (*words).to_owned()),
    }
}

/// A file in a layer.
pub(super) fn file(path: &str, at: usize, mode: u32, presence: Presence) -> FindingPlace {
    FindingPlace {
        layer: Some(layer(at)),
        path: Some(path.to_owned()),
        mode: Some(mode),
        uid: Some(0),
        gid: Some(0),
        presence,
        ..FindingPlace::default()
    }
}

/// A finding of the rule's own severity.
pub(super) fn finding(rule: Rule, place: FindingPlace, message: &str) -> Finding {
    let about = format!("{rule} {:?} {:?}", place.path, place.key);
    let fingerprint = Digest::of(about.as_bytes()).hex().chars().take(32).collect();
    Finding { fingerprint, ..Finding::new(rule, rule.facts().severity, place, message) }
}

fn layer_facts(index: usize, size: u64, entries: u64, largest: &[(&str, u64)]) -> LayerFacts {
    let LayerRef { digest, diff_id, created_by, .. } = layer(index);
    let largest = largest.iter().map(|(path, size)| SizedPath { path: (*path).to_owned(), size: *size }).collect();
    let media_type = "application/vnd.oci.image.layer.v1.tar+gzip".to_owned();
    LayerFacts { digest, diff_id, media_type, size, unpacked_size: size * 5 / 2, created_by, entries, largest }
}

fn layers() -> Vec<LayerFacts> {
    vec![
        layer_facts(
            0,
            31_400_000,
            6_212,
            &[
                ("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", 4_800_000),
                ("/usr/lib/x86_64-linux-gnu/libc.so.6", 1_900_000),
                ("/usr/bin/perl", 3_800_000),
                ("/usr/bin/bash", 1_265_000),
                ("/usr/lib/locale/C.utf8/LC_CTYPE", 360_000),
                ("/bin/mount", 59_000),
            ],
        ),
        layer_facts(
            1,
            18_200_000,
            1_480,
            &[
                ("/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_Packages.lz4", 17_300_000),
                ("/usr/lib/x86_64-linux-gnu/libcurl.so.4.8.0", 780_000),
                ("/usr/bin/curl", 260_000),
            ],
        ),
        layer_facts(
            2,
            9_600_000,
            318,
            &[
                ("/app/server", 14_200_000),
                ("/app/static/bundle.js", 2_400_000),
                ("/app/static/hero.png", 1_700_000),
                ("/app/id_rsa", 2_602),
            ],
        ),
        layer_facts(3, 204, 1, &[]),
    ]
}

fn findings() -> Vec<Finding> {
    let key_place =
        FindingPlace { line: Some(7), offset: Some(180), ..file("/app/id_rsa", 2, 0o600, Presence::RemovedIn(3)) };
    let code = Finding {
        folded: true,
        left_off: 298,
        also: ["/srv/a", "/srv/b"].map(|path| file(path, 2, 0o755, Presence::Final)).into(),
        ..finding(
            Rule::ReplaceableCode,
            file("/srv", 2, 0o755, Presence::Final),
            "the run user can replace 300 programs or settings in 300 folders, all in `/srv`",
        )
    };
    let key = Finding {
        evidence: Some("RSA private key, 4096 bits, sha256:9f86d081".to_owned()),
        detector: Some("private-key".to_owned()),
        also: vec![file("/app/backup/id_rsa", 2, 0o600, Presence::Final)],
        ..finding(Rule::PrivateKey, key_place, "holds an RSA private key")
    };
    let env = Finding {
        evidence: Some("post…8a (sha256:2c26b46b)".to_owned()),
        ..finding(Rule::SecretInEnv, FindingPlace::key("config.Env[DATABASE_URL]"), "the URL has a password")
    };
    vec![
        key,
        finding(Rule::RootUser, FindingPlace::key("config.User"), "no user is set, so the image runs as root"),
        Finding {
            place: FindingPlace {
                path: Some("/bin/bash".to_owned()),
                real_path: Some("/usr/bin/bash".to_owned()),
                ..file("/usr/bin/bash", 0, 0o755, Presence::Final)
            },
            ..finding(Rule::Shell, file("/usr/bin/bash", 0, 0o755, Presence::Final), "is a shell")
        },
        finding(Rule::Shell, file("/usr/bin/dash", 0, 0o755, Presence::Final), "is a shell"),
        finding(Rule::PackageManager, file("/usr/bin/apt-get", 0, 0o755, Presence::Final), "is a package manager"),
        finding(Rule::Setuid, file("/bin/mount", 0, 0o4755, Presence::Final), "is setuid, owned by root"),
        env,
        code,
        finding(Rule::DownloadTool, file("/usr/bin/curl", 1, 0o755, Presence::Final), "fetches from the network"),
        finding(
            Rule::Leftovers,
            file("/var/lib/apt/lists", 1, 0o755, Presence::Final),
            "holds the lists of a package manager, 17.3 MB",
        ),
        finding(
            Rule::MissingMetadata,
            FindingPlace::key("config.Labels"),
            "no title, version, revision, source or licenses",
        ),
    ]
}

/// An image as many are.
pub(super) fn audit() -> Audit {
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-03-01T09:12:44.123456789Z",
        "config": {
            "Entrypoint": ["/app/server"],
            "Cmd": ["--listen", "0.0.0.0:8080"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "DATABASE_URL=post…8a", "RUST_LOG=info"],
            "ExposedPorts": { "443/tcp": {} },
            "Labels": { "maintainer": "team@example.com" },
            "WorkingDir": "/app"
        },
        "rootfs": { "type": "layers", "diff_ids": [] }
    });
    let mut findings = findings();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let unreadable = FindingPlace { layer: Some(layer(3)), ..FindingPlace::default() };
    let image = ImageAudit {
        platform: "linux/amd64".to_owned(),
        digest: Digest::of(b"manifest"),
        config_digest: Digest::of(b"config"),
        created: Some("2026-03-01T09:12:44.123456789Z".to_owned()),
        config,
        layers: layers(),
        findings,
        waived: vec![Waived {
            finding: finding(
                Rule::PrivilegedPort,
                FindingPlace::key("config.ExposedPorts[443/tcp]"),
                "443 is below 1024",
            ),
            reason: "speaks to a legacy balancer on 443".to_owned(),
            until: "2027-06-30".to_owned(),
        }],
        baseline: vec![Accepted {
            finding: finding(Rule::Setuid, file("/bin/su", 0, 0o4755, Presence::Final), "is setuid, owned by root"),
            since: "2026-11-30".to_owned(),
        }],
        unknown: vec![Unknown {
            rules: vec![Rule::DynamicBinary, Rule::MissingLibrary],
            place: unreadable,
            reason: "the layer is encrypted".to_owned(),
        }],
        unread: vec![Unread {
            place: FindingPlace {
                layer: Some(layer(2)),
                path: Some("/app/server.jar".to_owned()),
                member: Some("BOOT-INF/lib/secrets.jar!/keys.7z".to_owned()),
                ..FindingPlace::default()
            },
            reason: "a 7z archive, which the audit cannot read".to_owned(),
        }],
        unread_count: 3,
        checked: Rule::ALL
            .into_iter()
            .filter(|rule| !matches!(rule, Rule::DynamicBinary | Rule::MissingLibrary | Rule::GzipMetadata))
            .collect(),
        not_applicable: vec![NotApplicable { rule: Rule::GzipMetadata, why: "no layer is stored as gzip".to_owned() }],
    };
    Audit {
        image: "registry.example.com/shop/server:1.4".to_owned(),
        reference: None,
        digest: Digest::of(b"index"),
        media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
        policy: PolicySummary {
            profile: "default".to_owned(),
            fail_on: Severity::High,
            overrides: vec![SeverityOverride { rule: Rule::Healthcheck, severity: None }],
        },
        images: vec![image],
        findings: vec![finding(
            Rule::MutableReference,
            FindingPlace::default(),
            "the tag `1.4` may name another image tomorrow",
        )],
        waived: Vec::new(),
        baseline: Vec::new(),
        unknown: Vec::new(),
        skipped: vec![Skip { digest: Digest::of(b"attestation"), reason: "an attestation".to_owned() }],
    }
}

/// An image in which nothing was found.
pub(super) fn clean() -> Audit {
    let mut audit = audit();
    "out/hello".clone_into(&mut audit.image);
    audit.reference = Some("hello".to_owned());
    audit.policy.overrides.clear();
    audit.findings.clear();
    audit.skipped.clear();
    for image in &mut audit.images {
        image.findings.clear();
        image.waived.clear();
        image.baseline.clear();
        image.unknown.clear();
        image.unread.clear();
        image.unread_count = 0;
        image.layers.truncate(1);
        image.config = json!({ "config": { "User": "65532:65532", "Entrypoint": ["/usr/bin/hello"] } });
    }
    audit
}

/// Three images, one of which could not be opened, and a file beside them.
pub(super) fn fleet() -> AuditFleet {
    let failure = Failure::error(ErrorName::ImageInvalid, "the archive ends too early").in_path("out/torn.tar");
    let image = |image: &str, result| FleetImage { image: image.to_owned(), result };
    AuditFleet {
        images: vec![
            image("registry.example.com/shop/server:1.4", Ok(vec![audit()])),
            image("out/hello", Ok(vec![clean()])),
            image("out/torn.tar", Err(failure)),
        ],
        others: vec![OtherFile { path: "out/README".to_owned(), reason: "is not an archive of an image".to_owned() }],
    }
}

/// A waiver that ends soon.
pub(super) fn ending() -> Vec<DatedWaiver> {
    vec![DatedWaiver {
        rule: Rule::PrivilegedPort,
        path: Some("config.ExposedPorts*".to_owned()),
        fingerprint: None,
        reason: "speaks to a legacy balancer on 443".to_owned(),
        until: "2026-05-20".to_owned(),
        days_left: 11,
        ended: false,
        file: "policy.toml".to_owned(),
        line: 4,
    }]
}
