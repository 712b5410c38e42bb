//! Kinds of secrets in the spellings that people and programs give them, and what is nearly one.

use super::*;
use crate::report::Severity;

/// A password that a person chose.
const SECRET: &str = "Sup3rS3cret9";

/// A file with a secret: its path, its bytes, the detector that knows it, and the least it weighs.
struct Recalled(&'static str, String, &'static str, Severity);

fn service_account() -> String {
    let key = pem().replace('\n', "\\n");
    format!(
        "{{\n  \"type\": \"service_account\",\n  \"private_key\": \"{key}\",\n  \"client_email\": \"a@b.iam\"\n}}\n"
    )
}

fn docker() -> String {
    format!("{{\"auths\":{{\"ghcr.io\":{{\"auth\":\"{}\"}}}}}}", base64(format!("ci:{SECRET}").as_bytes()))
}

fn jwk() -> String {
    format!(
        "{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{0}\",\"y\":\"{0}\",\"d\":\"{1}\"}}",
        noise(ALNUM, 43),
        base64url(noise(ALNUM, 32).as_bytes())
    )
}

/// Encoded: base64 of what proves itself, wherever it stands.
fn encoded() -> Vec<Recalled> {
    use Severity::Critical;
    let wrap = |text: &str, width: usize| {
        let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        lines.join("\n")
    };
    let key = base64(pem().as_bytes());
    vec![
        Recalled("app/x.yaml", format!("tls.key: {key}\n"), "private-key", Critical),
        Recalled("app/x", format!("TLS_KEY_B64={key}"), "private-key", Critical),
        Recalled("app/x.json", format!("{{\"key\": \"{key}\"}}"), "private-key", Critical),
        Recalled("app/x.json", format!("{{\"key\": \"{}\"}}", key.replace('/', "\\/")), "private-key", Critical),
        Recalled("app/key.b64", wrap(&key, 76), "private-key", Critical),
        Recalled(
            "app/x.yaml",
            format!("key: |\n  {}\n", wrap(&key, 64).replace('\n', "\n  ")),
            "private-key",
            Critical,
        ),
        Recalled("app/x", format!("key={}", base64url(pem().as_bytes())), "private-key", Critical),
        Recalled("app/x.js", format!("const key = '{}';", base64(&der())), "private-key", Critical),
        Recalled("app/x", base64((block_of_certificate() + &pem()).as_bytes()), "private-key", Critical),
        Recalled("app/x", format!("SA={}", base64(service_account().as_bytes())), "gcp-service-account", Critical),
        Recalled(
            "app/x.yaml",
            format!(".dockerconfigjson: {}", base64(docker().as_bytes())),
            "docker-config",
            Critical,
        ),
        Recalled(
            "app/x",
            format!("T={}", base64(format!("token={}", checked("ghp_")).as_bytes())),
            "github-token",
            Critical,
        ),
        Recalled("app/x", format!("T={}", base64(checked("ghp_").as_bytes())), "github-token", Critical),
        // Behind more than any window holds.
        Recalled("app/x", base64(format!("{}\n{}", "x y ".repeat(40_000), pem()).as_bytes()), "private-key", Critical),
    ]
}

fn block_of_certificate() -> String {
    pem_of("CERTIFICATE", noise(ALNUM, 900).as_bytes(), "\n")
}

