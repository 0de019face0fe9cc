//! JSON Schema (draft-07): a file per message type, the four unions of messages, and two bundles.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Collected, Method, Tree};
use crate::methods::Stability;

const DIALECT: &str = "http://json-schema.org/draft-07/schema#";
const REF: &str = "#/definitions/";

/// Types whose file stands at the top of the tree and not under `v2/`: the envelope, the older search API and what
/// the server asks a client.
const TOP_LEVEL_PREFIXES: &[&str] = &["JSONRPC", "FuzzyFileSearch"];

pub(super) fn generator() -> schemars::SchemaGenerator {
    SchemaSettings::draft07().into_generator()
}

type Definitions = BTreeMap<String, Value>;

/// The schema of everything, after the reader's choice of experimental or not.
struct Model {
    definitions: Definitions,
    /// Types of `initialize`, written under `v1/`.
    v1: BTreeSet<String>,
    /// Types written at the top.
    top: BTreeSet<String>,
    /// Types with a file of their own.
    files: BTreeSet<String>,
    unions: Vec<(&'static str, Value)>,
}

/// Names of the types that are left when experimental parts are (not) included, and per type the fields that are
/// left out.
pub(super) struct TypeNames {
    pub(super) kept: BTreeSet<String>,
    pub(super) dropped_fields: BTreeMap<String, BTreeSet<String>>,
}

pub(super) fn type_names(mut collected: Collected, experimental: bool) -> TypeNames {
    let mut dropped_fields = BTreeMap::new();
    if !experimental {
        for (name, schema) in collected.generator.definitions() {
            let mut fields = BTreeSet::new();
            experimental_fields(schema, &mut fields);
            if !fields.is_empty() {
                dropped_fields.insert(name.clone(), fields);
            }
        }
    }
    let model = model(&mut collected, experimental);
    TypeNames { kept: model.definitions.into_keys().collect(), dropped_fields }
}

pub(super) fn tree(mut collected: Collected, experimental: bool) -> Tree {
    let model = model(&mut collected, experimental);
    let mut tree = Tree::new();
    for name in &model.files {
        let folder = match name {
            name if model.v1.contains(name) => "v1/",
            name if model.top.contains(name) => "",
            _ => "v2/",
        };
        let schema = with_definitions(name, &model.definitions[name], &model.definitions);
        tree.insert(format!("{folder}{name}.json"), pretty(&schema));
    }
    for (name, union) in &model.unions {
        tree.insert(format!("{name}.json"), pretty(&with_definitions(name, union, &model.definitions)));
    }
    let bundle = nested_bundle(&model);
    tree.insert("codex_app_server_protocol.schemas.json".to_owned(), pretty(&bundle));
    tree.insert("codex_app_server_protocol.v2.schemas.json".to_owned(), pretty(&flat_bundle(&model)));
    tree
}

fn model(collected: &mut Collected, experimental: bool) -> Model {
    let mut definitions: Definitions = collected.generator.take_definitions(true).into_iter().collect();
    for (name, schema) in &mut definitions {
        tidy(schema, Some(name), experimental);
    }
    let keep = |method: &&Method| experimental || method.stability == Stability::Stable;
    let mut model = Model {
        definitions: Definitions::new(),
        v1: BTreeSet::new(),
        top: BTreeSet::new(),
        files: BTreeSet::new(),
        unions: Vec::new(),
    };
    let mut roots = BTreeSet::from(["JSONRPCMessage".to_owned(), "RequestId".to_owned()]);
    for (methods, from_server) in [(&collected.client_requests, false), (&collected.server_requests, true)] {
        for method in methods.iter().filter(keep) {
            for schema in std::iter::once(&method.params).chain(&method.response) {
                let Some(name) = referred(schema.as_value()) else { continue };
                if method.name == "initialize" {
                    model.v1.insert(name.clone());
                }
                if from_server {
                    model.top.insert(name.clone());
                }
                roots.insert(name);
            }
        }
    }
    for method in collected.client_notifications.iter().chain(&collected.server_notifications).filter(keep) {
        roots.extend(referred(method.params.as_value()));
    }
    let kept = closure(&roots, &definitions);
    model.files = roots;
    model.files.extend(kept.iter().filter(|name| name.starts_with("JSONRPC")).cloned());
    let is_top = |name: &str| name == "RequestId" || TOP_LEVEL_PREFIXES.iter().any(|p| name.starts_with(p));
    model.top.extend(kept.iter().filter(|name| is_top(name)).cloned());
    model.unions = vec![
        ("ClientRequest", union(collected.client_requests.iter().filter(keep), true, "Request")),
        ("ServerRequest", union(collected.server_requests.iter().filter(keep), true, "Request")),
        (
            "ClientNotification",
            union(collected.client_notifications.iter().filter(keep), false, "Notification"),
        ),
        (
            "ServerNotification",
            union(collected.server_notifications.iter().filter(keep), false, "Notification"),
        ),
    ];
    definitions.retain(|name, _| kept.contains(name));
    model.definitions = definitions;
    model
}

/// One of the four unions: an object per method with its name as a one-value enum.
fn union<'a>(methods: impl Iterator<Item = &'a Method>, with_id: bool, suffix: &str) -> Value {
    let variants: Vec<Value> = methods
        .map(|method| {
            let title = capitalised(method.name) + suffix;
            let mut properties = Map::new();
            let mut required = Vec::new();
            if with_id {
                properties.insert("id".to_owned(), json!({ "$ref": format!("{REF}RequestId") }));
                required.push("id");
            }
            let name = json!({ "enum": [method.name], "title": format!("{title}Method"), "type": "string" });
            properties.insert("method".to_owned(), name);
            required.push("method");
            let mut params = method.params.as_value().clone();
            tidy(&mut params, None, true);
            let null_allowed = params.get("type") == Some(&json!("null")) || params.get("anyOf").is_some();
            if !null_allowed {
                required.push("params");
            }
            if with_id || !null_allowed {
                properties.insert("params".to_owned(), params);
            }
            json!({ "properties": properties, "required": required, "title": title, "type": "object" })
        })
        .collect();
    json!({ "oneOf": variants })
}

