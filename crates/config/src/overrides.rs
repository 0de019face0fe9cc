//! Single settings given outside files: `-c key=value`, `--enable`/`--disable`, and the JSON `config` map of a thread
//! request. It must not know which keys exist.

use toml::{Table, Value};

/// Why a `-c` argument cannot be used; the process exits with this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// No `=` in the argument.
    #[error("invalid override (missing '='): {0}")]
    MissingEquals(String),
    /// Nothing before the `=`.
    #[error("invalid override (empty key): {0}")]
    EmptyKey(String),
}

/// Parses `key=value` (config.md section 2). The value is read as TOML; what does not parse is a plain string without
/// its surrounding quotes, so that `-c model=o3` works.
///
/// # Errors
/// Without `=`, or with an empty key.
pub fn parse_override(argument: &str) -> Result<(String, Value), OverrideError> {
    let (key, text) =
        argument.split_once('=').ok_or_else(|| OverrideError::MissingEquals(argument.to_owned()))?;
    let key = key.trim();
    if key.is_empty() {
        return Err(OverrideError::EmptyKey(argument.to_owned()));
    }
    let text = text.trim();
    let value = text
        .parse::<Value>()
        .unwrap_or_else(|_| Value::String(text.trim_matches(|c| c == '"' || c == '\'').to_owned()));
    Ok((key.to_owned(), value))
}

/// Returns the override behind `--enable <feature>` (`true`) and `--disable <feature>` (`false`).
pub fn feature_override(feature: &str, enabled: bool) -> (String, Value) {
    (format!("features.{feature}"), Value::Boolean(enabled))
}

/// Converts the `config` map of a thread request. A null, at any depth, means that the key was not given: clients send
/// explicit nulls for everything they leave alone.
pub fn from_json(map: &serde_json::Map<String, serde_json::Value>) -> Vec<(String, Value)> {
    map.iter().filter_map(|(key, value)| Some((key.clone(), from_json_value(value)?))).collect()
}

/// Converts one JSON value to TOML; null gives `None` and disappears from arrays and objects. Integers beyond TOML's
/// 64 bits become floats.
pub fn from_json_value(value: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match value {
        Json::Null => return None,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().filter_map(from_json_value).collect()),
        Json::Object(map) => Value::Table(
            map.iter().filter_map(|(key, value)| Some((key.clone(), from_json_value(value)?))).collect(),
        ),
    })
}

/// Builds the table of overrides given in order: keys split on dots (no quoting), later ones win.
pub fn to_table<'a>(overrides: impl IntoIterator<Item = &'a (String, Value)>) -> Table {
    let mut table = Table::new();
    for (key, value) in overrides {
        set(&mut table, key, value.clone());
    }
    table
}

/// Sets a dotted key, making the tables on the way; a scalar in the way is replaced.
fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let slot = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if !slot.is_table() {
                *slot = Value::Table(Table::new());
            }
            if let Value::Table(inner) = slot {
                set(inner, rest, value);
            }
        }
    }
}

/// Returns the dotted paths of settings that nothing looks at, so that a client can be told.
pub fn unknown_keys(overrides: &[(String, Value)]) -> Vec<String> {
    crate::keys::unknown(&to_table(overrides))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(arguments: &[&str], expected: &Expect) {
        let parsed: Vec<_> = arguments.iter().map(|argument| parse_override(argument).unwrap()).collect();
        expected.assert_eq(&toml::to_string(&to_table(&parsed)).unwrap());
    }

    #[test]
    fn values_are_toml_or_plain_text() {
        check(
            &[
                "model=o3",
                " review_model = 'a b' ",
                "quoted=\"it\"",
                "odd='half",
                "flag=true",
                "number=-5",
                "list=[\"a\", 'b']",
                "table={x=1}",
                "equals=a=b",
                "empty=",
                "url=http://localhost:1/v1",
            ],
            &expect![[r#"
                model = "o3"
                review_model = "a b"
                quoted = "it"
                odd = "half"
                flag = true
                number = -5
                list = ["a", "b"]
                equals = "a=b"
                empty = ""
                url = "http://localhost:1/v1"

                [table]
                x = 1
            "#]],
        );
    }

    #[test]
    fn dots_make_tables_and_later_wins() {
        check(
            &["a.b=1", "a.c=2", "a.b=3", "x=1", "x.y=2"],
            &expect![[r#"
                [a]
                b = 3
                c = 2

                [x]
                y = 2
            "#]],
        );
    }

    #[test]
    fn malformed_arguments() {
        assert_eq!(parse_override("model"), Err(OverrideError::MissingEquals("model".to_owned())));
        assert_eq!(parse_override(" =x"), Err(OverrideError::EmptyKey(" =x".to_owned())));
    }

    #[test]
    fn explicit_null_is_a_key_not_given() {
        let json = serde_json::json!({
            "model": null,
            "sandbox_workspace_write": {"network_access": null, "writable_roots": ["/a", null]},
            "features.apps": true,
            "big": u64::MAX,
        });
        let overrides = from_json(json.as_object().unwrap());
        expect![[r#"
            big = 18446744073709552000.0

            [sandbox_workspace_write]
            writable_roots = ["/a"]

            [features]
            apps = true
        "#]]
        .assert_eq(&toml::to_string(&to_table(&overrides)).unwrap());
    }
}
