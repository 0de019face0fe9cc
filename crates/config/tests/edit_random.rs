//! Random edits of random files. Whatever the file looks like, an edit does what it says, changes nothing else, and
//! done twice changes nothing more.

#![allow(clippy::unwrap_used, reason = "a helper that panics fails the test")]

use std::collections::BTreeMap;

use app_server_config::edit::{Change, Edit, EditError, Segment, apply};
use proptest::prelude::*;
use toml::{Table, Value};

const KEYS: &[&str] = &["a", "b", "c", "\"d e\"", "'f.g'"];

fn key() -> impl Strategy<Value = String> {
    proptest::sample::select(KEYS).prop_map(str::to_owned)
}

fn dotted(most: usize) -> impl Strategy<Value = String> {
    (proptest::collection::vec(key(), 1..=most), proptest::sample::select(vec![".", " . "]))
        .prop_map(|(keys, dot)| keys.join(dot))
}

/// Text of a value, in spellings that people use.
fn written_value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("1".to_owned()),
        Just("-0x1F".replace('-', "")),
        Just("'it''s'".replace("''", "-")),
        Just("\"quo\\\"te # no comment\"".to_owned()),
        Just("true".to_owned()),
        Just("1.50".to_owned()),
        Just("nan".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("\"\"\"\nmore\n[lines]\nx = 1\n\"\"\"".to_owned()),
        Just("'''a\n'''".to_owned()),
    ];
    scalar.prop_recursive(3, 8, 3, |inner| {
        let member = (dotted(2), inner.clone()).prop_map(|(key, value)| format!("{key} = {value}"));
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(inner, 1..3)
                .prop_map(|items| format!("[\n  # in the array\n  {},\n]", items.join(", # why\n  "))),
            proptest::collection::vec(member, 0..3)
                .prop_map(|members| format!("{{ {} }}", members.join(" , "))),
        ]
    })
}

/// A line or some, which need not fit the file.
fn statement() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (dotted(2), written_value()).prop_map(|(key, value)| format!("{key} = {value}\n")),
        1 => (dotted(2), written_value()).prop_map(|(key, value)| format!("  {key}={value} # beside\n")),
        3 => dotted(3).prop_map(|path| format!("[{path}] # of a table\n")),
        1 => dotted(2).prop_map(|path| format!("[[{path}]]\n")),
        1 => Just("# a comment, x = 1, [no] { table }\n".to_owned()),
        1 => Just("\n".to_owned()),
    ]
}

/// A file that parses.
fn file() -> impl Strategy<Value = String> {
    (proptest::collection::vec(statement(), 0..14), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(statements, is_crlf, has_mark, is_cut)| {
            let mut text = String::new();
            for statement in statements {
                let longer = format!("{text}{statement}");
                if longer.parse::<Table>().is_ok() {
                    text = longer;
                }
            }
            if is_crlf {
                text = text.replace('\n', "\r\n");
            }
            if is_cut {
                text = text.trim_end_matches(['\r', '\n']).to_owned();
            }
            if has_mark { format!("\u{feff}{text}") } else { text }
        },
    )
}

fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["a", "b", "c", "d e", "f.g", "ü\"\\"]).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<i64>().prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
        (-1.0e9..1.0e9).prop_map(Value::Float),
        any::<String>().prop_map(Value::String),
    ];
    scalar.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            proptest::collection::vec((name(), inner), 0..3)
                .prop_map(|members| Value::Table(members.into_iter().collect())),
        ]
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let change = prop_oneof![
        3 => value().prop_map(Change::Replace),
        2 => value().prop_map(Change::Upsert),
        2 => Just(Change::Clear),
    ];
    (proptest::collection::vec(name(), 1..4), change)
        .prop_map(|(path, change)| Edit { path: path.into_iter().map(Segment::Key).collect(), change })
}

fn keys(edit: &Edit) -> Vec<&str> {
    let key = |segment: &Segment| matches!(segment, Segment::Key(_));
    assert!(edit.path.iter().all(key));
    edit.path
        .iter()
        .filter_map(|s| if let Segment::Key(key) = s { Some(key.as_str()) } else { None })
        .collect()
}

fn lookup<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { lookup(value.as_table()?, rest) }
}

