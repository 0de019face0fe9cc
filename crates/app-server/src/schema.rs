//! The schema of the wire, as the generators wrote it when this program was built.

use std::io::Read as _;
use std::path::Path;

use app_server_protocol::export::{self, Tree};
use ruzstd::decoding::StreamingDecoder;

/// A tree of files, packed by `build.rs`.
macro_rules! packed {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".json.zst"))
    };
}

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Language {
    TypeScript,
    JsonSchema,
}

/// Writes the types of every message below `dir`.
///
/// # Errors
/// The first file that cannot be written.
pub(crate) fn write(language: Language, experimental: bool, dir: &Path) -> anyhow::Result<()> {
    let packed: &[u8] = match (language, experimental) {
        (Language::TypeScript, false) => packed!("typescript"),
        (Language::TypeScript, true) => packed!("typescript_experimental"),
        (Language::JsonSchema, false) => packed!("json_schema"),
        (Language::JsonSchema, true) => packed!("json_schema_experimental"),
    };
    let mut text = String::new();
    StreamingDecoder::new(packed)?.read_to_string(&mut text)?;
    let tree: Tree = serde_json::from_str(&text)?;
    Ok(export::write(&tree, dir)?)
}

#[cfg(test)]
mod tests {
    use app_server_test_support::TempHome;

    use super::*;

    /// The generators themselves are tested where they are; this is about the way through the program.
    #[test]
    fn what_was_packed_is_what_the_generators_write() {
        let home = TempHome::new().unwrap();
        for (language, tree) in [
            (Language::TypeScript, export::typescript as fn(bool) -> Tree),
            (Language::JsonSchema, export::json_schema),
        ] {
            for experimental in [false, true] {
                let dir = home.base().join(format!("{language:?}{experimental}"));
                write(language, experimental, &dir).unwrap();
                for (name, content) in tree(experimental) {
                    assert!(std::fs::read_to_string(dir.join(&name)).unwrap() == content, "{name} differs");
                }
            }
        }
    }
}
