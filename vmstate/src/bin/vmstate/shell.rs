//! `vmstate completions` and `vmstate man`: what shells and `man` know about the tool, made of its arguments.

use std::fs;
use std::path::Path;

use clap::CommandFactory;

use crate::args::{Arguments, Completions, Man};
use crate::failure::Failure;
use crate::{Answer, output};

pub(crate) fn completions(arguments: &Completions) -> Result<Answer, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "vmstate", &mut script);
    output::answer(&String::from_utf8_lossy(&script))?;
    Ok(Answer::Fine)
}

pub(crate) fn man(arguments: &Man) -> Result<Answer, Failure> {
    let written = |folder: &Path| {
        fs::create_dir_all(folder)?;
        clap_mangen::generate_to(Arguments::command().disable_help_subcommand(true), folder)
    };
    written(&arguments.folder).map_err(Failure::file("cannot write manual pages to", &arguments.folder))?;
    Ok(Answer::Fine)
}
