//! Loads images into docker over its unix socket: `POST /images/load` (Docker Engine API).

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    Engine, EngineEnvironment, EngineName, LoadedImage,
    connection::{EngineConnection, EngineResponse},
    host_image::{archive_contents, choose_for_host, has_zstd, no_name_failure, this_machine},
    progress_writer::ProgressWriter,
};
use crate::{
    image::{ImageSet, StoredImage, VerifiedBlobs, archive},
    layer::TarError,
    oci::{Digest, Platform},
    report::{ErrorName, Failure, Task, printable, shown},
};

/// The default socket of dockerd.
const SOCKET: &str = "/var/run/docker.sock";
/// The first dockerd that unpacks zstd when it loads an archive.
const ZSTD_SINCE: u64 = 23;

/// Streams the image for dockerd's machine into it and asks it what it has.
pub(super) fn load(
    set: &ImageSet,
    blobs: &dyn VerifiedBlobs,
    names: &[EngineName],
    caller: EngineEnvironment<'_>,
    task: &dyn Task,
) -> Result<Vec<LoadedImage>, Failure> {
    let socket = find_socket(caller)?;
    let version = DockerVersion::ask(&socket)?;
    let (image, chosen) = choose_for_host(set, Engine::Docker, version.platform.as_ref())?;
    if has_zstd(image) && !version.unpacks_zstd {
        let what = format!("docker {} cannot unpack zstd layers", shown(&version.name));
        return Err(Failure::error(ErrorName::EngineFailed, what)
            .hint("`compression = \"gzip\"` suits every engine; docker 23 takes zstd"));
    }
    let names: Vec<_> = names.iter().map(EngineName::in_docker).collect();
    let (name, others) = names.split_first().ok_or_else(no_name_failure)?;
    let contents = archive_contents(image.descriptor.as_ref(), vec![image], name)?;
    let answer = connect(&socket)?
        .post_tar("/images/load?quiet=1", |out| {
            archive::write_archive(&contents, blobs, &mut ProgressWriter { out, task })
        })
        .map_err(|error| match error {
            TarError::Entry(failure) => failure,
            TarError::Write(error) => {
                Failure::io("send the image to docker", &socket, &error).named(ErrorName::EngineFailed)
            }
        })?;
    if let Some(reason) = refusal(&answer) {
        return Err(Failure::error(ErrorName::EngineFailed, format!("docker refused the image: {}", shown(&reason))));
    }
    for other in others {
        tag(&socket, name, other)?;
    }
    names.iter().map(|name| loaded(&socket, name, image, chosen.clone())).collect()
}

/// Gives the image `name` one more name, `POST /images/{name}/tag`.
fn tag(socket: &Path, name: &str, other: &str) -> Result<(), Failure> {
    let (repository, tag) = other.rsplit_once(':').unwrap_or((other, "latest"));
    let target = format!("/images/{name}/tag?repo={repository}&tag={tag}");
    let answer = connect(socket)?.post(&target).map_err(|error| unanswered(socket, &error))?;
    match answer.status {
        200..300 => Ok(()),
        status => {
            let reason = refusal(&answer).unwrap_or_else(|| format!("HTTP status {status}"));
            let what = format!("docker refused the name `{other}`: {}", shown(&reason));
            Err(Failure::error(ErrorName::EngineFailed, what))
        }
    }
}

/// What docker has as `name`, which must be `image`.
fn loaded(socket: &Path, name: &str, image: &StoredImage, chosen: Option<String>) -> Result<LoadedImage, Failure> {
    let answer = ask(socket, &format!("/images/{name}/json"))?;
    let id = serde_json::from_str::<Value>(&answer.body).ok();
    let id = id.as_ref().and_then(|answer| answer.get("Id")).and_then(Value::as_str).unwrap_or_default();
    let (ours, config) = (image.descriptor.as_ref().map(|blob| blob.digest), image.config_descriptor.digest);
    let name = name.to_owned();
    match Digest::parse(id) {
        Ok(id) if id == config => Ok(LoadedImage { engine: Engine::Docker, name, digest: None, id: Some(id), chosen }),
        // With containerd's image store docker keeps the manifest, and calls the image by it.
        Ok(id) if Some(id) == ours => {
            Ok(LoadedImage { engine: Engine::Docker, name, digest: Some(id), id: Some(config), chosen })
        }
        _ => {
            let what = format!("docker has another image as `{name}`: `{}`", shown(id));
            Err(Failure::error(ErrorName::EngineFailed, what)
                .hint("another program may have loaded an image of that name meanwhile"))
        }
    }
}

/// Whether dockerd answers.
pub(super) fn probe(caller: EngineEnvironment<'_>) -> Result<(), Failure> {
    DockerVersion::ask(&find_socket(caller)?).map(|_| ())
}

/// What `GET /version` says.
pub(super) struct DockerVersion {
    name: String,
    pub(super) platform: Option<Platform>,
    unpacks_zstd: bool,
}

impl DockerVersion {
    fn ask(socket: &Path) -> Result<Self, Failure> {
        let answer = ask(socket, "/version")?;
        let version = serde_json::from_str::<Value>(&answer.body).ok().filter(Value::is_object).ok_or_else(|| {
            Failure::error(
                ErrorName::EngineMissing,
                format!("the answer is not that of docker (HTTP status {})", answer.status),
            )
            .in_path(socket)
        })?;
        Ok(Self::of(&version))
    }

