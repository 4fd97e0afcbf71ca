//! The committed budget.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::files::Survey;
use super::habits::HABITS;

const HEADER: &str = "\
# How often each habit of wording may occur, by group of files (`tests/prose` counts them and lists the habits).
# Lower a number whenever the prose allows it: `tests/prose --accept` writes the current counts. A higher number needs
# a reason in the commit message.
";

/// The number of occurrences of each habit in each group.
pub type Counts = BTreeMap<(String, &'static str), usize>;

/// The number of occurrences that are allowed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Budget(Counts);

/// A habit that occurs more often than allowed.
#[derive(Debug, PartialEq, Eq)]
pub struct Excess {
    /// The group of files.
    pub group: String,
    /// The name of the habit.
    pub habit: &'static str,
    /// The number of occurrences.
    pub found: usize,
    /// The number that is allowed.
    pub allowed: usize,
}

impl Budget {
    /// Returns the budget that allows what a survey found.
    #[must_use]
    pub fn of(survey: &Survey) -> Self {
        let mut counts = Counts::new();
        for group in survey.words.keys() {
            counts.extend(HABITS.iter().map(|habit| (((*group).to_owned(), habit.name), 0)));
        }
        for finding in &survey.findings {
            *counts.entry((finding.group.to_owned(), finding.habit)).or_default() += 1;
        }
        Self(counts)
    }

    /// Parses a budget: a line with the names of habits, and a line of numbers for each group.
    ///
    /// # Errors
    /// Returns a description of the first line that cannot be parsed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let names = lines.next().ok_or("no line with the names of habits")?.split_whitespace().skip(1);
        let habit = |name| HABITS.iter().find(|habit| habit.name == name).map(|habit| habit.name);
        let habits =
            names.map(|name| habit(name).ok_or(format!("unknown habit `{name}`"))).collect::<Result<Vec<_>, _>>()?;
        let mut counts = Counts::new();
        for line in lines {
            let (group, numbers) = line.split_once(' ').ok_or(format!("no numbers: {line}"))?;
            let numbers: Vec<usize> = numbers
                .split_whitespace()
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|error| format!("{line}: {error}"))?;
            if numbers.len() != habits.len() {
                return Err(format!("expected {} numbers: {line}", habits.len()));
            }
            counts.extend(habits.iter().zip(numbers).map(|(habit, number)| ((group.to_owned(), *habit), number)));
        }
        Ok(Self(counts))
    }

    /// Returns the text that [`parse`](Self::parse) parses.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}{:<9}", "group");
        HABITS.iter().for_each(|habit| {
            let _ = write!(text, " {}", habit.name);
        });
        let mut groups: Vec<_> = self.0.keys().map(|(group, _)| group).collect();
        groups.dedup();
        for group in groups {
            let _ = write!(text, "\n{group:<9}");
            for habit in &HABITS {
                let _ = write!(text, " {:>1$}", self.get(group, habit.name), habit.name.len());
            }
        }
        text + "\n"
    }

    /// Returns the sum of all numbers.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Returns what is more in `found` than in this budget.
    #[must_use]
    pub fn excesses(&self, found: &Self) -> Vec<Excess> {
        let excess = |((group, habit), &found): (&(String, &'static str), &usize)| {
            let allowed = self.get(group, habit);
            (found > allowed).then(|| Excess { group: group.clone(), habit, found, allowed })
        };
        found.0.iter().filter_map(excess).collect()
    }

    fn get(&self, group: &str, habit: &'static str) -> usize {
        self.0.get(&(group.to_owned(), habit)).copied().unwrap_or(0)
    }
}
