//! The texts of source files.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// The texts of source files, by their paths in the repository.
#[derive(Debug, Default)]
pub struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Reads all Rust files in `folders` of the repository at `root`.
    ///
    /// # Errors
    /// Returns an error if a folder or a file cannot be read.
    pub fn read(root: &Path, folders: &[&str]) -> io::Result<Self> {
        let mut sources = Self::default();
        for folder in folders {
            sources.read_folder(root, folder)?;
        }
        Ok(sources)
    }

    fn read_folder(&mut self, root: &Path, folder: &str) -> io::Result<()> {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.read_folder(root, &path)?;
            } else if path.ends_with(".rs") {
                self.0.insert(path, fs::read_to_string(entry.path())?);
            }
        }
        Ok(())
    }

    /// Returns the text of the file at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for Sources {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.into(), text.into())).collect())
    }
}