    pub(super) fn of(version: &Value) -> Self {
        let word = |key: &str| version.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = word("Version").to_owned();
        let major = name.split('.').next().and_then(|major| major.parse::<u64>().ok());
        // podman answers on such a socket too, with a number of its own, and unpacks zstd.
        let is_podman = version.get("Components").is_some_and(|parts| parts.to_string().contains("Podman"));
        let platform = Platform::parse(&format!("{}/{}", word("Os"), word("Arch"))).ok().or_else(this_machine);
        Self { unpacks_zstd: is_podman || major.is_some_and(|major| major >= ZSTD_SINCE), name, platform }
    }
}

/// `DOCKER_HOST`, else the usual socket, else that of a docker without root.
fn find_socket(caller: EngineEnvironment<'_>) -> Result<PathBuf, Failure> {
    if let Some(host) = caller.variable("DOCKER_HOST") {
        let host = host.to_string_lossy();
        let path = host.strip_prefix("unix://").map(PathBuf::from).filter(|path| path.is_absolute());
        return path.ok_or_else(|| {
            let what = format!("`DOCKER_HOST` is `{}`, and only `unix:///...` can be loaded into", printable(&host));
            Failure::error(ErrorName::Environment, what)
                .hint("push the layout to a registry instead, with `skopeo copy oci:...`")
        });
    }
    let usual = PathBuf::from(SOCKET);
    if usual.exists() {
        return Ok(usual);
    }
    let own = caller.variable("XDG_RUNTIME_DIR").map(|folder| Path::new(folder).join("docker.sock"));
    Ok(own.filter(|own| own.exists()).unwrap_or(usual))
}

fn ask(socket: &Path, target: &str) -> Result<EngineResponse, Failure> {
    connect(socket)?.get(target).map_err(|error| unanswered(socket, &error))
}

fn unanswered(socket: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Failure::error(ErrorName::EngineFailed, "timeout: docker does not answer")
                .in_path(socket)
                .hint("its own log says what it is busy with")
        }
        _ => Failure::io("talk to docker", socket, error).named(ErrorName::EngineFailed),
    }
}

fn connect(socket: &Path) -> Result<EngineConnection, Failure> {
    EngineConnection::open(socket).map_err(|error| {
        let name = printable(&socket.to_string_lossy()).into_owned();
        match error.kind() {
            io::ErrorKind::NotFound => {
                Failure::error(ErrorName::EngineMissing, format!("docker is not running: there is no socket `{name}`"))
                    .hint("start it, or name its socket with `DOCKER_HOST=unix:///...`")
            }
            io::ErrorKind::PermissionDenied => Failure::error(
                ErrorName::PermissionDenied,
                format!("permission denied: this user may not use docker's socket `{name}`"),
            )
            .hint("the group `docker` may; or try `--load podman`, which needs no daemon"),
            io::ErrorKind::ConnectionRefused => Failure::error(
                ErrorName::EngineMissing,
                format!("docker is not running: connection refused at `{name}`"),
            )
            .hint("start it, or name its socket with `DOCKER_HOST=unix:///...`"),
            _ => Failure::io("connect to docker", socket, &error).named(ErrorName::EngineMissing),
        }
    })
}

/// Why docker did not take the image: an answer with an error, or an error in the stream of progress, which begins
/// with status 200 before docker has looked at anything.
pub(super) fn refusal(answer: &EngineResponse) -> Option<String> {
    let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(|text| text.trim().to_owned());
    let documents = serde_json::Deserializer::from_str(&answer.body).into_iter::<Value>();
    let mut loaded = false;
    for document in documents {
        // Anything that is no JSON is an error message.
        let Ok(document) = document else { return Some(answer.body.trim().to_owned()) };
        if let Some(error) = word(&document, "error").or_else(|| word(&document, "message")) {
            return Some(error);
        }
        loaded |= word(&document, "stream").is_some_and(|line| line.starts_with("Loaded image"));
    }
    match answer.status {
        200 if loaded => None,
        200 => Some("its answer has no line `Loaded image`".to_owned()),
        status => Some(format!("HTTP status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_docker_can_is_told_by_its_version() {
        let of = |text: &str| DockerVersion::of(&serde_json::from_str(text).unwrap_or_default());
        assert!(!of("{\"Version\":\"20.10.24+dfsg1\"}").unpacks_zstd);
        assert!(of("{\"Version\":\"23.0.0\"}").unpacks_zstd);
        assert!(of("{\"Version\":\"4.3.1\",\"Components\":[{\"Name\":\"Podman Engine\"}]}").unpacks_zstd);
        assert!(!of("{}").unpacks_zstd);
        let arm = of("{\"Os\":\"linux\",\"Arch\":\"arm64\"}");
        assert_eq!(arm.platform.map(|platform| platform.to_string()).as_deref(), Some("linux/arm64"));
    }

    #[test]
    fn an_error_is_found_wherever_docker_puts_it() {
        let refused = |status, body: &str| refusal(&EngineResponse { status, body: body.to_owned() });
        assert_eq!(refused(200, "{\"stream\":\"Loaded image: a:latest\\n\"}\n"), None);
        let late = "{\"stream\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no space\"}\r\n";
        assert_eq!(refused(200, late).as_deref(), Some("no space"));
        assert_eq!(refused(500, "{\"message\":\"broken\\n\"}\n").as_deref(), Some("broken"));
        assert_eq!(refused(404, "page not found\n").as_deref(), Some("page not found"));
        assert_eq!(refused(502, "").as_deref(), Some("HTTP status 502"));
        assert_eq!(refused(200, "").as_deref(), Some("its answer has no line `Loaded image`"));
    }
}
