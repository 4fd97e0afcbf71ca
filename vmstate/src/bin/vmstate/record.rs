//! `vmstate record`: records a migration as a proxy.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use vmstate::migration::Recording;
use vmstate::migration::conversation::Explainer;

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::{args, progress, show};

pub(crate) fn run(arguments: &args::Record, json: bool) -> Result<Outcome, Failure> {
    let failed = |error: vmstate::migration::MigrationError| Failure::usage(error.to_string());
    let recording = Recording::listen(&arguments.listen, &arguments.connect).map_err(failed)?;
    let path = &arguments.output;
    let file = File::create_new(path).map_err(Failure::file("cannot create", path))?;
    let stop = stop_on_signals().map_err(|error| Failure::File("cannot wait for signals".to_owned(), error))?;
    let bar = progress::activity();
    bar.set_message(format!("waiting at {}", recording.address()));
    let explanation = recording.run(file, || stop.load(Ordering::Relaxed), |explainer| update(&bar, explainer));
    bar.finish_and_clear();
    let explanation = explanation.map_err(failed)?;
    show::print(&explanation, json)?;
    Ok(show::outcome(&explanation))
}

/// Returns a flag that the first signal sets. The second one ends the process.
pub(crate) fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

fn update(bar: &ProgressBar, explainer: &Explainer) {
    if let Some(progress) = explainer.progress().filter(|_| !bar.is_hidden()) {
        bar.set_message(progress);
    }
}
