//! What system this is, for the user agent.

/// Returns `<os> <version>; <arch>`, e.g. `Debian GNU/Linux 12; x86_64`.
pub(crate) fn describe() -> String {
    let (name, version) = name_and_version();
    format!("{name} {version}; {}", std::env::consts::ARCH)
}

#[cfg(target_os = "linux")]
fn name_and_version() -> (String, String) {
    // Reading the file is cheaper than asking a program, and start-up time is felt by every client.
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"').to_owned())
    };
    (
        value("NAME").unwrap_or_else(|| "Linux".to_owned()),
        value("VERSION_ID").unwrap_or_else(|| "unknown".to_owned()),
    )
}

#[cfg(not(target_os = "linux"))]
fn name_and_version() -> (String, String) {
    (std::env::consts::OS.to_owned(), "unknown".to_owned())
}
