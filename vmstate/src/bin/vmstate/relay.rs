//! `vmstate relay`: relays a migration between two QEMUs.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar};
use serde::Serialize;
use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::relay::{RelayFigures, RelayRules};
use vmstate::migration::source::SourceConfig;
use vmstate::migration::{Capabilities, Capability, Parameters, RelayOutcome, RelayStatus, Relaying, Side};

use crate::failure::{Failure, warn};
use crate::outcome::Outcome;
use crate::record::stop_on_signals;
use crate::terminal::{plain, plural};
use crate::{args, output, progress};

/// The summary of the command.
#[derive(Serialize)]
struct Report<'a> {
    /// The machine type, if the stream contains it.
    machine: Option<&'a str>,
    /// The size of guest memory in bytes.
    memory: u64,
    /// The bytes of the main connection.
    bytes: u64,
    pages: u64,
    zero_pages: u64,
    devices: u64,
    milliseconds: u128,
    /// `completed` or `in-doubt`.
    outcome: &'static str,
}

pub(crate) fn run(arguments: &args::Relay, json: bool) -> Result<Outcome, Failure> {
    let failed = |error: vmstate::migration::MigrationError| Failure::usage(error.to_string());
    let timeout = Duration::from_secs(arguments.timeout.into());
    let rules = arguments.rules.as_deref().map(read_rules).transpose()?;
    let mut relaying = Relaying::listen(&arguments.listen, &arguments.connect).map_err(failed)?.timeout(timeout);
    relaying = relaying.source_config(&source_config(arguments, timeout)?).map_err(failed)?;
    relaying = relaying.destination_config(&destination_config(arguments, timeout)?).map_err(failed)?;
    if let Some(side) = only_side(arguments)? {
        relaying = relaying.channels_only(side).map_err(failed)?;
    }
    if let Some(uuid) = arguments.connect_uuid {
        relaying = relaying.uuid(uuid.0);
    }
    if let Some(rules) = rules {
        relaying = relaying.rules(rules);
    }
    let stop = stop_on_signals().map_err(|error| Failure::File("cannot wait for signals".to_owned(), error))?;
    let bar = progress::activity();
    bar.set_message(format!("waiting at {}", relaying.address()));
    let (start, warned) = (Instant::now(), Cell::new(false));
    let relayed = relaying.run(|| stop.load(Ordering::Relaxed), |status| update(&bar, &warned, status));
    bar.finish_and_clear();
    let (outcome, figures) = relayed.map_err(failed)?;
    conclude(&outcome, &figures, start.elapsed(), json)
}

/// Returns the only side that has data channels.
fn only_side(arguments: &args::Relay) -> Result<Option<Side>, Failure> {
    match (arguments.listen_multifd, arguments.connect_multifd) {
        (Some(0) | None, Some(0)) => Err(Failure::usage("expected data channels at one side; set `--listen-multifd`")),
        (Some(_), Some(0)) if arguments.connect_compression.is_some() => {
            Err(Failure::usage("`--connect-compression` needs data channels of the destination"))
        }
        (Some(_), Some(0)) => Ok(Some(Side::Source)),
        (Some(0), Some(_)) => Ok(Some(Side::Destination)),
        _ => Ok(None),
    }
}

/// The relay as a destination for the source.
fn source_config(arguments: &args::Relay, timeout: Duration) -> Result<DestinationConfig, Failure> {
    let mut config = DestinationConfig::default();
    set_channels(&mut config.capabilities, &mut config.parameters, arguments.listen_multifd);
    (config.parameters.connect_timeout, config.parameters.progress_timeout) = (timeout, timeout);
    #[cfg(feature = "tls")]
    {
        let (folder, name) = (&arguments.tls.listen_tls_creds, &arguments.tls.listen_tls_authz);
        crate::tls::encrypt_destination(&mut config, folder.as_deref(), name.as_deref())?;
    }
    Ok(config)
}

/// The relay as a source for the destination.
fn destination_config(arguments: &args::Relay, timeout: Duration) -> Result<SourceConfig, Failure> {
    let mut config = SourceConfig::new(0, 0);
    set_channels(&mut config.capabilities, &mut config.parameters, arguments.connect_multifd);
    config.release = arguments.connect_release.unwrap_or_default();
    config.parameters.multifd_compression = arguments.connect_compression.unwrap_or_default();
    (config.parameters.connect_timeout, config.parameters.progress_timeout) = (timeout, timeout);
    #[cfg(feature = "tls")]
    {
        let (folder, host) = (&arguments.tls.connect_tls_creds, &arguments.tls.connect_tls_hostname);
        crate::tls::encrypt_source(&mut config, folder.as_deref(), host.as_deref())?;
    }
    Ok(config)
}

fn set_channels(capabilities: &mut Capabilities, parameters: &mut Parameters, channels: Option<u8>) {
    if let Some(channels) = channels.filter(|channels| *channels > 0) {
        capabilities.set(Capability::Multifd, true);
        parameters.multifd_channels = channels;
    }
}

fn read_rules(path: &Path) -> Result<RelayRules, Failure> {
    let text = fs::read(path).map_err(Failure::file("cannot read", path))?;
    RelayRules::parse(&text)
        .map_err(|error| Failure::usage(format!("{}: {}", path.display(), plain(&error.to_string()))))
}

fn update(bar: &ProgressBar, warned: &Cell<bool>, status: &RelayStatus) {
    for reason in &status.rejected {
        bar.suspend(|| warn(&format!("connection rejected: {}", plain(reason))));
    }
    let figures = &status.figures;
    if let Some(reason) = status.doubt.as_ref().filter(|_| !warned.replace(true)) {
        bar.suspend(|| {
            warn(&format!("{}, and may run it; the guest of the source stays paused", plain(reason)));
            warn("if the destination runs the guest, end the source; if not, end it, and the relay with Ctrl-C");
        });
    }
    if figures.bytes > 0 && !bar.is_hidden() {
        let (bytes, memory) = (HumanBytes(figures.bytes), HumanBytes(figures.memory));
        bar.set_message(format!("{bytes} relayed, {memory} of memory"));
    }
}

fn conclude(outcome: &RelayOutcome, figures: &RelayFigures, elapsed: Duration, json: bool) -> Result<Outcome, Failure> {
    let (name, status) = match outcome {
        RelayOutcome::Completed => ("completed", Outcome::Success),
        RelayOutcome::InDoubt(reason) => {
            warn(&format!("{}; check which QEMU runs the guest", plain(reason)));
            ("in-doubt", Outcome::InDoubt)
        }
        RelayOutcome::Failed(reason) => {
            return Err(Failure::usage(format!("the guest stays at the source: {}", plain(reason))));
        }
        _ => return Err(Failure::usage("unknown outcome")),
    };
    let report = Report {
        machine: figures.machine.as_deref(),
        memory: figures.memory,
        bytes: figures.bytes,
        pages: figures.pages,
        zero_pages: figures.zero_pages,
        devices: figures.devices,
        milliseconds: elapsed.as_millis(),
        outcome: name,
    };
    if json {
        output::print_json(&report)?;
    } else {
        output::print(&report.text())?;
    }
    Ok(status)
}

impl Report<'_> {
    fn text(&self) -> String {
        let machine = plain(self.machine.unwrap_or("guest"));
        let (memory, bytes) = (plural(self.memory, "byte"), plural(self.bytes, "byte"));
        let devices = plural(self.devices, "device section");
        format!("relayed {machine}: {memory} of memory, {devices}, {bytes} in the main connection\n")
    }
}
