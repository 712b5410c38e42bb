//! [`ConnectDeadline`]: bounds what precedes the first request on a connection by one point in time.
//!
//! ureq gives each read of a proxy's answer to `CONNECT` all of the time for connecting: a proxy that sends a byte now and then
//! would hold a caller for hours.

use std::{fmt, sync::Arc};

use ureq::{
    Error, Timeout,
    unversioned::transport::{
        Buffers, ConnectionDetails, Connector, NextTimeout, Transport,
        time::{Duration, Instant},
    },
};

/// Stands behind what opens a socket, and in front of TLS.
#[derive(Debug, Default)]
pub(super) struct ConnectDeadline;

impl<In: Transport> Connector<In> for ConnectDeadline {
    type Out = BoundedTransport<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let (end, now) = (details.now + details.timeout.after, Arc::clone(&details.current_time));
        Ok(chained.map(|inner| BoundedTransport { inner, end, now }))
    }
}

/// A connection whose set-up must end in time.
pub(super) struct BoundedTransport<In> {
    inner: In,
    end: Instant,
    now: Arc<dyn Fn() -> Instant + Send + Sync>,
}

impl<In> BoundedTransport<In> {
    /// What is left of the time for connecting; later limits are as they are.
    fn bounded(&self, timeout: NextTimeout) -> Result<NextTimeout, Error> {
        if timeout.reason != Timeout::Connect {
            return Ok(timeout);
        }
        let (Instant::Exact(end), Instant::Exact(now)) = (self.end, (self.now)()) else { return Ok(timeout) };
        let left = end.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Error::Timeout(Timeout::Connect));
        }
        Ok(NextTimeout { after: timeout.after.min(Duration::Exact(left)), ..timeout })
    }
}

impl<In> fmt::Debug for BoundedTransport<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedTransport").finish_non_exhaustive()
    }
}

impl<In: Transport> Transport for BoundedTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = self.bounded(timeout)?;
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = self.bounded(timeout)?;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
