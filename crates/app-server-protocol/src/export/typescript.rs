//! TypeScript: a file per type, `v2/` for the API's own types, an index in both folders.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use ts_rs::{Config, TS, TypeVisitor};

use super::json_schema::TypeNames;
use super::{Collected, Method, Tree};
use crate::methods::Stability;

const BANNER: &str = "// GENERATED CODE! DO NOT MODIFY BY HAND!\n\n";

/// One declaration, before anything is left out of it.
struct Declaration {
    path: PathBuf,
    docs: Option<String>,
    text: String,
    /// Name and file of every type it mentions.
    uses: BTreeMap<String, PathBuf>,
}

/// Gathers the declarations of a type and of all it mentions.
pub(crate) struct Collector {
    config: Config,
    declarations: BTreeMap<String, Declaration>,
    visited: HashSet<TypeId>,
}

impl Collector {
    pub(super) fn new() -> Self {
        // Every integer of the wire fits a JavaScript number; `bigint` would need a reviver in each client.
        Collector {
            config: Config::new().with_large_int("number"),
            declarations: BTreeMap::new(),
            visited: HashSet::new(),
        }
    }

    pub(super) fn add<T: TS + 'static + ?Sized>(&mut self) {
        if !self.visited.insert(TypeId::of::<T>()) {
            return;
        }
        if let Some(path) = T::output_path() {
            let name = T::ident(&self.config);
            let uses = T::dependencies(&self.config)
                .into_iter()
                .map(|dependency| (dependency.ts_name, dependency.output_path))
                .collect();
            let declaration = Declaration { path, docs: T::docs(), text: T::decl(&self.config), uses };
            self.declarations.insert(name, declaration);
        }
        struct Dependencies<'a>(&'a mut Collector);
        impl TypeVisitor for Dependencies<'_> {
            fn visit<D: TS + 'static + ?Sized>(&mut self) {
                self.0.add::<D>();
            }
        }
        T::visit_dependencies(&mut Dependencies(self));
        T::visit_generics(&mut Dependencies(self));
    }
}

pub(super) fn tree(collected: &Collected, names: &TypeNames, experimental: bool) -> Tree {
    let mut tree = Tree::new();
    let mut exported: BTreeMap<PathBuf, String> = BTreeMap::new();
    let declarations = &collected.typescript.declarations;
    for (name, declaration) in declarations {
        // JSON values are no definition of the schema, yet a type of their own in TypeScript.
        let is_json_value = declaration.path.starts_with("serde_json");
        if !is_json_value && !names.kept.contains(name) {
            continue;
        }
        let text = match names.dropped_fields.get(name) {
            Some(fields) => without_fields(&declaration.text, fields),
            None => declaration.text.clone(),
        };
        let docs = declaration.docs.clone().unwrap_or_default();
        let uses = declaration.uses.iter().filter(|(used, _)| *used != name && mentions(&text, used));
        let imports = imports(&declaration.path, uses);
        let body = format!("{imports}{docs}export {text}\n");
        tree.insert(declaration.path.to_string_lossy().into_owned(), format!("{BANNER}{body}"));
        if !is_json_value {
            exported.insert(declaration.path.clone(), name.clone());
        }
    }
    let keep = |method: &&Method| experimental || method.stability == Stability::Stable;
    let unions = [
        ("ClientRequest", &collected.client_requests, true),
        ("ServerRequest", &collected.server_requests, true),
        ("ClientNotification", &collected.client_notifications, false),
        ("ServerNotification", &collected.server_notifications, false),
    ];
    for (name, methods, with_id) in unions {
        let methods: Vec<&Method> = methods.iter().filter(keep).collect();
        tree.insert(format!("{name}.ts"), union(name, &methods, with_id, declarations));
        exported.insert(PathBuf::from(format!("{name}.ts")), name.to_owned());
    }
    add_indexes(&mut tree, &exported);
    tree
}

