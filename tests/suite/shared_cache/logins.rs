//! Shared caches that ask who somebody is: by a token, by a name and a password, by a certificate.

use std::{fs, path::Path};

use super::{Machine, new_key, words};
use crate::support::{case::scratch, nginx::Nginx, tls};

/// Builds on two machines with `more` options, and checks that the second takes what the first one made.
#[track_caller]
fn is_shared(nginx: &Nginx, key: &Path, public: &str, more: &[&str]) {
    let url = nginx.url();
    let writer = [&["--cache-url", &url, "--cache-sign", key.to_str().unwrap()][..], more].concat();
    let first = Machine::go().aged(2).build("go", &writer).0.ok();
    assert!(!nginx.files("ac").is_empty() && !nginx.files("cas").is_empty(), "{}", first.stderr);
    let reader = [&["--cache-url", &url, "--cache-trust", public][..], more].concat();
    let (second, count) = Machine::go().aged(1).build("go", &reader);
    let second = second.ok();
    assert_eq!((second.digest(), count), (first.digest(), 0), "{}", second.stderr);
}

#[test]
fn a_cache_behind_a_login_is_reached_with_the_file_that_has_it_and_with_no_other() {
    let keys = scratch();
    let (key, file) = (keys.path().join("key"), keys.path().join("login"));
    let public = new_key(&key);
    let plain = keys.path().join("users");
    fs::write(&plain, "me:{PLAIN}s3cret-word\n").unwrap();
    let bearer = "if ($http_authorization != \"Bearer s3cret-token\") { return 401; }".to_owned();
    let basic = format!("auth_basic cache; auth_basic_user_file {};", plain.display());
    for (lines, right, wrong) in [
        (bearer, "Bearer s3cret-token\n", "Bearer another-token\n"),
        (basic, "Basic me:s3cret-word\n", "Basic me:another-word\n"),
    ] {
        let nginx = Nginx::with(&lines);
        fs::write(&file, right).unwrap();
        let login = ["--cache-auth-file", file.to_str().unwrap()];
        is_shared(&nginx, &key, &public, &login);
        let url = nginx.url();
        let reader = ["--cache-url".to_owned(), url.clone(), "--cache-trust".to_owned(), public.clone()];
        let reader = words(&reader);
        fs::write(&file, wrong).unwrap();
        for more in [&login[..], &[]] {
            let (output, count) = Machine::go().aged(1).build("go", &[&reader[..], more].concat());
            let output = output.ok().says("HTTP 401").says(&url);
            assert!(count > 0 && !output.stderr.contains("another-"), "{}", output.stderr);
        }
        // The variable in place of the option.
        fs::write(&file, right).unwrap();
        let machine = Machine::go().aged(1);
        let case = machine.case.env("HARDPAN_CACHE_AUTH_FILE", &file);
        let (output, count) = Machine { case, cache: machine.cache }.build("go", &reader);
        output.ok();
        assert_eq!(count, 0);
    }
}

#[test]
fn a_cache_that_asks_for_a_certificate_gets_the_one_that_is_named() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (authority, certificate, private) = tls::papers();
    for (name, text) in [("ca.pem", authority), ("client.pem", certificate), ("client.key", private)] {
        fs::write(path(name), text).unwrap();
    }
    let public = new_key(&folder.path().join("key"));
    let lines = format!(
        "ssl_certificate {}; ssl_certificate_key {}; ssl_client_certificate {}; ssl_verify_client on;",
        path("client.pem"),
        path("client.key"),
        path("ca.pem")
    );
    let nginx = Nginx::with_tls(&lines);
    let (ca, cert, key) = (path("ca.pem"), path("client.pem"), path("client.key"));
    let named = ["--ca-file", &ca, "--cache-cert", &cert, "--cache-cert-key", &key];
    is_shared(&nginx, &folder.path().join("key"), &public, &named);
    let url = nginx.url();
    let reader = ["--cache-url", &url, "--cache-trust", &public, "--ca-file", &ca];
    let (output, count) = Machine::go().aged(1).build("go", &reader);
    output.ok().says("HTTP 400").says(&url);
    assert!(count > 0);
    // The variables in place of the options.
    let machine = Machine::go().aged(1);
    let case = machine.case.env("HARDPAN_CACHE_CERT", &cert).env("HARDPAN_CACHE_CERT_KEY", &key);
    let (output, count) = Machine { case, cache: machine.cache }.build("go", &reader);
    output.ok();
    assert_eq!(count, 0);
    // One without the other, and files that are none.
    let refused = |more: &[&str]| Machine::go().build("go", &[&reader[..], more].concat()).0.fails(2);
    refused(&["--cache-cert", &cert]).says("`--cache-cert` and `--cache-cert-key` belong together").says("hint:");
    let output = refused(&["--cache-cert", &key, "--cache-cert-key", &key]);
    assert!(!output.stderr.contains("PRIVATE"), "{}", output.stderr);
    refused(&["--cache-cert", &cert, "--cache-cert-key", &cert]).says("holds no private key");
}
