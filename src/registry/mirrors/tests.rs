//! Which registries are asked, by files as podman and docker have them.

#![allow(clippy::unwrap_used)]

use std::{fs, time::Duration};

use super::*;
use crate::registry::{Login, Secret};

/// The names that are asked for `text`, each with what is special about it, or the refusal.
fn asked_with(access: &Access, text: &str) -> Vec<String> {
    let shown = |source: &PullSource| {
        let insecure = source.access.insecure_host.as_ref().map_or("", |_| " insecure");
        let plain = if source.access.plain_http { " plain" } else { "" };
        format!("{}{insecure}{plain}", source.reference)
    };
    match sources(&Reference::parse(text).unwrap(), access) {
        Ok(sources) => sources.iter().map(shown).collect(),
        Err(failure) => vec![format!("error: {}", failure.what)],
    }
}

fn with_conf(text: &str) -> (tempfile::TempDir, Access) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("registries.conf"), text).unwrap();
    let mut access = Access { home: Some(dir.path().join("home")), ..Access::default() };
    access.environment.insert("CONTAINERS_REGISTRIES_CONF".into(), dir.path().join("registries.conf").into());
    (dir, access)
}

fn asked(conf: &str, text: &str) -> Vec<String> {
    let (_dir, access) = with_conf(conf);
    asked_with(&access, text)
}

const DIGEST: &str = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn mirrors_come_before_the_location_and_the_longest_prefix_counts() {
    let conf = "unqualified-search-registries = [\"q.example\"]\nshort-name-mode = \"enforcing\"\n\
        [aliases]\n\"a\" = \"b.example/a\"\n\
        [[registry]]\nlocation = \"R.example/\"\n\
        [[registry]]\nprefix = \"r.example/team\"\nlocation = \"inner.example/moved\"\n\
        [[registry.mirror]]\nlocation = \"m1.example/r\"\n[[registry.mirror]]\nlocation = \"m2.example\"\ninsecure = true\n";
    assert_eq!(asked(conf, "r.example/a:1"), ["r.example/a:1"]);
    assert_eq!(asked(conf, "r.example/teams/a:1"), ["r.example/teams/a:1"]);
    assert_eq!(
        asked(conf, &format!("r.example/team/a:1{DIGEST}")),
        [
            format!("m1.example/r/a:1{DIGEST}"),
            format!("m2.example/a:1{DIGEST} insecure"),
            format!("inner.example/moved/a:1{DIGEST}")
        ]
    );
    assert_eq!(asked(conf, "other.example/a"), ["other.example/a"]);
    assert_eq!(asked(conf, "r.example.evil/a"), ["r.example.evil/a"]);
    // A port follows, which podman takes as well.
    assert_eq!(asked(conf, "r.example:5000/a"), ["r.example:5000/a"]);
}

#[test]
fn docker_hub_is_written_with_its_library() {
    let conf = "[[registry]]\nprefix = \"docker.io\"\nlocation = \"registry-1.docker.io\"\n\
        [[registry.mirror]]\nlocation = \"m.example/hub\"\n";
    assert_eq!(asked(conf, "alpine:3"), ["m.example/hub/library/alpine:3", "docker.io/library/alpine:3"]);
}

#[test]
fn wildcards_are_hosts_below_a_domain() {
    let conf = "[[registry]]\nprefix = \"*.corp.example\"\n[[registry.mirror]]\nlocation = \"m.example\"\n\
        [[registry]]\nprefix = \"*.blocked.example\"\nblocked = true\n";
    assert_eq!(asked(conf, "a.b.corp.example/x/y:1"), ["m.example/x/y:1", "a.b.corp.example/x/y:1"]);
    assert_eq!(asked(conf, "corp.example/x:1"), ["corp.example/x:1"]);
    assert_eq!(asked(conf, "evilcorp.example/x:1"), ["evilcorp.example/x:1"]);
    assert_eq!(asked(conf, "a.blocked.example/x"), ["error: the registry of `a.blocked.example/x` is blocked"]);
}

