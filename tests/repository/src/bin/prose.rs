//! Counts habits of wording and compares them with the budget: see `tests/prose`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use vmstate_repository::prose::{Budget, Excess, Finding, HABITS, Survey};
use vmstate_repository::root;

/// The lines that are shown of one habit in one group.
const SHOWN: usize = 20;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let survey = Survey::of_repository(root())?;
    match arguments[..] {
        [] => check(&survey),
        ["--accept"] => accept(&survey),
        ["--list", ref words @ ..] => {
            list(&survey, words);
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("usage: tests/prose [--accept | --list [GROUP] [HABIT] [PATH]]");
            Ok(ExitCode::from(2))
        }
    }
}

fn budget_file() -> PathBuf {
    root().join("tests/repository/prose-budget.txt")
}

fn check(survey: &Survey) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (budget, found) = (Budget::parse(&fs::read_to_string(budget_file())?)?, Budget::of(survey));
    let excesses = budget.excesses(&found);
    for excess in &excesses {
        show(survey, excess);
    }
    let (words, total, allowed) = (survey.words.values().sum::<usize>(), found.total(), budget.total());
    println!("tests/prose: {words} words, {total} occurrences of {} habits, {allowed} allowed", HABITS.len());
    if !excesses.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    if total < allowed {
        println!("tests/prose: below the budget; lower it with tests/prose --accept");
    }
    Ok(ExitCode::SUCCESS)
}

fn show(survey: &Survey, excess: &Excess) {
    let Excess { group, habit, found, allowed } = excess;
    eprintln!("{group}: `{habit}` occurs {found} times, {allowed} allowed");
    if let Some(habit) = HABITS.iter().find(|known| known.name == *habit) {
        eprintln!("  write instead: {}", habit.instead);
    }
    let findings = survey.findings.iter().filter(|finding| finding.group == group && finding.habit == *habit);
    for finding in findings.take(SHOWN) {
        eprintln!("  {}:{}: {}", finding.file, finding.line, finding.text);
    }
    if *found > SHOWN {
        eprintln!("  ... all of them: tests/prose --list {group} {habit}");
    }
}

fn accept(survey: &Survey) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let found = Budget::of(survey);
    fs::write(budget_file(), found.to_text())?;
    println!("tests/prose: the budget is now {} occurrences; commit tests/repository/prose-budget.txt", found.total());
    Ok(ExitCode::SUCCESS)
}

/// Prints the occurrences that match all `words`: names of groups and habits, or parts of paths.
fn list(survey: &Survey, words: &[&str]) {
    let is_match = |finding: &Finding, word: &str| {
        if survey.words.contains_key(word) {
            finding.group == word
        } else if HABITS.iter().any(|habit| habit.name == word) {
            finding.habit == word
        } else {
            finding.file.contains(word)
        }
    };
    for finding in survey.findings.iter().filter(|finding| words.iter().all(|word| is_match(finding, word))) {
        println!("{}:{}: {}: {}", finding.file, finding.line, finding.habit, finding.text);
    }
}