/// Known by what is in the file, whatever its name.
fn by_content() -> Vec<Recalled> {
    use Severity::High;
    let kube = format!(
        "apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    token: {}\n",
        noise(ALNUM, 32)
    );
    vec![
        Recalled("app/kubeconfig.yaml", kube.clone(), "kubeconfig", High),
        Recalled("app/x", kube.replace("kind: Config\n", "") + "kind: Config\n", "kubeconfig", High),
        Recalled(
            "app/x",
            format!(
                "{{\"kind\":\"Config\",\"users\":[{{\"name\":\"a\",\"user\":{{\"token\":\"{}\"}}}}]}}",
                noise(ALNUM, 32)
            ),
            "kubeconfig",
            High,
        ),
        Recalled(
            "app/terraform.tfstate",
            format!("{{\"resources\":[{{\"attributes\":{{\"password\":\"{SECRET}\"}}}}]}}"),
            "terraform-state",
            High,
        ),
        Recalled(
            "app/prod.tfstate",
            format!(
                "{{\n  \"outputs\": {{\n    \"db_password\": {{\n      \"value\": \"{SECRET}\"\n    }}\n  }}\n}}\n"
            ),
            "terraform-state",
            High,
        ),
        Recalled(
            "app/state.json",
            format!(
                "{{\"version\":4,\"terraform_version\":\"1.5\",\"resources\":[{{\"attributes\":{{\"password\":\"{SECRET}\"}}}}]}}"
            ),
            "terraform-state",
            High,
        ),
    ]
}

/// Settings in XML, JSON and lines.
fn settings() -> Vec<Recalled> {
    use Severity::{High, Medium};
    let connection = format!("Server=db;User Id=sa;Password={SECRET};");
    vec![
        Recalled(
            "root/.m2/settings.xml",
            format!("<settings><servers><server><id>n</id><password>{SECRET}</password></server></servers></settings>"),
            "maven-settings",
            High,
        ),
        Recalled(
            "app/x.xml",
            format!("<?xml version=\"1.0\"?>\n<settings>\n<servers>\n<server>\n<password>\n{SECRET}\n</password>\n"),
            "maven-settings",
            High,
        ),
        Recalled(
            "app/NuGet.Config",
            format!(
                "<configuration><packageSourceCredentials><f><add key=\"ClearTextPassword\" value=\"{SECRET}\" /></f>"
            ),
            "nuget-config",
            High,
        ),
        Recalled(
            "app/tomcat-users.xml",
            format!("<tomcat-users><user username=\"a\" password='{SECRET}'/>"),
            "tomcat-users",
            High,
        ),
        Recalled(
            "app/web.config",
            format!("<configuration><connectionStrings><add name=\"d\" connectionString=\"{connection}\"/>"),
            "connection-string",
            High,
        ),
        Recalled(
            "app/appsettings.json",
            format!("\u{feff}{{\"ConnectionStrings\":{{\"D\":\"{connection}\"}}}}"),
            "connection-string",
            High,
        ),
        Recalled(
            "app/appsettings.json",
            format!("{{\n // none\n a: 1, Password: '{SECRET}',\n}}"),
            "generic-secret",
            Medium,
        ),
        Recalled("app/config.json", format!("{{\"db\":{{\"password\":\"{SECRET}\"}}}}"), "generic-secret", Medium),
        Recalled(
            "app/task.json",
            format!("[{{\"name\":\"DB_PASSWORD\",\"value\":\"{SECRET}\"}}]"),
            "generic-secret",
            Medium,
        ),
        Recalled(
            "app/deploy.yaml",
            format!("env:\n- name: DB_PASSWORD\n  value: {SECRET}\n"),
            "generic-secret",
            Medium,
        ),
        Recalled(
            "app/x.properties",
            format!("url=jdbc:postgresql://db/x?user=a&password={SECRET}\n"),
            "connection-string",
            High,
        ),
    ]
}

