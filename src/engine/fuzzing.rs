//! Entry points for the fuzz targets to the parsers of what engines answer. Nothing else uses them.

use super::{connection, docker};

/// Status and body of docker's answer, and why docker did not take an image.
pub fn docker_answer(bytes: &[u8]) -> Option<(u16, String, Option<String>)> {
    let answer = connection::parse(bytes)?;
    let refusal = docker::refusal(&answer);
    Some((answer.status, answer.body, refusal))
}

/// The platform of a docker that answers this to `GET /version`.
pub fn docker_platform(body: &str) -> Option<String> {
    let version = serde_json::from_str(body).ok()?;
    Some(docker::DockerVersion::of(&version).platform?.to_string())
}
