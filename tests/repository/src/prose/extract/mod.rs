//! The prose in files of different kinds.

mod markdown;
mod rust;
mod shell;

/// A piece of prose: a paragraph, a comment, a message or the name of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The lines with their numbers.
    pub(super) lines: Vec<(usize, String)>,
    pub(super) kind: Kind,
}

/// Kinds of prose, for which different rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// The name of a test, with spaces for underscores.
    TestName,
}

impl Piece {
    fn line(number: usize, text: impl Into<String>) -> Self {
        Self { lines: vec![(number, text.into())], kind: Kind::Text }
    }
}

/// Returns the prose of a file, by the ending of its path; nothing for files without prose.
pub(super) fn pieces(path: &str, text: &str) -> Vec<Piece> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((_, "md")) => markdown::pieces(text.lines().enumerate().map(|(index, line)| (index + 1, line))),
        Some((_, "rs")) => rust::pieces(text),
        Some((_, "toml" | "yml" | "yaml" | "sh")) => shell::pieces(text),
        None if text.starts_with("#!") => shell::pieces(text),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