/// The same of files that are no settings.
fn keys_and_hashes() -> Vec<Recalled> {
    use Severity::{Critical, High, Medium};
    let bcrypt = format!("$2y$05${}", noise(ALNUM, 53));
    vec![
        Recalled("app/config/master.key", "8d5f0c1e9b7a6d4c3b2a1f0e9d8c7b6a".to_owned(), "rails-master-key", High),
        Recalled("etc/nginx/htpasswd", format!("bob:$apr1$abcdefgh${}\n", noise(ALNUM, 22)), "htpasswd", High),
        Recalled("app/users", format!("# users\nbob:{bcrypt}\n"), "htpasswd", High),
        Recalled("app/users", format!("bob:{{SHA}}{}=\n", noise(ALNUM, 27)), "htpasswd", High),
        Recalled("backup/s", format!("root:$6$salt${}:19000:0:99999:7:::\n", noise(ALNUM, 86)), "shadow-hash", Medium),
        Recalled("app/x.jwk", jwk(), "json-web-key", Critical),
        Recalled("app/x", format!("{{\"keys\":[{}]}}", jwk()), "json-web-key", Critical),
        Recalled(
            "app/auth.json",
            format!("{{\"http-basic\":{{\"repo.example\":{{\"username\":\"ci\",\"password\":\"{SECRET}\"}}}}}}"),
            "registry-auth",
            High,
        ),
        Recalled("etc/cifs/share", format!("username=svc\npassword={SECRET}\n"), "share-credentials", High),
        Recalled("app/.vault_pass", format!("{SECRET}\n"), "ansible-vault-password", High),
        Recalled("app/.bundle/config", format!("---\nBUNDLE_GEMS__X__COM: \"ci:{SECRET}\"\n"), "bundle-config", High),
        Recalled("app/x", format!("\n\n  {}", docker()), "docker-config", Critical),
        Recalled(
            "root/.dockercfg",
            format!("{{\"r\":{{\"auth\":\"{}\"}}}}", base64(format!("ci:{SECRET}").as_bytes())),
            "docker-config",
            Critical,
        ),
        Recalled("app/x", format!("{{\"a\":{}}}", service_account()), "gcp-service-account", Critical),
    ]
}

/// In scripts.
fn scripts() -> Vec<Recalled> {
    let script = |text: String| Recalled("entrypoint.sh", text, "script-secret", Severity::High);
    vec![
        script(format!("#!/bin/sh\nexport DB_PASSWORD={SECRET}\nexec svc\n")),
        script(format!("DB_PASSWORD='{SECRET}' svc\n")),
        script(format!("PGPASSWORD={SECRET} psql -h db\n")),
        script(format!("mysql -u root -p{SECRET} x\n")),
        script(format!("curl -u ci:{SECRET} https://x/y\n")),
        script(format!("sh -c \"API_TOKEN={} svc\"\n", noise(ALNUM, 20))),
        Recalled(
            "app/run",
            format!("#!/usr/bin/env bash\nsvc --db-password {SECRET}\n"),
            "script-secret",
            Severity::High,
        ),
        Recalled("root/.bashrc", format!("export NPM_TOKEN={}\n", noise(ALNUM, 20)), "script-secret", Severity::High),
        Recalled("root/.bash_history", format!("mysql -p{SECRET}\n"), "script-secret", Severity::High),
    ]
}

/// Where proof beats place.
fn places() -> Vec<Recalled> {
    use Severity::{Critical, High, Low};
    let token = checked("ghp_");
    vec![
        Recalled("app/token.txt", token.clone(), "github-token", Critical),
        Recalled("srv/index.html", token.clone(), "github-token", Critical),
        Recalled("etc/tls/resampler.key", pem(), "private-key", Critical),
        Recalled("srv/demo/.env", format!("DB_PASSWORD={SECRET}\n"), "dotenv", High),
        Recalled("usr/bin/svc", format!("\u{7f}ELF\0\0\0\0{token}\0"), "github-token", Critical),
        Recalled("usr/lib/svc/libx.so", format!("\u{7f}ELF\0\0\0\0{}\0", pem()), "private-key", High),
        Recalled("app/tests/a.key", pem(), "private-key", High),
        Recalled("srv/node_modules/x/a.js", pem(), "private-key", High),
        Recalled("srv/node_modules/x/test/a.js", pem(), "private-key", Low),
        Recalled("usr/bin/svc", format!("\0AKIA{}\0{}\0", noise(UPPER, 16), noise(ALNUM, 40)), "aws-access-key", High),
        Recalled(
            "usr/bin/svc",
            format!("\0\0postgres://app:{}@db.internal:5432/x\0", noise(ALNUM, 16)),
            "url-password",
            High,
        ),
        Recalled("usr/bin/svc", format!("\0build\t-ldflags=\"-X main.password={SECRET}\"\n\0"), "linker-flag", High),
    ]
}

