//! The findings of QEMU's own static checker, line by line.
//!
//! QEMU has a script that compares two dumps (`scripts/vmstate-static-checker.py`). This reproduces its output,
//! including its errors: it compares names, stops at the first unknown name, and treats sizes in memory as sizes on the
//! wire. Prefer [`compare`](crate::schema::compare).

use super::{DeviceType, Dump, DumpDescription, DumpField};

mod fields;
mod renames;

/// Which of QEMU's checkers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Checker {
    /// The checker of QEMU 7.2 to 10.0.
    #[default]
    Qemu10_0,
    /// Its successor, which knows of one renaming more (in `hpet`), and counts elements where it compares padding.
    Newer,
}

/// The output of the checker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Findings {
    /// Its lines, without line breaks.
    pub lines: Vec<String>,
    /// The number of problems; the other lines are warnings.
    pub problems: usize,
    /// The text before the next line, because the script omits a line break.
    begun: String,
}

impl Findings {
    /// The exit code of QEMU's script: the number of problems, 255 at most.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::try_from(self.problems).unwrap_or(u8::MAX)
    }

    fn problem(&mut self, line: &str) {
        self.line(line);
        self.problems += 1;
    }

    fn line(&mut self, line: &str) {
        let begun = std::mem::take(&mut self.begun);
        self.lines.push(begun + line);
    }
}

impl Checker {
    /// Returns the output of QEMU's script for a migration from `source` to `destination`.
    ///
    /// ```
    /// use vmstate::schema::dump::{Checker, Dump};
    ///
    /// let dump = |version: u32| {
    ///     let inside = format!(r#""version_id": {version}, "minimum_version_id": 1"#);
    ///     let text = format!(
    ///         r#"{{"vmschkmachine": {{"Name": "m"}},
    ///             "pci-x": {{"Name": "pci-x", {inside}, "Description": {{"name": "x", {inside}, "Fields": []}}}}}}"#
    ///     );
    ///     Dump::parse(&text)
    /// };
    /// let findings = Checker::Qemu10_0.compare(&dump(2)?, &dump(1)?);
    /// assert_eq!(findings.lines, [
    ///     r#"Section "pci-x" version error: 2 > 1"#,
    ///     r#"Section "pci-x" Description "x": version error: 2 > 1"#,
    /// ]);
    /// assert_eq!(findings.exit_code(), 2);
    /// # Ok::<(), vmstate::schema::SchemaError>(())
    /// ```
    #[must_use]
    pub fn compare(self, source: &Dump, destination: &Dump) -> Findings {
        let mut findings = Findings::default();
        if source.machine != destination.machine {
            let (one, other) = (&source.machine, &destination.machine);
            findings.line(&format!("Warning: checking incompatible machine types: \"{one}\", \"{other}\""));
        }
        for device in &source.devices {
            let renamed = || destination.device(renames::device(&device.name)?);
            match destination.device(&device.name).or_else(renamed) {
                Some(other) => {
                    Section { checker: self, name: &device.name, findings: &mut findings }.devices(device, other);
                }
                None => findings.problem(&format!("Section \"{}\" does not exist in dest", device.name)),
            }
        }
        if !findings.begun.is_empty() {
            findings.line("");
        }
        findings
    }
}

/// One type of device, at work.
struct Section<'f> {
    checker: Checker,
    name: &'f str,
    findings: &'f mut Findings,
}

/// Something with versions.
#[derive(Clone, Copy)]
struct Versions {
    version: i64,
    minimum: Option<i64>,
}

impl Section<'_> {
    fn problem(&mut self, text: std::fmt::Arguments<'_>) {
        self.findings.problem(&format!("Section \"{}\"{text}", self.name));
    }

    fn devices(&mut self, source: &DeviceType, destination: &DeviceType) {
        self.versions(source.into(), destination.into(), None);
        match (&source.description, &destination.description) {
            (Some(one), Some(other)) => self.descriptions(one, other),
            (Some(_), None) => self.problem(format_args!(": Entry \"Description\" missing")),
            (None, _) => {}
        }
    }

    fn descriptions(&mut self, source: &DumpDescription, destination: &DumpDescription) {
        let name = &source.name;
        self.versions(source.into(), destination.into(), Some(name));
        if !self.checker.is_same_name(self.name, name, &destination.name) {
            let got = &destination.name;
            return self.problem(format_args!(": Description \"{name}\" missing, got \"{got}\" instead; skipping"));
        }
        match (&source.fields, &destination.fields) {
            (Some(one), Some(other)) => self.fields(one, other, name),
            (Some(_), None) => self.problem(format_args!(" Description \"{name}\": Entry \"Fields\" missing")),
            (None, _) => {}
        }
        match (&source.subsections, &destination.subsections) {
            (Some(one), Some(other)) => self.subsections(one, other, name),
            (Some(_), None) => self.problem(format_args!(" Description \"{name}\": Entry \"Subsections\" missing")),
            (None, _) => {}
        }
    }

    fn subsections(&mut self, source: &[DumpDescription], destination: &[DumpDescription], description: &str) {
        for one in source {
            let mut known = false;
            for other in destination.iter().filter(|other| other.name == one.name) {
                known = true;
                self.descriptions(one, other);
            }
            if !known {
                let name = &one.name;
                self.problem(format_args!(", Description \"{description}\": Subsection \"{name}\" not found"));
            }
        }
    }

    /// If no description can be named, the script starts a message about the minimum version, and stops.
    fn versions(&mut self, source: Versions, destination: Versions, description: Option<&str>) {
        let description = description.filter(|name| !name.is_empty());
        let place = description.map(|name| format!(" Description \"{name}\":")).unwrap_or_default();
        let (version, known) = (source.version, destination.version);
        if version > known {
            self.problem(format_args!("{place} version error: {version} > {known}"));
        }
        match destination.minimum {
            Some(minimum) if version < minimum && description.is_some() => {
                self.problem(format_args!("{place} minimum version error: {version} < {minimum}"));
            }
            Some(minimum) if version < minimum => self.findings.begun += &format!("Section \"{}\" ", self.name),
            _ => {}
        }
    }
}

impl From<&DeviceType> for Versions {
    fn from(device: &DeviceType) -> Self {
        Self { version: device.version_id, minimum: Some(device.minimum_version_id) }
    }
}

impl From<&DumpDescription> for Versions {
    fn from(description: &DumpDescription) -> Self {
        Self { version: description.version_id, minimum: Some(description.minimum_version_id) }
    }
}

impl From<&DumpField> for Versions {
    fn from(field: &DumpField) -> Self {
        Self { version: field.version_id, minimum: None }
    }
}
