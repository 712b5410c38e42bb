//! The TLS configuration of a connection: the system's CA certificates, `--ca-file`, and `certs.d` of docker and podman
//! with client certificates.

use std::{
    ffi::OsStr,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::{
    registry::{Access, config_files},
    report::{ErrorName, Failure, Limits},
};

/// Where systems keep their roots in one file: Debian, Fedora, openSUSE, Alpine, the BSDs.
const SYSTEM: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The TLS configuration for the registry called `host`.
///
/// # Errors
/// A file that was named and cannot be read, or holds no certificate; a client's certificate without its key.
pub(super) fn trust(access: &Access, host: &str) -> Result<TlsConfig, Failure> {
    let mut roots = Vec::new();
    match access.path("SSL_CERT_FILE") {
        Some(path) => roots.extend(certificates(&path)?),
        None => {
            if let Some(path) = SYSTEM.iter().map(Path::new).find(|path| path.is_file()) {
                roots.extend(certificates(path)?);
            }
        }
    }
    for path in &access.ca_files {
        roots.extend(certificates(path)?);
    }
    let mut client = match &access.client {
        Some(files) => Some(ClientCert::new_with_certs(&certificates(&files.certificate)?, private_key(&files.key)?)),
        None => None,
    };
    for folder in folders(access, host) {
        for path in sorted(&folder)? {
            match path.extension().and_then(OsStr::to_str) {
                Some("crt") => roots.extend(certificates(&path)?),
                Some("cert") if client.is_none() => {
                    let key = private_key(&path.with_extension("key"))?;
                    client = Some(ClientCert::new_with_certs(&certificates(&path)?, key));
                }
                _ => {}
            }
        }
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(client)
        .disable_verification(access.insecure_host.as_deref() == Some(host))
        // Named here, so that no other crate of the program chooses.
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

/// `certs.d/HOST[:PORT]` of podman and docker, the user's first.
fn folders(access: &Access, host: &str) -> Vec<PathBuf> {
    let config = access.path("XDG_CONFIG_HOME").or_else(|| access.home.as_ref().map(|home| home.join(".config")));
    let user = config.map(|config| config.join("containers/certs.d"));
    let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    user.into_iter().chain(system).map(|folder| folder.join(host)).collect()
}

/// The files of a folder, sorted; none where it does not exist.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = config_files::entries(folder)?.take(Limits::CERTS_D_FILES).collect::<Result<Vec<_>, _>>()?;
    paths.sort_unstable();
    Ok(paths)
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let bytes = read(path)?;
    let items = parse_pem(&bytes).filter_map(Result::ok);
    let found: Vec<_> = items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(Failure::error(ErrorName::Certificate, "holds no certificate in PEM").in_path(path));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKey<'static>, Failure> {
    let bytes = read(path)?;
    PrivateKey::from_pem(&bytes)
        .map_err(|_| Failure::error(ErrorName::Certificate, "holds no private key in PEM").in_path(path))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(Limits::CERTIFICATE_BYTES).read_to_end(&mut bytes))
        .map_err(|error| Failure::io("read the certificates", path, &error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn roots(access: &Access, host: &str) -> usize {
        match trust(access, host).unwrap().root_certs() {
            RootCerts::Specific(roots) => roots.len(),
            _ => usize::MAX,
        }
    }

    #[test]
    fn roots_come_from_the_variable_the_option_and_the_hosts_folder() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let certificate = rcgen::generate_simple_self_signed(vec!["r.example".into()]).unwrap();
        let pem = certificate.cert.pem();
        fs::write(at("system.pem"), [pem.as_str(), &pem].concat()).unwrap();
        fs::write(at("extra.pem"), &pem).unwrap();
        fs::create_dir_all(at("containers/certs.d/r.example:5000")).unwrap();
        fs::write(at("containers/certs.d/r.example:5000/ca.crt"), &pem).unwrap();
        let mut access = Access::default();
        access.environment.insert("SSL_CERT_FILE".into(), at("system.pem").into());
        access.environment.insert("XDG_CONFIG_HOME".into(), dir.path().into());
        assert_eq!(roots(&access, "r.example"), 2);
        access.ca_files.push(at("extra.pem"));
        assert_eq!(roots(&access, "r.example"), 3);
        assert_eq!(roots(&access, "r.example:5000"), 4);
        fs::write(at("containers/certs.d/r.example:5000/me.cert"), &pem).unwrap();
        assert!(trust(&access, "r.example:5000").unwrap_err().to_string().contains("me.key"));
        fs::write(at("containers/certs.d/r.example:5000/me.key"), certificate.signing_key.serialize_pem()).unwrap();
        assert!(trust(&access, "r.example:5000").unwrap().client_cert().is_some());
        fs::write(at("extra.pem"), "no\n").unwrap();
        assert!(trust(&access, "r.example").unwrap_err().to_string().contains("holds no certificate"));
    }
}
