//! Cases of the configuration, the manifest and the policy: USR, NET, CFG, POL, and secrets in texts.

use super::{
    super::super::{Audit, AuditQuery, FindingPlace, audit},
    *,
};

fn user(text: &str) -> Audit {
    config("User", json!(text))
}

fn entrypoint(words: &[&str]) -> Audit {
    config("Entrypoint", json!(words))
}

fn history(command: &str) -> Audit {
    clean().history(command).audit()
}

fn by(change: impl FnOnce(&mut Policy)) -> Audit {
    let mut policy = Policy::profile("hardened").unwrap();
    change(&mut policy);
    let base = "org.opencontainers.image.base.";
    let sample = clean().config(
        "Labels",
        json!({ format!("{base}name"): "ghcr.io/acme/base:1", format!("{base}digest"): format!("sha256:{}", "0".repeat(64)) }),
    );
    sample.audit_by(&policy)
}

fn called(name: &str) -> Audit {
    let mut set = clean().set();
    set.reference = Some(name.to_owned());
    let policy = Policy::profile("default").unwrap();
    audit(&set, &AuditQuery { image: "sample", policy: &policy, today: (2026, 5, 9) })
}

fn waiver(until: (u16, u8, u8), user: &str) -> Audit {
    let mut policy = Policy::profile("default").unwrap();
    let source = Arc::new(SourceText { path: "policy.toml".to_owned(), text: String::new() });
    let origin = Origin::new(&source, 0..0);
    let path = Some(PathGlob::parse("/**").unwrap());
    policy.waivers.push(Waiver {
        rule: Rule::Leftovers,
        path,
        fingerprint: None,
        reason: "known".to_owned(),
        until,
        origin,
    });
    let note = vec![SampleFile::folder("srv"), SampleFile::text(&format!("srv/{user}"), "x")];
    clean().layer(note).audit_by(&policy)
}

fn listed(architecture: &str) -> Audit {
    let mut set = clean().set();
    set.images[0].platform = serde_json::from_value(json!({ "os": "linux", "architecture": architecture })).ok();
    let policy = Policy::profile("default").unwrap();
    audit(&set, &AuditQuery { image: "sample", policy: &policy, today: (2026, 5, 9) })
}

fn token() -> String {
    format!("gl{}-{}", "pat", "a8Kd02mZqLx7TnVw3YpR")
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = users();
    all.extend(network());
    all.extend(settings());
    all.extend(secrets());
    all.extend(names());
    all
}

fn users() -> Vec<Case> {
    vec![
        case(Rule::RootUser, || user(""), || user("65532:65532")),
        case(Rule::RootUser, || user("00"), || user("1:1")),
        case(Rule::RootUser, || user("0:65532"), || user("65532:1")),
        overlapping(Rule::RootUser, &[Rule::NamedUser], || user("root:root"), || user("100:100")),
        overlapping(Rule::RootUser, &[Rule::MalformedUser], || user("+0"), || user("2147483647:1")),
        case(Rule::NamedUser, || user("app"), || user("65532")),
        case(Rule::NamedUser, || user("app:app"), || user("65532:app")),
        case(Rule::MalformedUser, || user("4294967296"), || user("2147483647:2147483647")),
        case(Rule::MalformedUser, || user("2147483648:5"), || user("0000065532:5")),
        case(Rule::MalformedUser, || user("-1"), || user("1:1")),
        overlapping(Rule::MalformedUser, &[Rule::RootUser], || user(" 0"), || user("10:10")),
        case(Rule::RootGroup, || user("1000:0"), || user("1000:1000")),
        case(Rule::RootGroup, || user("1000"), || user("65532")),
        case(Rule::RootGroup, || user("1000:root"), || user("1000:app")),
        overlapping(Rule::UnknownUser, &[Rule::NamedUser], || user("ghost"), || user("65532")),
        case(Rule::UnknownUser, || user("1000:ghosts"), || user("1000:app")),
    ]
}

