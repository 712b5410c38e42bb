//! Mirrors and blocked registries of `registries.conf`: who is asked, in every verb that pulls, and what is said of it.

use std::fs;

use super::digest;
use crate::support::{
    base::{Base, Family, Packed, Stage},
    case::{APP, Case},
    elf,
    foreign::Tar,
    judges::{checked, tool},
    registry::{Fault, Lock, Registry, Setup},
};

/// A registry with a base, a mirror of it below `m/`, and a recipe on the base.
struct Mirrored {
    origin: Registry,
    mirror: Registry,
    case: Case,
    /// Of the base.
    digest: String,
}

impl Mirrored {
    fn new() -> Self {
        let (origin, mirror) = (Registry::start(), Registry::start());
        let stage =
            Stage::distroless(Family::Oci, "amd64").layer(Tar::new().file("etc/one", 0o644, "1"), Packed::Plain);
        let base = Base::of([stage]);
        let digest = base.push(&origin, "acme/base", "1");
        base.push(&mirror, "m/acme/base", "1");
        let recipe = format!("base = \"{}/acme/base:1\"\n{APP}", origin.host());
        let case = Case::new().recipe(&recipe).file("app", elf::static_amd64());
        let conf = case.path("registries.conf");
        let case = case.env("CONTAINERS_REGISTRIES_CONF", conf);
        let mirrored = Self { origin, mirror, case, digest };
        mirrored.configure(&mirrored.table(""));
        mirrored.forget();
        mirrored
    }

    /// The table of the origin, with its mirror and more keys.
    fn table(&self, keys: &str) -> String {
        format!(
            "[[registry]]\nlocation = \"{}\"\n{keys}[[registry.mirror]]\nlocation = \"{}/m\"\n",
            self.origin.host(),
            self.mirror.host()
        )
    }

    fn configure(&self, text: &str) {
        fs::write(self.case.path("registries.conf"), text).expect("registries.conf");
    }

    /// The name of the base.
    fn name(&self) -> String {
        format!("{}/acme/base:1", self.origin.host())
    }

    /// Forgets what was asked so far, and what was spoiled.
    fn forget(&self) {
        self.origin.spoil(|_| None);
        self.mirror.spoil(|_| None);
    }

    /// A cache that knows nothing of the base.
    fn fresh(&self, name: &str) -> Case {
        let cache = self.case.path(format!("../{name}"));
        self.case.clone().env("XDG_CACHE_HOME", cache)
    }
}

#[test]
fn a_base_comes_from_its_mirror_and_keeps_the_name_of_its_origin() {
    let mirrored = Mirrored::new();
    let case = &mirrored.case;
    case.run(["lock", "app.toml"]).ok();
    let lock = fs::read_to_string(case.path("app.lock")).expect("the lock");
    assert!(lock.contains(&mirrored.name()) && lock.contains(&mirrored.digest), "{lock}");
    assert!(!lock.contains(&mirrored.mirror.host()), "{lock}");
    let layout = case.build().ok().layout();
    let annotations = &layout.image().manifest["annotations"];
    assert_eq!(annotations["org.opencontainers.image.base.name"], mirrored.name());
    for arguments in [["plan", "app.toml"], ["inspect", &mirrored.name()]] {
        mirrored.fresh(arguments[0]).run(arguments).ok();
    }
    // What the base is, the audit may say as it likes.
    mirrored.case.run(["audit", &mirrored.name()]);
    assert!(mirrored.origin.requests().is_empty(), "{:#?}", mirrored.origin.requests());
    assert!(mirrored.mirror.count("GET", "/blobs/") > 0);
    // The same file sends skopeo there, too: with its own word that there is no TLS.
    mirrored.forget();
    let insecure = mirrored.table("insecure = true\n") + "insecure = true\n";
    fs::write(case.path("skopeo.conf"), insecure).expect("skopeo.conf");
    let mut skopeo = tool("skopeo");
    skopeo.args(["--registries-conf"]).arg(case.path("skopeo.conf"));
    skopeo.args(["inspect", "--format", "{{.Digest}}", &format!("docker://{}", mirrored.name())]);
    assert_eq!(checked(&mut skopeo).trim(), mirrored.digest);
    // It lists the tags of the origin, too.
    assert!(mirrored.mirror.count("GET", "/manifests/") > 0);
    assert_eq!(mirrored.origin.count("GET", "/manifests/"), 0);
}

#[test]
fn a_push_goes_to_the_registry_that_was_named() {
    let mirrored = Mirrored::new();
    mirrored.case.run(["lock", "app.toml"]).ok();
    mirrored.forget();
    let target = format!("{}/acme/app:1", mirrored.origin.host());
    mirrored.case.run(["build", "app.toml", "--push", &target]).ok();
    assert_eq!(mirrored.origin.tag("acme/app", "1"), Some(digest(&mirrored.case)));
    assert_eq!(mirrored.mirror.count("PUT", "") + mirrored.mirror.count("POST", ""), 0);
    // Nor does one from one registry to another: what is read comes from the mirror, and what is written does not.
    let copy = format!("{}/acme/copy:1", mirrored.origin.host());
    mirrored.case.run(["push", &mirrored.name(), &copy]).ok();
    assert_eq!(mirrored.origin.tag("acme/copy", "1"), Some(mirrored.digest.clone()));
    assert_eq!(mirrored.mirror.count("PUT", "") + mirrored.mirror.count("POST", ""), 0);
}