/// The bundle with a nested `v2` map, as older client generators read it.
fn nested_bundle(model: &Model) -> Value {
    let mut top_roots: BTreeSet<String> = model.top.union(&model.v1).cloned().collect();
    top_roots.extend(model.unions.iter().map(|(name, _)| (*name).to_owned()));
    let outside = closure(&model.top.union(&model.v1).cloned().collect(), &model.definitions);
    let inside_roots: BTreeSet<String> =
        model.definitions.keys().filter(|name| !outside.contains(*name)).cloned().collect();
    let inside = closure(&inside_roots, &model.definitions);
    let mut v2 = Map::new();
    for name in &inside {
        let mut schema = titled(name, &model.definitions[name]);
        each_ref(&mut schema, &mut |target| format!("#/definitions/v2/{target}"));
        v2.insert(name.clone(), schema);
    }
    let mut definitions = Map::new();
    for name in &outside {
        definitions.insert(name.clone(), titled(name, &model.definitions[name]));
    }
    for (name, union) in &model.unions {
        let mut schema = titled(name, union);
        each_ref(&mut schema, &mut |target| {
            if outside.contains(target) { format!("{REF}{target}") } else { format!("{REF}v2/{target}") }
        });
        definitions.insert((*name).to_owned(), schema);
    }
    definitions.insert("v2".to_owned(), Value::Object(v2));
    json!({ "$schema": DIALECT, "definitions": definitions, "title": "CodexAppServerProtocol", "type": "object" })
}

/// The bundle with one flat map.
fn flat_bundle(model: &Model) -> Value {
    let mut definitions: Map<String, Value> =
        model.definitions.iter().map(|(name, schema)| (name.clone(), titled(name, schema))).collect();
    for (name, union) in &model.unions {
        definitions.insert((*name).to_owned(), titled(name, union));
    }
    json!({ "$schema": DIALECT, "definitions": definitions, "title": "CodexAppServerProtocolV2", "type": "object" })
}

/// A schema of its own with the definitions it needs.
fn with_definitions(name: &str, schema: &Value, all: &Definitions) -> Value {
    let mut root = titled(name, schema);
    let mut roots = BTreeSet::new();
    each_ref(&mut root.clone(), &mut |target| {
        roots.insert(target.to_owned());
        String::new()
    });
    let needed: Map<String, Value> =
        closure(&roots, all).into_iter().map(|name| (name.clone(), all[&name].clone())).collect();
    if let Some(object) = root.as_object_mut() {
        object.insert("$schema".to_owned(), DIALECT.into());
        if !needed.is_empty() {
            object.insert("definitions".to_owned(), Value::Object(needed));
        }
    }
    root
}

