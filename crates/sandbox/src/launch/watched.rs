//! Descriptors known to the runtime.
#![allow(unsafe_code, reason = "registering a descriptor asks for a promise about its owner")]

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use tokio::io::unix::AsyncFd;

/// A descriptor that does not block, and tells the runtime when it has something.
pub(super) type Watched = AsyncFd<Arc<OwnedFd>>;

/// Makes a descriptor not block and registers it.
pub(super) fn watched(descriptor: Arc<OwnedFd>) -> io::Result<Watched> {
    rustix::io::ioctl_fionbio(descriptor.as_fd(), true)?;
    // SAFETY: an Arc of an OwnedFd is the same open descriptor for as long as it exists: nothing can take it out or replace it while the
    // registration holds a count.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}
