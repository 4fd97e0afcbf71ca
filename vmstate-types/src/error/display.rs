//! Errors as text for people.

use core::fmt;

use super::{Blame, LoadError, Location, SaveError};

// Not derived: that would be compiled into every crate that unwraps a result.
impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoadError").field(&self.0).finish()
    }
}

impl fmt::Debug for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SaveError").field(&self.0).finish()
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            Some(place) => write!(f, "cannot load {place}")?,
            None => f.write_str("cannot load")?,
        }
        if !self.path().is_empty() {
            write!(f, "\n  field     {}", self.path())?;
            if let Some(subsection) = self.subsection() {
                write!(f, " (subsection \"{subsection}\")")?;
            }
        }
        if let Some(offset) = self.offset() {
            write!(f, "\n  at        byte {offset:#x} of the stream")?;
            match self.place() {
                Some(Location::Section { start, .. }) if *start <= offset => {
                    write!(f, ", byte {} of the section", offset - start)?;
                }
                _ => {}
            }
        }
        write!(f, "\n  expected  {}", self.expected())?;
        write!(f, "\n  found     {}", self.found())?;
        if let Some(diagnosis) = self.diagnosis() {
            write!(f, "\n  because   {diagnosis}")?;
        }
        if let Some(advice) = self.advice() {
            write!(f, "\n  advice    {advice}")?;
        }
        match self.qemu_text() {
            Some(text) => write!(f, "\n  in QEMU   {text}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        f.write_str("cannot save")?;
        match self.place() {
            Some(place) if path.is_empty() => write!(f, " {place}")?,
            Some(place) => write!(f, " {place}, field `{path}`")?,
            None if path.is_empty() => {}
            None => write!(f, " `{path}`")?,
        }
        write!(f, ": {}", self.reason())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => f.write_str(part),
            Self::Section { name, instance_id, section_id, version, .. } => write!(
                f,
                "section \"{}\" (instance {instance_id}, section id {section_id}, version {version})",
                name.escape_debug()
            ),
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "the stream's bytes",
            Self::Peer => "the machine that wrote the stream",
            Self::Device => "the device",
            Self::Transport => "the source or destination of the stream",
            Self::Usage => "the caller",
        })
    }
}