fn titled(name: &str, schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), name.into());
    } else {
        schema = json!({ "title": name });
    }
    schema
}

/// The type a `$ref` (alone or beside null) names.
pub(super) fn referred(schema: &Value) -> Option<String> {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return target.strip_prefix(REF).map(str::to_owned);
    }
    schema.get("anyOf")?.as_array()?.iter().find_map(referred)
}

fn closure(roots: &BTreeSet<String>, definitions: &Definitions) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut todo: Vec<String> = roots.iter().cloned().collect();
    while let Some(name) = todo.pop() {
        let Some(schema) = definitions.get(&name) else { continue };
        if seen.insert(name) {
            each_ref(&mut schema.clone(), &mut |target| {
                todo.push(target.to_owned());
                String::new()
            });
        }
    }
    seen
}

/// Calls `rename` with every referred type and stores what it returns.
fn each_ref(schema: &mut Value, rename: &mut impl FnMut(&str) -> String) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                if key == "$ref"
                    && let Some(target) = value.as_str().and_then(|target| target.strip_prefix(REF))
                {
                    *value = rename(target).into();
                } else {
                    each_ref(value, rename);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each_ref(value, rename)),
        _ => {}
    }
}

fn experimental_fields(schema: &Value, fields: &mut BTreeSet<String>) {
    let Some(object) = schema.as_object() else { return };
    for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if property.get("x-experimental").is_some() {
            fields.insert(name.clone());
        }
    }
}

/// Brings a schema to the dialect client generators expect: one-value enums instead of `const`, no marks of ours,
/// titles on the variants of a tagged union, experimental fields left out unless asked for.
fn tidy(schema: &mut Value, name: Option<&str>, experimental: bool) {
    match schema {
        Value::Object(object) => {
            if let Some(value) = object.remove("const") {
                object.insert("enum".to_owned(), json!([value]));
            }
            drop_marked(object, experimental);
            for (key, value) in object.iter_mut() {
                match key.as_str() {
                    "default" | "enum" => {}
                    // A map of schemas, not a schema: a property may well be called "const".
                    "properties" => value
                        .as_object_mut()
                        .into_iter()
                        .flat_map(|properties| properties.iter_mut())
                        .for_each(|(_, property)| tidy(property, None, experimental)),
                    _ => tidy(value, None, experimental),
                }
            }
            if let Some(name) = name {
                title_variants(object, name);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| tidy(value, None, experimental)),
        _ => {}
    }
}

fn drop_marked(object: &mut Map<String, Value>, experimental: bool) {
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
    let mut required = Vec::new();
    if !experimental {
        properties.retain(|_, property| property.get("x-experimental").is_none());
    }
    for (name, property) in properties.iter_mut() {
        if let Some(property) = property.as_object_mut() {
            property.remove("x-experimental");
            if property.remove("x-required").is_some() {
                required.push(name.clone());
            }
        }
    }
    if !required.is_empty()
        && let Some(names) =
            object.entry("required").or_insert_with(|| Value::Array(Vec::new())).as_array_mut()
    {
        names.extend(required.into_iter().map(Value::from));
    }
}

/// Names the variants of a union tagged by a one-value enum, as code generators use the titles for class names.
fn title_variants(object: &mut Map<String, Value>, name: &str) {
    let Some(variants) = object.get_mut("oneOf").and_then(Value::as_array_mut) else { return };
    for variant in variants {
        let tag = ["type", "mode", "method", "kind", "handlerType"].iter().find_map(|tag| {
            let value = variant.pointer(&format!("/properties/{tag}/enum/0"))?.as_str()?.to_owned();
            Some((*tag, value))
        });
        let Some((tag, value)) = tag else { continue };
        let title = format!("{}{name}", capitalised(&value));
        if let Some(property) =
            variant.pointer_mut(&format!("/properties/{tag}")).and_then(Value::as_object_mut)
        {
            property.insert("title".to_owned(), format!("{title}{}", capitalised(tag)).into());
        }
        if let Some(variant) = variant.as_object_mut() {
            variant.insert("title".to_owned(), title.into());
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn pretty(schema: &Value) -> String {
    let mut sorted = schema.clone();
    sorted.sort_all_objects();
    format!("{sorted:#}\n")
}
