//! Options: a `bool`, and the value if it is present (`VMSTATE_BOOL`, and `VMSTATE_*_TEST` or the plain macro).

use proc_macro2::TokenStream;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::default::type_default;
use crate::expand::hygiene::tokens;
use crate::expand::{form, place};
use crate::model::{Field, Optional, Presence};

impl WireForm for Presence {
    fn form(&self, _: &Field) -> TokenStream {
        tokens!(<bool as __vmstate::Wire>::FORM)
    }

    fn save(&self, field: &Field, _: Access, _: &TokenStream, at: &TokenStream) -> TokenStream {
        let option = place::shared(&self.0, &field.ty);
        tokens!(__vmstate::optional::save(#option, sink, #at))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, _: &Field, _: &TokenStream) -> TokenStream {
        tokens!(__vmstate::optional::load(reader))
    }

    fn binding(&self) -> Option<TokenStream> {
        Some(tokens!(let present =))
    }
}

impl WireForm for Optional {
    fn provider(&self, field: &Field) -> TokenStream {
        form::provider(value_of(field))
    }

    fn form(&self, field: &Field) -> TokenStream {
        form::actual(value_of(field))
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let save = form::save(value_of(field), access, &tokens!(value), at);
        if self.always {
            let default = type_default(&value_of(field).ty);
            let or_insert = match access {
                Access::Exclusive => tokens!(or_insert),
                Access::Shared => tokens!(or_default),
            };
            return tokens! {{
                let mut absent = __vmstate::core::option::Option::None;
                let value = __vmstate::optional::#or_insert(#value, &mut absent, || #default);
                #save
            }};
        }
        tokens! {
            match #value {
                __vmstate::core::option::Option::Some(value) => #save,
                __vmstate::core::option::Option::None => __vmstate::core::result::Result::Ok(()),
            }
        }
    }

    fn exclusive(&self, field: &Field) -> Option<TokenStream> {
        form::exclusive(value_of(field))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let default = type_default(&value_of(field).ty);
        let load = form::load(value_of(field), &tokens!(value));
        if self.always {
            return tokens! {{
                let value = __vmstate::core::option::Option::get_or_insert_with(#value, || #default);
                let loaded = #load;
                if !present {
                    *#value = __vmstate::core::option::Option::None;
                }
                loaded
            }};
        }
        tokens! {
            if present {
                let value = __vmstate::core::option::Option::get_or_insert_with(#value, || #default);
                #load
            } else {
                *#value = __vmstate::core::option::Option::None;
                __vmstate::core::result::Result::Ok(())
            }
        }
    }

    fn may_be_struct(&self, field: &Field) -> bool {
        form::may_be_struct(value_of(field))
    }

    fn assertion(&self, field: &Field) -> Option<TokenStream> {
        form::assertion(value_of(field))
    }
}

/// The value in the `Option` as a field.
fn value_of(field: &Field) -> &Field {
    field.value.as_deref().unwrap_or(field)
}
