//! The two services of `recipes/`, built by hardpan and run by others: as uid
//! 65532 on a read-only root they answer HTTP, trust the certificates of the
//! image when they make an HTTPS call, and end within a second of SIGTERM.

mod pushed;

use std::time::Duration;

use crate::audit;
use crate::support::case::Case;
use crate::support::http::Response;
use crate::support::judges;
use crate::support::layout::Layout;
use crate::support::output::Output;
use crate::support::service::{Runtime, Service};
use crate::support::tls::TlsServer;

/// A copy of `recipes/` whose recipe trusts the authority of `server`, too.
fn case(recipe: &str, server: &TlsServer) -> Case {
    let path = format!("recipes/{recipe}");
    Case::new()
        .networked()
        .copy("recipes", "recipes")
        .file("recipes/test-ca.pem", server.ca_pem())
        .edit(path, |text| trusting("test-ca.pem", &text))
}

/// A recipe with one more certificate in its `[system]`.
fn trusting(certificate: &str, recipe: &str) -> String {
    let line = format!("extra-certificates = [\"{certificate}\"]\n");
    assert!(!recipe.contains("extra-certificates"), "it has some already");
    match recipe.split_once("[system]\n") {
        Some((before, after)) => format!("{before}[system]\n{line}{after}"),
        None => format!("{recipe}\n[system]\n{line}"),
    }
}

fn build(case: &Case, recipe: &str) -> Output {
    let path = format!("recipes/{recipe}");
    case.run(["build", &path, "--platform", "linux/amd64"]).ok()
}

/// Runs the image under both runtimes and asks it everything.
fn serves(layout: &Layout, server: &TlsServer) {
    let stranger = TlsServer::start("not for you\n");
    for runtime in Runtime::ALL {
        let mut service = Service::start(runtime, layout);
        let healthy = Response { status: 200, body: "ok\n".to_owned() };
        assert_eq!(service.get("/healthz"), healthy, "{runtime:?}");
        let line = format!("listening on 0.0.0.0:{}", service.port);
        assert!(service.log().contains(&line), "{runtime:?}: {}", service.log());
        assert_eq!(service.user(), (65532, 65532), "{runtime:?}");
        assert!(service.root_is_read_only(), "{runtime:?}");

        let before = server.requests();
        let fetched = service.fetch(&server.url("/greeting"));
        assert_eq!(fetched.status, 200, "{runtime:?}: {fetched:?}");
        assert_eq!(server.requests(), before + 1, "{runtime:?}");
        let refused = service.fetch(&stranger.url("/greeting"));
        assert_ne!(refused.status, 200, "{runtime:?}: {refused:?}");
        assert_eq!(stranger.requests(), 0, "{runtime:?}");

        let took = service.terminate();
        assert!(took < Duration::from_secs(1), "{runtime:?}: {took:?}");
    }
}

/// What every judge has to say of an image that a toolchain went into.
fn convinces(layout: &Layout) {
    judges::imagespec(layout);
    judges::skopeo(layout);
    judges::crane(layout);
    audit::passes(layout);
}

#[test]
fn rust_service() {
    let server = TlsServer::start("greetings\n");
    let case = case("hello.toml", &server);
    let layout = build(&case, "hello.toml").layout();
    convinces(&layout);
    pushed::everywhere(&case, &layout);
    serves(&layout, &server);
}

#[test]
fn go_service() {
    let server = TlsServer::start("greetings\n");
    let case = case("hello-go.toml", &server);
    let layout = build(&case, "hello-go.toml").layout();
    convinces(&layout);
    pushed::everywhere(&case, &layout);
    serves(&layout, &server);
}

#[test]
fn the_go_service_for_arm64_answers_under_an_emulator() {
    let server = TlsServer::start("greetings\n");
    let case = case("hello-go.toml", &server);
    let args = ["build", "recipes/hello-go.toml", "--platform", "linux/arm64"];
    let layout = case.run(args).ok().layout();
    convinces(&layout);

    let image = layout.image();
    assert_eq!(image.platform(), "linux/arm64");
    let program = &image.entrypoint()[0];
    let case = Case::new().file("program", image.entry(program).content).mode("program", 0o755);
    let mut service = Service::start_program(judges::qemu_arm64(&case.path("program")));
    assert_eq!(service.get("/healthz").body, "ok\n");
    service.terminate();
}
