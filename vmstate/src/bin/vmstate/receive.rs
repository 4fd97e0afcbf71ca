//! `vmstate receive`: takes a guest out of a running QEMU, and saves it.

use std::fs::File;
use std::io::{IsTerminal, stdout};
use std::path::Path;
use std::time::Instant;

use indicatif::HumanBytes;
use serde::Serialize;
use vmstate::Writer;
use vmstate::machine::SaveOptions;
use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::{Capability, Event, GuestProgress, HostError, Incoming, Kept, OpaqueGuest};
use vmstate::section::Output as StreamOutput;
use vmstate::snapshot::{Details, Store};

use crate::args::{Format, Limits, Receive};
use crate::failure::Failure;
use crate::input::{is_stdio, snapshot_of};
use crate::outcome::Outcome;
use crate::output::Output;
use crate::progress;
use crate::store;
use crate::temporary::folder;
use crate::terminal::{plain, plural};

/// The summary of the command.
#[derive(Serialize)]
struct Report {
    /// The machine type, if the stream contains it.
    machine: Option<String>,
    /// The size of guest memory in bytes.
    memory: u64,
    /// The bytes of pages that were received, each page as often as it was sent.
    received: u64,
    devices: usize,
    milliseconds: u128,
    /// `confirmed`, `unconfirmed` or `in-doubt`.
    source: &'static str,
}

pub(crate) fn run(arguments: &Receive, json: bool) -> Result<Outcome, Failure> {
    let mut target = Some(Target::open(arguments)?);
    let incoming = Incoming::listen_with(&arguments.uri, config(arguments)?)?;
    let mut guest = guest(temporary(&arguments.output)?, &arguments.limits);
    let (progress, start) = (guest.progress(), Instant::now());
    let keep = |guest: &mut OpaqueGuest| match target.take() {
        Some(target) => target.save(guest).map_err(|failure| HostError::from(failure.message())),
        None => Ok(()),
    };
    let kept = progress::watch(|| line(&progress, start), || guest.receive_with_events(incoming, keep, on_event))?;
    let milliseconds = start.elapsed().as_millis();
    let machine = guest.configuration().map(|configuration| configuration.machine.clone());
    let (memory, received, devices) = (progress.memory(), progress.received(), guest.devices().len());
    let report = Report { machine, memory, received, devices, milliseconds, source: name(&kept) };
    Output::print_summary(&arguments.output, &report.text(), &report, json)?;
    Ok(conclude(&kept))
}

/// Reports connections that were rejected.
fn on_event(event: Event) {
    if let Event::Rejected(reason) = event {
        crate::failure::warn(&format!("connection rejected: {}", plain(&reason)));
    }
}

/// Creates a guest whose memory is in `file`.
pub(crate) fn guest(file: File, limits: &Limits) -> OpaqueGuest {
    let guest = OpaqueGuest::new(file).memory_limit(u64::from(limits.max_memory) << 30);
    match limits.page_size {
        Some(page_size) => guest.page_size(page_size),
        None => guest,
    }
}

fn config(arguments: &Receive) -> Result<DestinationConfig, Failure> {
    let mut config = DestinationConfig::default();
    if let Some(channels) = arguments.multifd {
        config.capabilities.set(Capability::Multifd, true);
        config.parameters.multifd_channels = channels;
    }
    #[cfg(feature = "tls")]
    crate::tls::encrypt_destination(
        &mut config,
        arguments.tls.tls_creds.as_deref(),
        arguments.tls.tls_authz.as_deref(),
    )?;
    Ok(config)
}

/// Creates the file for guest memory, on the disk of the output.
fn temporary(output: &Path) -> Result<File, Failure> {
    let created = match snapshot_of(output).map(|(store, _)| store::bucket_folder(store).unwrap_or(store)) {
        Some(store) if store.is_dir() => tempfile::tempfile_in(store),
        Some(image) => tempfile::tempfile_in(folder(image)),
        None if is_stdio(output) => tempfile::tempfile(),
        None => tempfile::tempfile_in(folder(output)),
    };
    created.map_err(Failure::file("cannot create a temporary file for", output))
}

/// The place of the guest, which was opened before the source connects.
enum Target {
    File(Output, Format),
    Snapshot(Box<dyn Store>, Details),
}

impl Target {
    fn open(arguments: &Receive) -> Result<Self, Failure> {
        let path = &arguments.output;
        if let Some((store, name)) = snapshot_of(path) {
            let store = store::open(store)?;
            let exists = store.list()?.iter().any(|snapshot| snapshot.name == name);
            return match (exists, arguments.replace) {
                (true, false) => Err(Failure::usage_with_help(
                    format!("snapshot `{name}` already exists"),
                    "choose another name, or use `--replace`",
                )),
                (_, false) => Ok(Self::Snapshot(store, Details::new(name))),
                (_, true) => Ok(Self::Snapshot(store, Details::new(name).replace())),
            };
        }
        if is_stdio(path) && stdout().is_terminal() {
            return Err(Failure::usage("expected an output file (`-o OUT`) or a pipe, found a terminal"));
        }
        let output = Output::create(path, &[])?;
        if arguments.format == Format::MappedRam && output.file().is_none() {
            return Err(Failure::usage(format!("`{}` is not a file in which memory has places", path.display())));
        }
        Ok(Self::File(output, arguments.format))
    }

    /// Saves the guest durably.
    fn save(self, guest: &mut OpaqueGuest) -> Result<(), Failure> {
        let (mut writer, options) = (Writer::new(), SaveOptions::new());
        match self {
            Self::Snapshot(store, details) => {
                let options = options.high_section_ids();
                store.save(&details, &mut |out| guest.save(out, options.clone()).map(drop))?;
                Ok(())
            }
            Self::File(mut output, format) => {
                let saved = match (format, output.file()) {
                    (Format::MappedRam, Some(file)) => {
                        guest.save(StreamOutput::to_mapped_file(&mut writer, file, 0), options)
                    }
                    _ => guest.save(StreamOutput::new(&mut writer, Some(&mut output)), options),
                };
                saved.map_err(|error| Failure::usage(format!("cannot save the guest: {error}")))?;
                output.finish_durably()
            }
        }
    }
}

fn line(progress: &GuestProgress, start: Instant) -> String {
    let (received, memory) = (progress.received(), progress.memory());
    if memory == 0 {
        return "waiting for a source".to_owned();
    }
    let rate = received * 1000 / u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    let (received, memory, rate) = (HumanBytes(received), HumanBytes(memory), HumanBytes(rate));
    format!("{received} received, {memory} of memory, {rate}/s")
}

fn name(kept: &Kept) -> &'static str {
    match kept {
        Kept::Confirmed => "confirmed",
        Kept::InDoubt(_) => "in-doubt",
        _ => "unconfirmed",
    }
}

fn conclude(kept: &Kept) -> Outcome {
    match kept {
        Kept::Confirmed => return Outcome::Success,
        Kept::InDoubt(reason) => {
            let text = format!("the guest is saved, but the source may not know that and run it: {}", plain(reason));
            crate::failure::warn(&text);
            return Outcome::InDoubt;
        }
        _ => crate::failure::warn(
            "the source did not wait for the guest to be saved; switch its capability `return-path` on",
        ),
    }
    Outcome::Success
}

impl Report {
    fn text(&self) -> String {
        let machine = plain(self.machine.as_deref().unwrap_or("guest"));
        let (memory, devices) = (plural(self.memory, "byte"), plural(self.devices as u64, "device section"));
        format!("received {machine}: {memory} of memory, {devices}")
    }
}
