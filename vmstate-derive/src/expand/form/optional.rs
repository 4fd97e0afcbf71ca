//! Options: a `bool`, and the value if it is present (`VMSTATE_BOOL`, and `VMSTATE_*_TEST` or the plain macro).

use proc_macro2::TokenStream;

use super::wire_form::WireForm;
use crate::expand::default::type_default;
use crate::expand::hygiene::tokens;
use crate::expand::{form, place};
use crate::model::{Field, Optional, Presence};

impl WireForm for Presence {
    fn form(&self, _: &Field) -> TokenStream {
        tokens!(<bool as __vmstate::Wire>::FORM)
    }

    fn save(&self, field: &Field, _: &TokenStream, at: &TokenStream) -> TokenStream {
        let option = place::shared(&self.0, &field.ty);
        tokens!(__vmstate::optional::save(#option, sink, #at))
    }

    fn load(&self, _: &Field, _: &TokenStream) -> TokenStream {
        tokens!(__vmstate::optional::load(reader))
    }

    fn binding(&self) -> Option<TokenStream> {
        Some(tokens!(let present =))
    }
}

impl WireForm for Optional {
    fn provider(&self, _: &Field) -> TokenStream {
        form::provider(&self.value)
    }

    fn form(&self, _: &Field) -> TokenStream {
        form::actual(&self.value)
    }

    fn save(&self, _: &Field, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let save = form::save(&self.value, &tokens!(value), at);
        if self.always {
            let default = type_default(&self.value.ty);
            return tokens! {{
                let mut absent = __vmstate::core::option::Option::None;
                let value = __vmstate::optional::or_insert(#value, &mut absent, || #default);
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

    fn load(&self, _: &Field, value: &TokenStream) -> TokenStream {
        let default = type_default(&self.value.ty);
        let load = form::load(&self.value, &tokens!(value));
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

    fn may_be_struct(&self, _: &Field) -> bool {
        form::may_be_struct(&self.value)
    }

    fn assertion(&self, _: &Field) -> Option<TokenStream> {
        form::assertion(&self.value)
    }
}
