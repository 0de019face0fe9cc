//! A validator for the part of JSON Schema (draft-07) that our generator writes. A keyword it does not know is a
//! panic: a constraint must not go unchecked.

use serde_json::Value;

/// Says nothing about which values are valid, or only what a format means.
const ANNOTATIONS: &[&str] = &["$schema", "title", "description", "default", "format", "definitions"];

/// Why `value` does not fit `schema`, with the place in the value; `root` resolves references.
pub(crate) fn validate(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    check(root, schema, value, "$")
}

/// The schema of `definition` in a bundle.
pub(crate) fn definition<'a>(root: &'a Value, definition: &str) -> &'a Value {
    &root["definitions"][definition]
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let keywords = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Bool(false) => return Err(format!("{at}: nothing is allowed here")),
        Value::Object(keywords) => keywords,
        other => panic!("not a schema: {other}"),
    };
    for (keyword, argument) in keywords {
        match keyword.as_str() {
            "$ref" => {
                let target = argument.as_str().and_then(|target| target.strip_prefix('#')).unwrap();
                let target = root.pointer(target).unwrap_or_else(|| panic!("{argument} leads nowhere"));
                check(root, target, value, at)?;
            }
            "type" => {
                let fits = match argument {
                    Value::Array(types) => types.iter().any(|name| is_type(name, value)),
                    name => is_type(name, value),
                };
                if !fits {
                    return Err(format!("{at}: {value} is not of type {argument}"));
                }
            }
            "enum" => {
                if !argument.as_array().unwrap().contains(value) {
                    return Err(format!("{at}: {value} is none of {argument}"));
                }
            }
            "minimum" => {
                if value.as_f64().is_some_and(|number| number < argument.as_f64().unwrap()) {
                    return Err(format!("{at}: {value} is less than {argument}"));
                }
            }
            "maximum" => {
                if value.as_f64().is_some_and(|number| number > argument.as_f64().unwrap()) {
                    return Err(format!("{at}: {value} is more than {argument}"));
                }
            }
            "allOf" => {
                for part in argument.as_array().unwrap() {
                    check(root, part, value, at)?;
                }
            }
            "anyOf" | "oneOf" => check_some(root, keyword, argument, value, at)?,
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, argument, item, &format!("{at}[{index}]"))?;
                }
            }
            "required" => {
                for name in argument.as_array().unwrap() {
                    if value.as_object().is_some_and(|object| !object.contains_key(name.as_str().unwrap())) {
                        return Err(format!("{at}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, property) in argument.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        check(root, property, member, &format!("{at}.{name}"))?;
                    }
                }
            }
            "additionalProperties" => {
                let known = keywords.get("properties").and_then(Value::as_object);
                for (name, member) in value.as_object().into_iter().flatten() {
                    if !known.is_some_and(|known| known.contains_key(name)) {
                        check(root, argument, member, &format!("{at}.{name}"))?;
                    }
                }
            }
            annotation if ANNOTATIONS.contains(&annotation) => {}
            unknown => panic!("the validator does not know the keyword {unknown}"),
        }
    }
    Ok(())
}

fn check_some(root: &Value, keyword: &str, schemas: &Value, value: &Value, at: &str) -> Result<(), String> {
    let results: Vec<_> =
        schemas.as_array().unwrap().iter().map(|schema| check(root, schema, value, at)).collect();
    let fitting = results.iter().filter(|result| result.is_ok()).count();
    if fitting == 0 {
        let reasons: Vec<String> = results.into_iter().filter_map(Result::err).collect();
        return Err(format!("{at}: fits no part of {keyword}: {}", reasons.join("; ")));
    }
    if keyword == "oneOf" && fitting > 1 {
        return Err(format!("{at}: {value} fits {fitting} parts of oneOf"));
    }
    Ok(())
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}
