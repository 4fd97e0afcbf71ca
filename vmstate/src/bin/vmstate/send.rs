//! `vmstate send`: sends a saved guest to a running QEMU.

use std::time::Instant;

use indicatif::HumanBytes;
use serde::Serialize;
use vmstate::migration::source::SourceConfig;
use vmstate::migration::{
    Capability, Event, MachineSwitches, MigrationStatus, OpaqueGuest, Outgoing, Parameters, Statistics,
};

use crate::args::Send;
use crate::failure::{Failure, warn};
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output;
use crate::progress;
use crate::receive::guest;
use crate::terminal::{plain, plural};

/// The summary of the command.
#[derive(Serialize)]
struct Report {
    /// The machine type, if the stream contains it.
    machine: Option<String>,
    /// The size of guest memory in bytes.
    memory: u64,
    devices: usize,
    /// The bytes that were sent.
    sent: u64,
    milliseconds: u128,
    /// `completed` or `in-doubt`.
    status: &'static str,
}

pub(crate) fn run(arguments: &Send, json: bool) -> Result<Outcome, Failure> {
    let mut guest = load(arguments)?;
    let memory = guest.progress().memory();
    let start = Instant::now();
    let config = config(arguments, &guest)?;
    let mut outgoing = Outgoing::start_with(&mut guest, &arguments.uri, config)?;
    let control = outgoing.control();
    let statistics = progress::watch(|| line(&control.statistics()), || drive(&mut outgoing));
    drop(outgoing);
    let outcome = match statistics.status {
        MigrationStatus::Completed => Outcome::Success,
        MigrationStatus::Doubt => Outcome::InDoubt,
        status => {
            let reason = statistics.error.unwrap_or_else(|| status.to_string());
            return Err(Failure::usage(format!("the destination does not have the guest: {reason}")));
        }
    };
    let in_doubt = matches!(outcome, Outcome::InDoubt);
    let report = Report {
        machine: guest.configuration().map(|configuration| configuration.machine.clone()),
        memory,
        devices: guest.devices().len(),
        sent: statistics.ram.map_or(0, |ram| ram.transferred),
        milliseconds: start.elapsed().as_millis(),
        status: if in_doubt { "in-doubt" } else { "completed" },
    };
    if json { output::print_json(&report) } else { output::print(&format!("{}\n", report.text())) }?;
    if in_doubt {
        let reason = plain(statistics.error.as_deref().unwrap_or("no answer"));
        warn(&format!("the destination has the guest, but may not have started it: {reason}"));
    }
    Ok(outcome)
}

/// Loads the guest into a temporary file.
fn load(arguments: &Send) -> Result<OpaqueGuest, Failure> {
    let input = Input::open(&arguments.file)?;
    let file = tempfile::tempfile().map_err(Failure::file("cannot create a temporary file for", &arguments.file))?;
    let mut guest = guest(file, &arguments.limits);
    if let Some(uuid) = arguments.uuid {
        guest = guest.uuid(uuid.0);
    }
    let mut reader = input.reader()?;
    let loaded = match input.document() {
        Some(description) => guest.load_described(&mut reader, description),
        None => guest.load(&mut reader),
    };
    loaded.map_err(|error| input.failed(error))?;
    Ok(guest)
}

fn config(arguments: &Send, guest: &OpaqueGuest) -> Result<SourceConfig, Failure> {
    let mut parameters = Parameters::default();
    parameters.max_bandwidth = arguments.max_bandwidth;
    let machine = guest.configuration().map_or("", |configuration| &configuration.machine);
    let switches = MachineSwitches::new(machine, arguments.release);
    let mut config = Outgoing::default_config(guest, &arguments.uri, parameters).switches(switches);
    // QEMU 7.2 rejects it, and no other release requires it of a stopped guest.
    config.switchover_start = false;
    if let Some(channels) = arguments.multifd {
        config.capabilities.set(Capability::Multifd, true);
        config.parameters.multifd_channels = channels;
    }
    #[cfg(feature = "tls")]
    crate::tls::encrypt_source(&mut config, arguments.tls.tls_creds.as_deref(), arguments.tls.tls_hostname.as_deref())?;
    Ok(config)
}

/// Drives the migration to its end, or to the state in which only an operator knows which side has the guest.
fn drive(outgoing: &mut Outgoing<'_, OpaqueGuest>) -> Statistics {
    let doubt = Event::Status(MigrationStatus::Doubt);
    let _ = outgoing.events().find(|event| *event == doubt);
    outgoing.statistics()
}

fn line(statistics: &Statistics) -> String {
    let Some(ram) = statistics.ram else { return format!("{}", statistics.status) };
    let rate = HumanBytes((ram.mbps * 125_000.0) as u64);
    let (sent, left) = (HumanBytes(ram.transferred), HumanBytes(ram.remaining));
    format!("{}: {sent} sent, {left} left, {rate}/s", statistics.status)
}

impl Report {
    fn text(&self) -> String {
        let machine = plain(self.machine.as_deref().unwrap_or("guest"));
        let (memory, devices) = (plural(self.memory, "byte"), plural(self.devices as u64, "device section"));
        format!("sent {machine}: {memory} of memory, {devices}")
    }
}
