//! `feedback/upload`.

pub(crate) use app_server_core::feedback::upload;