#[test]
fn a_mirror_without_the_image_or_that_is_down_is_passed_over() {
    let mirrored = Mirrored::new();
    let passed = format!(
        "the mirror `{}/m/acme/base` of `{}/acme/base` is passed over: ",
        mirrored.mirror.host(),
        mirrored.origin.host()
    );
    for status in [404, 401, 403, 429, 500, 503] {
        mirrored.mirror.spoil(move |request| request.is("GET", "/manifests/").then(|| Fault::status(status)));
        let output = mirrored.fresh(&format!("s{status}")).run(["-v", "lock", "--update", "all", "app.toml"]).ok();
        assert!(output.stderr.contains(&passed), "{status}: {}", output.stderr);
    }
    // Without `-v` nothing is said.
    let output = mirrored.fresh("quiet").run(["lock", "--update", "all", "app.toml"]).ok();
    assert!(!output.stderr.contains("passed over"), "{}", output.stderr);
    // A layer that the mirror lost.
    mirrored.forget();
    mirrored.mirror.spoil(|request| request.is("GET", "/blobs/").then(|| Fault::status(404)));
    mirrored.fresh("lost").run(["build", "app.toml"]).ok();
    assert!(mirrored.origin.count("GET", "/blobs/") > 0);
    // One that ends half way, again and again.
    mirrored.forget();
    mirrored.mirror.spoil(|request| request.is("GET", "/blobs/").then_some(Fault::Cut(10)));
    mirrored.fresh("cut").run(["build", "app.toml", "--retry", "0s"]).ok();
    // Nobody there any more, and nobody at the origin either: both are named.
    let (origin, mirror) = (mirrored.origin.host(), mirrored.mirror.host());
    let Mirrored { origin: there, mirror: here, case, .. } = mirrored;
    drop(here);
    let cache = case.path("../down");
    let case = case.env("XDG_CACHE_HOME", cache);
    case.run(["-v", "build", "app.toml"]).ok().says(&format!("the mirror `{mirror}/m/acme/base` of"));
    drop(there);
    let cache = case.path("../dead");
    let output = case.env("XDG_CACHE_HOME", cache).run(["build", "app.toml"]).fails(2);
    assert!(
        output.stderr.contains(&origin)
            && output.stderr.contains(&format!("the mirror `{mirror}/m/acme/base` failed before it")),
        "{}",
        output.stderr
    );
}

#[test]
fn other_bytes_than_those_of_the_digest_are_refused_and_not_looked_for_elsewhere() {
    let mirrored = Mirrored::new();
    mirrored.case.run(["lock", "app.toml"]).ok();
    mirrored.forget();
    mirrored.mirror.spoil(|request| {
        let kind = vec![("content-type", "application/vnd.oci.image.manifest.v1+json".to_owned())];
        request.is("GET", "/manifests/").then(|| Fault::Answer(200, kind, "{\"schemaVersion\":2}".to_owned()))
    });
    mirrored.fresh("manifest").build().fails(2).says("error[blob-mismatch]");
    mirrored.forget();
    for layer in mirrored.mirror.blobs("m/acme/base") {
        mirrored.mirror.corrupt("m/acme/base", &layer);
    }
    mirrored.fresh("layer").build().fails(2).says("error[blob-mismatch]");
    assert!(mirrored.origin.requests().is_empty());
    assert!(!mirrored.case.path("out").exists());
}

#[test]
fn a_blocked_registry_is_refused_by_every_verb_that_pulls() {
    let mirrored = Mirrored::new();
    mirrored.case.run(["lock", "app.toml"]).ok();
    mirrored.case.build().ok();
    let blocked = format!("[[registry]]\nlocation = \"{}\"\nblocked = true\n", mirrored.origin.host());
    mirrored.configure(&blocked);
    mirrored.forget();
    let name = mirrored.name();
    let refusal = format!("registries.conf:1:1: the registry of `{}/acme/base` is blocked", mirrored.origin.host());
    for arguments in [
        vec!["lock", "--update", "all", "app.toml"],
        // Whatever the cache has.
        vec!["build", "app.toml"],
        vec!["build", "--offline", "app.toml"],
        vec!["plan", "app.toml"],
        vec!["inspect", &name],
        vec!["audit", &name],
        vec!["push", &name, &format!("{}/copy:1", mirrored.mirror.host())],
    ] {
        let output = mirrored.case.run(&arguments).fails(2);
        assert!(output.stderr.contains("error[registry-blocked]"), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(&refusal), "{arguments:?}: {}", output.stderr);
    }
    assert!(mirrored.origin.requests().is_empty());
    // A mirror may stand for it, as where clusters never contact the source.
    mirrored.configure(&mirrored.table("blocked = true\nmirror-by-digest-only = true\n"));
    mirrored.fresh("mirrored").build().ok();
    mirrored.case.run(["lock", "--update", "all", "app.toml"]).fails(2).says("error[registry-blocked]");
    assert!(mirrored.origin.requests().is_empty());
    // A push is not a pull.
    mirrored.configure(&blocked);
    let target = format!("{}/pushed:1", mirrored.origin.host());
    mirrored.case.run(["push", "out/app", &target]).ok();
}

