//! A registry in this process that can be told to misbehave.
//!
//! It keeps the distribution-spec 1.1, which that specification's own conformance suite judges (`conformance.rs`). Every
//! request is asked of a plan first, which may spoil it; what it leaves alone is served well.

mod content;
mod fault;
mod gate;
mod serve;
mod uploads;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;

use super::tls;
pub use fault::Fault;
pub use gate::Lock;
pub use wire::Request;

/// What a registry is like.
#[derive(Debug, Clone)]
pub struct Setup {
    pub address: IpAddr,
    pub lock: Lock,
    /// Whether TLS is spoken, by a certificate of [`Registry::ca_pem`].
    pub tls: bool,
    /// Where tokens are had; none is its own `/token`.
    pub realm: Option<String>,
    /// Whether the locations of uploads are whole addresses.
    pub absolute: bool,
    /// `OCI-Chunk-Min-Length`; 0 is none.
    pub least: usize,
    /// A larger piece of a blob is answered with 413.
    pub most: usize,
    /// Whether a blob is taken in the request that closes its upload; 405 otherwise.
    pub takes_whole: bool,
    /// Whether what is told of an upload (`Range`) stays where it was when its first bytes had come.
    pub lags: bool,
    /// Whether the locations of uploads are whole addresses without TLS, also where TLS is spoken: what is behind a proxy that ends
    /// TLS writes such.
    pub forgets_tls: bool,
    /// Whether a manifest is taken by a tag alone.
    pub by_tag_alone: bool,
    /// Whether there is a referrers API.
    pub referrers: bool,
    /// Most entries of a list in one answer.
    pub page: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            lock: Lock::Open,
            tls: false,
            realm: None,
            absolute: false,
            least: 0,
            most: usize::MAX,
            takes_whole: true,
            lags: false,
            forgets_tls: false,
            by_tag_alone: false,
            referrers: true,
            page: 100,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// By repository and digest.
    blobs: BTreeMap<(String, String), Vec<u8>>,
    /// Media type and bytes, by repository and digest.
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    /// Digests, by repository and name.
    tags: BTreeMap<(String, String), String>,
    uploads: BTreeMap<String, uploads::Upload>,
    requests: Vec<Request>,
    /// Connections that are open.
    open: usize,
    /// Uses that are left of each token, and what it is for.
    tokens: BTreeMap<String, (usize, Vec<String>)>,
    next: usize,
}

type Plan = dyn Fn(&Request) -> Option<Fault> + Send + Sync;

/// Serves until it is dropped.
pub struct Registry {
    port: u16,
    setup: Setup,
    ca_pem: String,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    plan: Arc<Mutex<Arc<Plan>>>,
}

/// What one connection is served by.
struct Serving {
    state: Arc<Mutex<State>>,
    plan: Arc<Mutex<Arc<Plan>>>,
    setup: Setup,
    /// `host:port`.
    host: String,
    tls: Option<Arc<ServerConfig>>,
}

impl Registry {
    /// One that behaves, for anybody.
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    pub fn locked(lock: Lock) -> Self {
        Self::with(Setup { lock, ..Setup::default() })
    }

    pub fn with(setup: Setup) -> Self {
        Self::on_port(0, setup)
    }

