//! Structs and subsections that are older in the other release, although their section has the same version.

use super::generate::{Generator, fields, inner, names};
use crate::dynamic::DecodedStruct;

impl Generator {
    /// Compares the structs and subsections whose version decreases. QEMU does not send the version of a struct, and reads
    /// the section wrongly if the struct is newer: `esp` in `am53c974` of QEMU 11.1, for example.
    pub(super) fn older_structs(&mut self, path: &str, within: &[String], old: &DecodedStruct, new: &DecodedStruct) {
        for name in names(old) {
            let [from, to] = [old, new].map(|state| fields(state, &name));
            let (mut structs, mut others) = (Vec::new(), Vec::new());
            from.iter().for_each(|field| inner(&field.value, &mut structs));
            to.iter().for_each(|field| inner(&field.value, &mut others));
            self.older_struct(path, within, &name, &structs, others.first().copied());
        }
        for subsection in &old.subsections {
            let name = &*subsection.vmsd_name;
            let other = new.subsections.iter().find(|other| *other.vmsd_name == *name);
            self.older_struct(path, within, name, &[subsection], other);
        }
    }

    fn older_struct(
        &mut self,
        path: &str,
        within: &[String],
        name: &str,
        old: &[&DecodedStruct],
        new: Option<&DecodedStruct>,
    ) {
        let (Some(first), Some(new)) = (old.first(), new) else { return };
        let (path, within) = (format!("{path}.{name}"), [within, &[name.to_owned()]].concat());
        if first.version > new.version {
            self.structs(&path, &within, old, new);
        } else {
            self.older_structs(&path, &within, first, new);
        }
    }
}
