//! The images of the two articles that hardpan began with, as the usual Dockerfile leaves them, and their hardened twins.
//!
//! "Dockerfile security tuneup" has a Rails application on `ruby:2.3-alpine`; "Building container images using Dockerfile
//! best practices" a Python one on `python:3.9.1-alpine`. Both are reproduced layer by layer: what matters of a base is
//! the names, modes, owners and the first bytes of its files.

use serde_json::{Value, json};

use super::{audit, hardened_program, rules, table};
use crate::support::{
    case::Case,
    elf::{Elf, Machine},
    foreign::{Foreign, Tar},
};

/// The commands that busybox has on Alpine, a few of them.
const APPLETS: [&str; 8] =
    ["bin/ash", "bin/cat", "bin/ls", "bin/mount", "bin/sh", "bin/su", "usr/bin/nc", "usr/bin/wget"];

/// A dynamic program as Alpine's compiler makes one.
fn musl(line: &str) -> Vec<u8> {
    let program = Elf::executable(Machine::Amd64).interpreter(LOADER).needs("libc.musl-x86_64.so.1");
    program.line(line).bytes()
}

const LOADER: &str = "/lib/ld-musl-x86_64.so.1";

/// What `FROM alpine` brings.
fn alpine() -> Tar {
    // Busybox says what it is in its usage.
    let busybox = musl("BusyBox v1.32.1 () multi-call binary.\n");
    let libc = Elf::shared_object(Machine::Amd64, "libc.musl-x86_64.so.1").bytes();
    let mut tar = Tar::new();
    for folder in
        ["bin", "etc", "etc/apk", "lib", "lib/apk", "lib/apk/db", "sbin", "usr", "usr/bin", "var", "var/cache"]
    {
        tar = tar.folder(folder);
    }
    tar = tar
        .file("bin/busybox", 0o755, busybox)
        .file("lib/ld-musl-x86_64.so.1", 0o755, libc)
        .symlink("lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1")
        .file("sbin/apk", 0o755, musl("apk-tools 2.12.1\n"))
        .file("lib/apk/db/installed", 0o644, "P:busybox\nV:1.32.1-r3\n\n")
        .file("etc/apk/repositories", 0o644, "https://dl-cdn.alpinelinux.org/alpine/v3.13/main\n")
        .file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/ash\n")
        .file("etc/group", 0o644, "root:x:0:root\n")
        .file("etc/shadow", 0o640, "root:!::0:::::\n");
    APPLETS.iter().fold(tar, |tar, applet| tar.symlink(applet, "/bin/busybox"))
}

/// A private key as `ssh-keygen -m PEM` writes one: made by the test, so that the repository holds none.
fn key() -> String {
    rcgen::KeyPair::generate().expect("a key").serialize_pem()
}

/// A password as people choose them, in pieces, so that the repository holds nothing that looks like one.
fn password() -> String {
    format!("{}-{}", "correct9horse", "Battery7staple")
}

/// A service's token, in pieces.
fn token() -> String {
    format!("gl{}-{}", "pat", "a8Kd02mZqLx7TnVw3YpR")
}

/// Article 1: the application and the gems with all that built them, run by nobody in particular, which is root.
pub fn rails() -> Foreign {
    let gems = Tar::new()
        .folder("var/cache/apk")
        .file("var/cache/apk/APKINDEX.00740ba1.tar.gz", 0o644, "index")
        .file("usr/bin/gcc", 0o755, musl("gcc\n"))
        .file("usr/bin/make", 0o755, musl("make\n"))
        .file("usr/include/libxml2/libxml/parser.h", 0o644, "int xmlParse(void);\n")
        .file("usr/include/libxslt/xslt.h", 0o644, "int xsltInit(void);\n")
        .file("usr/lib/libxml2.a", 0o644, "!<arch>\n");
    let application = Tar::new()
        .folder("app")
        .file("app/Gemfile", 0o644, "gem 'rails'\n")
        .file("app/config.ru", 0o644, "run App\n")
        .file("app/Dockerfile", 0o644, "FROM ruby:2.3-alpine\n")
        .file("app/.git/config", 0o644, "[core]\n")
        .file("app/.git/objects/00/a", 0o444, "x")
        .file("app/config/database.yml", 0o644, format!("production:\n  password: {}\n", password()))
        .file("app/bin/start.sh", 0o755, "#!/bin/sh\nexec bundle exec rails server\n");
    Foreign::new("rails:latest")
        .layer("/bin/sh -c #(nop) ADD file:67a0a3ca05b1e6e3 in / ", alpine())
        .layer(
            "/bin/sh -c apk add --no-cache ruby",
            Tar::new()
                .file("usr/local/bin/ruby", 0o755, musl("ruby 2.3\n"))
                .file("usr/local/bin/gem", 0o755, "#!/usr/local/bin/ruby\n")
                .file("usr/local/bin/bundle", 0o755, "#!/usr/local/bin/ruby\n"),
        )
        .layer(
            "/bin/sh -c #(nop) ADD multi:8cd2c3 in /tmp/ ",
            Tar::new().file("tmp/Gemfile", 0o644, "gem 'rails'\n").file("tmp/Gemfile.lock", 0o644, "GEM\n"),
        )
        .layer("/bin/sh -c apk update && apk add $BUILD_PACKAGES && bundle install --jobs 20 --retry 5", gems)
        .layer(
            "/bin/sh -c #(nop) ADD https://example.com/wait-for-it.sh in /usr/local/bin/ ",
            Tar::new().file("usr/local/bin/wait-for-it", 0o755, "#!/bin/sh\n"),
        )
        .layer("/bin/sh -c #(nop) COPY dir:51b3 in /app ", application)
        .set("Env", json!(["PATH=/usr/local/bin:/usr/bin:/bin", format!("SECRET_KEY_BASE={}", password())]))
        .set("WorkingDir", json!("/app"))
        .set("Entrypoint", json!(["/app/bin/start.sh"]))
}