#[test]
fn mirrors_are_for_tags_or_digests_as_they_say() {
    let only = "[[registry]]\nlocation = \"r.example\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.example\"\n";
    assert_eq!(asked(only, "r.example/a:1"), ["r.example/a:1"]);
    assert_eq!(asked(only, &format!("r.example/a{DIGEST}")).len(), 2);
    let each = "[[registry]]\nlocation = \"r.example\"\n\
        [[registry.mirror]]\nlocation = \"d.example\"\npull-from-mirror = \"digest-only\"\n\
        [[registry.mirror]]\nlocation = \"t.example\"\npull-from-mirror = \"tag-only\"\n\
        [[registry.mirror]]\nlocation = \"a.example\"\npull-from-mirror = \"all\"\n";
    assert_eq!(asked(each, "r.example/a:1"), ["t.example/a:1", "a.example/a:1", "r.example/a:1"]);
    let digest = format!("r.example/a{DIGEST}");
    assert_eq!(asked(each, &digest), [format!("d.example/a{DIGEST}"), format!("a.example/a{DIGEST}"), digest.clone()]);
}

#[test]
fn what_is_blocked_is_refused_and_a_mirror_may_stand_for_it() {
    let conf = "[[registry]]\nlocation = \"r.example\"\nblocked = true\n\
        [[registry]]\nprefix = \"r.example/open\"\nlocation = \"r.example/open\"\nblocked = false\n\
        [[registry]]\nlocation = \"o.example\"\nblocked = true\n[[registry.mirror]]\nlocation = \"m.example\"\n\
        [[registry]]\nlocation = \"p.example\"\n[[registry.mirror]]\nlocation = \"r.example/p\"\n\
        [[registry]]\nprefix = \"q.example\"\nlocation = \"r.example\"\n";
    assert_eq!(asked(conf, "r.example/a"), ["error: the registry of `r.example/a` is blocked"]);
    assert_eq!(asked(conf, "r.example:5000/a"), ["error: the registry of `r.example:5000/a` is blocked"]);
    assert_eq!(asked(conf, "r.example/open/a"), ["r.example/open/a"]);
    assert_eq!(asked(conf, "o.example/a"), ["m.example/a"]);
    assert_eq!(asked(conf, "p.example/a"), ["p.example/a"]);
    assert_eq!(asked(conf, "q.example/a"), ["error: the registry of `q.example/a` is blocked"]);
}

#[test]
fn drop_ins_replace_tables_and_a_users_file_hides_the_machines() {
    let (dir, access) = with_conf("[[registry]]\nlocation = \"r.example\"\nblocked = true\n");
    let drop_ins = dir.path().join("home/.config/containers/registries.conf.d");
    fs::create_dir_all(&drop_ins).unwrap();
    let mirror =
        |name: &str| format!("[[registry]]\nlocation = \"r.example\"\n[[registry.mirror]]\nlocation = \"{name}\"\n");
    fs::write(drop_ins.join("20.conf"), mirror("m2.example")).unwrap();
    fs::write(drop_ins.join("10.conf"), mirror("m1.example")).unwrap();
    fs::write(drop_ins.join("30.conf.old"), mirror("m3.example")).unwrap();
    assert_eq!(asked_with(&access, "r.example/a"), ["m2.example/a", "r.example/a"]);
    // Without the variable the user's own file counts, with the user's own drop-ins.
    let own = Access { environment: [].into(), ..access };
    fs::write(dir.path().join("home/.config/containers/registries.conf"), mirror("m0.example")).unwrap();
    fs::remove_file(drop_ins.join("20.conf")).unwrap();
    assert_eq!(asked_with(&own, "r.example/a"), ["m1.example/a", "r.example/a"]);
    fs::remove_file(drop_ins.join("10.conf")).unwrap();
    assert_eq!(asked_with(&own, "r.example/a"), ["m0.example/a", "r.example/a"]);
}

