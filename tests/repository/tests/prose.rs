//! The count of habits of wording, and its budget.

use vmstate_repository::prose::{Budget, Excess, HABITS, Survey};

/// The habits in `text`, a page of the guide.
fn habits_in(text: &str) -> Vec<&'static str> {
    let mut survey = Survey::default();
    survey.add("vmstate/src/guide/page.md", text);
    survey.findings.iter().map(|finding| finding.habit).collect()
}

#[test]
fn each_habit_is_found() {
    for (text, habit) in [
        ("It keeps what was read.", "clause"),
        ("The stream says so.", "say"),
        ("Its number stands in the header.", "stand"),
        ("Those of QEMU, and one that fails.", "that-of"),
        ("The bytes behind the end.", "behind"),
        ("It is no array.", "is-no"),
        ("Streams have none.", "is-no"),
        ("Nobody reads it.", "nobody"),
        ("Who loads it must know.", "nobody"),
        ("It is read if it is there.", "is-there"),
        ("With a name of its own.", "own"),
        ("Take care, for it may fail.", "for"),
        ("The source shall open it.", "for"),
        ("How much is left.", "opening"),
        ("It refuses the stream.", "vocabulary"),
    ] {
        assert!(habits_in(text).contains(&habit), "{text}: {:?}", habits_in(text));
    }
}

#[test]
fn literal_uses_are_not_habits() {
    for text in [
        "The block is no longer than a page.",
        "The entries are no more than hints.",
        "There is an error if the file exists.",
        "Pass the size, for example 16.",
        "It reads `what was said` and [the page](who/says/what.md).",
        "The field is. No array follows.",
        "```sh\nsay what is there\n```",
    ] {
        assert_eq!(habits_in(text), [""; 0], "{text}");
    }
}

#[test]
fn phrases_continue_on_the_next_line() {
    assert_eq!(habits_in("The field is\nno array."), ["is-no"]);
    assert_eq!(habits_in("The field is\n\nno array."), [""; 0]);
}

#[test]
fn names_of_tests_are_prose() {
    let mut survey = Survey::default();
    let long = "a".repeat(51);
    survey.add("tests/tests/all/a.rs", &format!("#[test]\nfn who_says_so() {{}}\n#[test]\nfn {long}() {{}}\n"));
    let found: Vec<_> = survey.findings.iter().map(|finding| (finding.habit, finding.line)).collect();
    assert_eq!(found, [("say", 2), ("nobody", 2), ("long-name", 4)]);
    assert!(survey.findings.iter().all(|finding| finding.group == "tests" && finding.text.starts_with("fn ")));
}

#[test]
fn budget_is_exceeded_by_a_single_occurrence() {
    let mut survey = Survey::default();
    survey.add("README.md", "The stream says so. It is no array.");
    let budget = Budget::of(&survey);
    assert_eq!(budget.total(), 2);
    survey.add("vmstate-types/src/lib.rs", "// A comment.");
    assert_eq!(budget.excesses(&Budget::of(&survey)), []);
    survey.add("SECURITY.md", "The stream says so.");
    let expected = Excess { group: "project".to_owned(), habit: "say", found: 2, allowed: 1 };
    assert_eq!(budget.excesses(&Budget::of(&survey)), [expected]);
}

#[test]
fn budget_survives_its_text_form() {
    let mut survey = Survey::default();
    survey.add("README.md", "The stream says so.");
    survey.add("vmstate/src/ram/mod.rs", "/// What is left.");
    let budget = Budget::of(&survey);
    assert_eq!(Budget::parse(&budget.to_text()), Ok(budget));
}

#[test]
fn malformed_budgets_are_rejected() {
    let line = "group say nobody\n";
    for (text, expected) in [
        ("# a comment\n", "no line with the names"),
        ("group say thing\n", "unknown habit `thing`"),
        (&format!("{line}types 1"), "expected 2 numbers"),
        (&format!("{line}types 1 x"), "invalid digit"),
    ] {
        let error = Budget::parse(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn every_habit_has_a_column_and_advice() {
    let header = Budget::of(&Survey::default()).to_text();
    for habit in &HABITS {
        assert!(header.contains(habit.name) && !habit.instead.is_empty(), "{}", habit.name);
    }
}
