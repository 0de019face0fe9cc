//! The time, in the units of the wire.

use jiff::Timestamp;

/// Unix seconds.
pub(crate) fn now_s() -> i64 {
    Timestamp::now().as_second()
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