    /// One on a port of the caller's choice.
    pub fn on_port(port: u16, setup: Setup) -> Self {
        let listener = TcpListener::bind((setup.address, port)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let (config, ca_pem) = setup.tls.then(tls::identity).unzip();
        let plan: Arc<Mutex<Arc<Plan>>> = Arc::new(Mutex::new(Arc::new(|_: &Request| None)));
        let registry =
            Self { port, setup, ca_pem: ca_pem.unwrap_or_default(), state: Arc::default(), stop: Arc::default(), plan };
        let serving = Arc::new(Serving {
            state: Arc::clone(&registry.state),
            plan: Arc::clone(&registry.plan),
            setup: registry.setup.clone(),
            host: registry.host(),
            tls: config,
        });
        let stop = Arc::clone(&registry.stop);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let serving = Arc::clone(&serving);
                held(&serving.state).open += 1;
                thread::spawn(move || {
                    serving.connection(stream).ok();
                    held(&serving.state).open -= 1;
                });
            }
        });
        registry
    }

    pub fn at(address: IpAddr, lock: Lock) -> Self {
        Self::with(Setup { address, lock, ..Setup::default() })
    }

    /// From now on `plan` decides about every request.
    pub fn spoil(&self, plan: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static) {
        *held(&self.plan) = Arc::new(plan);
        held(&self.state).requests.clear();
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Another one that has all that this one has.
    pub fn copy(&self) -> Self {
        let copy = Self::with(self.setup.clone());
        let State { blobs, manifests, tags, .. } = &*held(&self.state);
        let (blobs, manifests, tags) = (blobs.clone(), manifests.clone(), tags.clone());
        *held(&copy.state) = State { blobs, manifests, tags, ..State::default() };
        copy
    }

    /// Waits until nobody is connected any more: what the dead have sent was done then.
    pub fn settle(&self) {
        while held(&self.state).open > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// `host:port`.
    pub fn host(&self) -> String {
        match self.setup.address {
            IpAddr::V6(address) => format!("[{address}]:{}", self.port),
            IpAddr::V4(address) => format!("{address}:{}", self.port),
        }
    }

    /// Who signed its certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The digest that a tag names.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<String> {
        held(&self.state).tags.get(&(repository.to_owned(), tag.to_owned())).cloned()
    }

    /// All tags of a repository, and what they name.
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        let state = held(&self.state);
        let own = state.tags.iter().filter(|((known, _), _)| known == repository);
        own.map(|((_, tag), digest)| (tag.clone(), digest.clone())).collect()
    }

    /// Puts a blob there.
    pub fn keep_blob(&self, repository: &str, bytes: &[u8]) {
        held(&self.state).blobs.insert((repository.to_owned(), super::layout::sha256(bytes)), bytes.to_vec());
    }

    /// Puts a manifest there, by a tag or digest.
    pub fn keep_manifest(&self, repository: &str, reference: &str, kind: &str, bytes: &[u8]) {
        let entry = (kind.to_owned(), bytes.to_vec());
        let (mut state, digest) = (held(&self.state), super::layout::sha256(bytes));
        if reference != digest {
            state.tags.insert((repository.to_owned(), reference.to_owned()), digest.clone());
        }
        state.manifests.insert((repository.to_owned(), digest), entry);
    }

    /// Digests of the blobs of a repository.
    pub fn blobs(&self, repository: &str) -> BTreeSet<String> {
        let state = held(&self.state);
        state.blobs.keys().filter(|(known, _)| known == repository).map(|(_, digest)| digest.clone()).collect()
    }

    /// Digests of the manifests of a repository.
    pub fn manifests(&self, repository: &str) -> BTreeSet<String> {
        let state = held(&self.state);
        state.manifests.keys().filter(|(known, _)| known == repository).map(|(_, digest)| digest.clone()).collect()
    }

    /// A manifest's bytes.
    pub fn manifest(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        let state = held(&self.state);
        state.manifests.get(&(repository.to_owned(), digest.to_owned())).map(|(_, bytes)| bytes.clone())
    }

    /// Takes a blob away.
    pub fn lose(&self, repository: &str, digest: &str) {
        held(&self.state).blobs.remove(&(repository.to_owned(), digest.to_owned()));
    }

    /// Turns one byte of a blob over.
    pub fn corrupt(&self, repository: &str, digest: &str) {
        let mut state = held(&self.state);
        let blob = state.blobs.get_mut(&(repository.to_owned(), digest.to_owned())).expect("the blob");
        let middle = blob.len() / 2;
        blob[middle] ^= 1;
    }

    /// All requests since the plan changed.
    pub fn requests(&self) -> Vec<Request> {
        held(&self.state).requests.clone()
    }

    /// How many of these there were.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.requests().iter().filter(|request| request.is(method, part)).count()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        TcpStream::connect((self.setup.address, self.port)).ok();
    }
}

fn held<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
