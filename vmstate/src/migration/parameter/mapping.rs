//! Aliases of block devices and their dirty bitmaps (parameter `block-bitmap-mapping`).
//!
//! Block devices are not migrated, so a mapping has no effect. It is checked, stored and reported, because QEMU accepts it
//! also without the capability `dirty-bitmaps`.
//! (QEMU: `check_dirty_bitmap_mig_alias_map` in `migration/block-dirty-bitmap.c`.)

use std::collections::HashSet;

/// The longest text with a length byte on the wire.
const MAX_ALIAS: usize = 255;
const MAX_NODE_NAME: usize = 31;
const MAX_BITMAP_NAME: usize = 1023;

/// The alias of a block device in a migration (QEMU: `BitmapMigrationNodeAlias`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeAlias {
    /// The name of the block device.
    pub node_name: String,
    /// The name in the stream.
    pub alias: String,
    /// The dirty bitmaps.
    pub bitmaps: Vec<BitmapAlias>,
}

/// The alias of a dirty bitmap in a migration (QEMU: `BitmapMigrationBitmapAlias`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BitmapAlias {
    /// The name of the bitmap.
    pub name: String,
    /// The name in the stream.
    pub alias: String,
    /// Changes to the bitmap at the destination.
    pub transform: Option<BitmapTransform>,
}

/// Changes to a dirty bitmap at the destination (QEMU: `BitmapMigrationBitmapAliasTransform`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BitmapTransform {
    /// Makes the bitmap persistent or transient.
    pub persistent: Option<bool>,
}

/// Checks that names and aliases are unique and fit into the stream, in QEMU's order.
///
/// # Errors
/// Returns the reason in QEMU's words.
pub(super) fn check(nodes: &[NodeAlias]) -> Result<(), String> {
    let (mut names, mut aliases) = (HashSet::new(), HashSet::new());
    for NodeAlias { node_name, alias, bitmaps } in nodes {
        if !is_well_formed(alias) {
            return Err(format!("The node alias '{}' is not well-formed", alias.escape_debug()));
        }
        check_length("node alias", alias, MAX_ALIAS)?;
        check_length("node name", node_name, MAX_NODE_NAME)?;
        if !names.insert(node_name) {
            return Err(format!("The node name '{}' is mapped twice", node_name.escape_debug()));
        }
        if !aliases.insert(alias) {
            return Err(format!("The node alias '{alias}' is used twice"));
        }
        check_bitmaps(node_name, alias, bitmaps)?;
    }
    Ok(())
}

fn check_bitmaps(node_name: &str, node_alias: &str, bitmaps: &[BitmapAlias]) -> Result<(), String> {
    let (mut names, mut aliases) = (HashSet::new(), HashSet::new());
    for BitmapAlias { name, alias, .. } in bitmaps {
        check_length("bitmap alias", alias, MAX_ALIAS)?;
        check_length("bitmap name", name, MAX_BITMAP_NAME)?;
        if !names.insert(name) {
            return Err(format!("The bitmap '{}'/'{}' is mapped twice", node_name.escape_debug(), name.escape_debug()));
        }
        if !aliases.insert(alias) {
            return Err(format!("The bitmap alias '{node_alias}'/'{}' is used twice", alias.escape_debug()));
        }
    }
    Ok(())
}

fn check_length(kind: &str, text: &str, limit: usize) -> Result<(), String> {
    if text.len() <= limit {
        return Ok(());
    }
    Err(format!("The {kind} '{}' is longer than {limit} bytes", text.escape_debug()))
}

/// Returns whether a text has the characters of an id (`id_wellformed` in QEMU's `util/id.c`).
pub(in super::super) fn is_well_formed(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_alphabetic())
        && id.chars().all(|char| char.is_ascii_alphanumeric() || "-._".contains(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, alias: &str, bitmaps: &[(&str, &str)]) -> NodeAlias {
        let bitmap =
            |&(name, alias): &(&str, &str)| BitmapAlias { name: name.into(), alias: alias.into(), transform: None };
        NodeAlias { node_name: name.into(), alias: alias.into(), bitmaps: bitmaps.iter().map(bitmap).collect() }
    }

    #[test]
    fn longest_and_empty_names_are_accepted() {
        let (name, alias, bitmap) = ("x".repeat(31), "x".repeat(255), "x".repeat(1023));
        check(&[]).unwrap();
        check(&[node("", "a", &[("", "")]), node(&name, &alias, &[(&bitmap, &alias)])]).unwrap();
    }

    #[test]
    fn names_of_different_nodes_can_be_equal() {
        check(&[node("n", "a", &[("b", "c")]), node("m", "b", &[("b", "c")])]).unwrap();
    }

    #[test]
    fn first_invalid_name_is_reported() {
        let long = "x".repeat(1024);
        for (nodes, expected) in [
            (vec![node(&long, "", &[])], "The node alias '' is not well-formed".to_owned()),
            (vec![node("n", "\n", &[])], "The node alias '\\n' is not well-formed".to_owned()),
            (vec![node(&long, &long, &[])], format!("The node alias '{long}' is longer than 255 bytes")),
            (vec![node(&long, "a", &[])], format!("The node name '{long}' is longer than 31 bytes")),
            (vec![node("n", "a", &[]), node("n", "a", &[])], "The node name 'n' is mapped twice".to_owned()),
            (vec![node("n", "a", &[]), node("m", "a", &[])], "The node alias 'a' is used twice".to_owned()),
            (vec![node("n", "a", &[(&long, &long)])], format!("The bitmap alias '{long}' is longer than 255 bytes")),
            (vec![node("n", "a", &[(&long, "c")])], format!("The bitmap name '{long}' is longer than 1023 bytes")),
            (vec![node("n", "a", &[("b", "c"), ("b", "c")])], "The bitmap 'n'/'b' is mapped twice".to_owned()),
            (vec![node("n", "a", &[("b", "c"), ("d", "c")])], "The bitmap alias 'a'/'c' is used twice".to_owned()),
        ] {
            assert_eq!(check(&nodes).unwrap_err(), expected);
        }
    }
}
