//! A registry in this process that can be told to misbehave (distribution-spec 1.1: what pushing and pulling need).
//!
//! Every request is asked of a plan first, which may spoil it; what it leaves alone is served well.

mod serve;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::layout::sha256;

/// What may go wrong with a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, with these fields and this body, and nothing is done.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection ends after so many bytes of the body; the registry keeps them.
    Cut(usize),
    /// The same, and the registry forgets them.
    Drop(usize),
    /// All is done, and the connection ends without an answer.
    Lost,
    /// All is done, and these fields are in the answer instead of its own; an empty one is left out.
    Fields(Vec<(&'static str, String)>),
    /// The session that it is about is forgotten, and it is told so.
    Forget,
}

impl Fault {
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub fields: BTreeMap<String, String>,
    /// Bytes of the body that came.
    pub received: usize,
    /// Requests of this method and kind before it.
    pub nth: usize,
}

impl Request {
    pub fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.target.contains(part)
    }

    /// What it is about.
    fn kind(&self) -> Option<&'static str> {
        ["/uploads/", "/blobs/", "/manifests/"].into_iter().find(|part| self.target.contains(part))
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// Who is let in.
#[derive(Debug, Clone)]
pub enum Lock {
    Open,
    /// `name:password` in base64.
    Basic(String),
    /// A token of `/token`, which wants that login; each is good for so many requests.
    Bearer(String, usize),
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<(String, String), Vec<u8>>,
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    requests: Vec<Request>,
    /// Uses that are left of each token.
    tokens: BTreeMap<String, usize>,
    next: usize,
}

type Plan = dyn Fn(&Request) -> Option<Fault> + Send + Sync;

/// Serves until it is dropped.
pub struct Registry {
    port: u16,
    address: IpAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    plan: Arc<Mutex<Arc<Plan>>>,
}

struct Serving {
    state: Arc<Mutex<State>>,
    plan: Arc<Plan>,
    lock: Lock,
    host: String,
}

impl Registry {
    /// One that behaves, for anybody.
    pub fn start() -> Self {
        Self::locked(Lock::Open)
    }

    pub fn locked(lock: Lock) -> Self {
        Self::at(IpAddr::V4(Ipv4Addr::LOCALHOST), lock)
    }

    pub fn at(address: IpAddr, lock: Lock) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let (state, stop) = (Arc::<Mutex<State>>::default(), Arc::new(AtomicBool::new(false)));
        let plan: Arc<Mutex<Arc<Plan>>> = Arc::new(Mutex::new(Arc::new(|_: &Request| None)));
        thread::spawn({
            let (state, stop, plan) = (Arc::clone(&state), Arc::clone(&stop), Arc::clone(&plan));
            move || {
                for stream in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let host =
                        if address.is_ipv6() { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
                    let plan = Arc::clone(&held(&plan));
                    let serving = Serving { state: Arc::clone(&state), plan, lock: lock.clone(), host };
                    thread::spawn(move || serving.connection(&stream).ok());
                }
            }
        });
        Self { port, address, state, stop, plan }
    }

    /// From now on `plan` decides about every request of a new connection.
    pub fn spoil(&self, plan: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static) {
        *held(&self.plan) = Arc::new(plan);
        held(&self.state).requests.clear();
    }

    /// `host:port`.
    pub fn host(&self) -> String {
        if self.address.is_ipv6() {
            format!("[{}]:{}", self.address, self.port)
        } else {
            format!("{}:{}", self.address, self.port)
        }
    }

    /// The digest that a tag names.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<String> {
        let state = held(&self.state);
        state.manifests.get(&(repository.to_owned(), tag.to_owned())).map(|(_, bytes)| sha256(bytes))
    }

    /// Digests of the blobs of a repository.
    pub fn blobs(&self, repository: &str) -> BTreeSet<String> {
        let state = held(&self.state);
        state.blobs.keys().filter(|(known, _)| known == repository).map(|(_, digest)| digest.clone()).collect()
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
        TcpStream::connect((self.address, self.port)).ok();
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
