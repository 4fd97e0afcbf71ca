//! Every public type of the libraries has its own name, so that a name in a message, a search or an import is unambiguous.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::{Attribute, Ident, Item, Visibility};
use vmstate_repository::root;

/// The files that define each name.
type Definitions = BTreeMap<String, Vec<String>>;

fn add_folder(definitions: &mut Definitions, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "bin") {
            add_folder(definitions, &path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            add_items(definitions, &name, &syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap().items);
        }
    }
}

fn add_items(definitions: &mut Definitions, file: &str, items: &[Item]) {
    for item in items {
        if let Item::Mod(module) = item
            && let (Visibility::Public(_), Some((_, items))) = (&module.vis, &module.content)
        {
            add_items(definitions, file, items);
        } else if let Some((attributes, Visibility::Public(_), name)) = public_type(item)
            && !attributes.iter().any(|attribute| attribute.path().is_ident("cfg"))
        {
            definitions.entry(name.to_string()).or_default().push(file.to_owned());
        }
    }
}

fn public_type(item: &Item) -> Option<(&[Attribute], &Visibility, &Ident)> {
    match item {
        Item::Struct(item) => Some((&item.attrs, &item.vis, &item.ident)),
        Item::Enum(item) => Some((&item.attrs, &item.vis, &item.ident)),
        Item::Trait(item) => Some((&item.attrs, &item.vis, &item.ident)),
        Item::Type(item) => Some((&item.attrs, &item.vis, &item.ident)),
        _ => None,
    }
}

fn duplicates(definitions: &Definitions) -> Vec<String> {
    let several = definitions.iter().filter(|(_, files)| files.len() > 1);
    several.map(|(name, files)| format!("{name}: {}", files.join(", "))).collect()
}

#[test]
fn public_types_have_unique_names() {
    let mut definitions = Definitions::new();
    for folder in ["vmstate/src", "vmstate-types/src"] {
        add_folder(&mut definitions, &root().join(folder));
    }
    assert!(definitions.contains_key("Machine") && definitions.contains_key("VmState"));
    let duplicates = duplicates(&definitions);
    assert!(duplicates.is_empty(), "public types with one name:\n{}", duplicates.join("\n"));
}

#[test]
fn duplicates_are_found_in_inline_modules() {
    let mut definitions = Definitions::new();
    let text = "pub struct A; pub mod b { pub enum A {} pub trait C {} } mod c { pub trait C {} } struct C; \
                #[cfg(test)] pub type C = u8;";
    add_items(&mut definitions, "one.rs", &syn::parse_file(text).unwrap().items);
    assert_eq!(duplicates(&definitions), ["A: one.rs, one.rs"]);
}
