//! The two ports of logins in a browser, which tests have to share.

use std::fs::File;

/// Keeps every other test on the machine from logging in by a browser: the product has two fixed ports for that, and no
/// more. To be held longer than the server runs.
#[derive(Debug)]
pub struct LoginPorts {
    _lock: File,
}

impl LoginPorts {
    /// Waits until nobody else has them.
    ///
    /// # Panics
    /// Without a temporary folder.
    #[allow(clippy::expect_used, reason = "a test without a temporary folder cannot go on")]
    pub fn take() -> Self {
        let path = std::env::temp_dir().join("app-server-tests-login-ports.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .expect("the temporary folder can be written");
        file.lock().expect("the temporary folder has locks");
        Self { _lock: file }
    }
}