/// Article 2: `RUN chown -R user:user /app && chmod -R 755 /app`, `USER user`, a key to fetch the sources, one stage.
pub fn python() -> Foreign {
    let user = (100, 101);
    let copied = || {
        Tar::new()
            .file("app/api.py", 0o644, "print('api')\n")
            .file("app/requirements.txt", 0o644, "flask\n")
            .file("app/Dockerfile", 0o644, "FROM python:3.9.1-alpine\n")
            .file("app/backup.env", 0o644, format!("DEPLOY_TOKEN={}\n", token()))
    };
    let owned = Tar::new()
        .owned_folder("app", 0o755, user)
        .owned("app/api.py", 0o755, user, "print('api')\n")
        .owned("app/requirements.txt", 0o755, user, "flask\n")
        .owned("app/Dockerfile", 0o755, user, "FROM python:3.9.1-alpine\n")
        .file("app/.wh.backup.env", 0o644, "");
    let tools = Tar::new()
        .file("usr/sbin/sshd", 0o755, musl("sshd\n"))
        .file("usr/bin/gcc", 0o755, musl("gcc\n"))
        .file("usr/include/Python.h", 0o644, "int x;\n")
        .file("root/.cache/pip/http/0", 0o600, "cached");
    Foreign::new("lowpriv:latest")
        .layer("/bin/sh -c #(nop) ADD file:ec475c2abb2d46435 in / ", alpine())
        .layer(
            "/bin/sh -c set -eux; wget -O get-pip.py https://example.com/get-pip.py; python get-pip.py",
            Tar::new()
                .file("usr/local/bin/python3.9", 0o755, musl("Python 3.9.1\n"))
                .symlink("usr/local/bin/python3", "python3.9")
                .file("usr/local/bin/pip3", 0o755, "#!/usr/local/bin/python3\n"),
        )
        .layer(
            "COPY id_rsa /root/.ssh/id_rsa # buildkit",
            Tar::new().file("root/.ssh/id_rsa", 0o600, key()).file("root/.ssh/known_hosts", 0o644, "example.com x\n"),
        )
        .layer("RUN /bin/sh -c apk add openssh gcc && pip3 install -r requirements.txt # buildkit", tools)
        .layer("COPY . /app # buildkit", copied())
        .layer(
            "RUN /bin/sh -c addgroup -S user && adduser -S user -G user # buildkit",
            Tar::new()
                .file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/ash\nuser:x:100:101::/home/user:/sbin/nologin\n")
                .file("etc/group", 0o644, "root:x:0:root\nuser:x:101:\n"),
        )
        .layer("RUN /bin/sh -c chown -R user:user /app && chmod -R 755 /app # buildkit", owned)
        .command("EXPOSE map[22/tcp:{} 8080/tcp:{}]")
        .command(&format!("RUN /bin/sh -c curl -u deploy:{} https://example.com/hook # buildkit", password()))
        .set("User", json!("user"))
        .set("Env", json!(["PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin", format!("DB_PASSWORD={}", password())]))
        .set("ExposedPorts", json!({ "22/tcp": {}, "8080/tcp": {} }))
        .set("WorkingDir", json!("/app"))
        .set("Entrypoint", json!(["python3"]))
        .set("Cmd", json!(["api.py"]))
}

/// The report on an image, which must fail and must not print what it found.
#[track_caller]
fn failed(image: &Foreign) -> Value {
    let case = image.layout(Case::new(), "image");
    let (code, report) = audit(&case, "image", &[]);
    assert_eq!(code, 1, "{report:#}");
    for secret in [password(), token()] {
        assert!(!report.to_string().contains(&secret), "a secret is printed");
    }
    report
}

#[test]
fn rails_image() {
    let report = failed(&rails());
    insta::assert_snapshot!("rails", table(&report));
    for (rule, said) in [
        ("root-user", "By default docker containers run as root which causes a breakout risk"),
        ("compiler", "So we now remove all our build dependencies"),
        ("leftovers", "At the end, remove build packages and apk cache"),
        ("package-manager", "Alpine Linux ... smaller size and reduced attack surface"),
        ("mutable-reference", "rebuild your image if the underlying base image receives a security update"),
    ] {
        assert!(rules(&report).iter().any(|found| found == rule), "{rule}: {said}");
    }
}

