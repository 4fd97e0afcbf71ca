//! The replies of queries, and their types.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::{
    Blocktime, Capability, DowntimeParts, MigrationStatus, Parameter, ParameterValue, Parameters, Prediction,
    QemuRelease, RamStatistics, Statistics, Uri, XbzrleStatistics,
};
use super::arguments::{Member, Type, optional, required};
use super::mapping;
use super::operations::{DirtyRate, DirtyRateStatus, RunState};
use super::request::DirtyRateMode;

pub(super) fn version(release: QemuRelease) -> Value {
    let (major, minor) = match release {
        QemuRelease::V7_2 => (7, 2),
        QemuRelease::V10_0 => (10, 0),
        QemuRelease::V11_1 => (11, 1),
    };
    json!({ "qemu": { "major": major, "minor": minor, "micro": 0 }, "package": concat!("vmstate ", env!("CARGO_PKG_VERSION")) })
}

pub(super) fn version_type() -> Type {
    let triple = ["major", "minor", "micro"].map(|name| required(name, Type::Integer)).to_vec();
    Type::Object(vec![required("qemu", Type::Object(triple)), required("package", Type::Text)])
}

pub(super) fn status(state: RunState, release: QemuRelease) -> Value {
    let mut reply = json!({ "status": state.name(), "running": state == RunState::Running });
    if let (QemuRelease::V7_2, Some(members)) = (release, reply.as_object_mut()) {
        members.insert("singlestep".to_owned(), json!(false));
    }
    reply
}

pub(super) fn status_type(release: QemuRelease) -> Type {
    let names = RunState::ALL.map(RunState::name).to_vec();
    let mut members = vec![required("status", Type::Words(names)), required("running", Type::Flag)];
    if release == QemuRelease::V7_2 {
        members.push(required("singlestep", Type::Flag));
    }
    Type::Object(members)
}

/// Returns the type of the schema itself. Its entities have different members, so they are not described further.
pub(super) fn schema_type() -> Type {
    Type::list(Type::Any)
}

