//! The types that need `Default`, because a load creates values of them.

use std::collections::{BTreeMap, HashSet};

use syn::{Expr, ExprLit, GenericArgument, Lit, PathArguments, Type};

use super::cause::Cause;
use super::resolve::{Index, Named, bare};
use super::syntax::{Kind, Member, Scope, TypeDef};

/// The source of a type's `Default`.
#[derive(Clone)]
pub(crate) enum Added {
    Derive,
    /// The implementation, because an array is too long, or no variant is empty.
    Written(String),
}

pub(crate) struct Defaults<'i, 's> {
    index: &'i Index<'s>,
    /// The types with a written implementation.
    written: HashSet<usize>,
    /// The types that need one, or why they cannot have one.
    required: BTreeMap<usize, Result<Added, Cause>>,
}

/// The largest array that implements `Default`.
const MAX_ARRAY: usize = 32;
const DEFAULT: &str = "::core::default::Default::default()";

impl<'i, 's> Defaults<'i, 's> {
    pub(crate) fn new(index: &'i Index<'s>) -> Self {
        let written = index.sources.defaults.iter().flat_map(|(scope, names)| match index.names(names, scope) {
            Named::Types(types) => types,
            _ => Vec::new(),
        });
        Self { index, written: written.collect(), required: BTreeMap::new() }
    }

    /// Returns the implementation that a type must get.
    pub(crate) fn added(&self, number: usize) -> Option<Added> {
        self.required.get(&number).cloned().and_then(Result::ok)
    }

    /// Requires `Default` of a type, and of the types of its fields.
    ///
    /// # Errors
    /// Returns why a type cannot implement it.
    pub(crate) fn require(&mut self, ty: &Type, scope: &Scope) -> Result<(), Cause> {
        match bare(ty) {
            Type::Array(array) if is_short(&array.len) => self.require(&array.elem, scope),
            Type::Tuple(tuple) => tuple.elems.iter().try_for_each(|member| self.require(member, scope)),
            Type::Path(path) => match self.index.path(&path.path, scope) {
                Named::Types(types) => types.into_iter().try_for_each(|number| self.require_type(number)),
                Named::Alias(alias) => self.require(&alias.ty, &alias.scope),
                Named::Foreign => self.require_foreign(path, scope),
            },
            Type::Array(_) | Type::Reference(_) | Type::Ptr(_) | Type::FnPtr(_) | Type::TraitObject(_) => {
                Err(Cause::new("no `Default`", ty))
            }
            _ => Ok(()),
        }
    }

    /// The wrappers that have the default of their contents. Other types of other crates probably implement it.
    fn require_foreign(&mut self, path: &syn::TypePath, scope: &Scope) -> Result<(), Cause> {
        const WRAPPERS: [&str; 8] = ["Box", "Rc", "Arc", "Cell", "RefCell", "Mutex", "RwLock", "Range"];
        let Some(last) = path.path.segments.last() else { return Ok(()) };
        if last.ident == "RangeInclusive" {
            return Err(Cause::new("no `Default`", &Type::Path(path.clone())));
        }
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Ok(()) };
        match arguments.args.first() {
            // A boxed slice is empty.
            Some(GenericArgument::Type(inner)) if !matches!(bare(inner), Type::Slice(_)) => {
                match WRAPPERS.iter().any(|name| last.ident == name) {
                    true => self.require(inner, scope),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn require_type(&mut self, number: usize) -> Result<(), Cause> {
        let ty = &self.index.sources.types[number];
        if ty.has_derive("Default") || self.written.contains(&number) {
            return Ok(());
        }
        if let Some(known) = self.required.get(&number) {
            return known.clone().map(drop);
        }
        // A type that contains itself in a collection does not need more than this.
        self.required.insert(number, Ok(Added::Derive));
        let added = self.implementation(ty);
        self.required.insert(number, added.clone());
        added.map(drop)
    }

    fn implementation(&mut self, ty: &TypeDef) -> Result<Added, Cause> {
        match &ty.kind {
            Kind::Struct(members) if members.iter().all(|member| self.require(&member.ty, &ty.scope).is_ok()) => {
                Ok(Added::Derive)
            }
            Kind::Struct(members) => self.written(ty, "Self", members),
            Kind::Enum(variants) if variants.iter().any(|variant| variant.unit) => Ok(Added::Derive),
            Kind::Enum(variants) => {
                let mut written = variants
                    .iter()
                    .map(|variant| self.written(ty, &format!("Self::{}", variant.name), &variant.members));
                written.find(Result::is_ok).unwrap_or_else(|| Err(cannot(ty)))
            }
            Kind::Flags(_) => Ok(Added::Derive),
            Kind::Template | Kind::Generated { .. } | Kind::Union => Err(cannot(ty)),
        }
    }

    /// Returns an implementation that creates each member.
    fn written(&mut self, ty: &TypeDef, constructor: &str, members: &[Member]) -> Result<Added, Cause> {
        let (parameters, arguments) = ty.generics.as_ref().ok_or_else(|| cannot(ty))?;
        let mut values = Vec::new();
        for member in members {
            values.push(format!("{}: {}", member.name, self.value(&member.ty, &ty.scope)?));
        }
        Ok(Added::Written(format!(
            "impl{parameters} ::core::default::Default for {}{arguments} {{\n    fn default() -> Self {{\n        \
             {constructor} {{ {} }}\n    }}\n}}",
            ty.name,
            values.join(", ")
        )))
    }

    /// Returns an expression for a value of a type.
    fn value(&mut self, ty: &Type, scope: &Scope) -> Result<String, Cause> {
        match bare(ty) {
            Type::Array(array) => Ok(format!("::core::array::from_fn(|_| {})", self.value(&array.elem, scope)?)),
            Type::Path(path) => {
                let boxed = path.path.segments.last().filter(|last| last.ident == "Box");
                if let Some(PathArguments::AngleBracketed(arguments)) = boxed.map(|last| &last.arguments)
                    && let Some(GenericArgument::Type(inner)) = arguments.args.first()
                    && matches!(bare(inner), Type::Array(_))
                {
                    return Ok(format!("::std::boxed::Box::new({})", self.value(inner, scope)?));
                }
                self.require(ty, scope).map(|()| DEFAULT.to_owned())
            }
            _ => self.require(ty, scope).map(|()| DEFAULT.to_owned()),
        }
    }
}

fn is_short(length: &Expr) -> bool {
    matches!(length, Expr::Lit(ExprLit { lit: Lit::Int(length), .. })
        if length.base10_parse::<usize>().is_ok_and(|length| length <= MAX_ARRAY))
}

fn cannot(ty: &TypeDef) -> Cause {
    Cause { kind: "no `Default`", subject: ty.name.clone() }
}
