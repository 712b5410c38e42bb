//! A server of tokens for Debian's docker-registry: JSON Web Tokens, signed with RS256, the certificate in `x5c`.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::case::scratch;
use super::judges::{checked, tool};

const ISSUER: &str = "hardpan test issuer";
const SERVICE: &str = "hardpan test registry";

/// Gives everything to one login. It ends with the test's process.
pub struct TokenServer {
    port: u16,
    papers: Arc<TempDir>,
}

/// What signs, and for whom.
struct Signer {
    papers: Arc<TempDir>,
    login: String,
}

impl TokenServer {
    /// `login` is `name:password` in base64.
    pub fn start(login: &str) -> Self {
        let papers = Arc::new(scratch());
        let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| papers.path().join(name));
        checked(
            tool("openssl")
                .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens"])
                .arg("-keyout")
                .arg(&key)
                .arg("-out")
                .arg(&certificate),
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let signer = Arc::new(Signer { papers: Arc::clone(&papers), login: login.to_owned() });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let signer = Arc::clone(&signer);
                thread::spawn(move || signer.answer(stream).ok());
            }
        });
        Self { port, papers }
    }

    /// What a registry's configuration says of it.
    pub fn lines(&self) -> String {
        let bundle = self.papers.path().join("certificate.pem");
        format!(
            "auth:\n  token:\n    realm: http://localhost:{}/token\n    service: {SERVICE}\n    issuer: {ISSUER}\n    \
             rootcertbundle: {}\n",
            self.port,
            bundle.display()
        )
    }
}

impl Signer {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let mut is_known = false;
        for line in lines {
            let line = line?;
            if line.is_empty() {
                break;
            }
            let field = line.split_once(':').unwrap_or_default();
            is_known |=
                field.0.eq_ignore_ascii_case("authorization") && field.1.trim() == format!("Basic {}", self.login);
        }
        let (status, body) = if is_known {
            let query =
                first.split(' ').nth(1).and_then(|target| target.split_once('?')).map_or("", |(_, query)| query);
            let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
            (200, json!({ "token": self.sign(scopes) }).to_string())
        } else {
            (401, "{}".to_owned())
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes())
    }

    fn sign<'a>(&self, scopes: impl Iterator<Item = &'a str>) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
        let access: Vec<Value> = scopes
            .filter_map(|scope| {
                let scope = scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
                let (kind, rest) = scope.split_once(':')?;
                let (name, actions) = rest.rsplit_once(':')?;
                Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
            })
            .collect();
        let pem = fs::read_to_string(self.at("certificate.pem")).expect("the certificate");
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [der] });
        let claims = json!({
            "iss": ISSUER, "sub": "somebody", "aud": SERVICE, "iat": now, "nbf": now - 10, "exp": now + 600,
            "jti": format!("{now}"), "access": access,
        });
        let encoded = [header, claims].map(|part| Base64UrlUnpadded::encode_string(part.to_string().as_bytes()));
        let signed = encoded.join(".");
        format!("{signed}.{}", Base64UrlUnpadded::encode_string(&self.signature(signed.as_bytes())))
    }

    fn signature(&self, bytes: &[u8]) -> Vec<u8> {
        let mut openssl = tool("openssl")
            .args(["dgst", "-sha256", "-sign"])
            .arg(self.at("key.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl");
        openssl.stdin.take().expect("its input").write_all(bytes).expect("what is signed");
        openssl.wait_with_output().expect("openssl").stdout
    }

    fn at(&self, name: &str) -> PathBuf {
        Path::new(self.papers.path()).join(name)
    }
}