fn network() -> Vec<Case> {
    fn port(port: &str) -> Audit {
        clean().port(port).audit()
    }
    fn volume(path: &str) -> Audit {
        clean().volume(path).audit()
    }
    vec![
        case(Rule::AdminPort, || port("2375/tcp"), || port("2374/tcp")),
        overlapping(Rule::AdminPort, &[Rule::PrivilegedPort], || port("22/tcp"), || port("2222/tcp")),
        case(Rule::PrivilegedPort, || port("443/tcp"), || port("1024/tcp")),
        case(Rule::InvalidPort, || port("65536/tcp"), || port("65535/tcp")),
        case(Rule::InvalidPort, || port("8080/icmp"), || port("8080/udp")),
        case(Rule::SensitiveVolume, || volume("/etc"), || volume("/etcetera")),
        case(Rule::SensitiveVolume, || volume("/var/run/docker.sock"), || volume("/var/run/server")),
        case(Rule::DebugDoor, || port("9229/tcp"), || port("9230/tcp")),
        case(
            Rule::DebugDoor,
            || clean().env(&["NODE_OPTIONS=--inspect"]).audit(),
            || clean().env(&["NODE_OPTIONS=--trace-warnings"]).audit(),
        ),
    ]
}

fn settings() -> Vec<Case> {
    fn label(key: &str) -> Audit {
        config("Labels", json!({ key: "x" }))
    }
    fn check(words: &[&str]) -> Audit {
        config("Healthcheck", json!({ "Test": words }))
    }
    fn created(text: &str) -> Audit {
        clean().document("created", json!(text)).audit()
    }
    vec![
        case(Rule::AddFromUrl, || history("ADD https://example.com/x /x # buildkit"), || history("ADD file:00 in / ")),
        case(Rule::PipeToShell, || history("RUN curl -s https://x | sh"), || history("RUN curl -s https://x | tar x")),
        case(
            Rule::UncheckedTls,
            || history("RUN curl -fsSLk https://x -o /x"),
            || history("RUN curl -fsSL https://x -o /x -o k"),
        ),
        case(
            Rule::UncheckedTls,
            || clean().env(&["NODE_TLS_REJECT_UNAUTHORIZED=0"]).audit(),
            || clean().env(&["NODE_TLS_REJECT_UNAUTHORIZED=1"]).audit(),
        ),
        case(
            Rule::UnverifiedPackages,
            || history("RUN apk add --allow-untrusted x.apk"),
            || history("RUN apk add --allow-untrusted=no x.apk"),
        ),
        case(Rule::SystemUpgrade, || history("RUN apt-get -y upgrade"), || history("RUN apt-get -y install upgrade")),
        case(Rule::OpenChmod, || history("RUN chmod -R 777 /x"), || history("RUN chmod -R 775 /x")),
        case(Rule::DuplicateVariable, || clean().env(&["A=1", "A=2"]).audit(), || clean().env(&["A=1", "a=2"]).audit()),
        case(Rule::StopSignal, || config("StopSignal", json!("SIGKILL")), || config("StopSignal", json!("SIGQUIT"))),
        case(Rule::Healthcheck, || check(&["CMD-SHELL", "x"]), || check(&["CMD", "server", "--check"])),
        case(Rule::WorkingDirectory, || config("WorkingDir", json!("/none")), || config("WorkingDir", json!("/usr"))),
        case(Rule::WorkingDirectory, || config("WorkingDir", json!("usr")), || config("WorkingDir", json!("/"))),
        case(Rule::RuntimeLabels, || label("io.kubernetes.cri.x"), || label("io.k8s.description")),
        case(Rule::OnbuildTriggers, || config("OnBuild", json!(["RUN x"])), || config("OnBuild", json!([]))),
        overlapping(
            Rule::ShellForm,
            &[Rule::EntrypointMissing],
            || entrypoint(&["/bin/sh", "-c", "server"]),
            || entrypoint(&["/usr/bin/server", "-c", "x"]),
        ),
        case(Rule::EntrypointMissing, || entrypoint(&["/usr/bin/none"]), || entrypoint(&["/usr/bin/../bin/server"])),
        case(Rule::EntrypointMissing, || entrypoint(&["none"]), || entrypoint(&["server"])),
        case(
            Rule::EntrypointMissing,
            || entrypoint(&[]),
            || clean().entrypoint(&[]).config("Cmd", json!(["server"])).audit(),
        ),
        case(Rule::WrongArchitecture, || listed("arm64"), || listed("amd64")),
        case(Rule::VaryingCreated, || created("2024-01-01T00:00:00.123Z"), || created("2024-01-01T00:00:00Z")),
        case(
            Rule::LoaderHijack,
            || clean().env(&["LD_PRELOAD=/x.so"]).audit(),
            || clean().env(&["PRELOAD=/x.so"]).audit(),
        ),
        case(
            Rule::LoaderHijack,
            || clean().env(&["PYTHONPATH=/usr/lib:/tmp/lib"]).audit(),
            || clean().env(&["PYTHONPATH=/usr/lib"]).audit(),
        ),
        case(
            Rule::LoaderHijack,
            || clean().env(&["PATH=/usr/bin::"]).audit(),
            || clean().env(&["PATH=/usr/bin"]).audit(),
        ),
        case(
            Rule::LoaderHijack,
            || clean().env(&["PATH=/tmp:/usr/bin"]).audit(),
            || clean().env(&["PATH=/no:/usr/bin"]).audit(),
        ),
    ]
}