fn add_indexes(tree: &mut Tree, exported: &BTreeMap<PathBuf, String>) {
    let list = |folder: &str| {
        let names: BTreeSet<&String> = exported
            .iter()
            .filter(|(path, _)| path.parent() == Some(Path::new(folder)))
            .map(|(_, name)| name)
            .collect();
        let lines: String =
            names.iter().map(|name| format!("export type {{ {name} }} from \"./{name}\";\n")).collect();
        format!("{BANNER}{lines}")
    };
    let v2 = list("v2");
    let top = list("") + "export * as v2 from \"./v2\";\n";
    tree.insert("v2/index.ts".to_owned(), v2);
    tree.insert("index.ts".to_owned(), top);
}

fn union(
    name: &str,
    methods: &[&Method],
    with_id: bool,
    declarations: &BTreeMap<String, Declaration>,
) -> String {
    let mut uses: BTreeMap<&String, &PathBuf> = BTreeMap::new();
    let request_id = "RequestId".to_owned();
    if with_id && let Some(declaration) = declarations.get(&request_id) {
        uses.insert(&request_id, &declaration.path);
    }
    let variants: Vec<String> = methods
        .iter()
        .map(|method| {
            let schema = method.params.as_value();
            let referred = |schema: &serde_json::Value| {
                schema.get("$ref").and_then(|target| target.as_str()?.rsplit('/').next().map(str::to_owned))
            };
            let optional = schema.get("anyOf").and_then(|any| any.as_array()?.iter().find_map(referred));
            let is_optional = optional.is_some();
            let params = match optional.or_else(|| referred(schema)) {
                Some(params) => {
                    if let Some((name, declaration)) = declarations.get_key_value(&params) {
                        uses.insert(name, &declaration.path);
                    }
                    if is_optional {
                        format!(", params?: {params} | null")
                    } else {
                        format!(", params: {params}")
                    }
                }
                None if with_id => ", params?: null".to_owned(),
                None => String::new(),
            };
            let id = if with_id { ", id: RequestId" } else { "" };
            format!("{{ \"method\": \"{}\"{id}{params} }}", method.name)
        })
        .collect();
    let imports = imports(Path::new(name), uses.into_iter());
    format!("{BANNER}{imports}export type {name} = {};\n", variants.join(" | "))
}

fn imports<'a>(from: &Path, uses: impl Iterator<Item = (&'a String, &'a PathBuf)>) -> String {
    let up = if from.components().count() > 1 { "../" } else { "./" };
    let mut lines: String = uses
        .map(|(name, path)| {
            let file = path.with_extension("");
            let target = match (from.parent(), file.parent()) {
                (Some(here), Some(there)) if here == there => {
                    format!("./{}", file.file_name().unwrap_or_default().to_string_lossy())
                }
                _ => format!("{up}{}", file.to_string_lossy()),
            };
            format!("import type {{ {name} }} from \"{target}\";\n")
        })
        .collect();
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines
}

/// Whether `name` occurs in `text` as a whole word.
fn mentions(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word))
}

/// Leaves `fields` out of the outermost object of a declaration.
fn without_fields(text: &str, fields: &BTreeSet<String>) -> String {
    let (Some(open), Some(close)) = (text.find('{'), text.rfind('}')) else { return text.to_owned() };
    let kept: Vec<&str> = members(&text[open + 1..close])
        .into_iter()
        .filter(|member| {
            let code = member.rsplit("*/").next().unwrap_or(member).trim_start();
            let name = code.split([':', '?']).next().unwrap_or_default().trim_matches(['"', ' ']);
            !code.is_empty() && !fields.contains(name)
        })
        .collect();
    format!("{}{}{}", &text[..=open], kept.join(","), &text[close..])
}

/// Splits the inside of an object type at its own commas, not at those of nested types or comments.
fn members(inside: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (0_usize, 0, Vec::new());
    let mut rest = inside;
    while let Some(c) = rest.chars().next() {
        let at = inside.len() - rest.len();
        if rest.starts_with("/*")
            && let Some(end) = rest.find("*/")
        {
            rest = &rest[end + 2..];
            continue;
        }
        match c {
            '{' | '(' | '[' | '<' => depth += 1,
            '}' | ')' | ']' | '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                members.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        rest = &rest[c.len_utf8()..];
    }
    members.push(&inside[start..]);
    members
}
