//! A proxy on the loopback that knows other names than the world does.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Opens tunnels to ports of this machine, by name. It ends with the test's process.
pub struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy that takes each name (`host:port`) for a port of the loopback, and knows no other.
    pub fn start(names: &[(&str, u16)]) -> Self {
        let names: BTreeMap<String, u16> = names.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (names, log) = (names.clone(), Arc::clone(&log));
                thread::spawn(move || tunnel(stream, &names, &log).ok());
            }
        });
        Self { port, asked }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whom connections were wished to.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn tunnel(mut client: TcpStream, names: &BTreeMap<String, u16>, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = first.clone();
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let name = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    log.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
    let Some(port) = names.get(name) else {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    };
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, *port))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut back, mut to) = (server.try_clone()?, client.try_clone()?);
    let answers = thread::spawn(move || {
        io::copy(&mut back, &mut to).ok();
        to.shutdown(Shutdown::Both).ok();
    });
    io::copy(&mut reader, &mut server).ok();
    server.shutdown(Shutdown::Both).ok();
    answers.join().ok();
    Ok(())
}
