//! The fixes of the inputs that the macro rejects.
//!
//! Each case in `compile-fail` ends with the changes that its messages suggest, as lines of a diff:
//!
//! ```text
//! // Fix:
//! // -    #[vmstate(sinse = 2)]
//! // +    #[vmstate(since = 2)]
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use vmstate_tests::import::Program;

/// The line before the changes.
const HEADING: &str = "\n// Fix:\n";

/// A case, without its changes.
struct Case {
    name: String,
    source: String,
    changes: Vec<Change>,
    /// The messages of the compiler.
    messages: String,
}

/// Consecutive lines, and their replacement.
#[derive(Default)]
struct Change {
    old: Vec<String>,
    new: Vec<String>,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile-fail");
    let topics = children(&root).into_iter().filter(|path| path.is_dir());
    let files = topics.flat_map(|topic| children(&topic));
    files
        .flat_map(|path| if path.is_dir() { children(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Case::read(&path))
        .collect()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

impl Case {
    fn read(path: &Path) -> Self {
        let name = path.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy().into_owned());
        let name = name.collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("-");
        let text = fs::read_to_string(path).unwrap();
        let (source, changes) = text.split_once(HEADING).unwrap_or_else(|| panic!("{name} has no fix"));
        let messages = fs::read_to_string(path.with_extension("stderr")).unwrap();
        Self { name, source: source.to_owned(), changes: Change::parse(changes), messages }
    }

    /// Returns the program after all changes, in their order.
    fn fixed(&self) -> String {
        let mut lines: Vec<_> = self.source.lines().map(str::to_owned).collect();
        let mut next = 0;
        for Change { old, new } in &self.changes {
            let found = (next..lines.len()).find(|start| lines[*start..].starts_with(old));
            let start = found.unwrap_or_else(|| panic!("{} does not contain the lines {old:#?}", self.name));
            lines.splice(start..start + old.len(), new.iter().cloned());
            next = start + new.len();
        }
        let program = lines.join("\n") + "\n";
        program.replacen("\nfn main() {", "\npub fn main() {", 1)
    }

    /// Returns the words that a message suggests in the place of others.
    fn suggested(&self) -> impl Iterator<Item = &str> {
        self.messages.split("did you mean `").skip(1).filter_map(|rest| rest.split('`').next())
    }
}

impl Change {
    /// Reads changes, separated by empty comments.
    fn parse(text: &str) -> Vec<Self> {
        text.split("//\n").map(Self::parse_one).collect()
    }

    fn parse_one(text: &str) -> Self {
        let lines = |mark: &str| text.lines().filter_map(|line| line.strip_prefix(mark)).map(str::to_owned).collect();
        Self { old: lines("// -"), new: lines("// +") }
    }
}

#[test]
fn fixed_cases_compile() {
    let mut program = Program::new();
    for case in cases() {
        program.add_module(&case.name, &case.fixed());
        program.call_main(&case.name);
    }
    let none: [String; 0] = [];
    assert_eq!(program.run(), none);
}

#[test]
fn fixes_are_the_suggested_ones() {
    for case in cases() {
        let new: Vec<_> = case.changes.iter().flat_map(|change| &change.new).collect();
        for word in case.suggested() {
            assert!(new.iter().any(|line| line.contains(word)), "{}: no change writes `{word}`", case.name);
        }
    }
}