#[test]
fn what_is_wrong_or_not_known_is_told_at_its_line() {
    for (conf, said) in [
        ("[[registry]]\nlocation = \"r.example\n", "2:"),
        ("[[registry]]\nlocation = \"https://r.example\"\n", "2:12: `https://r.example` has a scheme"),
        ("[[registry]]\nlocation = 1\n", "2:12: expected a string"),
        ("[[registry]]\nlocation = \"r.example/a:1\"\n", "2:12: `r.example/a:1` has a tag or digest"),
        ("[[registry]]\nlocation = \"hub\"\n", "2:12: `hub` is no registry"),
        ("[[registry]]\nlocation = \"*.r.example\"\n", "2:12: `*.r.example` has a `*`"),
        ("[[registry]]\nprefix = \"*.r.example/a\"\n", "2:10: `*.r.example/a` has a `*`"),
        ("[[registry]]\nprefix = \"r.example\"\n", "1:1: a registry needs `location`"),
        ("[[registry]]\nblocked = true\n", "1:1: a registry needs"),
        ("[[registry]]\nlocation = \"r.example\"\nblocked = \"yes\"\n", "3:11: expected `true` or `false`"),
        ("[[registry]]\nlocation = \"r.example\"\n[[registry.mirror]]\ninsecure = true\n", "3:1: a mirror needs"),
        (
            "[[registry]]\nlocation = \"r.example\"\n[[registry]]\nlocation = \"r.example\"\n",
            "3:1: the registry `r.example` is there twice",
        ),
        (
            "[[registry]]\nlocation = \"r.example\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.example\"\npull-from-mirror = \"all\"\n",
            "4:1: `pull-from-mirror` and `mirror-by-digest-only`",
        ),
        ("[registries.block]\nregistries = [\"r.example\"]\n", "1:2: `[registries]` is version 1"),
    ] {
        let failure = registries_conf::parse("r.conf", conf).unwrap_err();
        assert!(failure.to_string().starts_with(&format!("r.conf:{said}")), "{conf}: {failure}");
        assert_eq!(failure.name, Some(ErrorName::RegistriesConf));
    }
    let conf = "credential-helpers = [\"secretservice\"]\nx = 1\n[registries.search]\nregistries = [\"a.example\"]\n\
        [[registry]]\nlocation = \"r.example\"\ny = 2\n[[registry.mirror]]\nlocation = \"m.example\"\nz = 3\n";
    let parsed = registries_conf::parse("r.conf", conf).unwrap();
    let mut said: Vec<_> = parsed.unknown.iter().map(ToString::to_string).collect();
    said.sort();
    assert_eq!(said.len(), 4, "{said:?}");
    for (line, word) in [(0, "10:1"), (1, "credential-helpers"), (2, "2:1"), (3, "7:1")] {
        assert!(said[line].contains(word), "{word}: {said:?}");
    }
    let missing =
        Access { environment: [("CONTAINERS_REGISTRIES_CONF".into(), "/nowhere".into())].into(), ..Access::default() };
    assert!(asked_with(&missing, "r.example/a")[0].contains("`CONTAINERS_REGISTRIES_CONF` names does not exist"));
}

#[test]
fn dockers_mirrors_are_for_docker_hub_alone_and_behind_podmans_file() {
    let (dir, access) = with_conf("");
    let daemon = dir.path().join("home/.config/docker/daemon.json");
    fs::create_dir_all(daemon.parent().unwrap()).unwrap();
    fs::write(
        &daemon,
        r#"{"registry-mirrors":["https://m1.example","http://m2.example:5000/","https://m3.example/path","m4"],
            "insecure-registries":["m2.example:5000"],"debug":true}"#,
    )
    .unwrap();
    assert_eq!(
        asked_with(&access, "alpine:3"),
        [
            "m1.example/library/alpine:3",
            "m2.example:5000/library/alpine:3 insecure plain",
            "docker.io/library/alpine:3"
        ]
    );
    assert_eq!(access.notices.take().len(), 2);
    assert_eq!(asked_with(&access, "r.example/a"), ["r.example/a"]);
    fs::write(&daemon, "{").unwrap();
    assert_eq!(asked_with(&access, "alpine:3"), ["docker.io/library/alpine:3"]);
    assert!(access.notices.take()[0].to_string().contains("mirrors of Docker Hub that it names are not used"));
    fs::write(&daemon, r#"{"registry-mirrors":["https://m1.example"]}"#).unwrap();
    let (_conf, other) = with_conf("[[registry]]\nlocation = \"docker.io\"\n");
    let both = Access { environment: other.environment, ..access };
    assert_eq!(asked_with(&both, "alpine:3"), ["docker.io/library/alpine:3"]);
}

#[test]
fn a_login_of_the_command_line_is_for_the_registry_that_was_named() {
    let (_dir, mut access) = with_conf(
        "[[registry]]\nlocation = \"r.example\"\n[[registry.mirror]]\nlocation = \"m.example\"\n[[registry.mirror]]\nlocation = \"r.example/m\"\n",
    );
    access.login = Some(Login { username: "me".into(), password: Secret::new("x") });
    access.retry = Some(Duration::from_secs(60));
    let sources = sources(&Reference::parse("r.example/a").unwrap(), &access).unwrap();
    let known: Vec<_> = sources.iter().map(|source| (source.access.login.is_some(), source.access.retry)).collect();
    let (once, patient) = (Some(Duration::ZERO), Some(Duration::from_secs(60)));
    assert_eq!(known, [(false, once), (true, once), (true, patient)]);
}
