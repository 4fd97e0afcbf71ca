//! `vmstate info`: lists the sections, RAM blocks and commands of a stream.

use crate::args::Info;
use crate::failure::Failure;
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output;
use crate::survey::{CommandRow, SectionRow, Survey};
use crate::survey_text::{ram_blocks, summary};
use crate::terminal::Align::{Left, Right};
use crate::terminal::{Table, plain};

pub(crate) fn run(arguments: &Info, json: bool) -> Result<Outcome, Failure> {
    let input = Input::open(&arguments.file)?;
    let survey = Survey::new(&input, |_, _| ())?;
    if json {
        output::print_json(&survey)?;
    } else {
        output::print(&text(&survey))?;
    }
    Ok(Outcome::Success)
}

fn text(survey: &Survey) -> String {
    let mut text = summary(survey);
    let tables = [
        (survey.sections.is_empty(), sections(&survey.sections)),
        (survey.ram.is_empty(), ram_blocks(&survey.ram)),
        (survey.commands.is_empty(), commands(&survey.commands)),
    ];
    for (_, table) in tables.iter().filter(|(empty, _)| !empty) {
        text.push('\n');
        text.push_str(table);
    }
    text
}

fn sections(sections: &[SectionRow]) -> String {
    let mut table = Table::new([
        ("OFFSET", Right),
        ("SIZE", Right),
        ("KIND", Left),
        ("ID", Right),
        ("INSTANCE", Right),
        ("VERSION", Right),
        ("NAME", Left),
    ]);
    for section in sections {
        table.row([
            format!("{:#x}", section.offset),
            section.size.to_string(),
            section.kind.to_owned(),
            section.section_id.to_string(),
            section.instance_id.to_string(),
            section.version.to_string(),
            plain(&section.name),
        ]);
    }
    table.render()
}

fn commands(commands: &[CommandRow]) -> String {
    let mut table = Table::new([("OFFSET", Right), ("COMMAND", Left), ("DATA", Left)]);
    for command in commands {
        table.row([format!("{:#x}", command.offset), command.name.to_owned(), plain(&command.detail)]);
    }
    table.render()
}
