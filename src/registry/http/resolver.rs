//! Resolves host names, and refuses private addresses for hosts that a redirect or realm named: a registry on the
//! internet must not reach into this machine or its networks.

use std::{
    error, fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use ureq::{
    Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{NextTimeout, time},
    },
};

use crate::registry::url::is_inward;

/// Whether the host that the user named resolved to private addresses only, the last time. Such a host may redirect to other
/// private addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct InsideNetwork(Arc<AtomicBool>);

impl InsideNetwork {
    /// Of a host that is named by its address.
    pub(crate) fn new(is_inside: bool) -> Self {
        Self(Arc::new(AtomicBool::new(is_inside)))
    }
}

/// Where a host name came from.
#[derive(Debug, Clone)]
pub(crate) enum HostOrigin {
    /// The user: any address is allowed.
    User(InsideNetwork),
    /// The host that the user named, in a redirect, a location or a challenge.
    Host(InsideNetwork),
}

/// The system's resolver, restricted by the origin of the name.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    system: DefaultResolver,
    named_by: HostOrigin,
}

impl GuardedResolver {
    pub(super) fn new(named_by: HostOrigin) -> Self {
        Self { system: DefaultResolver::default(), named_by }
    }

    /// The addresses that may be connected to.
    fn allowed(&self, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, PrivateAddressError> {
        match &self.named_by {
            HostOrigin::User(InsideNetwork(inside)) => {
                // One that is at both is a host of the internet: it chose to be called so.
                inside.store(found.iter().all(|address| is_inward(address.ip())), Ordering::Relaxed);
                Ok(found.to_vec())
            }
            HostOrigin::Host(InsideNetwork(inside)) if inside.load(Ordering::Relaxed) => Ok(found.to_vec()),
            HostOrigin::Host(_) => {
                let (inward, outward): (Vec<_>, Vec<_>) =
                    found.iter().copied().partition(|address: &SocketAddr| is_inward(address.ip()));
                match inward.first() {
                    Some(first) if outward.is_empty() => Err(PrivateAddressError(first.ip())),
                    _ => Ok(outward),
                }
            }
        }
    }
}

impl Resolver for GuardedResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        // With a limit it starts a thread, and panics where the system has none to give: a trial tells.
        let has_thread = || thread::Builder::new().spawn(|| {}).is_ok_and(|trial| trial.join().is_ok());
        let timeout = if timeout.after.is_not_happening() || has_thread() {
            timeout
        } else {
            NextTimeout { after: time::Duration::NotHappening, ..timeout }
        };
        let found = self.system.resolve(uri, config, timeout)?;
        let allowed = self.allowed(&found).map_err(|inward| Error::Other(Box::new(inward)))?;
        let mut addresses = self.empty();
        for address in allowed {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

/// The address of a host that is only in this machine or its networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PrivateAddressError(pub(super) IpAddr);

impl fmt::Display for PrivateAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its address is {}", self.0)
    }
}

impl error::Error for PrivateAddressError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect()
    }

    fn allowed(named_by: HostOrigin, found: &[&str]) -> Result<Vec<SocketAddr>, PrivateAddressError> {
        GuardedResolver::new(named_by).allowed(&addresses(found))
    }

    #[test]
    fn a_host_that_a_stranger_named_is_spoken_with_at_addresses_of_the_internet_alone() {
        for inward in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "100.64.0.1", "::1", "fd00::1", "::ffff:192.168.0.1"]
        {
            let refused = allowed(HostOrigin::Host(InsideNetwork::default()), &[inward]);
            assert_eq!(refused, Err(PrivateAddressError(inward.parse().unwrap())));
            assert_eq!(
                allowed(HostOrigin::Host(InsideNetwork::default()), &[inward, "1.1.1.1"]),
                Ok(addresses(&["1.1.1.1"]))
            );
            assert_eq!(allowed(HostOrigin::User(InsideNetwork::default()), &[inward]), Ok(addresses(&[inward])));
            assert_eq!(allowed(HostOrigin::Host(InsideNetwork::new(true)), &[inward]), Ok(addresses(&[inward])));
        }
    }

    #[test]
    fn who_is_inside_may_send_us_to_its_neighbours_and_who_moves_out_may_not() {
        let inside = InsideNetwork::default();
        for (registry, may) in [
            (&["10.0.0.1"][..], true),
            (&["10.0.0.1", "::1"], true),
            (&["10.0.0.1", "1.1.1.1"], false),
            (&["10.0.0.1"], true),
            (&["1.1.1.1"], false),
        ] {
            allowed(HostOrigin::User(inside.clone()), registry).unwrap();
            assert_eq!(allowed(HostOrigin::Host(inside.clone()), &["10.0.0.2"]).is_ok(), may, "{registry:?}");
        }
    }
}
