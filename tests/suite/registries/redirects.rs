//! Where a registry may send us: to strangers on the internet, but not into this machine or its networks, neither by an address
//! nor by a name that has one. Who is inside already may send us to its neighbours.

use super::{case, digest, push};
use crate::support::{
    case::{APP, Case},
    output::Output,
    proxy::Proxy,
    registry::{Fault, Registry, Setup},
};

const NAME: &str = "registry.example.com/app:1";

/// A registry of the internet, as far as anybody sees: a proxy alone knows its address. The other one is inside, and
/// nobody may be sent there.
struct World {
    registry: Registry,
    inside: Registry,
    proxy: Proxy,
    case: Case,
}

impl World {
    fn new() -> Self {
        let setup = || Setup { tls: true, ..Setup::default() };
        let (registry, inside) = (Registry::with(setup()), Registry::with(setup()));
        let proxy = Proxy::start(&[("registry.example.com:443", registry.port())]);
        let authorities = format!("{}{}", registry.ca_pem(), inside.ca_pem());
        let case = case()
            .file("ca.pem", authorities)
            .env("https_proxy", proxy.url())
            .env("no_proxy", "elsewhere.example.net,metadata.example.net");
        let world = Self { registry, inside, proxy, case };
        world.run(&["push", "out/app", NAME]).ok();
        world
    }

    fn run(&self, words: &[&str]) -> Output {
        let hosts = [("elsewhere.example.net", "127.0.0.1"), ("metadata.example.net", "169.254.169.254")];
        knowing(&self.case, &hosts, &[words, &["--ca-file", "ca.pem"]].concat())
    }

    /// The registry answers such requests with this location.
    fn leads(&self, method: &'static str, part: &'static str, status: u16, location: &str) {
        let location = location.to_owned();
        self.registry.spoil(move |request| {
            request.is(method, part).then(|| Fault::fields(status, &[("location", location.as_str())]))
        });
    }
}

/// hardpan on a machine whose `/etc/hosts` has these names alone.
fn knowing(case: &Case, hosts: &[(&str, &str)], words: &[&str]) -> Output {
    let lines: Vec<_> = hosts.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
    let case = case.clone().file("hosts", lines.concat());
    let (hosts, script) = (case.path("hosts"), "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"");
    let hosts = hosts.to_str().expect("a path of the tests");
    case.run_under(["unshare", "--mount", "sh", "-c", script, "sh", hosts], words)
}

#[test]
fn a_registry_of_the_internet_leads_nobody_into_this_network() {
    let world = World::new();
    let port = world.inside.port();
    let addresses = [
        ("https://169.254.169.254/latest/meta-data".to_owned(), "169.254.169.254"),
        (format!("https://127.0.0.1:{port}/v2/"), "127.0.0.1"),
        (format!("https://[::ffff:127.0.0.1]:{port}/v2/"), "[::ffff:127.0.0.1]"),
        (format!("https://localhost:{port}/v2/"), "localhost"),
        ("https://10.0.0.1/v2/".to_owned(), "10.0.0.1"),
        ("https://0x7f000001/v2/".to_owned(), "0x7f000001"),
    ];
    let other = "registry.example.com/other:1";
    let ways = [
        ("GET", "blobs", 307, ["inspect", NAME].as_slice()),
        ("GET", "manifests", 302, &["audit", NAME]),
        ("POST", "uploads", 202, &["push", "out/app", other]),
    ];
    for (method, part, status, words) in ways {
        for (location, host) in &addresses {
            world.leads(method, part, status, location);
            let said = world
                .run(words)
                .fails(2)
                .says(&format!("a redirect or upload location of the registry is https://{host}"));
            said.says("which is in a private network");
        }
        // Names, which somebody has to look up.
        for (name, port, address) in
            [("elsewhere.example.net", port, "127.0.0.1"), ("metadata.example.net", 443, "169.254.169.254")]
        {
            world.leads(method, part, status, &format!("https://{name}:{port}/v2/"));
            let said = world.run(words).fails(2);
            said.says(&format!("a redirect, upload location or token realm leads to {name}:{port}, whose address {address} is in a private network"));
        }
    }
    assert_eq!(world.inside.requests().len(), 0);
    let asked = world.proxy.asked();
    assert!(asked.iter().all(|name| name == "registry.example.com:443"), "{asked:?}");
}

#[test]
fn a_server_of_the_internet_leads_no_download_into_this_network() {
    let world = World::new();
    let port = world.inside.port();
    let url = format!("url = \"https://registry.example.com/file\"\nsha256 = \"{}\"\n", "0".repeat(64));
    let recipe = format!("{APP}\n[[file]]\n{url}to = \"/srv/file\"\n");
    let world = World { case: world.case.recipe(&recipe), ..world };
    for (location, says) in [
        ("https://169.254.169.254/file".to_owned(), "it redirects to https://169.254.169.254/file"),
        (format!("https://127.0.0.1:{port}/file"), "it redirects to https://127.0.0.1"),
        ("http://elsewhere.example.net/file".to_owned(), "it redirects to http://elsewhere.example.net/file"),
        (
            format!("https://elsewhere.example.net:{port}/file"),
            "a redirect, upload location or token realm leads to elsewhere.example.net",
        ),
        ("https://metadata.example.net/file".to_owned(), "whose address 169.254.169.254 is in a private network"),
    ] {
        world.leads("GET", "/file", 302, &location);
        world.run(&["build", "app.toml"]).fails(2).says("cannot download").says(says);
    }
    assert_eq!(world.inside.requests().len(), 0);
}

#[test]
fn a_registry_inside_of_this_network_leads_to_its_neighbours() {
    let (case, registry, store) = (case(), Registry::start(), Registry::start());
    push(&case, &registry).ok();
    push(&case, &store).ok();
    let location = format!("http://store.example.com:{}", store.port());
    registry.spoil(move |request| {
        let location = format!("{location}{}", request.target);
        request.is("GET", "blobs").then(|| Fault::fields(307, &[("location", location.as_str())]))
    });
    let name = format!("registry.example.com:{}/app@{}", registry.port(), digest(&case));
    let hosts = [("registry.example.com", "127.0.0.1"), ("store.example.com", "127.0.0.2")];
    knowing(&case, &hosts, &["inspect", "--plain-http", &name]).fails(2).says("connection refused");
    let hosts = [("registry.example.com", "127.0.0.1"), ("store.example.com", "127.0.0.1")];
    knowing(&case, &hosts, &["inspect", "--plain-http", &name]).ok();
    assert!(store.requests().iter().any(|request| request.is("GET", "blobs")));
}
