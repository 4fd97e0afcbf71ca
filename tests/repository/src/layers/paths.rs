//! The names that a module defines, and the paths that its code mentions.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Path, UseTree, VisRestricted};

/// The meaning of a name in a module's scope.
#[derive(Debug)]
pub(super) enum Name {
    /// An item that the module defines.
    Item,
    /// A child module.
    Module,
    /// An import of this path.
    Import(Vec<String>),
}

/// The names in a module's scope.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) named: BTreeMap<String, Name>,
    /// The paths that are imported with `::*`.
    pub(super) globs: Vec<Vec<String>>,
}

/// Returns the names of a module with these items, the paths that its code mentions, and its child modules. The
/// paths in child modules are not among them.
pub(super) fn names_and_paths(items: &[Item]) -> (Names, Vec<Vec<String>>, Vec<&ItemMod>) {
    let mut collector = Collector::default();
    let mut children = Vec::new();
    for item in items.iter().filter(|item| !is_test(attributes(item))) {
        if let Item::Mod(child) = item {
            collector.names.named.insert(child.ident.to_string(), Name::Module);
            children.push(child);
            continue;
        }
        if let Some(name) = defined_name(item) {
            collector.names.named.insert(name, Name::Item);
        }
        collector.visit_item(item);
    }
    (collector.names, collector.paths, children)
}

#[derive(Default)]
struct Collector {
    names: Names,
    paths: Vec<Vec<String>>,
}

impl Collector {
    fn import(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&with(&path.ident), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(prefix, tree)),
            UseTree::Name(name) if name.ident == "self" => self.named(prefix.last().cloned(), prefix.to_vec()),
            UseTree::Name(name) => self.named(Some(name.ident.to_string()), with(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => {
                self.named(Some(rename.rename.to_string()), prefix.to_vec());
            }
            UseTree::Rename(rename) => self.named(Some(rename.rename.to_string()), with(&rename.ident)),
            UseTree::Glob(_) => {
                self.names.globs.push(prefix.to_vec());
                self.paths.push(prefix.to_vec());
            }
        }
    }

    fn named(&mut self, name: Option<String>, path: Vec<String>) {
        self.paths.push(path.clone());
        if let Some(name) = name {
            self.names.named.entry(name).or_insert(Name::Import(path));
        }
    }

    /// Adds the paths among tokens that no parser has seen, such as the arguments of macros: sequences of identifiers
    /// that begin with `crate`, `self` or `super`.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Ident(ident) if colons == 2 => {
                    path.push(ident.to_string());
                    colons = 0;
                }
                _ => {
                    self.finish(&mut path);
                    colons = 0;
                    match token {
                        TokenTree::Group(group) => self.scan(group.stream()),
                        TokenTree::Ident(ident) if ident == "crate" || ident == "super" || ident == "self" => {
                            path.push(ident.to_string());
                        }
                        _ => {}
                    }
                }
            }
        }
        self.finish(&mut path);
    }

    fn finish(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.paths.push(path);
        }
    }
}

impl<'a> Visit<'a> for Collector {
    fn visit_item_use(&mut self, item: &'a ItemUse) {
        self.import(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'a Path) {
        if path.segments.len() > 1 {
            self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    /// `pub(in crate::ram)` is not an import.
    fn visit_vis_restricted(&mut self, _: &'a VisRestricted) {}

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.scan(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_impl_item(&mut self, item: &'a syn::ImplItem) {
        let is_test = matches!(item, syn::ImplItem::Fn(function) if is_test(&function.attrs));
        if !is_test {
            visit::visit_impl_item(self, item);
        }
    }
}

/// Returns whether the attributes contain `#[cfg(test)]`, or another condition that mentions `test`.
fn is_test(attributes: &[Attribute]) -> bool {
    let mentions_test = |attribute: &Attribute| {
        let list = attribute.meta.require_list();
        list.is_ok_and(|list| {
            list.tokens.to_string().split(|char: char| !char.is_alphanumeric()).any(|word| word == "test")
        })
    };
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") && mentions_test(attribute))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