/// Takes away what an edit is about: the value at its path, and a scalar that was in its way.
fn without(table: &Table, path: &[&str]) -> Table {
    let mut left = Table::new();
    for (key, value) in table {
        match (value, path.split_first()) {
            (_, Some((first, rest))) if first == key => {
                if let Value::Table(inner) = value
                    && !rest.is_empty()
                {
                    left.insert(key.clone(), Value::Table(without(inner, rest)));
                }
            }
            (Value::Table(inner), _) => {
                left.insert(key.clone(), Value::Table(without(inner, &[])));
            }
            (value, _) => {
                left.insert(key.clone(), value.clone());
            }
        }
    }
    left.retain(|_, value| value.as_table().is_none_or(|table| !table.is_empty()));
    left
}

/// As text, in which a NaN is equal to itself and the order of keys is none.
fn shown(value: Option<&Value>) -> String {
    match value {
        Some(Value::Table(table)) => {
            let members: BTreeMap<_, _> =
                table.iter().map(|(key, value)| (key, shown(Some(value)))).collect();
            format!("{members:?}")
        }
        Some(Value::Array(items)) => {
            format!("{:?}", items.iter().map(|item| shown(Some(item))).collect::<Vec<_>>())
        }
        value => format!("{value:?}"),
    }
}

fn shown_table(table: Table) -> String {
    shown(Some(&Value::Table(table)))
}

fn parse(text: &str) -> Table {
    text.trim_start_matches('\u{feff}').parse().unwrap()
}

fn covers(old: &Table, new: &Table) -> bool {
    new.iter().all(|(key, value)| match (value, old.get(key)) {
        (Value::Table(value), Some(Value::Table(old))) => covers(old, value),
        (value, Some(old)) => shown(Some(value)) == shown(Some(old)),
        (Value::Table(value), None) => without(value, &[]).is_empty(),
        (_, None) => false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_does_what_it_says_and_nothing_else(text in file(), edit in edit()) {
        let before = parse(&text);
        let path = keys(&edit);
        let edited = match apply(&text, std::slice::from_ref(&edit)) {
            Ok(edited) => edited,
            Err(EditError::InArray(_)) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(format!("{error}"))),
        };
        let after = parse(&edited.text);
        prop_assert_eq!(format!("{:?}", &edited.table), format!("{after:?}"));

        // The value is what was meant.
        let (old, new) = (lookup(&before, &path), lookup(&after, &path));
        match &edit.change {
            Change::Clear => prop_assert!(new.is_none()),
            Change::Replace(value) => prop_assert!(is_equal(new, value), "{}", edited.text),
            Change::Upsert(Value::Table(value)) if old.is_some_and(Value::is_table) => {
                prop_assert!(covers(new.and_then(Value::as_table).unwrap(), value), "{}", edited.text);
            }
            Change::Upsert(value) => prop_assert!(is_equal(new, value), "{}", edited.text),
        }
        // Every other value is what it was.
        let (others, left) = (without(&before, &path), without(&after, &path));
        prop_assert_eq!(shown_table(others), shown_table(left));

        // Done again it changes nothing.
        prop_assert_eq!(&apply(&edited.text, std::slice::from_ref(&edit)).unwrap().text, &edited.text);

        // A value that was not there is put in between; all that was there is still there, in its order.
        let is_new = !(1..=path.len()).any(|length| lookup(&before, &path[..length]).is_some_and(|v| !v.is_table()))
            && old.is_none();
        if is_new {
            let same = |(one, other): &(u8, u8)| one == other;
            let head = text.bytes().zip(edited.text.bytes()).take_while(same).count();
            let tail = text.bytes().rev().zip(edited.text.bytes().rev()).take_while(same).count();
            prop_assert!(head + tail >= text.len(), "{}", edited.text);
        }
        // No line ending of another kind.
        if text.contains("\r\n") {
            prop_assert!(!edited.text.replace("\r\n", "").contains('\n'), "{:?}", edited.text);
        }
        prop_assert_eq!(edited.text.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
    }
}

/// Equality up to tables that are empty: such a one need not be written.
fn is_equal(new: Option<&Value>, wanted: &Value) -> bool {
    match (new, wanted) {
        (Some(Value::Table(new)), Value::Table(wanted)) => {
            shown_table(without(new, &[])) == shown_table(without(wanted, &[]))
        }
        (None, Value::Table(wanted)) => without(wanted, &[]).is_empty(),
        (new, wanted) => shown(new) == shown(Some(wanted)),
    }
}