fn secrets() -> Vec<Case> {
    vec![
        case(
            Rule::SecretInEnv,
            || clean().env(&[&format!("X={}", token())]).audit(),
            || clean().env(&["KEYBOARD=us-international", "DB_PASSWORD_FILE=/run/secrets/db"]).audit(),
        ),
        case(
            Rule::SecretInLabel,
            || config("Labels", json!({ "x": token() })),
            || config("Labels", json!({ "x": "y" })),
        ),
        case(
            Rule::SecretInHistory,
            || history(&format!("RUN fetch --token {}", token())),
            || history("RUN fetch --token $T"),
        ),
        case(
            Rule::SecretInArguments,
            || config("Cmd", json!(["--token", token()])),
            || config("Cmd", json!(["--token", "$T"])),
        ),
    ]
}

fn names() -> Vec<Case> {
    fn titled(title: &str) -> Audit {
        let key = |name: &str| format!("org.opencontainers.image.{name}");
        let annotations = json!({
            key("title"): title, key("version"): "1", key("revision"): "0", key("source"): "https://x.example",
            key("licenses"): "MIT", key("created"): "1970-01-01T00:00:00Z",
        });
        clean().manifest("annotations", annotations).audit()
    }
    fn based(digest: &str) -> Audit {
        let key = |name: &str| format!("org.opencontainers.image.base.{name}");
        config("Labels", json!({ key("name"): "alpine:3", key("digest"): digest }))
    }
    vec![
        case(Rule::MissingMetadata, || titled(" "), || titled("server")),
        case(Rule::UnpinnedBase, || based("none"), || based(&format!("sha256:{}", "1".repeat(64)))),
        case(
            Rule::BaseNotAllowed,
            || by(|policy| policy.registries = vec![vec!["ghcr.io/acm".to_owned()]]),
            || by(|policy| policy.registries = vec![vec!["ghcr.io/acme".to_owned()]]),
        ),
        case(
            Rule::SizeBudget,
            || by(|policy| policy.max_size = Some(1)),
            || by(|policy| policy.max_size = Some(1 << 30)),
        ),
        case(Rule::MutableReference, || called("ghcr.io/acme/x:latest"), || called("ghcr.io/acme/x:latest-1")),
        overlapping(
            Rule::ExpiredWaiver,
            &[Rule::Leftovers],
            || waiver((2026, 5, 8), "Dockerfile"),
            || waiver((2026, 5, 9), "Dockerfile"),
        ),
        case(Rule::UnusedWaiver, || waiver((2026, 5, 9), "x"), || waiver((2027, 1, 1), "Dockerfile")),
    ]
}

#[test]
fn what_a_waiver_excepts_is_told_with_its_reason() {
    let audit = waiver((2026, 5, 9), "Dockerfile");
    let waived = &audit.images[0].waived;
    assert_eq!(waived.len(), 1);
    assert_eq!((waived[0].finding.rule, waived[0].reason.as_str()), (Rule::Leftovers, "known"));
    assert_ne!(waived[0].finding.place, FindingPlace::default());
}
