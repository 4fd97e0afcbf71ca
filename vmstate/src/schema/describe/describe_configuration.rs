//! The description of the configuration section.

use crate::schema::vmdesc::{self, ArrayPart, Nested, SentStruct};
use crate::stream::Configuration;

/// Returns the description of the configuration section, which is described like a device.
pub(crate) fn describe_configuration(configuration: &Configuration) -> SentStruct {
    let mut subsections = Vec::new();
    if configuration.target_page_bits.is_some() {
        subsections.push(("configuration/target-page-bits", vec![plain("target_page_bits", 1, "uint32", 4)]));
    }
    if let Some(capabilities) = &configuration.capabilities {
        // QEMU describes an array of strings by its first element: the length byte and the name. An empty array is left
        // out.
        let names =
            capabilities.first().map(|first| plain("capabilities", capabilities.len(), "capability", 1 + first.len()));
        let fields = [plain("caps_count", 1, "uint32", 4)].into_iter().chain(names).collect();
        subsections.push(("configuration/capabilities", fields));
    }
    if configuration.uuid.is_some() {
        subsections.push(("configuration/uuid", vec![plain("uuid.data", 16, "uint8", 1)]));
    }
    let structure =
        |name: &str, fields| SentStruct { vmsd_name: name.into(), version: 1, fields, subsections: Vec::new() };
    let name = plain("name", 1, "buffer", configuration.machine.len());
    let mut described = structure("configuration", vec![plain("len", 1, "uint32", 4), name]);
    described.subsections = subsections.into_iter().map(|(name, fields)| structure(name, fields)).collect();
    described
}

/// Returns the description of a field that is not a struct, or of an array of `count` such fields.
fn plain(name: &str, count: usize, type_name: &str, size: usize) -> vmdesc::SentField {
    let array = if count > 1 { ArrayPart::Len(count as u64) } else { ArrayPart::None };
    let nested = Nested::None;
    vmdesc::SentField { name: name.into(), array, type_name: type_name.into(), nested, size: size as u64 }
}
