//! The parameter `block-bitmap-mapping` as JSON.

use serde_json::{Value, json};

use super::super::{BitmapAlias, BitmapTransform, NodeAlias};
use super::arguments::{Type, optional, required};
use super::error::CommandError;

/// Returns the type of the parameter.
pub(super) fn kind() -> Type {
    let transform = Type::Object(vec![optional("persistent", Type::Flag)]);
    let bitmap = vec![required("name", Type::Text), required("alias", Type::Text), optional("transform", transform)];
    let bitmaps = required("bitmaps", Type::list(Type::Object(bitmap)));
    Type::list(Type::Object(vec![required("node-name", Type::Text), required("alias", Type::Text), bitmaps]))
}

/// Converts a value.
///
/// # Errors
/// Returns QEMU's error for the first member that does not fit.
pub(super) fn parse(value: &Value, name: &str) -> Result<Vec<NodeAlias>, CommandError> {
    kind().check(value, name)?;
    Ok(elements(value).map(parse_node).collect())
}

fn parse_node(node: &Value) -> NodeAlias {
    NodeAlias {
        node_name: text(node, "node-name"),
        alias: text(node, "alias"),
        bitmaps: elements(&node["bitmaps"]).map(parse_bitmap).collect(),
    }
}

fn parse_bitmap(bitmap: &Value) -> BitmapAlias {
    let transform = |value: &Value| BitmapTransform { persistent: value["persistent"].as_bool() };
    BitmapAlias {
        name: text(bitmap, "name"),
        alias: text(bitmap, "alias"),
        transform: bitmap.get("transform").map(transform),
    }
}

/// Returns the elements of a list that [`kind`] has accepted.
fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Returns the value in the reply of `query-migrate-parameters`.
pub(super) fn to_value(nodes: &[NodeAlias]) -> Value {
    let node = |node: &NodeAlias| {
        let bitmaps: Vec<_> = node.bitmaps.iter().map(bitmap_to_value).collect();
        json!({ "node-name": node.node_name, "alias": node.alias, "bitmaps": bitmaps })
    };
    nodes.iter().map(node).collect()
}

fn bitmap_to_value(bitmap: &BitmapAlias) -> Value {
    let mut value = json!({ "name": bitmap.name, "alias": bitmap.alias });
    if let Some(BitmapTransform { persistent }) = bitmap.transform {
        value["transform"] = persistent.map_or_else(|| json!({}), |persistent| json!({ "persistent": persistent }));
    }
    value
}
