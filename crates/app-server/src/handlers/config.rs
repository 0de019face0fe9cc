//! The configuration: reading and writing it.

use crate::lanes::Lane;

/// The lane of all requests that read or write the configuration.
pub(crate) fn lane<P>(_params: &P) -> Lane {
    Lane::of("config")
}