#[test]
fn every_kind_is_found_in_every_spelling_and_never_shown() {
    let mut missed = Vec::new();
    for Recalled(path, text, detector, least) in
        [encoded(), by_content(), settings(), keys_and_hashes(), scripts(), places()].into_iter().flatten()
    {
        let hits = scan(path, &text);
        let shown = text.get(..120).unwrap_or(&text);
        if !hits.iter().any(|hit| hit.detector == detector && hit.severity >= least) {
            missed.push(format!("{detector} in {path}: {shown:?}: {hits:?}"));
        }
        assert!(hits.iter().all(|hit| !hit.masked.contains(SECRET)), "{path}: {hits:?}");
        for size in [3, 4096] {
            let mut scanner = SecretScanner::sniffing(path);
            text.as_bytes().chunks(size).for_each(|chunk| scanner.push(chunk));
            assert_eq!(scanner.finish().hits, hits, "{path} in chunks of {size}");
        }
    }
    assert!(missed.is_empty(), "{}\n{} missed", missed.join("\n"), missed.len());
}

#[test]
fn what_is_nearly_one_is_none() {
    for (path, text) in [
        ("app/x", format!("digest = {}\n", base64(&[0x9a; 64]))),
        ("app/x", base64(block_of_certificate().as_bytes())),
        ("app/x", base64(b"Lorem ipsum dolor sit amet, consectetur adipiscing elit, password=hunter22")),
        ("app/x.jwk", jwk().replace("\"d\"", "\"e\"")),
        (
            "app/x.json",
            "{\"password\": \"${DB_PASSWORD}\", \"name\": \"DB_PASSWORD\", \"value\": \"changeme\"}".to_owned(),
        ),
        ("app/x.json", "{\"type\": \"service_account\", \"private_key\": \"\", \"client_email\": \"a@b\"}".to_owned()),
        ("root/.m2/settings.xml", "<settings><servers><server><password>{COQLCE6DU6GtcS5P=}</password>".to_owned()),
        ("app/x.xml", "<a><!-- <password>Sup3rS3cret9</password> --></a>".to_owned()),
        (
            "entrypoint.sh",
            "#!/bin/sh\nPASSWORD=$1\nread -p 'Password: '\nPASS=1\nTOKEN=\"$(cat /run/secrets/token)\"\n".to_owned(),
        ),
        ("entrypoint.sh", "# export DB_PASSWORD=Sup3rS3cret9\n".to_owned()),
        ("app/passwd", "root:x:0:0:root:/root:/bin/sh\n".to_owned()),
        ("app/x.yaml", "apiVersion: v1\nkind: Secret\ndata:\n  token: ${TOKEN}\n".to_owned()),
        ("app/x.key", "ssh-rsa AAAA".to_owned()),
        ("app/lang/auth.json", "{\"password\": \"The password is wrong.\"}".to_owned()),
        ("srv/.azure/pipelines.yml", "x".to_owned()),
    ] {
        assert_eq!(detectors(&scan(path, &text)), [""; 0], "{path}: {text}");
    }
}

