//! The tools a server listed the last time, kept in our cache, so that a thread need not wait for a slow server to know
//! what it offers. A cache that cannot be read or written is none.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use app_server_mcp::ListedTool;
use serde_json::Value;

/// A larger list is not kept.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

fn path(home: &Path, key: &str) -> PathBuf {
    home.join("app-server").join("mcp").join(format!("{key}.json"))
}

/// Reads the tools of the server with this key. Blocks on the disk.
pub(super) fn read(home: &Path, key: &str) -> Option<Vec<ListedTool>> {
    let path = path(home, key);
    if path.metadata().ok()?.len() > MAX_BYTES {
        return None;
    }
    let tools: Vec<Value> = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let tool = |definition: Value| {
        let name = definition.get("name")?.as_str()?.to_owned();
        Some(ListedTool { name, definition })
    };
    tools.into_iter().map(tool).collect()
}

/// Keeps them, unless they are kept already. Blocks on the disk.
pub(super) fn write(home: &Path, key: &str, tools: &[ListedTool]) {
    if read(home, key).is_some_and(|kept| kept == tools) {
        return;
    }
    if let Err(error) = try_write(&path(home, key), tools) {
        tracing::debug!(%error, "the tools of an MCP server cannot be cached");
    }
}

fn try_write(path: &Path, tools: &[ListedTool]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let definitions: Vec<&Value> = tools.iter().map(|tool| &tool.definition).collect();
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(&definitions)?)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    #[test]
    fn tools_come_back_and_damage_is_no_cache() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(read(home.path(), "k"), None);
        let definition = json!({ "name": "echo", "inputSchema": { "type": "object" } });
        let tools = vec![ListedTool { name: "echo".to_owned(), definition }];
        write(home.path(), "k", &tools);
        assert_eq!(read(home.path(), "k"), Some(tools));
        std::fs::write(path(home.path(), "k"), "[{}]").unwrap();
        assert_eq!(read(home.path(), "k"), None);
    }
}
