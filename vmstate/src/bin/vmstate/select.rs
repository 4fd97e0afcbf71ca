//! Which sections a command is about.

use std::cell::Cell;

use crate::failure::Failure;

/// The sections that were asked for; all if none were.
pub(crate) struct Selection<'a> {
    wanted: Vec<Wanted<'a>>,
}

/// One `NAME[:INSTANCE]`. Names have colons too, so that both readings count.
struct Wanted<'a> {
    text: &'a str,
    name_and_instance: Option<(&'a str, u32)>,
    found: Cell<bool>,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(texts: &'a [String]) -> Self {
        let wanted = |text: &'a String| Wanted {
            text,
            name_and_instance: text.rsplit_once(':').and_then(|(name, id)| Some((name, id.parse().ok()?))),
            found: Cell::new(false),
        };
        Self { wanted: texts.iter().map(wanted).collect() }
    }

    /// Whether the section of this name and instance was asked for.
    pub(crate) fn has(&self, name: &str, instance_id: u32) -> bool {
        let mut any = self.wanted.is_empty();
        for wanted in &self.wanted {
            if name == wanted.text || wanted.name_and_instance == Some((name, instance_id)) {
                wanted.found.set(true);
                any = true;
            }
        }
        any
    }

    /// Makes sure that everything that was asked for has been found.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.wanted.iter().find(|wanted| !wanted.found.get()) {
            Some(wanted) => Err(Failure::Usage(format!(
                "the stream has no section `{}`; `vmstate info` lists those that it has",
                wanted.text
            ))),
            None => Ok(()),
        }
    }
}
