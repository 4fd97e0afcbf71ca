//! The files whose prose is counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use super::extract::{Kind, pieces};
use super::habits::{HABITS, LONGEST_NAME};
use super::words::words;

/// Groups of files, by the longest prefix of their paths.
const GROUPS: [(&str, &str); 11] = [
    ("", "project"),
    ("vmstate-types/", "types"),
    ("vmstate-derive/", "derive"),
    ("vmstate/", "library"),
    ("vmstate/docs/", "guide"),
    ("vmstate/src/attributes/", "guide"),
    ("vmstate/src/guide/", "guide"),
    ("vmstate/src/tutorial", "guide"),
    ("vmstate/src/bin/", "cli"),
    ("examples/", "examples"),
    ("tests/", "tests"),
];

/// Folders and files without prose of ours: generated code, inputs, and the habits themselves.
const SKIPPED: [&str; 9] = [
    ".git",
    "target",
    "tests/fuzz/corpus",
    "tests/fuzz/regressions",
    "vmstate-derive/tests/golden",
    "tests/repository/src/prose",
    "tests/repository/tests/prose.rs",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// An occurrence of a habit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The group of the file.
    pub group: &'static str,
    /// The name of the habit.
    pub habit: &'static str,
    /// The path of the file in the repository.
    pub file: String,
    /// The number of the line.
    pub line: usize,
    /// The line.
    pub text: String,
}

/// All occurrences of habits, and how much prose there is.
#[derive(Debug, Default)]
pub struct Survey {
    /// The occurrences, by file and line.
    pub findings: Vec<Finding>,
    /// The number of words in each group.
    pub words: BTreeMap<&'static str, usize>,
}

impl Survey {
    /// Surveys the files in the repository at `root`.
    ///
    /// # Errors
    /// Returns an error if a folder or a file cannot be read.
    pub fn of_repository(root: &Path) -> io::Result<Self> {
        let mut paths = Vec::new();
        list(root, "", &mut paths)?;
        paths.sort();
        let mut survey = Self::default();
        for path in paths {
            // Anything else than text has no prose.
            if let Ok(text) = String::from_utf8(fs::read(root.join(&path))?) {
                survey.add(&path, &text);
            }
        }
        Ok(survey)
    }

    /// Adds the prose of a file.
    pub fn add(&mut self, path: &str, text: &str) {
        let group = group_of(path);
        for piece in pieces(path, text) {
            let split = words(piece.lines.iter().map(|(number, line)| (*number, line.as_str())));
            *self.words.entry(group).or_default() += split.len();
            for habit in &HABITS {
                let mut lines = habit.lines_in(&split);
                if habit.name == "long-name" {
                    lines.extend(long_name(piece.kind, &piece.lines));
                }
                let finding =
                    |line| Finding { group, habit: habit.name, file: path.to_owned(), line, text: line_of(text, line) };
                self.findings.extend(lines.into_iter().map(finding));
            }
        }
    }
}

fn long_name(kind: Kind, lines: &[(usize, String)]) -> Option<usize> {
    let (line, name) = lines.first()?;
    (kind == Kind::TestName && name.len() > LONGEST_NAME).then_some(*line)
}

fn line_of(text: &str, number: usize) -> String {
    text.lines().nth(number - 1).unwrap_or_default().trim().to_owned()
}

fn group_of(path: &str) -> &'static str {
    let matching = GROUPS.iter().filter(|(prefix, _)| path.starts_with(prefix));
    matching.max_by_key(|(prefix, _)| prefix.len()).map_or("project", |(_, group)| group)
}

/// Adds the paths of all files in a folder, without what is skipped. Links are not followed: they lead to files that
/// are listed, too.
fn list(root: &Path, folder: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if SKIPPED.contains(&path.as_str()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(root, &path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}