#[test]
fn what_is_not_known_or_wrong_in_the_file_is_told() {
    let mirrored = Mirrored::new();
    mirrored.configure(&mirrored.table("weight = 3\n"));
    let output = mirrored.case.run(["lock", "app.toml"]).ok();
    let said = "registries.conf:3:1: the key `weight` is not known to this version";
    assert_eq!(output.stderr.matches(said).count(), 1, "{}", output.stderr);
    mirrored.configure("[[registry]]\nlocation = \"https://r.example\"\n");
    mirrored
        .case
        .run(["lock", "--update", "all", "app.toml"])
        .fails(2)
        .says("error[registries-conf]")
        .says("registries.conf:2:12: ");
}

#[test]
fn dockers_mirror_stands_for_docker_hub() {
    let mirror = Registry::start();
    let base = Base::of([Stage::distroless(Family::Oci, "amd64")]);
    let digest = base.push(&mirror, "library/base", "1");
    let case =
        Case::new().recipe(&format!("base = \"docker.io/library/base:1\"\n{APP}")).file("app", elf::static_amd64());
    let daemon = format!("{{\"registry-mirrors\":[\"http://{}/\"],\"debug\":true}}", mirror.host());
    let (config, conf) = (case.path("config"), case.path("registries.conf"));
    let case = case.file("config/docker/daemon.json", daemon).file("registries.conf", "");
    let case = case.env("XDG_CONFIG_HOME", config).env("CONTAINERS_REGISTRIES_CONF", conf);
    case.run(["lock", "app.toml"]).ok();
    let lock = fs::read_to_string(case.path("app.lock")).expect("the lock");
    assert!(lock.contains("docker.io/library/base:1") && lock.contains(&digest), "{lock}");
    let layout = case.build().ok().layout();
    let annotations = &layout.image().manifest["annotations"];
    assert_eq!(annotations["org.opencontainers.image.base.name"], "docker.io/library/base:1");
    assert!(mirror.count("GET", "/blobs/") > 0);
}

/// `insecure` is for reading: a certificate that nobody vouches for, or no TLS at all.
#[test]
fn an_insecure_registry_is_read_and_not_written() {
    let registry = Registry::with(Setup { tls: true, ..Setup::default() });
    let base = Base::of([Stage::distroless(Family::Oci, "amd64")]);
    let digest = base.push(&registry, "base", "1");
    let case = Case::new().recipe(APP).file("app", elf::static_amd64()).file("registries.conf", "");
    let conf = case.path("registries.conf");
    let case = case.env("CONTAINERS_REGISTRIES_CONF", conf);
    let name = format!("{}/base:1", registry.host());
    case.run(["inspect", &name]).fails(2).says("is signed by an unknown authority");
    let table = format!("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", registry.host());
    let case = case.file("registries.conf", table);
    case.run(["inspect", &name]).ok();
    assert!(case.run(["inspect", "--json", &name]).ok().stdout.contains(&digest));
    case.build().ok();
    case.run(["push", "out/app", &format!("{}/app:1", registry.host())])
        .fails(2)
        .says("is signed by an unknown authority");
}

/// A mirror has logins of its own, and sees none of another host.
#[test]
fn a_mirror_gets_the_login_for_its_own_host() {
    let (_, password, encoded) = super::login();
    let (origin, mirror) = (Registry::start(), Registry::locked(Lock::Basic(encoded.clone())));
    let base = Base::of([Stage::distroless(Family::Oci, "amd64")]);
    base.push(&origin, "base", "1");
    base.push(&mirror, "m/base", "1");
    let conf = format!(
        "[[registry]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}/m\"\n",
        origin.host(),
        mirror.host()
    );
    let case = Case::new().file("registries.conf", conf).file("password", format!("{password}\n"));
    let path = case.path("registries.conf");
    let case = case.env("CONTAINERS_REGISTRIES_CONF", path);
    let name = format!("{}/base:1", origin.host());
    let mut command = case.command(["-v", "inspect", "--username", "somebody", "--password-stdin", &name]);
    let stdin = fs::File::open(case.path("password")).expect("the password");
    let output = command.stdin(stdin).output().expect("hardpan");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("is passed over: authentication required"), "{said}");
    assert!(mirror.requests().iter().all(|request| request.field("authorization").is_none()));
    origin.spoil(|_| None);
    super::logged_in(case, &mirror.host()).run(["inspect", &name]).ok();
    assert!(origin.requests().is_empty());
}
