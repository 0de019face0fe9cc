//! New keys, values and sections as TOML text. A value never takes more than one line, so line endings are the file's
//! affair alone.

use std::fmt::Write as _;

use toml::{Table, Value};

/// A key, quoted if it has to be.
pub(super) fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare { name.to_owned() } else { string(name) }
}

/// A value on one line; tables become inline tables.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let members: Vec<String> = table.iter().map(|(name, value)| entry(&key(name), value)).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value.to_string(),
    }
}

/// A key, however dotted, and its value.
pub(super) fn entry(key: &str, value: &Value) -> String {
    format!("{key} = {}", inline(value))
}

/// Says whether a value is written with headers of its own where that can be done.
pub(super) fn has_header(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_table),
        _ => false,
    }
}

/// The lines of a table or an array of tables with headers, at the dotted path of its keys. Tables in tables get
/// headers too, so that each can be found and extended by hand.
pub(super) fn sections(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Table(table) => section(path, table, &format!("[{path}]"), lines),
        Value::Array(items) => {
            for table in items.iter().filter_map(Value::as_table) {
                section(path, table, &format!("[[{path}]]"), lines);
            }
        }
        _ => {}
    }
}

fn section(path: &str, table: &Table, header: &str, lines: &mut Vec<String>) {
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(header.to_owned());
    let (below, own): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| has_header(value));
    lines.extend(own.into_iter().map(|(name, value)| entry(&key(name), value)));
    for (name, value) in below {
        sections(&format!("{path}.{}", key(name)), value, lines);
    }
}

/// A basic string: everything it may not hold as it stands is escaped.
fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
