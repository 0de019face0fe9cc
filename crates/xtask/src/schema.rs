//! Writes the checked-in schema from the types; a test of the protocol crate fails when it is stale.

use std::path::Path;

use app_server_protocol::export;

/// Replaces `crates/app-server-protocol/schema` by what the generators write now.
pub(crate) fn write() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app-server-protocol/schema");
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    export::write(&export::json_schema(false), &root.join("json"))?;
    export::write(&export::typescript(false), &root.join("typescript"))?;
    println!("wrote crates/app-server-protocol/schema");
    Ok(())
}
