//! The texts of sections whose registry was dropped, for the next registry.
//!
//! A registry can be created for one save. Writing the descriptions would then take most of the time of each save,
//! although they are the same every time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use vmstate_types::Description;

use super::SectionText;

/// The text of a registered section, which the next registry with the section takes over.
#[derive(Debug, Default)]
pub(crate) struct KeptText {
    text: SectionText,
    /// Set by the first save with a description.
    key: Option<TextKey>,
}

impl KeptText {
    /// Returns the text for the section `name`, which is empty unless the section was described before.
    pub(crate) fn recall(
        &mut self,
        description: Option<&'static Description>,
        name: &str,
        instance_id: u32,
    ) -> &mut SectionText {
        if self.key.is_none() {
            let key = TextKey::new(description, name, instance_id);
            self.text = take(&key).unwrap_or_default();
            self.key = Some(key);
        }
        &mut self.text
    }

    /// Returns the text, which is empty before the first save.
    pub(crate) fn as_str(&self) -> &str {
        self.text.as_str()
    }
}

impl Drop for KeptText {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            put(key, std::mem::take(&mut self.text));
        }
    }
}

/// The limit of all texts in the cache, in bytes. The texts of QEMU's largest machines have about 1 MiB.
const LIMIT: usize = 8 << 20;

/// The values that the text of a section depends on, except its shape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct TextKey {
    /// The address of the description. It only makes hits more likely: the shape is compared in any case.
    description: usize,
    name: String,
    instance_id: u32,
}

impl TextKey {
    fn new(description: Option<&'static Description>, name: &str, instance_id: u32) -> Self {
        let description = description.map_or(0, |description| std::ptr::from_ref(description).addr());
        Self { description, name: name.to_owned(), instance_id }
    }
}

#[derive(Debug, Default)]
struct TextCache {
    texts: BTreeMap<TextKey, SectionText>,
    /// The total size of the texts.
    size: usize,
}

static CACHE: Mutex<TextCache> = Mutex::new(TextCache { texts: BTreeMap::new(), size: 0 });

/// Removes and returns the text for `key`. A registry that uses a text holds it alone.
fn take(key: &TextKey) -> Option<SectionText> {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let text = cache.texts.remove(key)?;
    cache.size = cache.size.saturating_sub(text.size());
    Some(text)
}

/// Stores a text. If the cache is full, other texts are dropped, because their machines are probably gone.
fn put(key: TextKey, text: SectionText) {
    let size = text.size();
    if size > LIMIT {
        return;
    }
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.size + size > LIMIT {
        *cache = TextCache::default();
    }
    cache.size += size;
    if let Some(old) = cache.texts.insert(key, text) {
        cache.size = cache.size.saturating_sub(old.size());
    }
}

#[cfg(test)]
mod tests {
    use vmstate_types::Writer;

    use super::*;
    use crate::machine::{Machine, SaveOptions};
    use crate::registry::Registration;
    use crate::section::RawSection;

    /// A section whose size is its only shape.
    struct Blob(usize);

    impl RawSection for Blob {
        fn save(&mut self, out: &mut Writer) -> Result<(), vmstate_types::SaveError> {
            out.zeros(self.0);
            Ok(())
        }

        fn load(&mut self, _: &mut vmstate_types::Reader<'_>, _: u32) -> Result<(), vmstate_types::LoadError> {
            Ok(())
        }
    }

    fn saved(name: &str, size: usize) -> Vec<u8> {
        let mut machine = Machine::new();
        machine.add(Registration::raw(name, 1, Blob(size))).unwrap();
        let mut out = Writer::new();
        machine.save_into(&mut out, SaveOptions::new()).unwrap();
        out.take()
    }

    fn text_at(name: &str) -> Option<*const u8> {
        let cache = CACHE.lock().unwrap();
        cache.texts.get(&TextKey::new(None, name, 0)).map(|text| text.as_str().as_ptr())
    }

    #[test]
    fn next_registry_reuses_the_text() {
        let first = saved("reused", 3);
        let text = text_at("reused").expect("a text in the cache");
        assert_eq!(saved("reused", 3), first);
        assert_eq!(text_at("reused"), Some(text), "the same memory");
    }

    #[test]
    fn other_shape_has_another_text() {
        let three = saved("changing", 3);
        let four = saved("changing", 4);
        assert!(String::from_utf8_lossy(&three).contains("\"size\": 3"));
        assert!(String::from_utf8_lossy(&four).contains("\"size\": 4"));
        assert_eq!(saved("changing", 3), three);
    }

    #[test]
    fn two_registries_at_once_have_separate_texts() {
        let mut machine = Machine::new();
        machine.add(Registration::raw("twice", 1, Blob(1))).unwrap();
        let mut out = Writer::new();
        machine.save_into(&mut out, SaveOptions::new()).unwrap();
        assert_eq!(saved("twice", 1), out.pending());
        out.clear();
        machine.save_into(&mut out, SaveOptions::new()).unwrap();
        assert_eq!(saved("twice", 1), out.pending());
    }
}