#[test]
fn python_image() {
    let report = failed(&python());
    insta::assert_snapshot!("python", table(&report));
    for (rule, said) in [
        ("named-user", "Use of non root user accounts: `USER user` is a name, which Kubernetes cannot check"),
        ("leftovers", "COPY only what is needed: we may copy files that are not needed, Dockerfile for instance"),
        ("removed-secret", "COPY only what is needed: secrets or backup files"),
        ("secret-in-env", "Avoid building secrets into images: environment variables"),
        ("secret-in-history", "Avoid building secrets into images: hardcoded credentials"),
        ("private-key", "Avoid building secrets into images: developers leave SSH keys"),
        ("login-traces", "Avoid building secrets into images: developers leave SSH keys"),
        ("compiler", "Use of multi-stage builds: the final image will not contain the build tools (eg, gcc)"),
        ("multi-call-binary", "Use minimal base images: wget is present on an alpine container"),
        ("download-tool", "Use minimal base images: unused utilities like wget, curl"),
        ("shell", "docker exec -it fd65 sh"),
        ("mutable-reference", "Avoid the use of latest tag"),
        ("writable-code", "Root only writable binaries/scripts: the attacker can modify the files"),
        ("replaceable-code", "Root only writable binaries/scripts: the directory /app is writable by this user"),
        ("admin-service", "Do not expose administration services like SSH"),
        ("admin-port", "Do not expose administration services like SSH"),
    ] {
        assert!(rules(&report).iter().any(|found| found == rule), "{rule}: {said}");
    }
}

/// `FROM alpine:latest`, where the builder wrote the base down; `ADD` of a URL, in the words of both builders.
#[test]
fn bases_and_add() {
    let base = |name: &str| {
        Foreign::new("app:1")
            .layer("COPY app /app # buildkit", Tar::new())
            .set("User", json!("65532:65532"))
            .set("Labels", json!({ "org.opencontainers.image.base.name": name }))
    };
    let found = |image: &Foreign, more: &[&str]| {
        let case = image.layout(Case::new(), "image").file("policy.toml", POLICY);
        rules(&audit(&case, "image", more).1)
    };
    let has = |rules: &[String], rule: &str| rules.iter().any(|found| found == rule);
    let untrusted = base("docker.io/somebody/alpine:latest");
    assert!(has(&found(&untrusted, &[]), "unpinned-base"));
    assert!(has(&found(&untrusted, &["--policy", "policy.toml"]), "base-not-allowed"));
    let pinned = base(&format!("docker.io/library/alpine@sha256:{}", "0".repeat(64)));
    let rules = found(&pinned, &["--policy", "policy.toml"]);
    assert!(!has(&rules, "unpinned-base") && !has(&rules, "base-not-allowed"), "{rules:?}");
    for (command, bad) in [
        ("ADD https://example.com/x.tgz /opt # buildkit", true),
        ("/bin/sh -c #(nop) ADD https://example.com/x.tgz in /opt ", true),
        ("ADD x.tgz /opt # buildkit", false),
        ("RUN echo ADD https://example.com/x.tgz", false),
    ] {
        let image = Foreign::new("app:1").layer(command, Tar::new());
        assert_eq!(has(&found(&image, &[]), "add-from-url"), bad, "{command}");
    }
}

const POLICY: &str = "[policy]\nregistries = [\"docker.io/library\"]\n";

/// A recipe with an interpreter and the application's own files, and nothing else. hardpan has no base images yet, so the
/// twins bring their interpreter as a binary of their own, pinned by being made here; with bases it would come from one
/// by its digest.
fn twin(name: &str, interpreted: &str, pattern: &str) -> Case {
    let recipe = format!(
        "name = \"{name}\"\n[[binary]]\npath = \"{interpreted}\"\nto = \"/usr/bin/{interpreted}\"\n\
         [[tree]]\nfrom = \"app\"\nto = \"/app\"\ninclude = [\"{pattern}\"]\n\
         [run]\nargs = [\"/app/main\"]\nworkdir = \"/app\"\nports = [\"8080/tcp\"]\n"
    );
    let case = Case::new()
        .recipe(&recipe)
        .file("app/api.py", "print('api')\n")
        .file("app/config.ru", "run App\n")
        .file("app/Dockerfile", "FROM scratch\n")
        .file("app/.git/config", "[core]\n")
        .file("app/backup.env", format!("DEPLOY_TOKEN={}\n", token()));
    hardened_program(&case, interpreted);
    case
}

#[test]
fn the_hardened_twins_pass_without_a_waiver() {
    for (name, interpreted, pattern) in [("rails", "ruby", "**/*.ru"), ("lowpriv", "python3", "**/*.py")] {
        let case = twin(name, interpreted, pattern);
        case.build().ok();
        let (code, report) = audit(&case, &format!("out/{name}"), &["--profile", "hardened"]);
        assert_eq!(code, 0, "{}", table(&report));
        assert_eq!(report["failing"], 0);
        assert_eq!(report["images"][0]["unknown"], json!([]));
        assert_eq!(report["images"][0]["waived"], json!([]));
        insta::assert_snapshot!(format!("{name}-twin"), table(&report));
    }
}