#[test]
fn stores_are_weighed_by_their_place_and_their_first_bytes() {
    let weight = |path: &str, bytes: &[u8]| {
        let mut scanner = SecretScanner::sniffing(path);
        scanner.push(bytes);
        scanner.finish().hits.first().map(|hit| hit.severity)
    };
    let pkcs12 = b"\x30\x82\x09\xd1\x02\x01\x03\x30";
    let keytab = b"\x05\x02\0\0\0\x40\0\x02\0\x0bEXAMPLE.COM\0\x04HTTP";
    assert_eq!(weight("app/a.p12", pkcs12), Some(Severity::High));
    assert_eq!(weight("app/a.p12", b"x"), Some(Severity::Low));
    assert_eq!(weight("app/a.p12", b""), None);
    assert_eq!(weight("usr/lib/python3/dist-packages/urllib3/test/client.p12", pkcs12), Some(Severity::Low));
    assert_eq!(weight("app/a.jks", b"\xfe\xed\xfe\xed\0\0\0\x02"), Some(Severity::High));
    assert_eq!(weight("app/a.kdbx", b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5"), Some(Severity::High));
    assert_eq!(weight("app/krb5", keytab), Some(Severity::High));
    assert_eq!(weight("srv/node_modules/ssh2/test/fixtures/ssh_host_rsa_key", b"x"), None);
    assert_eq!(name_hit("srv/.azure/pipelines.yml"), None);
}

#[test]
fn the_configuration_is_read_in_every_spelling() {
    let secret = SECRET;
    for text in [
        format!("RUN /bin/sh -c echo 'root:{secret}' | chpasswd"),
        format!("RUN echo \"app:{secret}\" | chpasswd -c SHA512"),
        format!("RUN chpasswd <<< app:{secret}"),
        format!("RUN echo {secret} | passwd --stdin root"),
        format!("RUN echo 'machine github.com login ci password {secret}' > ~/.netrc"),
        format!("RUN echo machine github.com login ci password {secret} > ~/.netrc"),
        format!("RUN PGPASSWORD={secret} psql -h db"),
        format!("RUN mysql -u root -p{secret} x"),
        format!("RUN mysqladmin -p{secret} ping"),
        format!("RUN sh -c \"export DB_PASSWORD={secret} && svc\""),
        format!("ENTRYPOINT [\"svc\",\"--db-password\",\"{secret}\"]"),
        format!("CMD [\"redis-server\", \"--requirepass\", \"{secret}\"]"),
        format!("RUN redis-cli -a {secret} ping"),
        format!("RUN htpasswd -bc /etc/htpasswd bob {secret}"),
        format!("RUN htpasswd -nb bob {secret}"),
        format!("RUN bundle config set --global gems.example.com ci:{secret}"),
        format!("ENV BUNDLE_GEMS__EXAMPLE__COM=ci:{secret}"),
        format!("RUN npm config set //registry.npmjs.org/:_authToken {secret}"),
        format!("RUN echo '//registry.npmjs.org/:_authToken={secret}' > .npmrc"),
        format!("RUN openssl rsa -in a.key -passin pass:{secret}"),
        format!("RUN go build -ldflags \"-X main.password={secret}\""),
        format!("ENV CS=\"Server=db;User Id=sa;Password={secret};\""),
    ] {
        let hits = scan_text(TextContext::History, &text);
        assert_eq!(hits.len(), 1, "{text}: {hits:?}");
        assert!(hits[0].severity >= Severity::High && !hits[0].masked.contains(secret), "{text}");
        assert!(hits[0].offset <= text.find(secret).unwrap() as u64, "{text}");
        for other in ["$VALUE", "${VALUE}"] {
            let reference = text.replace(secret, other);
            assert_eq!(scan_text(TextContext::History, &reference), [], "{reference}");
        }
    }
    let env = |name: &str, value: &str| scan_text(TextContext::Env { name }, value);
    assert_eq!(env("TLS_KEY_B64", &base64(pem().as_bytes()))[0].rule, crate::report::Rule::PrivateKey);
    assert_eq!(env("ConnectionStrings__Default", &format!("Server=db;User Id=sa;Pwd={secret}")).len(), 1);
    assert_eq!(env("MYSQL_DSN", &format!("app:{secret}@tcp(db:3306)/x")).len(), 1);
    assert_eq!(env("DOCKER", &base64(docker().as_bytes())).len(), 1);
    for text in [
        "RUN bundle config set path vendor/bundle",
        "RUN echo ok:done | tee x",
        "RUN npm config set registry https://registry.npmjs.org/",
        "RUN passwd --stdin root",
        "RUN useradd -p x",
        "RUN htpasswd -b",
        "RUN echo 'ci ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/ci",
        "RUN softhsm2-util --delete-token >/dev/null",
    ] {
        assert_eq!(scan_text(TextContext::History, text), [], "{text}");
    }
}
