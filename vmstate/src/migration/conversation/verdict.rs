//! The outcome of a conversation, its cause, and the knowledge of both sides.

use super::explainer::Explainer;
use super::explanation::{Cause, Downtime, MigrationOutcome, Participant, SideReport};
use super::link::Link;
use crate::migration::{MigrationStatus, Side};

/// The number of the PING in the package of QEMU 11.1 (`QEMU_VM_PING_PACKAGED_LOADED` in `migration/savevm.h`).
const PING_PACKAGE: u32 = 0x42;

/// The outcome with everything that depends on it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: MigrationOutcome,
    pub(super) confirmed: bool,
    pub(super) cause: Option<Cause>,
    pub(super) advice: Option<String>,
    pub(super) source: SideReport,
    pub(super) destination: SideReport,
}

/// An outcome before it is combined with the states.
struct Finding {
    outcome: MigrationOutcome,
    confirmed: bool,
    cause: Option<Cause>,
    advice: Option<&'static str>,
    /// The knowledge of the source and of the destination.
    knows: [String; 2],
    /// The final states of both, if they differ from the last visible ones.
    states: [Option<MigrationStatus>; 2],
}

const BOTH_MAY_RUN: &str = "the guest may run on both sides, or on none: look at `query-status` of both QEMUs, keep the \
                            destination's guest if it runs, and do not continue the other one";
const RECOVER: &str = "run `migrate-recover` at the destination and `migrate` with `resume` at the source; until then the \
                       destination's guest waits for missing pages";
const READ_LOG: &str = "the reason is in the destination's log: its last lines before `load of migration failed`";
const NOBODY_MAY_RUN: &str = "without a return path the source does not learn of errors: look at `query-status` of the \
                              destination before the source is ended; enable `return-path` for the next migration";

impl Verdict {
    pub(super) fn new(explainer: &Explainer) -> Self {
        let finding = find(explainer);
        let (source, destination) =
            (side(explainer, Side::Source, &finding), side(explainer, Side::Destination, &finding));
        let Finding { outcome, confirmed, cause, advice, .. } = finding;
        Self { outcome, confirmed, cause, advice: advice.map(str::to_owned), source, destination }
    }
}

/// Returns the report of a side, with its final state.
fn side(explainer: &Explainer, side: Side, finding: &Finding) -> SideReport {
    let story = explainer.story();
    let (mut report, index) = match side {
        Side::Source => (story.source.clone(), 0),
        Side::Destination => (story.destination.clone(), 1),
    };
    let [source, destination] = &finding.knows;
    report.knows = [source, destination][index].clone();
    let last = finding.states[index].filter(|status| *status != report.status());
    report.states.extend(last.map(|status| super::StateChange { at_us: story.now, status }));
    report
}

fn find(explainer: &Explainer) -> Finding {
    let story = explainer.story();
    let Some(link) = explainer.main_link() else { return no_connection() };
    if let Some(finding) = unreachable(explainer) {
        return finding;
    }
    if explainer.is_foreign() {
        return foreign();
    }
    if story.colo {
        return colo(link);
    }
    match (story.shut, story.ended) {
        (Some((_, 0)), Some(_)) => completed(),
        (Some((at, value)), _) if value != 0 => rejected(explainer, link, at, value),
        _ if story.postcopy.is_some() && (story.return_path || story.ended.is_none()) => in_postcopy(explainer, link),
        (_, Some(_)) if story.return_path => unanswered(link),
        (_, Some(ended)) => without_return_path(link, ended),
        (_, None) => incomplete(explainer, link),
    }
}

fn no_connection() -> Finding {
    let nothing = "no connection was made".to_owned();
    Finding::unfinished([nothing.clone(), nothing])
}

/// Returns the finding for a destination that did not accept the first connection.
fn unreachable(explainer: &Explainer) -> Option<Finding> {
    let (at, side, message) = explainer.first_lost()?;
    let link = explainer.main_link()?;
    let is_first = *side == Side::Destination && !link.is_answered() && explainer.stream_bytes() == 0;
    is_first.then(|| Finding {
        outcome: MigrationOutcome::Failed,
        confirmed: true,
        cause: Some(cause(*at, Participant::Destination, format!("the destination cannot be reached: {message}"))),
        advice: Some("start the destination with `-incoming` and the address that the recorder connects to"),
        knows: ["the connection was closed in `setup`".to_owned(), "nothing: it was not reached".to_owned()],
        states: [Some(MigrationStatus::Failed), Some(MigrationStatus::None)],
    })
}

fn foreign() -> Finding {
    let unknown = "the connection cannot be decoded".to_owned();
    Finding { outcome: MigrationOutcome::Unknown, ..Finding::unfinished([unknown.clone(), unknown]) }
}