/// Returns the states that a reply can have.
pub(super) fn status_names(release: QemuRelease) -> Vec<&'static str> {
    let mut names: Vec<_> = MigrationStatus::ALL.iter().map(|status| status.qapi_name(release)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

pub(super) fn capabilities_type(release: QemuRelease) -> Type {
    let known = Capability::ALL.iter().filter(|capability| capability.exists_in(release));
    let words = Type::Words(known.map(|capability| capability.name()).collect());
    Type::list(Type::Object(vec![required("capability", words), required("state", Type::Flag)]))
}

/// Returns the parameters as members of an object.
pub(super) fn parameter_members(release: QemuRelease) -> Vec<Member> {
    let defaults = Parameters::default();
    let kind = |name| match defaults.get(name) {
        Some(ParameterValue::Unsigned(_)) => Type::Integer,
        Some(ParameterValue::Flag(_)) => Type::Flag,
        Some(ParameterValue::Mapping(_)) => mapping::kind(),
        _ => Type::Text,
    };
    let known = Parameter::all().filter(|parameter| parameter.exists_in(release));
    known.map(|parameter| optional(parameter.name(), kind(parameter.name()))).collect()
}

pub(super) fn yank(possible: bool) -> Value {
    if possible { json!([{ "type": "migration" }]) } else { json!([]) }
}

pub(super) fn yank_type() -> Type {
    // This library has only the connections of the migration.
    let kinds = vec![
        ("block-node", vec![required("node-name", Type::Text)]),
        ("chardev", vec![required("id", Type::Text)]),
        ("migration", Vec::new()),
    ];
    Type::list(Type::Object(vec![required("type", Type::Choice(kinds))]))
}

/// Returns the reply of `query-migrate`: nothing before the first migration, and only the reason after a failure or a
/// cancellation (`fill_source_migration_info` in QEMU's `migration/migration.c`).
pub(super) fn statistics(statistics: &Statistics, blocked: &[String], release: QemuRelease) -> Value {
    let mut reply = Members::default();
    if has_status(statistics, release) {
        reply.insert("status", statistics.status.qapi_name(release));
    }
    if !matches!(statistics.status, MigrationStatus::Failed | MigrationStatus::Cancelled) {
        insert_progress(&mut reply, statistics, release);
    }
    reply.insert_some("error-desc", statistics.error.as_deref());
    reply.insert_some("blocked-reasons", (!blocked.is_empty()).then_some(blocked));
    reply.insert_some("x-predicted", statistics.predicted.map(prediction));
    reply.insert_some("x-downtime-parts", statistics.parts.as_ref().map(downtime_parts));
    let is_complete = statistics.status == MigrationStatus::Completed;
    if let Some(found) = statistics.blocktime.as_ref().filter(|_| is_complete) {
        insert_blocktime(&mut reply, found, release);
    }
    reply.insert_some("socket-address", statistics.socket_address.as_ref().and_then(socket_address));
    Value::Object(reply.0)
}

/// Returns whether the reply has a state. QEMU 7.2 reports it only after a destination has listened.
fn has_status(statistics: &Statistics, release: QemuRelease) -> bool {
    let listens = statistics.status == MigrationStatus::Setup && statistics.socket_address.is_some();
    statistics.status != MigrationStatus::None && !(listens && release == QemuRelease::V7_2)
}

fn insert_progress(reply: &mut Members, statistics: &Statistics, release: QemuRelease) {
    for (name, time) in [
        ("setup-time", statistics.setup_time),
        ("total-time", statistics.total_time),
        ("expected-downtime", statistics.expected_downtime),
        ("downtime", statistics.downtime),
    ] {
        reply.insert_some(name, time.map(milliseconds));
    }
    reply.insert_some("cpu-throttle-percentage", statistics.throttle);
    if let Some(limit) = statistics.dirty_limit.filter(|_| release >= QemuRelease::V10_0) {
        reply.insert("dirty-limit-throttle-time-per-round", microseconds(limit.throttled));
        reply.insert("dirty-limit-ring-full-time", microseconds(limit.ring_full));
    }
    reply.insert_some("ram", statistics.ram.as_ref().map(|ram| ram_statistics(ram, release)));
    reply.insert_some("xbzrle-cache", statistics.xbzrle.as_ref().map(xbzrle_statistics));
    // QEMU adds its estimate for devices, most of which is 0.
    let rest = statistics.ram.filter(|_| release >= QemuRelease::V11_1 && !statistics.status.is_final());
    reply.insert_some("remaining", rest.map(|ram| ram.remaining));
}

/// Returns an address as a list of QEMU's type `SocketAddress`; `None` if it is not a socket.
fn socket_address(uri: &Uri) -> Option<Value> {
    let mut address = uri.to_address()?;
    let transport = address.as_object_mut()?.remove("transport");
    (transport.as_ref().and_then(Value::as_str) == Some("socket")).then(|| json!([address]))
}

fn socket_address_type() -> Type {
    let members = ["host", "port", "path", "cid", "str"].map(|name| optional(name, Type::Text));
    let kind = required("type", Type::Words(vec!["inet", "unix", "vsock", "fd"]));
    Type::list(Type::Object([kind].into_iter().chain(members).collect()))
}

/// Members of an object, some of them absent.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn insert(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn insert_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.insert(name, value);
        }
    }
}

