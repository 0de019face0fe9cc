//! Which settings are secrets, so that they can be kept out of what others see. It must not know how that is done.

use std::ffi::OsStr;

use toml::{Table, Value};

use crate::shell_environment::looks_secret;

/// Tables by name whose entries may hold secrets, as `<table>.<any name>.<key>`.
const TABLES: &[&str] = &["model_providers", "mcp_servers"];
/// Keys of an entry whose value is a secret.
const SECRETS: &[&str] = &["experimental_bearer_token", "bearer_token"];
/// Keys of an entry that are tables of names and values, of which some are secret.
const NAMED: &[&str] = &["env", "http_headers", "query_params"];

/// Returns the values of a layer's table that are keys and tokens: those of settings made for them, and variables,
/// headers and parameters whose name says so.
pub fn secret_values(table: &Table) -> Vec<&str> {
    let mut found = Vec::new();
    let entries = TABLES.iter().filter_map(|name| table.get(*name)?.as_table()).flat_map(Table::values);
    for entry in entries.filter_map(Value::as_table) {
        found.extend(SECRETS.iter().filter_map(|key| entry.get(*key)?.as_str()));
        for named in NAMED.iter().filter_map(|key| entry.get(*key)?.as_table()) {
            let secret = |(name, value): (&String, _)| is_secret_name(name).then_some(value);
            found.extend(named.iter().filter_map(secret).filter_map(Value::as_str));
        }
    }
    found
}

fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    looks_secret(OsStr::new(name)) || lower.ends_with("authorization") || lower.ends_with("cookie")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn keys_and_tokens_are_found_by_the_names_of_their_settings() {
        let table = "
            model = 'no-secret'
            [model_providers.a]
            name = 'no-secret'
            experimental_bearer_token = 'one'
            http_headers = { Authorization = 'two', X-Title = 'no-secret', X-Api-Key = 'three' }
            [mcp_servers.b]
            command = 'no-secret'
            env = { GITHUB_TOKEN = 'four', LANG = 'no-secret' }
        "
        .parse()
        .unwrap();
        assert_eq!(secret_values(&table), ["one", "two", "three", "four"]);
    }
}
