//! One field: its form, and the calls that save and load it.
//!
//! What a field is on the wire decides which module of the library it is given to; nothing else knows.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{Expr, Member};

use super::load::type_default;
use super::{hook, located, tokens};
use crate::model::{Codec, Counted, Elements, Field, bits_field, innermost, lengths, member_name};
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
    let (ty, codec) = (&field.ty, field.codec());
    let none = tokens!(__vmstate::core::option::Option::None);
    match &field.codec {
        Codec::Type { .. } | Codec::Info(_) | Codec::Unused(_) | Codec::Removed { .. } | Codec::Tree { .. } => {
            tokens!(#codec::FORM)
        }
        Codec::Counted(Counted { elements, count, max }) => {
            let source = source(field, count, max.as_ref());
            match elements {
                Elements::Buffer => tokens!(__vmstate::Form::info("buffer", #none).sized(#source)),
                Elements::Type | Elements::Info(_) => tokens!(#codec::ITEM.counted(#source)),
            }
        }
        Codec::CountedUnused { count, max } => {
            let (name, size) = (member_name(&count.member), factor(count));
            tokens! {
                __vmstate::Form::info("unused_buffer", __vmstate::core::option::Option::Some(#size))
                    .counted(__vmstate::Source::new(#name).max(#max))
            }
        }
        Codec::HiddenCount { ty, .. } => tokens!(<#ty as __vmstate::Wire>::FORM),
        Codec::AfterCount { count, max, .. } => {
            let name = &count.name;
            let source = bounded(field, &tokens!(__vmstate::Source::new(#name).max(#max)));
            tokens!(#codec::ITEM.counted(#source))
        }
        Codec::Bits(bits) => {
            let times = lengths(ty).into_iter().map(|length| tokens!(.times(#length)));
            tokens!(<#bits as __vmstate::Wire>::FORM #(#times)*)
        }
        Codec::Part(elements, part) => {
            let (start, end) = bounds(part, &checked_length(field));
            let length = quote_spanned!(located(ty)=> __vmstate::part::length(#codec::CAPACITY, #start, #end));
            match elements {
                Elements::Buffer => {
                    tokens!(__vmstate::Form::info("buffer", __vmstate::core::option::Option::Some(#length)))
                }
                Elements::Type | Elements::Info(_) => tokens!(#codec::ITEM.times(#length)),
            }
        }
        Codec::Pointers { count, alloc } => {
            let pointers = if *alloc { tokens!(Marked) } else { tokens!(Nullable) };
            let counted = match count {
                Some(Counted { count, max, .. }) => {
                    let source = source(field, count, max.as_ref());
                    tokens!(counted(#source))
                }
                None => {
                    let length = checked_length(field);
                    tokens!(times(#length))
                }
            };
            tokens!(#codec::ITEM.#counted.behind(__vmstate::Pointers::#pointers))
        }
        Codec::Bitmap { bits, max } => {
            let text = tokens!(__vmstate::core::stringify!(#bits));
            let max = max.as_ref().or_else(|| bits_field(bits).is_none().then_some(bits));
            let max = max.map(|max| tokens!(.max(#max)));
            let source = bounded(field, &tokens!(__vmstate::Source::new(#text) #max));
            tokens!(__vmstate::Form::info("bitmap", #none).sized(#source))
        }
        Codec::List { qlist, .. } => {
            let info = if *qlist { "qlist" } else { "qtailq" };
            tokens!(__vmstate::Form::new(__vmstate::Kind::List(#info, #codec::ITEM), #none))
        }
        Codec::Versioned(version) => tokens!(__vmstate::versioned::form(#codec::STRUCT, #codec::COUNT, #version)),
        Codec::Temporary(temporary) => {
            let description = tokens!(<#temporary as __vmstate::VmState>::DESCRIPTION);
            tokens!(__vmstate::Form::new(__vmstate::Kind::Temporary(#description), #none))
        }
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
    let counted = |count: TokenStream| tokens!(#count.and_then(|count| #codec::save(#value, count, sink, #at)));
    match &field.codec {
        Codec::Type { .. } | Codec::Unused(_) => {
            tokens!(#codec::save_elements(#value, sink, #at, __vmstate::Element::ONLY))
        }
        Codec::Info(_) => tokens!(#codec::save(#value, sink, #at, __vmstate::Element::ONLY)),
        Codec::Counted(Counted { count, .. }) | Codec::Pointers { count: Some(Counted { count, .. }), .. } => {
            counted(count_to_save(&count.member, &factor(count)))
        }
        Codec::Pointers { count: None, .. } => {
            let length = length(field);
            tokens!(#codec::save(#value, #length, sink, #at))
        }
        Codec::CountedUnused { count, max } => {
            let (count, size) = (count_to_save(&count.member, &tokens!(1)), factor(count));
            tokens!(#count.and_then(|count| __vmstate::unused::save_counted(count, #size, #max, sink, #at)))
        }
        // What is written at an old version is something that can be read, for want of anything better.
        Codec::Removed { from, .. } => {
            let ty = &field.ty;
            let old = from.as_ref().map_or_else(|| type_default(ty), |from| hook::old(from, ty));
            tokens!(#codec::save_elements(&mut { #old }, sink, #at, __vmstate::Element::ONLY))
        }
        // The count is a local of the code that the two fields have in common.
        Codec::HiddenCount { .. } => TokenStream::new(),
        Codec::AfterCount { .. } => tokens!(#codec::save(#value, count, sink, #at)),
        Codec::Bits(bits) => {
            let (sets, set) = (slice(field, value), innermost(&field.ty));
            let span = located(set);
            quote_spanned!(span=> __vmstate::bits::save(#sets, |set: &#set| -> #bits { set.bits() }, sink, #at))
        }
        Codec::Part(_, part) => {
            let (start, end) = bounds(part, &length(field));
            tokens!(#codec::save_part(#value, #start, #end, sink, #at))
        }
        Codec::Bitmap { bits, .. } => match bits_field(bits) {
            Some(member) => counted(count_to_save(&Member::Named(member.clone()), &tokens!(1))),
            None => tokens!(#codec::save(#value, #bits, sink, #at)),
        },
        Codec::List { max, .. } | Codec::Tree { max, .. } => tokens!(#codec::save(#value, #max, sink, #at)),
        Codec::Versioned(version) => {
            tokens!(#codec::save(#value, #version, sink, #at, __vmstate::Element::ONLY))
        }
        Codec::Temporary(temporary) => tokens!(__vmstate::tmp::save::<#temporary, Self, _>(&*self, sink, #at)),
    }
}

/// The call that loads into `value`, a result.
pub(super) fn load(field: &Field, value: &TokenStream) -> TokenStream {
    let (ty, codec) = (&field.ty, field.codec());
    let counted = |count: TokenStream| tokens!(#count.and_then(|count| #codec::load(#value, count, reader)));
    let capacity = tokens!(#codec::CAPACITY);
    match &field.codec {
        Codec::Type { .. } | Codec::Unused(_) => tokens!(#codec::load_elements(#value, reader)),
        Codec::Info(_) => tokens!(#codec::load(#value, reader)),
        Codec::Counted(Counted { count, max, .. })
        | Codec::Pointers { count: Some(Counted { count, max, .. }), .. } => {
            counted(count_to_load(&number(&count.member, &factor(count)), &capacity, max.as_ref()))
        }
        Codec::Pointers { count: None, .. } => {
            let length = length(field);
            tokens!(#codec::load(#value, #length, reader))
        }
        Codec::CountedUnused { count, max } => {
            let (number, none) = (number(&count.member, &tokens!(1)), tokens!(__vmstate::core::option::Option::None));
            let (count, size) = (count_to_load(&number, &none, max.as_ref()), factor(count));
            tokens!(#count.and_then(|count| __vmstate::unused::load_counted(count, #size, reader)))
        }
        Codec::Removed { with, .. } => {
            let default = type_default(ty);
            let load = tokens!(#codec::load_elements(&mut old, reader));
            let load = match with.as_ref().map(|with| hook::removed(with, ty, &tokens!(old))) {
                Some(take) => tokens! {
                    let start = reader.offset();
                    #load.and_then(|()| #take.map_err(|error| error.at_offset(start)))
                },
                None => load,
            };
            tokens!({ let mut old = #default; #load })
        }
        Codec::HiddenCount { .. } => TokenStream::new(),
        Codec::AfterCount { max, .. } => {
            counted(count_to_load(&tokens!(__vmstate::varray::number(&count, 1)), &capacity, max.as_ref()))
        }
        Codec::Bits(_) => {
            let set = innermost(ty);
            let both = quote_spanned!(located(set)=> |set: &#set| set.bits(), <#set>::from_bits);
            match lengths(ty).is_empty() {
                true => tokens!(__vmstate::bits::load(#value, #both, reader)),
                false => {
                    let sets = slice(field, value);
                    tokens!(__vmstate::bits::load_each(#sets, #both, reader))
                }
            }
        }
        Codec::Part(_, part) => {
            let (start, end) = bounds(part, &length(field));
            tokens!(#codec::load_part(#value, #start, #end, reader))
        }
        Codec::Bitmap { bits, max } => match bits_field(bits) {
            Some(member) => {
                let number = number(&Member::Named(member.clone()), &tokens!(1));
                counted(count_to_load(&number, &capacity, max.as_ref()))
            }
            None => tokens!(#codec::load(#value, #bits, reader)),
        },
        Codec::List { max, version, .. } => {
            let version = version.map_or_else(|| tokens!(#codec::ITEM.version), |version| tokens!(#version));
            tokens!(#codec::load(#value, #max, #version, reader))
        }
        Codec::Tree { max, version, .. } => {
            let version = version.map_or_else(|| tokens!(#codec::VERSION), |version| tokens!(#version));
            tokens!(#codec::load(#value, #max, #version, reader))
        }
        Codec::Versioned(version) => tokens!(#codec::load(#value, #version, reader)),
        Codec::Temporary(temporary) => {
            let version = tokens!(<#temporary as __vmstate::VmState>::DESCRIPTION.version);
            tokens!(__vmstate::tmp::load::<#temporary, Self>(&mut *self, #version, reader))
        }
    }
}

/// The length of an array, a constant, for the description: what grows is refused.
fn checked_length(field: &Field) -> TokenStream {
    let codec = field.codec();
    quote_spanned!(located(&field.ty)=> __vmstate::varray::length(#codec::CAPACITY))
}

/// The length of an array that the description has accepted.
fn length(field: &Field) -> TokenStream {
    let codec = field.codec();
    tokens!(#codec::CAPACITY.unwrap_or(0))
}

/// The statement that saves the hidden count `ty` of `value` and leaves it in a local.
pub(super) fn save_count(field: &Field, value: &TokenStream, at: &TokenStream) -> Option<TokenStream> {
    let Codec::HiddenCount { ty, max } = &field.codec else { return None };
    let (name, container) = (&field.name, &field.ty);
    let span = located(container);
    let save = quote_spanned!(span=> <#container as __vmstate::hidden::Growing>::save_count::<#ty, _>);
    Some(tokens!(let count = __vmstate::InField::in_field(#save(#value, #max, sink, #at), #name)?;))
}

/// The statement that loads a hidden count into a local.
pub(super) fn load_count(field: &Field) -> Option<TokenStream> {
    let Codec::HiddenCount { ty, .. } = &field.codec else { return None };
    let name = &field.name;
    Some(tokens! {
        let count = __vmstate::InField::in_field(__vmstate::hidden::load::<#ty>(reader), #name)?;
    })
}

/// The field's value, or all elements of its array, as a slice.
fn slice(field: &Field, value: &TokenStream) -> TokenStream {
    let Some(flattened) = lengths(&field.ty).len().checked_sub(1) else {
        return tokens!(__vmstate::core::slice::from_mut(#value));
    };
    (0..flattened).fold(tokens!((#value).as_mut_slice()), |slice, _| tokens!(#slice.as_flattened_mut()))
}

/// The first element of a part, and the one after the last, where `length` is that of the whole array.
fn bounds(part: &Part, length: &TokenStream) -> (TokenStream, TokenStream) {
    let start = part.start.as_ref().map_or_else(|| tokens!(0), |start| tokens!(#start));
    (start, part.end.as_ref().map_or_else(|| length.clone(), |end| tokens!(#end)))
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
    let codec = field.codec();
    quote_spanned!(located(&field.ty)=> __vmstate::varray::bounded(#codec::CAPACITY, #source))
}

fn factor(count: &Count) -> TokenStream {
    count.multiply.as_ref().map_or_else(|| tokens!(1), |factor| tokens!(#factor))
}

/// The number that a member says, times `factor`.
fn number(member: &Member, factor: &TokenStream) -> TokenStream {
    quote_spanned!(located(member)=> __vmstate::varray::number(&self.#member, #factor))
}

/// The count of what is saved, a result.
fn count_to_save(member: &Member, factor: &TokenStream) -> TokenStream {
    let number = number(member, factor);
    tokens!(#number.to_save())
}

/// The count of what is loaded, a result, if `number` is within the limits.
fn count_to_load(number: &TokenStream, capacity: &TokenStream, max: Option<&Expr>) -> TokenStream {
    let max = optional(max);
    tokens!(#number.to_load(#capacity, #max).map_err(|error| error.at_offset(reader.offset())))
}

fn optional(max: Option<&Expr>) -> TokenStream {
    match max {
        Some(max) => tokens!(__vmstate::core::option::Option::Some(#max)),
        None => tokens!(__vmstate::core::option::Option::None),
    }
}
