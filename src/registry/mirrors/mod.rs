//! Where an image is pulled from: mirrors and blocked registries of podman's `registries.conf`, and docker's mirrors of Docker Hub.
//!
//! Only [`RemoteRepository`](super::RemoteRepository) asks, so that it holds for every verb that pulls, and for none that pushes. What
//! is pulled keeps the name of its origin, in locks, annotations and messages; every byte is verified, so that a mirror needs no trust
//! where a digest is asked for.

mod conf_files;
mod docker_mirrors;
mod pull_source;
mod registries_conf;

use super::{Access, Reference};
use crate::report::{ErrorName, Failure, Origin, printable};
pub(super) use pull_source::PullSource;
use pull_source::{FoundSource, permitted};
use registries_conf::{MirrorPulls, RegistriesConf, RegistryTable};

/// The registries to ask for the image that `reference` names, in their order: mirrors, and last the registry itself, as far as they
/// are not blocked. At least one.
///
/// # Errors
/// A configuration that cannot be read; a registry that is blocked, and has no mirror.
pub(super) fn sources(reference: &Reference, access: &Access) -> Result<Vec<PullSource>, Failure> {
    let conf = conf_files::read(access)?;
    conf.unknown.iter().for_each(|unknown| access.notices.warn(unknown.clone()));
    let found = if let Some(found) = of_conf(&conf, reference)? {
        found
    } else {
        let mirrors = if reference.is_docker_hub() { docker_mirrors::sources(reference, access) } else { Vec::new() };
        mirrors.into_iter().chain([plain(&conf, reference.clone())]).collect()
    };
    permitted(reference, found, access)
}

/// The sources that a table gives; none where no table is about the reference.
fn of_conf(conf: &RegistriesConf, reference: &Reference) -> Result<Option<Vec<FoundSource>>, Failure> {
    table_of(conf, reference).map(|(table, length)| of_table(conf, table, length, reference)).transpose()
}

/// The names under which the text of a `registries.conf` has an image looked for, in their order, and whether each is blocked.
///
/// # Errors
/// Those of [`sources`] that the text is the cause of.
pub(super) fn names_in(text: &str, reference: &Reference) -> Result<Vec<(String, bool)>, Failure> {
    let conf = registries_conf::parse("registries.conf", text)?;
    let found = of_conf(&conf, reference)?.unwrap_or_default();
    Ok(found.into_iter().map(|source| (source.reference.to_string(), source.blocked.is_some())).collect())
}

/// The sources that the table of a reference gives. `length` is how much of the name its prefix takes.
fn of_table(
    conf: &RegistriesConf,
    table: &RegistryTable,
    length: usize,
    reference: &Reference,
) -> Result<Vec<FoundSource>, Failure> {
    let name = reference.name();
    let rest = name.get(length..).unwrap_or_default();
    let moved = |location: &str| {
        reference.moved_to(&format!("{location}{rest}")).map_err(|failure| {
            let what =
                format!("`{}` cannot be looked for in `{}`: {}", printable(&name), printable(location), failure.what);
            Failure::error(ErrorName::RegistriesConf, what).at(&table.origin)
        })
    };
    let mut sources = Vec::new();
    for mirror in &table.mirrors {
        let is_asked = match mirror.pulls {
            MirrorPulls::All => true,
            MirrorPulls::Digest => reference.digest().is_some(),
            MirrorPulls::Tag => reference.digest().is_none(),
        };
        if is_asked {
            let source = plain(conf, moved(&mirror.location)?);
            sources.push(FoundSource { is_insecure: source.is_insecure || mirror.is_insecure, ..source });
        }
    }
    let own = plain(conf, table.location.as_deref().map_or_else(|| Ok(reference.clone()), moved)?);
    let blocked = table.is_blocked.then(|| table.origin.clone()).or(own.blocked);
    sources.push(FoundSource { is_insecure: own.is_insecure || table.is_insecure, blocked, ..own });
    Ok(sources)
}

/// A source as the table of its own name has it.
fn plain(conf: &RegistriesConf, reference: Reference) -> FoundSource {
    let table = table_of(conf, &reference).map(|(table, _)| table);
    let blocked: Option<Origin> = table.filter(|table| table.is_blocked).map(|table| table.origin.clone());
    FoundSource { is_insecure: table.is_some_and(|table| table.is_insecure), is_plain: false, blocked, reference }
}

/// The table whose prefix takes most of the name, and how much that is.
fn table_of<'c>(conf: &'c RegistriesConf, reference: &Reference) -> Option<(&'c RegistryTable, usize)> {
    let name = reference.name();
    let matching = conf.tables.iter().filter_map(|table| Some((table, matched(&name, &table.prefix)?)));
    // The first of equals.
    matching.rev().max_by_key(|(_, length)| *length)
}

/// How much of a name a prefix takes: whole components, and with `*.` any host below a domain. A port may follow, as podman has it.
fn matched(name: &str, prefix: &str) -> Option<usize> {
    let end = match prefix.strip_prefix('*') {
        Some(domain) => {
            let host = name.split(['/', ':']).next()?;
            (host.len() > domain.len() && host.ends_with(domain)).then_some(host.len())?
        }
        None => name.starts_with(prefix).then_some(prefix.len())?,
    };
    let rest = name.get(end..)?;
    (rest.is_empty() || rest.starts_with(['/', ':'])).then_some(end)
}

#[cfg(test)]
mod tests;
