//! Runs the generators while the program is built, so that it carries what they write instead of what they are made of:
//! the descriptions of some 700 types, four times the size.

use std::error::Error;
use std::path::Path;

use app_server_protocol::export::{self, Tree};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Writes a tree, with or without what is experimental.
type Generator = fn(bool) -> Tree;

#[allow(clippy::disallowed_methods, reason = "this is how cargo says where a build script may write")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let trees: [(&str, Generator); 2] =
        [("typescript", export::typescript), ("json_schema", export::json_schema)];
    for (name, tree) in trees {
        for (suffix, experimental) in [("", false), ("_experimental", true)] {
            let text = serde_json::to_vec(&tree(experimental))?;
            let packed = compress_to_vec(text.as_slice(), CompressionLevel::Fastest);
            std::fs::write(Path::new(&out).join(format!("{name}{suffix}.json.zst")), packed)?;
        }
    }
    Ok(())
}