fn colo(link: &Link) -> Finding {
    let side = match link.first_end() {
        None => {
            return Finding { outcome: MigrationOutcome::Colo, ..Finding::unfinished([String::new(), String::new()]) };
        }
        Some((at, side)) => cause(at, side, "the connection of COLO has ended".to_owned()),
    };
    Finding {
        outcome: MigrationOutcome::Colo,
        confirmed: false,
        cause: Some(side),
        advice: Some("COLO decides by a failover: look at `query-status` of both QEMUs"),
        knows: ["the connection has ended".to_owned(), "the connection has ended".to_owned()],
        states: [None, None],
    }
}

fn completed() -> Finding {
    Finding {
        outcome: MigrationOutcome::Completed,
        confirmed: true,
        cause: None,
        advice: None,
        knows: ["the destination has the guest (SHUT 0)".to_owned(), "it has loaded the machine".to_owned()],
        states: [Some(MigrationStatus::Completed), Some(MigrationStatus::Completed)],
    }
}

/// The destination has reported a failure, as its own reason or because the stream ended early.
fn rejected(explainer: &Explainer, link: &Link, at: u64, value: u32) -> Finding {
    let story = explainer.story();
    let source_end = link.source_ended().filter(|ended| *ended <= at);
    if let Some(ended) = source_end.filter(|_| story.ended.is_none()) {
        return cancelled(
            explainer,
            ended,
            &format!("the source has closed the connection {}", explainer.place()),
            value,
        );
    }
    if source_end.is_some() && !story.described && story.postcopy.is_none() {
        return doubt(
            at,
            "the connection was lost in the description, which QEMU's destination does not need".to_owned(),
        );
    }
    let what = match (&story.declined, &story.revoked) {
        (Some((_, reason)), _) => format!("SHUT {value}: the destination has rejected the machine: {reason}"),
        (None, Some((_, reason))) => format!("SHUT {value}: the source has withdrawn the machine: {reason}"),
        (None, None) => format!("SHUT {value}: the destination has rejected the machine{}", rejected_at(explainer)),
    };
    let reason = story.declined.as_ref().map_or(String::new(), |(_, reason)| format!(": {reason}"));
    Finding {
        outcome: MigrationOutcome::Failed,
        confirmed: true,
        cause: Some(cause(at, Participant::Destination, what)),
        advice: story.declined.is_none().then_some(READ_LOG),
        knows: [
            format!("`Sibling indicated error {value}`, without a reason{reason}"),
            "the reason; the guest was not started".to_owned(),
        ],
        states: [Some(MigrationStatus::Failed), Some(MigrationStatus::Failed)],
    }
}

/// Returns the place at which the destination has rejected the stream, as far as it is known.
fn rejected_at(explainer: &Explainer) -> String {
    let story = explainer.story();
    match story.ended {
        Some(_) => {
            format!(" after all of the stream was sent, with {} devices", story.devices)
        }
        None if story.postcopy.is_none() && explainer.stream_bytes() > 64 => {
            format!(" {}, or before it", explainer.place())
        }
        None => String::new(),
    }
}

/// The guest runs at the destination, and its memory follows.
fn in_postcopy(explainer: &Explainer, link: &Link) -> Finding {
    let Some((at, side)) = link.first_end() else {
        return Finding::unfinished([
            "the guest runs at the destination".to_owned(),
            "its memory is not complete".to_owned(),
        ]);
    };
    let story = explainer.story();
    // QEMU 11.1 hands the guest over with this answer.
    let is_answer_lost = link.is_source_lost && story.package_ping == Some(PING_PACKAGE);
    if story.answer.is_none() || story.ended.is_some() || is_answer_lost {
        let when = if story.ended.is_some() { "at the end of postcopy" } else { "while the guest was handed over" };
        return doubt(at, format!("the connection was lost {when}"));
    }
    Finding {
        outcome: MigrationOutcome::Paused,
        confirmed: false,
        cause: Some(cause(at, side, format!("the connection was lost in postcopy{}", link.reason()))),
        advice: Some(RECOVER),
        knows: [
            "`postcopy-paused`; it does not run the guest".to_owned(),
            "`postcopy-paused`; it has the guest".to_owned(),
        ],
        states: [Some(MigrationStatus::PostcopyPaused), Some(MigrationStatus::PostcopyPaused)],
    }
}

fn doubt(at: u64, what: String) -> Finding {
    Finding {
        outcome: MigrationOutcome::Doubt,
        confirmed: false,
        cause: Some(cause(at, Participant::Recorder, what)),
        advice: Some(BOTH_MAY_RUN),
        knows: [
            "no answer; QEMU reports `failed` and continues its guest".to_owned(),
            "it has the machine, and may run it".to_owned(),
        ],
        states: [None, None],
    }
}

