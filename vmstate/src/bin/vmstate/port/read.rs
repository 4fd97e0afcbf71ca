//! Reads the sources of a crate.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Fields, GenericParam, Generics, Item, Lit, Meta, UseTree, Visibility};

use super::macros;
use super::syntax::{self, Alias, File, Import, Kind, Member, Scope, Sources, TypeDef, Variant};
use crate::failure::Failure;

/// Adds the sources in `src` of the crate in `folder`.
pub(crate) fn read_crate(sources: &mut Sources, folder: &Path) -> Result<(), Failure> {
    let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().replace('-', "_"));
    let root = folder.join("src");
    let mut paths = Vec::new();
    list(&root, &mut paths).map_err(Failure::file("cannot read", &root))?;
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
        let relative = path.strip_prefix(&root).unwrap_or(&path);
        let scope = Scope { file: sources.files.len(), module: module(&name, relative) };
        let parsed = syn::parse_file(&text).map_err(|error| {
            let line = error.span().start().line;
            Failure::usage(format!("{}:{line}: {error}", path.display()))
        })?;
        sources.files.push(File { path, text });
        read_items(sources, &scope, &parsed.items);
    }
    Ok(())
}

/// Lists the Rust files in a folder and in the folders in it.
fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Returns the module of a file: `cpu::alu` for `cpu/alu.rs` and `cpu/alu/mod.rs`.
fn module(name: &str, file: &Path) -> Vec<String> {
    let stem = file.with_extension("");
    let mut names: Vec<_> = stem.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        names.pop();
    }
    std::iter::once(name.to_owned()).chain(names).collect()
}

fn read_items(sources: &mut Sources, scope: &Scope, items: &[Item]) {
    for item in items {
        read_item(sources, scope, item);
    }
}

fn read_item(sources: &mut Sources, scope: &Scope, item: &Item) {
    match item {
        Item::Struct(item) => {
            let kind = Kind::Struct(members(&item.fields));
            let at = visible(&item.vis, item.struct_token.span);
            let place = at..item.span().byte_range().end;
            sources.types.push(definition(scope, &item.ident, &item.generics, &item.attrs, kind, place));
        }
        Item::Enum(item) => {
            let kind = Kind::Enum(item.variants.iter().map(variant).collect());
            let at = visible(&item.vis, item.enum_token.span);
            let place = at..item.span().byte_range().end;
            sources.types.push(definition(scope, &item.ident, &item.generics, &item.attrs, kind, place));
        }
        Item::Union(item) => {
            let at = visible(&item.vis, item.union_token.span);
            let place = at..item.span().byte_range().end;
            sources.types.push(definition(scope, &item.ident, &item.generics, &item.attrs, Kind::Union, place));
        }
        Item::Mod(item) if !is_test(&item.attrs) => {
            let mut inner = scope.clone();
            inner.module.push(item.ident.unraw().to_string());
            let items = item.content.as_ref().map_or(&[][..], |(_, items)| items);
            read_items(sources, &inner, items);
        }
        Item::Type(item) => {
            let (name, ty) = (item.ident.unraw().to_string(), (*item.ty).clone());
            let parameters = parameters(&item.generics);
            sources.aliases.push(Alias { scope: scope.clone(), name, parameters, ty });
        }
        Item::Use(item) => flatten(sources, scope, &item.tree, &mut Vec::new()),
        Item::Impl(item) => {
            let implements = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
            if implements.is_some_and(|name| name.ident == "Default")
                && let syn::Type::Path(path) = &*item.self_ty
            {
                let names = path.path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
                sources.defaults.push((scope.clone(), names));
            }
        }
        Item::Macro(item) => {
            sources.types.extend(macros::types(scope, item));
            sources.invocations.extend(macros::invocation(scope, item));
        }
        _ => {}
    }
}

fn definition(
    scope: &Scope,
    name: &proc_macro2::Ident,
    generics: &Generics,
    attributes: &[Attribute],
    kind: Kind,
    place: Range<usize>,
) -> TypeDef {
    let representation = words(attributes, "repr");
    let integers = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];
    TypeDef {
        scope: scope.clone(),
        name: name.unraw().to_string(),
        parameters: parameters(generics),
        kind,
        derives: words(attributes, "derive"),
        repr: representation.iter().find(|word| integers.contains(&word.as_str())).cloned(),
        packed: representation.iter().any(|word| word == "packed"),
        at: place.start,
        end: place.end,
        generics: implemented(generics),
    }
}

