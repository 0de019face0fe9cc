//! The generators: one walk over the method table collects every type once, then writes it as JSON Schema and as
//! TypeScript in the tree that client authors know.
//!
//! Without `experimental` both trees leave out what the table and the fields mark so; a type that only experimental
//! parts use disappears with them.

mod json_schema;
mod typescript;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use schemars::JsonSchema;
use ts_rs::TS;

use crate::methods::{self, Stability};
use crate::rpc;

/// Receives every line of the method table with its types.
pub(crate) trait Visitor {
    /// A request of either side.
    fn request<P: Exported, R: Exported>(&mut self, method: &'static str, stability: Stability);
    /// A notification of either side.
    fn notification<P: Exported>(&mut self, method: &'static str, stability: Stability);
}

/// A type that both generators can write.
pub(crate) trait Exported: JsonSchema {
    /// Hands the TypeScript side to `collector`; types that are no declaration of their own hand over nothing.
    fn collect_typescript(collector: &mut typescript::Collector);
}

impl<T: JsonSchema + TS + 'static> Exported for T {
    fn collect_typescript(collector: &mut typescript::Collector) {
        collector.add::<T>();
    }
}

impl Exported for rpc::NoParams {
    fn collect_typescript(_: &mut typescript::Collector) {}
}

/// One method as the generators see it.
struct Method {
    name: &'static str,
    stability: Stability,
    params: schemars::Schema,
    response: Option<schemars::Schema>,
}

/// Everything the table refers to, before anything is left out.
struct Collected {
    client_requests: Vec<Method>,
    server_requests: Vec<Method>,
    client_notifications: Vec<Method>,
    server_notifications: Vec<Method>,
    generator: schemars::SchemaGenerator,
    typescript: typescript::Collector,
}

struct Collecting {
    methods: Vec<Method>,
    generator: schemars::SchemaGenerator,
    typescript: typescript::Collector,
}

impl Visitor for Collecting {
    fn request<P: Exported, R: Exported>(&mut self, name: &'static str, stability: Stability) {
        P::collect_typescript(&mut self.typescript);
        R::collect_typescript(&mut self.typescript);
        let params = self.generator.subschema_for::<P>();
        let response = Some(self.generator.subschema_for::<R>());
        self.methods.push(Method { name, stability, params, response });
    }

    fn notification<P: Exported>(&mut self, name: &'static str, stability: Stability) {
        P::collect_typescript(&mut self.typescript);
        let params = self.generator.subschema_for::<P>();
        self.methods.push(Method { name, stability, params, response: None });
    }
}

impl Collecting {
    /// The methods one part of the table visited.
    fn table(&mut self, visit: fn(&mut Self)) -> Vec<Method> {
        visit(self);
        std::mem::take(&mut self.methods)
    }
}

fn collect() -> Collected {
    let mut collecting = Collecting {
        methods: Vec::new(),
        generator: json_schema::generator(),
        typescript: typescript::Collector::new(),
    };
    let client_requests = collecting.table(methods::visit_client_requests);
    let server_requests = collecting.table(methods::visit_server_requests);
    let client_notifications = collecting.table(methods::visit_client_notifications);
    let server_notifications = collecting.table(methods::visit_server_notifications);
    collecting.typescript.add::<rpc::JsonRpcMessage>();
    collecting.generator.subschema_for::<rpc::JsonRpcMessage>();
    Collected {
        client_requests,
        server_requests,
        client_notifications,
        server_notifications,
        generator: collecting.generator,
        typescript: collecting.typescript,
    }
}

/// A line of the table of client requests as the schema sees it, for tests.
#[doc(hidden)]
#[derive(Debug)]
pub struct TableLine {
    /// The name on the wire.
    pub method: &'static str,
    /// The type of the params; none if the method takes none.
    pub params: Option<String>,
    /// The type of the result.
    pub response: Option<String>,
    /// Members of the params that are marked as gated where they are declared.
    pub gated: BTreeSet<String>,
}

/// The table of client requests as the schema sees it, for tests.
#[doc(hidden)]
pub fn client_table() -> Vec<TableLine> {
    let collected = collect();
    let definitions = collected.generator.definitions();
    let line = |method: &Method| {
        let params = json_schema::referred(method.params.as_value());
        let response = method.response.as_ref().and_then(|schema| json_schema::referred(schema.as_value()));
        let properties =
            params.as_ref().and_then(|name| definitions.get(name)?.get("properties")?.as_object());
        let gated = properties
            .into_iter()
            .flatten()
            .filter(|(_, property)| property.get("x-experimental").is_some_and(|mark| mark == "gated"))
            .map(|(name, _)| name.clone())
            .collect();
        TableLine { method: method.name, params, response, gated }
    };
    collected.client_requests.iter().map(line).collect()
}

/// File name below the output folder -> content.
pub type Tree = BTreeMap<String, String>;

/// The JSON Schema tree.
pub fn json_schema(experimental: bool) -> Tree {
    json_schema::tree(collect(), experimental)
}

/// The TypeScript tree.
pub fn typescript(experimental: bool) -> Tree {
    let stable_names = json_schema::type_names(collect(), experimental);
    typescript::tree(&collect(), &stable_names, experimental)
}

/// Writes a tree below `dir`, creating folders as needed. Files that are already there and not part of the tree
/// stay.
///
/// # Errors
/// The first file that cannot be written.
pub fn write(tree: &Tree, dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for (name, content) in tree {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, content)?;
    }
    Ok(())
}
