//! `.ci/commits`, in repositories made for each test.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use vmstate_repository::root;

/// A repository of empty commits, with a copy of the script.
struct Repository(TempDir);

impl Repository {
    fn new(subjects: &[&str]) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        fs::create_dir(repository.path().join(".ci")).unwrap();
        repository.git(&["init", "--quiet"]);
        for subject in subjects {
            repository.git(&["commit", "--quiet", "--allow-empty", "--message", subject]);
        }
        repository
    }

    /// A clone of the newest `depth` commits.
    fn shallow(&self, depth: u32) -> Self {
        let clone = Self(tempfile::tempdir().unwrap());
        let url = format!("file://{}", self.path().display());
        clone.git(&["clone", "--quiet", "--depth", &depth.to_string(), &url, "."]);
        clone
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        // A hook of this repository's git would direct the commits here.
        for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
            command.env_remove(variable);
        }
        let output = command.args(identity).args(arguments).current_dir(self.path()).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs the script, with `mark` as the last commit before the rule.
    fn check(&self, mark: &str) -> Checked {
        let script = self.path().join(".ci/commits");
        fs::create_dir_all(script.parent().unwrap()).unwrap();
        fs::copy(root().join(".ci/commits"), &script).unwrap();
        // Another test may start a process while the copy is open for writing; executing it would then fail.
        let mut command = Command::new("bash");
        Checked::from(command.arg(&script).env("VMSTATE_COMMITS_MARK", mark).env_remove("GIT_DIR").output().unwrap())
    }

    /// Runs the script with the first commit as the mark.
    fn check_all_but_first(&self) -> Checked {
        self.check(&self.git(&["rev-list", "--max-parents=0", "HEAD"]))
    }
}

/// The exit status of the script and everything that it printed.
struct Checked {
    status: i32,
    text: String,
}

impl From<Output> for Checked {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].concat();
        Self { status: output.status.code().unwrap(), text: String::from_utf8(text).unwrap() }
    }
}

#[test]
fn subjects_that_follow_the_rule_pass() {
    let longest = format!("ram: {}", "x".repeat(67));
    let subjects = [
        "Before the rule, anything goes.",
        "ram: send zero pages in bulk",
        "stream,ram: read records incrementally",
        "ci: embed the mark",
        "derive: `bits` accepts an empty list",
        "types: address a lint",
        &longest,
    ];
    let checked = Repository::new(&subjects).check_all_but_first();
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert!(checked.text.contains("6 commits, 0 with a subject to rewrite"), "{}", checked.text);
}

#[test]
fn each_broken_rule_is_named() {
    for (subject, expected) in [
        ("ram: send zero pages in bulk.", "full stop"),
        ("Send zero pages in bulk", "expected `area: summary`"),
        ("ram:send zero pages", "expected `area: summary`"),
        ("pages: send zero pages", "unknown area `pages`"),
        ("ram,pages: send zero pages", "unknown area `pages`"),
        ("ram: Send zero pages", "capital letter"),
        ("ram: sends zero pages", "`sends` is not an imperative"),
        ("ram: sending zero pages", "`sending` is not an imperative"),
        ("ram: added zero pages", "`added` is not an imperative"),
        (&format!("ram: {}", "x".repeat(68)), "longer than 72 characters (73)"),
    ] {
        let checked = Repository::new(&["first", "ci: add a script", subject]).check_all_but_first();
        assert_eq!(checked.status, 1, "{subject}");
        assert!(checked.text.contains(expected) && checked.text.contains(subject), "{}", checked.text);
        assert!(checked.text.contains("2 commits, 1 with a subject to rewrite"), "{}", checked.text);
    }
}

#[test]
fn shallow_clone_without_mark_is_checked() {
    let repository = Repository::new(&["first", "second", "ci: add a script", "Add another"]);
    let mark = repository.git(&["rev-parse", "HEAD~2"]);
    for (depth, count) in [(1, 1), (2, 2), (3, 2)] {
        let checked = repository.shallow(depth).check(&mark);
        assert_eq!(checked.status, 1, "{}", checked.text);
        assert!(checked.text.contains(&format!("{count} commits, 1 with")), "{}", checked.text);
        assert_eq!(checked.text.contains("shallow clone"), depth < 3, "{}", checked.text);
    }
}

#[test]
fn missing_history_is_reported() {
    let repository = Repository::new(&["Imported in one piece"]);
    let checked = repository.check("f8cd603775ca7999f653bb4ee2124f82650e3de9");
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert!(checked.text.contains("NOT CHECKED: the history does not contain the mark"), "{}", checked.text);

    fs::remove_dir_all(repository.path().join(".git")).unwrap();
    let checked = repository.check("f8cd603775ca7999f653bb4ee2124f82650e3de9");
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert!(checked.text.contains("NOT CHECKED"), "{}", checked.text);
}

#[test]
fn mark_is_a_full_hash() {
    let script = fs::read_to_string(root().join(".ci/commits")).unwrap();
    let (_, rest) = script.split_once("VMSTATE_COMMITS_MARK-").unwrap();
    let mark = rest.split('}').next().unwrap();
    assert!(mark.len() == 40 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()), "{mark}");
}