/// The source has sent everything and waits for an answer.
fn unanswered(link: &Link) -> Finding {
    match link.first_end() {
        Some((at, _)) => doubt(at, format!("the connection was lost before the destination's answer{}", link.reason())),
        None => {
            Finding::unfinished(["it waits for the destination's answer".to_owned(), "it has not answered".to_owned()])
        }
    }
}

fn without_return_path(link: &Link, ended: u64) -> Finding {
    let reset = link.lost.as_ref().filter(|(_, side, _)| *side == Side::Destination);
    let early = link.destination_end.filter(|at| *at < ended);
    if let Some(at) = reset.map(|(at, ..)| *at).or(early) {
        return Finding {
            outcome: MigrationOutcome::Failed,
            confirmed: false,
            cause: Some(cause(
                at,
                Participant::Destination,
                "the destination has closed the connection before it read the end of the stream".to_owned(),
            )),
            advice: Some(NOBODY_MAY_RUN),
            knows: ["`completed`: its last write succeeded".to_owned(), "the reason, in its log".to_owned()],
            states: [Some(MigrationStatus::Completed), Some(MigrationStatus::Failed)],
        };
    }
    if link.first_end().is_none() {
        return Finding::unfinished(["it has sent the machine".to_owned(), "it loads the machine".to_owned()]);
    }
    Finding {
        outcome: MigrationOutcome::Completed,
        confirmed: false,
        cause: None,
        advice: Some(NOBODY_MAY_RUN),
        knows: [
            "its last write succeeded".to_owned(),
            "the result, which it cannot report without a return path".to_owned(),
        ],
        states: [Some(MigrationStatus::Completed), Some(MigrationStatus::Completed)],
    }
}

/// The stream has no end mark.
fn incomplete(explainer: &Explainer, link: &Link) -> Finding {
    let (story, place) = (explainer.story(), explainer.place());
    let Some((at, side)) = link.first_end() else {
        return Finding::unfinished([format!("it sends {place}"), "it loads the stream".to_owned()]);
    };
    let reason = link.reason();
    match side {
        Participant::Destination => Finding {
            outcome: MigrationOutcome::Failed,
            confirmed: true,
            cause: Some(cause(
                at,
                side,
                format!("the destination has closed the connection {place}, without a message{reason}"),
            )),
            advice: Some(READ_LOG),
            knows: [
                "the connection is broken (`Channel error` or `Broken pipe`)".to_owned(),
                "the reason, unless its process was killed".to_owned(),
            ],
            states: [Some(MigrationStatus::Failed), Some(MigrationStatus::Failed)],
        },
        _ if story.revoked.is_some() || reason.is_empty() => {
            cancelled(explainer, at, &format!("the source has closed the connection {place}"), 0)
        }
        _ => cancelled(explainer, at, &format!("the connection to the source was lost {place}{reason}"), 0),
    }
}

fn cancelled(explainer: &Explainer, at: u64, what: &str, shut: u32) -> Finding {
    let reason = explainer.story().revoked.as_ref().map_or(String::new(), |(_, reason)| format!(": {reason}"));
    let answer = if shut == 0 { String::new() } else { format!(", which it answers with SHUT {shut}") };
    Finding {
        outcome: MigrationOutcome::Cancelled,
        confirmed: true,
        cause: Some(cause(
            at,
            Participant::Source,
            format!("{what}{reason}: `migrate_cancel`, an error, or the end of its process"),
        )),
        advice: Some("the guest stays at the source if its process runs: look at `error-desc` of its `query-migrate`"),
        knows: ["its own reason".to_owned(), format!("an incomplete stream{answer}; the guest was not started")],
        states: [Some(MigrationStatus::Cancelled), Some(MigrationStatus::Failed)],
    }
}

impl Finding {
    fn unfinished(knows: [String; 2]) -> Self {
        Self {
            outcome: MigrationOutcome::Unfinished,
            confirmed: false,
            cause: None,
            advice: None,
            knows,
            states: [None, None],
        }
    }
}

fn cause(at_us: u64, side: Participant, what: String) -> Cause {
    Cause { at_us, side, what }
}

/// Returns the downtime, once the switchover has begun and ended.
pub(super) fn downtime(explainer: &Explainer) -> Option<Downtime> {
    let story = explainer.story();
    if story.colo {
        return None;
    }
    let begin_us = story.stop?;
    let devices_end = story.devices_end?;
    let memory_end = story.memory_end.unwrap_or(begin_us).min(devices_end);
    let end = explainer.main_link().and_then(|link| link.destination_end);
    let answer = story.answer.or(end.filter(|_| story.shut.is_none()))?.max(devices_end);
    Some(Downtime {
        begin_us,
        total_us: answer.saturating_sub(begin_us),
        memory_us: memory_end.saturating_sub(begin_us),
        devices_us: devices_end - memory_end,
        answer_us: answer - devices_end,
    })
}