/// Returns the generics of an implementation.
fn implemented(generics: &Generics) -> syntax::Generics {
    let (parameters, arguments, clause) = generics.split_for_impl();
    let predicates = clause.into_iter().flat_map(|clause| &clause.predicates);
    let order = generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(Some(parameter.ident.to_string())),
        GenericParam::Const(_) => Some(None),
        GenericParam::Lifetime(_) => None,
    });
    syntax::Generics {
        parameters: parameters.to_token_stream().to_string(),
        arguments: arguments.to_token_stream().to_string(),
        predicates: predicates.map(|predicate| predicate.to_token_stream().to_string()).collect(),
        order: order.collect(),
    }
}

/// Returns the names of the type and constant parameters.
fn parameters(generics: &Generics) -> Vec<String> {
    let types = generics.type_params().map(|parameter| parameter.ident.to_string());
    types.chain(generics.const_params().map(|parameter| parameter.ident.to_string())).collect()
}

/// Returns the identifiers that end a path in the lists of all attributes with this name.
fn words(attributes: &[Attribute], name: &str) -> Vec<String> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    let tokens = lists.filter_map(|attribute| match &attribute.meta {
        Meta::List(list) => Some(list.tokens.clone()),
        _ => None,
    });
    tokens.flat_map(macros::last_names).collect()
}

fn is_test(attributes: &[Attribute]) -> bool {
    words(attributes, "cfg").iter().any(|word| word == "test")
}

/// The start of an item: its visibility, or its keyword.
fn visible(visibility: &Visibility, keyword: Span) -> usize {
    let span = match visibility {
        Visibility::Public(token) => token.span,
        Visibility::Restricted(restricted) => restricted.pub_token.span,
        Visibility::Inherited => keyword,
    };
    span.byte_range().start
}

fn members(fields: &Fields) -> Vec<Member> {
    let member = |(index, field): (usize, &syn::Field)| {
        let first = field.ident.as_ref().map_or_else(|| field.ty.span(), proc_macro2::Ident::span);
        Member {
            name: field.ident.as_ref().map_or_else(|| index.to_string(), |name| name.unraw().to_string()),
            ty: field.ty.clone(),
            skipped_by: field.attrs.iter().find_map(skipped_by),
            own: field.attrs.iter().find_map(own),
            at: visible(&field.vis, first),
        }
    };
    fields.iter().enumerate().map(member).collect()
}

/// Returns the name of an attribute like `#[serde(skip)]`.
fn skipped_by(attribute: &Attribute) -> Option<String> {
    let Meta::List(list) = &attribute.meta else { return None };
    let name = attribute.path().get_ident()?.to_string();
    let skips = ["skip", "skip_serializing", "skip_deserializing", "ignore"];
    let first_words = macros::entries(list.tokens.clone());
    (name != "vmstate" && first_words.iter().any(|word| skips.contains(&word.as_str()))).then_some(name)
}

/// Returns the contents of a `#[vmstate(...)]`.
fn own(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::List(list) if attribute.path().is_ident("vmstate") => Some(list.tokens.to_string()),
        _ => None,
    }
}

fn variant(variant: &syn::Variant) -> Variant {
    Variant {
        name: variant.ident.unraw().to_string(),
        members: members(&variant.fields),
        unit: matches!(variant.fields, Fields::Unit),
        number: variant.discriminant.as_ref().and_then(|(_, number)| literal(number)),
        is_default: variant.attrs.iter().any(|attribute| attribute.path().is_ident("default")),
        at: variant.ident.span().byte_range().start,
    }
}

fn literal(number: &Expr) -> Option<i128> {
    match number {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Unary(ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => literal(expr).map(|number: i128| -number),
        _ => None,
    }
}

/// Adds the names of a `use`.
fn flatten(sources: &mut Sources, scope: &Scope, tree: &UseTree, path: &mut Vec<String>) {
    let import = |name: String, path: Vec<String>| Import { scope: scope.clone(), name, path };
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.unraw().to_string());
            flatten(sources, scope, &tree.tree, path);
            path.pop();
        }
        UseTree::Name(tree) => {
            let name = tree.ident.unraw().to_string();
            let path = if name == "self" { path.clone() } else { [&path[..], &[name]].concat() };
            let name = path.last().cloned().unwrap_or_default();
            sources.imports.push(import(name, path));
        }
        UseTree::Rename(tree) => {
            let original = [&path[..], &[tree.ident.unraw().to_string()]].concat();
            sources.imports.push(import(tree.rename.unraw().to_string(), original));
        }
        UseTree::Glob(_) => sources.imports.push(import("*".to_owned(), path.clone())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(sources, scope, tree, path)),
    }
}
