//! The parts of a survey that both `vmstate info` and `vmstate dump` print.

use std::fmt::Write;

use crate::survey::{BlockRow, Checksum, Configuration, Survey};
use crate::terminal::Align::{Left, Right};
use crate::terminal::{Table, plain, plural};

/// Returns the facts about the whole stream, one per line.
pub(crate) fn summary(survey: &Survey) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{name:<12}  {value}");
    };
    match &survey.configuration {
        Some(configuration) => configuration_lines(configuration, &mut line),
        // QEMU's machine types before 2.4 set `migration.send-configuration=off` (`hw_compat_2_3` in
        // hw/core/machine.c).
        None => line("machine", "unknown; machine types before QEMU 2.4 send no configuration"),
    }
    line("page size", &survey.page_size.to_string());
    line("length", &plural(survey.length, "byte"));
    let footers = if survey.footers == Some(true) { "with" } else { "without" };
    line("sections", &format!("{}, {footers} footers", survey.sections.len()));
    line("description", &description(survey));
    if let Some(checksum) = &survey.checksum {
        line("checksum", &self::checksum(checksum));
    }
    if survey.trailing > 0 {
        line("trailing", &format!("{} after the end of the stream", plural(survey.trailing, "byte")));
    }
    text
}

fn configuration_lines(configuration: &Configuration, line: &mut impl FnMut(&str, &str)) {
    line("machine", &plain(&configuration.machine));
    if let Some(capabilities) = &configuration.capabilities {
        line("capabilities", &plain(&capabilities.join(", ")));
    }
    if let Some(uuid) = &configuration.uuid {
        line("uuid", uuid);
    }
}

fn description(survey: &Survey) -> String {
    match &survey.description {
        Some(found) => {
            let devices = plural(found.devices as u64, "device");
            format!("{devices}, {} at {:#x}", plural(found.size, "byte"), found.offset)
        }
        None => "missing; sections are separated by their footers, their fields are unknown".to_owned(),
    }
}

fn checksum(checksum: &Checksum) -> String {
    let Checksum { expected, found, right } = checksum;
    if *right { format!("{expected}, right") } else { format!("{expected}, wrong: the contents have {found}") }
}

/// Returns a table of the RAM blocks.
pub(crate) fn ram_blocks(blocks: &[BlockRow]) -> String {
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
        let cell = |count: u64| if block.mapped { "mapped".to_owned() } else { count.to_string() };
        let [zero, data, xbzrle, compressed] = pages.map(cell);
        table.row([format!("{:#x}", block.size), zero, data, xbzrle, compressed, plain(&block.name)]);
    }
    table.render()
}