/// Inserts the times for which a guest has waited for pages, after its arrival (`fill_destination_postcopy_migration_info` in QEMU's
/// `migration/postcopy-ram.c`).
fn insert_blocktime(reply: &mut Members, found: &Blocktime, release: QemuRelease) {
    reply.insert("postcopy-blocktime", milliseconds(found.all));
    let blocked: Vec<_> = found.vcpus.iter().map(|vcpu| milliseconds(vcpu.blocked)).collect();
    reply.insert("postcopy-vcpu-blocktime", blocked);
    if release >= QemuRelease::V11_1 {
        reply.insert("postcopy-latency", nanoseconds(found.latency.average().unwrap_or_default()));
        reply.insert("postcopy-latency-dist", found.latency.buckets().to_vec());
        let averages: Vec<_> = found.vcpus.iter().map(|vcpu| nanoseconds(vcpu.average())).collect();
        reply.insert("postcopy-vcpu-latency", averages);
        reply.insert("postcopy-non-vcpu-latency", nanoseconds(found.others.average()));
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn ram_statistics(ram: &RamStatistics, release: QemuRelease) -> Value {
    let mut reply = Members::default();
    for (name, number) in [
        ("total", ram.total),
        ("remaining", ram.remaining),
        ("transferred", ram.transferred),
        ("normal", ram.normal),
        ("normal-bytes", ram.normal_bytes()),
        ("duplicate", ram.duplicate),
        ("dirty-pages-rate", ram.dirty_pages_rate),
        ("dirty-sync-count", ram.dirty_sync_count),
        ("page-size", ram.page_size),
        ("pages-per-second", ram.pages_per_second),
        ("precopy-bytes", ram.precopy_bytes),
        ("downtime-bytes", ram.downtime_bytes),
        ("multifd-bytes", ram.multifd_bytes),
        ("postcopy-bytes", ram.postcopy_bytes),
        ("postcopy-requests", ram.postcopy_requests),
    ] {
        reply.insert(name, number);
    }
    reply.insert("mbps", ram.mbps);
    // A part of QEMU that this library does not have yet. Clients require the member.
    reply.insert("dirty-sync-missed-zero-copy", 0);
    if release == QemuRelease::V7_2 {
        reply.insert("skipped", 0);
    }
    Value::Object(reply.0)
}

fn xbzrle_statistics(found: &XbzrleStatistics) -> Value {
    json!({
        "cache-size": found.cache_size,
        "bytes": found.bytes,
        "pages": found.pages,
        "cache-miss": found.cache_miss,
        "cache-miss-rate": found.cache_miss_rate,
        "encoding-rate": found.encoding_rate,
        "overflow": found.overflow,
    })
}

fn xbzrle_type() -> Type {
    let integers = ["cache-size", "bytes", "pages", "cache-miss", "overflow"].map(|name| required(name, Type::Integer));
    let rates = ["cache-miss-rate", "encoding-rate"].map(|name| required(name, Type::Number));
    Type::Object(integers.into_iter().chain(rates).collect())
}

fn prediction(prediction: Prediction) -> Value {
    json!({
        "memory-us": microseconds(prediction.memory),
        "devices-us": microseconds(prediction.devices),
        "handshake-us": microseconds(prediction.handshake),
    })
}

fn downtime_parts(parts: &DowntimeParts) -> Value {
    json!({
        "stop-us": microseconds(parts.stop),
        "pause-us": microseconds(parts.pause),
        "memory-us": microseconds(parts.memory),
        "devices-us": microseconds(parts.devices),
        "handshake-us": microseconds(parts.handshake),
    })
}

pub(super) fn statistics_type(release: QemuRelease) -> Type {
    let mut members = vec![optional("status", Type::Words(status_names(release)))];
    let times = ["setup-time", "total-time", "expected-downtime", "downtime", "cpu-throttle-percentage"];
    members.extend(times.map(|name| optional(name, Type::Integer)));
    members.extend([
        optional("error-desc", Type::Text),
        optional("blocked-reasons", Type::list(Type::Text)),
        optional("ram", ram_type(release)),
        optional("xbzrle-cache", xbzrle_type()),
        optional("x-predicted", integers(&["memory-us", "devices-us", "handshake-us"])),
        optional("x-downtime-parts", integers(&["stop-us", "pause-us", "memory-us", "devices-us", "handshake-us"])),
        optional("postcopy-blocktime", Type::Integer),
        optional("postcopy-vcpu-blocktime", Type::list(Type::Integer)),
        optional("socket-address", socket_address_type()),
    ]);
    if release >= QemuRelease::V10_0 {
        let times = ["dirty-limit-throttle-time-per-round", "dirty-limit-ring-full-time"];
        members.extend(times.map(|name| optional(name, Type::Integer)));
    }
    if release >= QemuRelease::V11_1 {
        members.push(optional("remaining", Type::Integer));
        members.extend(["postcopy-latency", "postcopy-non-vcpu-latency"].map(|name| optional(name, Type::Integer)));
        let lists = ["postcopy-latency-dist", "postcopy-vcpu-latency"];
        members.extend(lists.map(|name| optional(name, Type::list(Type::Integer))));
    }
    Type::Object(members)
}

fn integers(names: &[&'static str]) -> Type {
    Type::Object(names.iter().map(|name| required(name, Type::Integer)).collect())
}

fn ram_type(release: QemuRelease) -> Type {
    let sample = ram_statistics(&RamStatistics::default(), release);
    let members = RAM_MEMBERS.iter().filter(|name| sample.get(**name).is_some());
    let kind = |name: &str| if name == "mbps" { Type::Number } else { Type::Integer };
    Type::Object(members.map(|name| required(name, kind(name))).collect())
}

const RAM_MEMBERS: [&str; 18] = [
    "total",
    "remaining",
    "transferred",
    "normal",
    "normal-bytes",
    "duplicate",
    "dirty-pages-rate",
    "mbps",
    "dirty-sync-count",
    "postcopy-requests",
    "page-size",
    "multifd-bytes",
    "pages-per-second",
    "precopy-bytes",
    "downtime-bytes",
    "postcopy-bytes",
    "dirty-sync-missed-zero-copy",
    "skipped",
];

/// Returns the reply of `query-dirty-rate`.
pub(super) fn dirty_rate(found: &DirtyRate, release: QemuRelease) -> Value {
    let mut reply = Members::default();
    reply.insert("status", found.status.name());
    reply.insert("start-time", found.start.as_secs());
    reply.insert("mode", found.mode.name());
    reply.insert("sample-pages", found.samples);
    if release >= QemuRelease::V10_0 {
        reply.insert("calc-time", milliseconds(found.duration));
        reply.insert("calc-time-unit", "millisecond");
    } else {
        reply.insert("calc-time", found.duration.as_secs());
    }
    reply.insert_some("dirty-rate", found.rate.map(|bytes| bytes >> 20));
    Value::Object(reply.0)
}

pub(super) fn dirty_rate_type(release: QemuRelease) -> Type {
    let mut members = vec![
        required("status", Type::Words(DirtyRateStatus::ALL.map(DirtyRateStatus::name).to_vec())),
        required("start-time", Type::Integer),
        required("mode", Type::Words(DirtyRateMode::ALL.map(DirtyRateMode::name).to_vec())),
        required("sample-pages", Type::Integer),
        required("calc-time", Type::Integer),
        optional("dirty-rate", Type::Integer),
    ];
    if release >= QemuRelease::V10_0 {
        members.push(required("calc-time-unit", Type::Words(vec!["second", "millisecond"])));
    }
    Type::Object(members)
}

#[cfg(test)]
mod tests {
    use super::super::super::{DirtyLimitStatistics, ThreadWaits};
    use super::*;

    fn running() -> Statistics {
        Statistics {
            status: MigrationStatus::Active,
            total_time: Some(Duration::from_millis(1500)),
            error: Some("lost".to_owned()),
            ram: Some(RamStatistics { total: 4096, mbps: 1.5, ..RamStatistics::default() }),
            xbzrle: Some(XbzrleStatistics { cache_miss_rate: 0.5, ..XbzrleStatistics::default() }),
            predicted: Some(Prediction::new(Duration::from_micros(5), Duration::ZERO, Duration::ZERO)),
            parts: Some(DowntimeParts::default()),
            dirty_limit: Some(DirtyLimitStatistics::new(Duration::from_millis(2), Duration::from_millis(3))),
            socket_address: Some(Uri::Unix("/run/guest".to_owned())),
            blocktime: Some(Blocktime { vcpus: vec![ThreadWaits::default(); 2], ..Blocktime::default() }),
            ..Statistics::default()
        }
    }

    #[test]
    fn replies_match_their_types() {
        let blocked = ["a device".to_owned()];
        for release in [QemuRelease::V7_2, QemuRelease::V10_0, QemuRelease::V11_1] {
            for found in [running(), Statistics::default()] {
                statistics_type(release).check(&statistics(&found, &blocked, release), "").unwrap();
            }
            status_type(release).check(&status(RunState::Paused, release), "").unwrap();
            dirty_rate_type(release).check(&dirty_rate(&DirtyRate::default(), release), "").unwrap();
            version_type().check(&version(release), "").unwrap();
            yank_type().check(&yank(true), "").unwrap();
        }
    }

    #[test]
    fn nothing_is_reported_before_the_first_migration() {
        assert_eq!(statistics(&Statistics::default(), &[], QemuRelease::V10_0), json!({}));
    }

    #[test]
    fn times_are_milliseconds() {
        let reply = statistics(&running(), &[], QemuRelease::V10_0);
        assert_eq!(reply["total-time"], 1500);
        assert_eq!(reply["x-predicted"]["memory-us"], 5);
        assert_eq!(reply["dirty-limit-throttle-time-per-round"], 2000);
        assert_eq!(reply["dirty-limit-ring-full-time"], 3000);
        assert_eq!(reply["ram"].get("skipped"), None);
        assert_eq!(statistics(&running(), &[], QemuRelease::V7_2)["ram"]["skipped"], 0);
    }
}
