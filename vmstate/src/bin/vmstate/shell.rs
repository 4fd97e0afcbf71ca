//! `vmstate completions` and `vmstate man`: generates shell completions and manual pages from the arguments.

use std::fs;
use std::path::Path;

use clap::CommandFactory;

use crate::args::{Arguments, Completions, Man};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output;

pub(crate) fn completions(arguments: &Completions) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "vmstate", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Success)
}

pub(crate) fn man(arguments: &Man) -> Result<Outcome, Failure> {
    let folder = &arguments.folder;
    write_pages(folder).map_err(Failure::file("cannot write manual pages to", folder))?;
    Ok(Outcome::Success)
}

fn write_pages(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Arguments::command().disable_help_subcommand(true), folder)
}
