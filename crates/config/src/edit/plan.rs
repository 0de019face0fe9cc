//! What an edit means for a table: the fewest keys to put and to remove. It knows nothing of text.

use toml::{Table, Value};

use super::{Change, Dotted, Edit, EditError, Segment};

/// One change of one place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// The value at this path becomes this one; tables missing on the way are made. Of the path, only the last
    /// segment that exists or the one behind it can be an index.
    Put(Vec<Segment>, Value),
    /// The key at this path, which exists, goes.
    Remove(Vec<Segment>),
}

/// Works out what has to change in `table`.
pub(super) fn steps(table: &Table, edit: &Edit) -> Result<Vec<Step>, EditError> {
    let path = &edit.path;
    let mut steps = Vec::new();
    let (value, is_upsert) = match &edit.change {
        Change::Clear => {
            if lookup(table, path).is_some() {
                steps.push(Step::Remove(path.clone()));
            }
            return Ok(steps);
        }
        Change::Replace(value) => (value, false),
        Change::Upsert(value) => (value, true),
    };
    let known = known(table, path);
    let (there, missing) = path.split_at(known);
    if missing.is_empty() {
        if let Some(existing) = lookup(table, path) {
            reconcile(&mut there.to_vec(), existing, value, is_upsert, &mut steps);
        }
        return Ok(steps);
    }
    let in_array = || EditError::InArray(Dotted(there).to_string());
    match (lookup(table, there), &missing[0]) {
        (Some(Value::Array(items)), Segment::Index(index)) if *index == items.len() => {
            steps.push(Step::Put(path[..=known].to_vec(), wrap(&missing[1..], value)));
        }
        (Some(Value::Array(_)), _) | (_, Segment::Index(_)) => return Err(in_array()),
        (None | Some(Value::Table(_)), Segment::Key(_)) => {
            // An array that does not exist yet is made with its first element.
            let keys = missing.iter().take_while(|segment| matches!(segment, Segment::Key(_))).count();
            steps.push(Step::Put(path[..known + keys].to_vec(), wrap(&missing[keys..], value)));
        }
        (Some(_), Segment::Key(_)) => steps.push(Step::Put(there.to_vec(), wrap(missing, value))),
    }
    Ok(steps)
}

/// Goes down two tables as long as both are tables, so that what is equal in them stays untouched.
fn reconcile(path: &mut Vec<Segment>, old: &Value, new: &Value, is_upsert: bool, steps: &mut Vec<Step>) {
    let (Value::Table(old_table), Value::Table(new_table)) = (old, new) else {
        if !is_same_value(old, new) {
            steps.push(Step::Put(path.clone(), new.clone()));
        }
        return;
    };
    for key in old_table.keys().filter(|key| !is_upsert && !new_table.contains_key(*key)) {
        path.push(key.as_str().into());
        steps.push(Step::Remove(path.clone()));
        path.pop();
    }
    for (key, value) in new_table {
        path.push(key.as_str().into());
        match old_table.get(key) {
            Some(existing) => reconcile(path, existing, value, is_upsert, steps),
            None => steps.push(Step::Put(path.clone(), value.clone())),
        }
        path.pop();
    }
}

/// Puts a value into the tables and arrays that `path` names, all of them new.
pub(super) fn wrap(path: &[Segment], value: &Value) -> Value {
    match path.split_first() {
        None => value.clone(),
        Some((Segment::Key(key), rest)) => Value::Table(Table::from_iter([(key.clone(), wrap(rest, value))])),
        Some((Segment::Index(_), rest)) => Value::Array(vec![wrap(rest, value)]),
    }
}

/// Finds a value; the empty path has none.
pub(super) fn lookup<'t>(table: &'t Table, path: &[Segment]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    let Segment::Key(key) = first else { return None };
    rest.iter().try_fold(table.get(key)?, |value, segment| match (value, segment) {
        (Value::Table(table), Segment::Key(key)) => table.get(key),
        (Value::Array(items), Segment::Index(index)) => items.get(*index),
        _ => None,
    })
}

/// Counts the segments of a path, from its beginning, that lead somewhere.
pub(super) fn known(table: &Table, path: &[Segment]) -> usize {
    (1..=path.len()).take_while(|&length| lookup(table, &path[..length]).is_some()).count()
}

/// Does to a table what [`super::splice`] does to its text.
pub(super) fn carry_out(table: &mut Table, step: &Step) {
    match step {
        Step::Put(path, value) => {
            if let Some((Segment::Key(key), rest)) = path.split_first() {
                let slot = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
                put(slot, rest, value);
            }
        }
        Step::Remove(path) => match path.as_slice() {
            [] => {}
            [Segment::Key(key)] => {
                table.remove(key);
            }
            [parents @ .., last] => match (lookup_mut(table, parents), last) {
                (Some(Value::Table(inner)), Segment::Key(key)) => {
                    inner.remove(key);
                }
                (Some(Value::Array(items)), Segment::Index(index)) if *index < items.len() => {
                    items.remove(*index);
                }
                _ => {}
            },
        },
    }
}

fn put(slot: &mut Value, path: &[Segment], value: &Value) {
    match (path.split_first(), &mut *slot) {
        (None, slot) => *slot = value.clone(),
        (Some((Segment::Key(key), rest)), Value::Table(table)) => {
            put(table.entry(key).or_insert_with(|| Value::Table(Table::new())), rest, value);
        }
        (Some((Segment::Index(index), rest)), Value::Array(items)) => match items.get_mut(*index) {
            Some(item) => put(item, rest, value),
            None => items.push(wrap(rest, value)),
        },
        (Some(_), slot) => *slot = wrap(path, value),
    }
}

fn lookup_mut<'t>(table: &'t mut Table, path: &[Segment]) -> Option<&'t mut Value> {
    let (first, rest) = path.split_first()?;
    let Segment::Key(key) = first else { return None };
    rest.iter().try_fold(table.get_mut(key)?, |value, segment| match (value, segment) {
        (Value::Table(table), Segment::Key(key)) => table.get_mut(key),
        (Value::Array(items), Segment::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}

/// Compares tables without regard to empty ones: a table that only dotted keys or headers of others make is gone with
/// the last of them.
pub(super) fn is_same(one: &Table, other: &Table) -> bool {
    let covers = |one: &Table, other: &Table| {
        one.iter().all(|(key, value)| match (value, other.get(key)) {
            (Value::Table(inner), Some(Value::Table(found))) => is_same(inner, found),
            (Value::Table(inner), None) => is_void(inner),
            (value, Some(found)) => is_same_value(value, found),
            (_, None) => false,
        })
    };
    covers(one, other) && covers(other, one)
}

fn is_void(table: &Table) -> bool {
    table.values().all(|value| value.as_table().is_some_and(is_void))
}

/// Equality that takes a NaN for equal to itself.
fn is_same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_value(one, other))
        }
        (Value::Table(one), Value::Table(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|found| is_same_value(value, found)))
        }
        (one, other) => one == other,
    }
}
