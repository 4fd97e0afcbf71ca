//! The types that need `Default`, because a load creates values of them.

use std::collections::{BTreeMap, HashSet};

use quote::ToTokens;
use syn::{Expr, ExprLit, GenericArgument, Lit, PathArguments, Type, TypePath};

use super::cause::Cause;
use super::resolve::{Index, Named, bare};
use super::syntax::{Alias, Generics, Kind, Member, Scope, TypeDef};

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
const WHERE: &str = stringify!(where);

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
                Named::Types(types) => self.require_types(&types, path, scope),
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
    fn require_foreign(&mut self, path: &TypePath, scope: &Scope) -> Result<(), Cause> {
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

    /// Requires it of all types that a path may name, and of its type arguments.
    fn require_types(&mut self, types: &[usize], path: &TypePath, scope: &Scope) -> Result<(), Cause> {
        let templates = types.iter().filter(|number| self.is_template(**number));
        if templates.count() == types.len() {
            // The invocation of the macro names one of its types.
            let mut required = types.iter().map(|number| self.require_type(*number));
            return match required.find(Result::is_ok) {
                Some(_) => Ok(()),
                None => types.first().map_or(Ok(()), |number| self.require_type(*number)),
            };
        }
        for number in types {
            self.require_type(*number)?;
            self.arguments(*number, path).into_iter().try_for_each(|argument| self.require(argument, scope))?;
        }
        Ok(())
    }

    fn is_template(&self, number: usize) -> bool {
        matches!(self.index.sources.types[number].kind, Kind::Template { .. })
    }

    /// Returns the arguments of a path for the type parameters of which the type has values.
    fn arguments<'t>(&self, number: usize, path: &'t TypePath) -> Vec<&'t Type> {
        let ty = &self.index.sources.types[number];
        let members = ty.members();
        let used: Vec<_> = members.iter().flat_map(|(_, member)| ty.generics.in_type(&member.ty)).collect();
        let Some(PathArguments::AngleBracketed(list)) = path.path.segments.last().map(|last| &last.arguments) else {
            return Vec::new();
        };
        let arguments = list.args.iter().filter(|argument| !matches!(argument, GenericArgument::Lifetime(_)));
        let pairs = ty.generics.order.iter().zip(arguments);
        let types = pairs.filter_map(|(parameter, argument)| match (parameter, argument) {
            (Some(name), GenericArgument::Type(argument)) if used.contains(&name.as_str()) => Some(argument),
            _ => None,
        });
        types.collect()
    }

    /// Requires that the derive can create a member of this type: an array by its elements, and other types by `Default`.
    ///
    /// # Errors
    /// Returns why it cannot.
    pub(crate) fn construct(&mut self, ty: &Type, scope: &Scope) -> Result<(), Cause> {
        match (bare(ty), boxed(ty)) {
            (Type::Array(array), _) => self.construct(&array.elem, scope),
            (_, Some(inner)) if matches!(bare(inner), Type::Array(_)) => self.construct(inner, scope),
            _ => self.require(ty, scope),
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
            // A derived implementation would require `Default` of all type parameters.
            Kind::Struct(members) if ty.generics.order.iter().any(Option::is_some) => self.written(ty, "Self", members),
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
            Kind::Template { .. } | Kind::Generated { .. } | Kind::Union => Err(cannot(ty)),
        }
    }

    /// Returns an implementation that creates each member.
    fn written(&mut self, ty: &TypeDef, constructor: &str, members: &[Member]) -> Result<Added, Cause> {
        let Generics { parameters, arguments, predicates, .. } = &ty.generics;
        let mut predicates = predicates.clone();
        let mut values = Vec::new();
        for member in members {
            let (value, leaf) = self.value(&member.ty, &ty.scope)?;
            values.push(format!("{}: {value}", member.name));
            predicates.extend(bound(&ty.generics, leaf));
        }
        predicates.dedup();
        let clause = match predicates.is_empty() {
            true => String::new(),
            false => format!("\n{WHERE}\n    {},\n", predicates.join(",\n    ")),
        };
        let space = if clause.is_empty() { " " } else { "" };
        Ok(Added::Written(format!(
            "impl{parameters} ::core::default::Default for {}{arguments}{clause}{space}{{\n    fn default() -> Self {{\n        \
             {constructor} {{ {} }}\n    }}\n}}",
            ty.name,
            values.join(", ")
        )))
    }

    /// Returns an expression for a value of a type, and the type in it whose `Default` it calls.
    fn value<'t>(&mut self, ty: &'t Type, scope: &Scope) -> Result<(String, &'t Type), Cause>
    where
        's: 't,
    {
        if let Type::Array(array) = bare(ty) {
            let (element, leaf) = self.value(&array.elem, scope)?;
            return Ok((format!("::core::array::from_fn(|_| {element})"), leaf));
        }
        if let Some(inner) = boxed(ty)
            && self.is_array(inner, scope)
        {
            let (inner, leaf) = self.value(inner, scope)?;
            return Ok((format!("::std::boxed::Box::new({inner})"), leaf));
        }
        match self.alias(ty, scope) {
            Some(alias) if self.is_array(&alias.ty, &alias.scope) => self.value(&alias.ty, &alias.scope),
            _ => self.require(ty, scope).map(|()| (DEFAULT.to_owned(), ty)),
        }
    }

    fn is_array(&self, ty: &Type, scope: &Scope) -> bool {
        match self.alias(ty, scope) {
            Some(alias) => self.is_array(&alias.ty, &alias.scope),
            None => matches!(bare(ty), Type::Array(_)),
        }
    }

    fn alias(&self, ty: &Type, scope: &Scope) -> Option<&'s Alias> {
        let Type::Path(path) = bare(ty) else { return None };
        match self.index.path(&path.path, scope) {
            Named::Alias(alias) => Some(alias),
            Named::Types(_) | Named::Foreign => None,
        }
    }
}

/// Returns the predicate for a member whose type depends on parameters.
fn bound(generics: &Generics, ty: &Type) -> Option<String> {
    let depends = !generics.in_type(ty).is_empty();
    depends.then(|| format!("{}: ::core::default::Default", ty.to_token_stream()))
}

/// Returns `T` of a `Box<T>`.
fn boxed(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Box")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first()? {
            GenericArgument::Type(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}

fn is_short(length: &Expr) -> bool {
    matches!(length, Expr::Lit(ExprLit { lit: Lit::Int(length), .. })
        if length.base10_parse::<usize>().is_ok_and(|length| length <= MAX_ARRAY))
}

fn cannot(ty: &TypeDef) -> Cause {
    Cause { kind: "no `Default`", subject: ty.name.clone() }
}
