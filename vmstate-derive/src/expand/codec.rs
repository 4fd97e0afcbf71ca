//! One field: its form, and the calls that save and load it.
//!
//! What a field is on the wire decides which module of the library it is given to; nothing else knows.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Expr;

use super::load::type_default;
use super::{hook, located, tokens};
use crate::model::{Codec, Elements, Field, bits_field, innermost, lengths, member_name};
use crate::parse::{Count, Part};

/// The field's form, a constant expression.
pub(super) fn form(field: &Field) -> TokenStream {
    let form = own_form(field);
    match &field.opaque {
        Some(name) => tokens!(#form.opaque(#name)),
        None => form,
    }
}

/// What it is on the wire, whatever it is described as.
pub(super) fn own_form(field: &Field) -> TokenStream {
    let ty = &field.ty;
    let codec = field.codec();
    let item = item_type(field);
    match &field.codec {
        Codec::Type { .. } | Codec::Info(_) | Codec::Unused(_) | Codec::Removed { .. } => {
            tokens!(#codec::FORM)
        }
        Codec::Counted(counted) => {
            let source = source(field, &counted.count, counted.max.as_ref());
            match &counted.elements {
                Elements::Type => tokens!(<#item as __vmstate::Wire>::FORM.counted(#source)),
                Elements::Info(info) => tokens!(<#info as __vmstate::Codec<#item>>::FORM.counted(#source)),
                Elements::Buffer => {
                    tokens!(__vmstate::Form::info("buffer", __vmstate::core::option::Option::None).sized(#source))
                }
            }
        }
        Codec::CountedUnused { count, max } => {
            let (name, size) = (member_name(&count.member), factor(count));
            let max = max.as_ref().map(|max| tokens!(.max(#max)));
            tokens! {
                __vmstate::Form::info("unused_buffer", __vmstate::core::option::Option::Some(#size))
                    .counted(__vmstate::Source::new(#name) #max)
            }
        }
        Codec::HiddenCount { ty, .. } => tokens!(<#ty as __vmstate::Wire>::FORM),
        Codec::AfterCount { elements, count, max } => {
            let (name, max) = (&count.name, max.as_ref().map(|max| tokens!(.max(#max))));
            let source = bounded(field, &tokens!(__vmstate::Source::new(#name) #max));
            match elements {
                Elements::Info(info) => tokens!(<#info as __vmstate::Codec<#item>>::FORM.counted(#source)),
                _ => tokens!(<#item as __vmstate::Wire>::FORM.counted(#source)),
            }
        }
        Codec::Bits(bits) => {
            let times = lengths(ty).into_iter().map(|length| tokens!(.times(#length)));
            tokens!(<#bits as __vmstate::Wire>::FORM #(#times)*)
        }
        Codec::Part(elements, part) => {
            let (start, end) = bounds(field, part);
            let span = located(&field.ty);
            let length = quote_spanned!(span=> __vmstate::part::length::<#ty>(#start, #end));
            match elements {
                Elements::Type => tokens!(<#item as __vmstate::Wire>::FORM.times(#length)),
                Elements::Info(info) => tokens!(<#info as __vmstate::Codec<#item>>::FORM.times(#length)),
                Elements::Buffer => {
                    tokens!(__vmstate::Form::info("buffer", __vmstate::core::option::Option::Some(#length)))
                }
            }
        }
        Codec::Pointers { count, alloc } => {
            let pointers = if *alloc { tokens!(Marked) } else { tokens!(Nullable) };
            let target = tokens!(<<#item as __vmstate::pointer::Slot>::Target as __vmstate::Wire>::FORM);
            let counted = match count {
                Some(counted) => {
                    let source = source(field, &counted.count, counted.max.as_ref());
                    tokens!(.counted(#source))
                }
                None => tokens!(.times(__vmstate::varray::capacity::<#ty>())),
            };
            tokens!(#target #counted .behind(__vmstate::Pointers::#pointers))
        }
        Codec::Bitmap { bits, max } => {
            let text = tokens!(__vmstate::core::stringify!(#bits));
            let max = max.as_ref().or_else(|| bits_field(bits).is_none().then_some(bits));
            let max = max.map(|max| tokens!(.max(#max)));
            let source = bounded(field, &tokens!(__vmstate::Source::new(#text) #max));
            tokens!(__vmstate::Form::info("bitmap", __vmstate::core::option::Option::None).sized(#source))
        }
        Codec::List { qlist, .. } => {
            let info = if *qlist { "qlist" } else { "qtailq" };
            let item = tokens!(<<#ty as __vmstate::list::List>::Item as __vmstate::VmState>::DESCRIPTION);
            tokens!(__vmstate::Form::new(__vmstate::Kind::List(#info, #item), __vmstate::core::option::Option::None))
        }
        Codec::Tree { direct, .. } => {
            let keys = keys(*direct);
            tokens!(<#ty as __vmstate::tree::Tree<#keys>>::FORM)
        }
        Codec::Versioned(version) => tokens!(__vmstate::versioned::form::<#ty>(#version)),
        Codec::Temporary(temporary) => tokens! {
            __vmstate::Form::new(
                __vmstate::Kind::Temporary(<#temporary as __vmstate::VmState>::DESCRIPTION),
                __vmstate::core::option::Option::None,
            )
        },
    }
}

/// The call that saves `value`, a result.
pub(super) fn save(field: &Field, value: &TokenStream, at: &TokenStream) -> TokenStream {
    let save = save_itself(field, value, at);
    match field.opaque {
        Some(_) => tokens!(__vmstate::opaque::save(sink, #at, |sink| #save)),
        None => save,
    }
}

fn save_itself(field: &Field, value: &TokenStream, at: &TokenStream) -> TokenStream {
    let codec = field.codec();
    match &field.codec {
        Codec::Type { .. } | Codec::Unused(_) => {
            tokens!(#codec::save_elements(#value, sink, #at, __vmstate::Element::ONLY))
        }
        Codec::Info(_) => tokens!(#codec::save(#value, sink, #at, __vmstate::Element::ONLY)),
        Codec::CountedUnused { count, max } => {
            let (member, size) = (&count.member, factor(count));
            let count = quote_spanned!(located(member)=> __vmstate::unused::count_to_save(&self.#member, #max));
            tokens!(#count.and_then(|count| __vmstate::unused::save_counted(count, #size, sink, #at)))
        }
        Codec::Counted(counted) => {
            let count = count_to_save(&counted.count);
            let save = match &counted.elements {
                Elements::Type => tokens!(__vmstate::varray::save(#value, count, sink, #at)),
                Elements::Info(info) => tokens!(__vmstate::varray::save_with::<#info, _, _>(#value, count, sink, #at)),
                Elements::Buffer => tokens!(__vmstate::varray::save_buffer(#value, count, sink, #at)),
            };
            tokens!(#count.and_then(|count| #save))
        }
        // What is written at an old version is something that can be read, for want of anything better.
        Codec::Removed { from, .. } => {
            let ty = &field.ty;
            let old = from.as_ref().map_or_else(|| type_default(ty), |from| hook::old(from, ty));
            tokens!(#codec::save_elements(&mut { #old }, sink, #at, __vmstate::Element::ONLY))
        }
        // The count is a local of the code that the two fields have in common.
        Codec::HiddenCount { .. } => TokenStream::new(),
        Codec::AfterCount { elements: Elements::Info(info), .. } => {
            tokens!(__vmstate::varray::save_with::<#info, _, _>(#value, count, sink, #at))
        }
        Codec::AfterCount { .. } => tokens!(__vmstate::varray::save(#value, count, sink, #at)),
        Codec::Bits(bits) => {
            let (sets, set) = (slice(field, value), innermost(&field.ty));
            let span = located(set);
            quote_spanned!(span=> __vmstate::bits::save(#sets, |set: &#set| -> #bits { set.bits() }, sink, #at))
        }
        Codec::Part(elements, part) => {
            let (start, end) = bounds(field, part);
            match elements {
                Elements::Type => tokens!(__vmstate::part::save(#value, #start, #end, sink, #at)),
                Elements::Info(info) => {
                    tokens!(__vmstate::part::save_with::<#info, _, _>(#value, #start, #end, sink, #at))
                }
                Elements::Buffer => tokens!(__vmstate::part::save_buffer(#value, #start, #end, sink, #at)),
            }
        }
        Codec::Pointers { count, alloc } => {
            let save = if *alloc { tokens!(save_marked) } else { tokens!(save) };
            let count = pointer_count(field, count.as_ref().map(|counted| count_to_save(&counted.count)));
            tokens!(#count.and_then(|count| __vmstate::pointer::#save(#value, count, sink, #at)))
        }
        Codec::Bitmap { bits, .. } => {
            let count = bits_to_save(bits);
            tokens!(#count.and_then(|bits| __vmstate::bitmap::save(#value, bits, sink, #at)))
        }
        Codec::List { .. } => tokens!(__vmstate::list::save(#value, sink, #at)),
        Codec::Tree { direct, .. } => {
            let keys = keys(*direct);
            tokens!(__vmstate::tree::save::<#keys, _, _, _>(#value, sink, #at))
        }
        Codec::Versioned(version) => {
            tokens!(#codec::save(#value, #version, sink, #at, __vmstate::Element::ONLY))
        }
        Codec::Temporary(temporary) => tokens!(__vmstate::tmp::save::<#temporary, Self, _>(&*self, sink, #at)),
    }
}

/// The call that loads into `value`, a result.
pub(super) fn load(field: &Field, value: &TokenStream) -> TokenStream {
    let codec = field.codec();
    let ty = &field.ty;
    match &field.codec {
        Codec::Type { .. } | Codec::Unused(_) => tokens!(#codec::load_elements(#value, reader)),
        Codec::Info(_) => tokens!(#codec::load(#value, reader)),
        Codec::CountedUnused { count, max } => {
            let (member, size) = (&count.member, factor(count));
            let count = quote_spanned!(located(member)=> __vmstate::unused::count_to_load(&self.#member, #max)
                .map_err(|error| error.at(reader.offset())));
            tokens!(#count.and_then(|count| __vmstate::unused::load_counted(count, #size, reader)))
        }
        Codec::Counted(counted) => {
            let count = count_to_load(field, &counted.count, counted.max.as_ref());
            let load = match &counted.elements {
                Elements::Type => tokens!(__vmstate::varray::load(#value, count, reader)),
                Elements::Info(info) => tokens!(__vmstate::varray::load_with::<#info, _>(#value, count, reader)),
                Elements::Buffer => tokens!(__vmstate::varray::load_buffer(#value, count, reader)),
            };
            tokens!(#count.and_then(|count| #load))
        }
        Codec::Removed { with, .. } => {
            let default = type_default(ty);
            let load = tokens!(#codec::load_elements(&mut old, reader));
            let load = match with.as_ref().map(|with| hook::removed(with, ty, &tokens!(old))) {
                Some(take) => tokens! {
                    let start = reader.offset();
                    #load.and_then(|()| #take.map_err(|error| error.at(start)))
                },
                None => load,
            };
            tokens!({ let mut old = #default; #load })
        }
        Codec::HiddenCount { .. } => TokenStream::new(),
        Codec::AfterCount { elements, max, .. } => {
            let max = optional(max.as_ref());
            let load = match elements {
                Elements::Info(info) => tokens!(__vmstate::varray::load_with::<#info, _>(#value, count, reader)),
                _ => tokens!(__vmstate::varray::load(#value, count, reader)),
            };
            tokens!(__vmstate::varray::count_to_load::<#ty>(&count, 1, #max)
                .map_err(|error| error.at(reader.offset())).and_then(|count| #load))
        }
        Codec::Bits(bits) => {
            let set = innermost(ty);
            let span = located(set);
            let from_bits = quote_spanned!(span=> |bits: #bits| <#set>::from_bits(bits));
            match lengths(ty).is_empty() {
                true => tokens!(__vmstate::bits::load(#value, #from_bits, reader)),
                false => {
                    let sets = slice(field, value);
                    tokens!(__vmstate::bits::load_each(#sets, #from_bits, reader))
                }
            }
        }
        Codec::Part(elements, part) => {
            let (start, end) = bounds(field, part);
            match elements {
                Elements::Type => tokens!(__vmstate::part::load(#value, #start, #end, reader)),
                Elements::Info(info) => tokens!(__vmstate::part::load_with::<#info, _>(#value, #start, #end, reader)),
                Elements::Buffer => tokens!(__vmstate::part::load_buffer(#value, #start, #end, reader)),
            }
        }
        Codec::Pointers { count, alloc } => {
            let load = if *alloc { tokens!(load_marked) } else { tokens!(load) };
            let count = count.as_ref().map(|counted| count_to_load(field, &counted.count, counted.max.as_ref()));
            let count = pointer_count(field, count);
            tokens!(#count.and_then(|count| __vmstate::pointer::#load(#value, count, reader)))
        }
        Codec::Bitmap { bits, max } => {
            let count = bits_to_load(ty, bits, max.as_ref());
            tokens!(#count.and_then(|bits| __vmstate::bitmap::load(#value, bits, reader)))
        }
        Codec::List { max, version, .. } => {
            let item = tokens!(<<#ty as __vmstate::list::List>::Item as __vmstate::VmState>::DESCRIPTION.version);
            let version = version.map_or(item, |version| tokens!(#version));
            tokens!(__vmstate::list::load(#value, #max, #version, reader))
        }
        Codec::Tree { direct, max, version } => {
            let keys = keys(*direct);
            let own = tokens!(<#ty as __vmstate::tree::Tree<#keys>>::VERSION);
            let version = version.map_or(own, |version| tokens!(#version));
            tokens!(__vmstate::tree::load::<#keys, _, _>(#value, #max, #version, reader))
        }
        Codec::Versioned(version) => tokens!(#codec::load(#value, #version, reader)),
        Codec::Temporary(temporary) => {
            let version = tokens!(<#temporary as __vmstate::VmState>::DESCRIPTION.version);
            tokens!(__vmstate::tmp::load::<#temporary, Self>(&mut *self, #version, reader))
        }
    }
}

/// The type of a counted container's elements.
fn item_type(field: &Field) -> TokenStream {
    let ty = &field.ty;
    let span = located(&field.ty);
    quote_spanned!(span=> <#ty as __vmstate::varray::Counted>::Item)
}

/// The statement that saves the hidden count `ty` of `value` and leaves it in a local.
pub(super) fn save_count(field: &Field, value: &TokenStream, at: &TokenStream) -> Option<TokenStream> {
    let Codec::HiddenCount { ty, max } = &field.codec else { return None };
    let (name, container) = (&field.name, &field.ty);
    let span = located(container);
    let save = quote_spanned!(span=> __vmstate::hidden::save::<#ty, #container, _>);
    Some(tokens!(let count = #save(#value, #max, sink, #at).map_err(|error| error.in_field(#name))?;))
}

/// The statement that loads a hidden count into a local.
pub(super) fn load_count(field: &Field) -> Option<TokenStream> {
    let Codec::HiddenCount { ty, .. } = &field.codec else { return None };
    let name = &field.name;
    Some(tokens! {
        let count = __vmstate::hidden::load::<#ty>(reader).map_err(|error| error.in_field(#name))?;
    })
}

/// The field's value, or all elements of its array, as a slice.
fn slice(field: &Field, value: &TokenStream) -> TokenStream {
    let Some(flattened) = lengths(&field.ty).len().checked_sub(1) else {
        return tokens!(__vmstate::core::slice::from_mut(#value));
    };
    (0..flattened).fold(tokens!((#value).as_mut_slice()), |slice, _| tokens!(#slice.as_flattened_mut()))
}

/// The first element of a part, and the one after the last.
fn bounds(field: &Field, part: &Part) -> (TokenStream, TokenStream) {
    let ty = &field.ty;
    let start = part.start.as_ref().map_or_else(|| tokens!(0), |start| tokens!(#start));
    let end = part.end.as_ref();
    (start, end.map_or_else(|| tokens!(const { __vmstate::varray::capacity::<#ty>() }), |end| tokens!(#end)))
}

fn keys(direct: bool) -> TokenStream {
    if direct { tokens!(__vmstate::tree::Direct) } else { tokens!(__vmstate::tree::Described) }
}

/// Where the count comes from, for the description.
fn source(field: &Field, count: &Count, max: Option<&Expr>) -> TokenStream {
    let name = member_name(&count.member);
    let multiply = count.multiply.as_ref().map(|factor| tokens!(.multiply(#factor)));
    let max = max.map(|max| tokens!(.max(#max)));
    bounded(field, &tokens!(__vmstate::Source::new(#name) #multiply #max))
}

/// The same source, if it cannot make the field's container grow without bounds.
fn bounded(field: &Field, source: &TokenStream) -> TokenStream {
    let ty = &field.ty;
    let span = located(&field.ty);
    quote_spanned!(span=> __vmstate::varray::bounded::<#ty>(#source))
}

fn factor(count: &Count) -> TokenStream {
    count.multiply.as_ref().map_or_else(|| tokens!(1), |factor| tokens!(#factor))
}

fn count_to_save(count: &Count) -> TokenStream {
    let (member, factor) = (&count.member, factor(count));
    let span = located(member);
    quote_spanned!(span=> __vmstate::varray::count_to_save(&self.#member, #factor))
}

fn count_to_load(field: &Field, count: &Count, max: Option<&Expr>) -> TokenStream {
    let (ty, member, factor) = (&field.ty, &count.member, factor(count));
    let max = optional(max);
    let span = located(member);
    quote_spanned!(span=> __vmstate::varray::count_to_load::<#ty>(&self.#member, #factor, #max)
        .map_err(|error| error.at(reader.offset())))
}

/// The count of pointers, a result: another field's, or the array's length.
fn pointer_count(field: &Field, count: Option<TokenStream>) -> TokenStream {
    let ty = &field.ty;
    count
        .unwrap_or_else(|| tokens!(__vmstate::core::result::Result::Ok(const { __vmstate::varray::capacity::<#ty>() })))
}

fn bits_to_save(bits: &Expr) -> TokenStream {
    match bits_field(bits) {
        Some(member) => tokens!(__vmstate::varray::count_to_save(&self.#member, 1)),
        None => tokens!(__vmstate::core::result::Result::Ok(#bits)),
    }
}

fn bits_to_load(ty: &syn::Type, bits: &Expr, max: Option<&Expr>) -> TokenStream {
    let max = optional(max);
    match bits_field(bits) {
        Some(member) => tokens!(__vmstate::bitmap::bits_to_load::<#ty>(&self.#member, #max)
            .map_err(|error| error.at(reader.offset()))),
        None => {
            tokens!(__vmstate::bitmap::bits_to_load::<#ty>(&{ #bits }, __vmstate::core::option::Option::Some({ #bits })))
        }
    }
}

fn optional(max: Option<&Expr>) -> TokenStream {
    match max {
        Some(max) => tokens!(__vmstate::core::option::Option::Some(#max)),
        None => tokens!(__vmstate::core::option::Option::None),
    }
}
