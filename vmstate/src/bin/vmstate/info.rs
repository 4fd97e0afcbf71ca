//! `vmstate info`: what a stream consists of.

use std::fmt::Write;

use crate::args::Info;
use crate::failure::Failure;
use crate::input::Input;
use crate::survey::{BlockRow, CommandRow, SectionRow, Survey};
use crate::text::Align::{Left, Right};
use crate::text::{Table, plain, plural};
use crate::{Answer, output};

pub(crate) fn run(arguments: &Info, json: bool) -> Result<Answer, Failure> {
    let input = Input::open(&arguments.file)?;
    let survey = Survey::of(&input, |_, _| ())?;
    match json {
        true => output::answer_json(&survey)?,
        false => output::answer(&text(&survey))?,
    }
    Ok(Answer::Fine)
}

fn text(survey: &Survey) -> String {
    let mut text = summary(survey);
    let tables = [
        (survey.sections.is_empty(), sections(&survey.sections)),
        (survey.ram.is_empty(), blocks(&survey.ram)),
        (survey.commands.is_empty(), commands(&survey.commands)),
    ];
    for (_, table) in tables.iter().filter(|(empty, _)| !empty) {
        text.push('\n');
        text.push_str(table);
    }
    text
}

/// The stream as a whole, line by line.
pub(crate) fn summary(survey: &Survey) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // A `String` takes everything.
        let _ = writeln!(text, "{name:<12}  {value}");
    };
    match &survey.configuration {
        Some(configuration) => line("machine", &plain(&configuration.machine)),
        None => line("machine", "not said; machine types from before QEMU 2.4 send no configuration"),
    }
    if let Some(configuration) = &survey.configuration {
        if let Some(capabilities) = &configuration.capabilities {
            line("capabilities", &plain(&capabilities.join(", ")));
        }
        if let Some(uuid) = &configuration.uuid {
            line("uuid", uuid);
        }
    }
    line("page size", &survey.page_size.to_string());
    line("length", &plural(survey.length, "byte"));
    let footers = if survey.footers == Some(true) { "with" } else { "without" };
    line("sections", &format!("{}, {footers} footers", survey.sections.len()));
    line("description", &description(survey));
    if survey.trailing > 0 {
        line("left over", &format!("{} behind the stream's end", plural(survey.trailing, "byte")));
    }
    text
}

fn description(survey: &Survey) -> String {
    match &survey.description {
        Some(found) => {
            let devices = plural(found.devices as u64, "device");
            format!("of {devices}, {} at {:#x}", plural(found.size, "byte"), found.offset)
        }
        None => "none at the end; sections were told apart by their footers, and their fields are not known".to_owned(),
    }
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

/// RAM, block by block.
pub(crate) fn blocks(blocks: &[BlockRow]) -> String {
    let mut table = Table::new([
        ("SIZE", Right),
        ("ZERO PAGES", Right),
        ("DATA PAGES", Right),
        ("XBZRLE", Right),
        ("COMPRESSED", Right),
        ("RAM BLOCK", Left),
    ]);
    for block in blocks {
        let pages = [block.zero_pages, block.data_pages, block.xbzrle_pages, block.compressed_pages];
        let [zero, data, xbzrle, compressed] = pages.map(|count| match block.mapped {
            true => "mapped".to_owned(),
            false => count.to_string(),
        });
        table.row([format!("{:#x}", block.size), zero, data, xbzrle, compressed, plain(&block.name)]);
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
