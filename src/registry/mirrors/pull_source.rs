//! [`PullSource`]: one registry that an image may be pulled from: a mirror, or the registry that its reference names.

use std::time::Duration;

use crate::{
    registry::{Access, Reference},
    report::{ErrorName, Failure, Origin, printable},
};

/// Where an image may be pulled from.
#[derive(Debug, Clone)]
pub(in crate::registry) struct PullSource {
    /// What it is called there. Tag and digest are those of the reference.
    pub(in crate::registry) reference: Reference,
    /// How the registry is reached. Where another source follows, each request is tried once.
    pub(in crate::registry) access: Access,
    /// How long requests are repeated once the source has given the image.
    pub(in crate::registry) retry: Option<Duration>,
}

/// What a source is, before it has its place among the others.
#[derive(Debug, Clone)]
pub(super) struct FoundSource {
    pub(super) reference: Reference,
    /// HTTP, and certificates that no trusted authority has signed.
    pub(super) is_insecure: bool,
    /// HTTP alone.
    pub(super) is_plain: bool,
    /// The `[[registry]]` that blocks it.
    pub(super) blocked: Option<Origin>,
}

/// The sources that may be asked, the mirrors first.
///
/// # Errors
/// All of them are blocked: the refusal names the place that blocks the registry of `reference`.
pub(super) fn permitted(
    reference: &Reference,
    found: Vec<FoundSource>,
    access: &Access,
) -> Result<Vec<PullSource>, Failure> {
    let blocked = found.iter().filter_map(|source| source.blocked.clone()).next_back();
    let allowed: Vec<_> = found.into_iter().filter(|source| source.blocked.is_none()).collect();
    if allowed.is_empty() {
        let what = format!("the registry of `{}` is blocked", printable(&reference.name()));
        let failure = Failure::error(ErrorName::RegistryBlocked, what);
        return Err(match blocked {
            Some(origin) => {
                failure.at(&origin).hint("`blocked = false` there allows it; so does a mirror that has the image")
            }
            None => failure,
        });
    }
    let last = allowed.len() - 1;
    let source = |(index, found): (usize, FoundSource)| PullSource {
        access: access_of(&found, reference, access, index == last),
        reference: found.reference,
        retry: access.retry,
    };
    Ok(allowed.into_iter().enumerate().map(source).collect())
}

fn access_of(source: &FoundSource, asked: &Reference, access: &Access, is_last: bool) -> Access {
    let host = source.reference.host();
    let mut own = access.clone();
    // `--username` is for the registry that the user named.
    own.login = own.login.filter(|_| host == asked.host());
    own.plain_http |= source.is_plain;
    own.insecure_host = source.is_insecure.then(|| host.to_owned());
    if !is_last {
        own.retry = Some(Duration::ZERO);
    }
    own
}
