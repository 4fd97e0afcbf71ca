//! Saves and loads that are driven step by step.

use std::sync::{Arc, Mutex};
use std::thread;

use proptest::prelude::*;
use vmstate::error::{LoadErrorKind, SaveErrorKind};
use vmstate::machine::{LoadOptions, LoadReport, LoadSession, SaveOptions, SaveSession, Step};
use vmstate::prelude::*;
use vmstate::section::{LiveSection, Output, Pending};
use vmstate::stream::{Command, SectionKind, StreamReader};

use super::devices::{Board, PAGE, Serial};

#[test]
fn sessions_and_options_are_plain_data() {
    fn assert_plain<T: Send + std::fmt::Debug + 'static>() {}
    fn assert_clone<T: Clone>() {}
    assert_plain::<SaveSession>();
    assert_plain::<LoadSession>();
    assert_plain::<SaveOptions>();
    assert_plain::<LoadOptions>();
    assert_clone::<SaveOptions>();
    assert_clone::<LoadOptions>();
}

/// Loads the next item of the stream and returns a text for it; an error rolls back.
fn take(
    session: &mut LoadSession,
    machine: &mut Machine<'_>,
    stream: &mut StreamReader<'_, '_>,
) -> Result<String, LoadError> {
    session.step(machine, stream).map(|step| match step {
        Step::Section(header) => format!("{} {}", header.kind, header.name),
        other => format!("{other:?}"),
    })
}

/// Loads `bytes` step by step.
fn load(machine: &mut Machine<'_>, bytes: &[u8], options: LoadOptions) -> Result<LoadReport, LoadError> {
    let mut reader = Reader::from_slice(bytes);
    let mut stream = options.open(&mut reader)?;
    let mut session = LoadSession::begin(machine, &mut stream, options)?;
    loop {
        match take(&mut session, machine, &mut stream) {
            Ok(step) if step == "End" => return session.commit(machine),
            Ok(_) => {}
            Err(error) => return Err(session.fail(machine, &mut stream, error)),
        }
    }
}

#[test]
fn steps_return_the_items_of_the_stream() {
    let bytes = Board::busy().saved();
    let mut board = Board::other();
    let mut machine = board.machine();
    let mut reader = Reader::from_slice(&bytes);
    let mut stream = LoadOptions::new().open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut machine, &mut stream, LoadOptions::new()).unwrap();
    let mut steps = Vec::new();
    while steps.last().is_none_or(|last| last != "End") {
        steps.push(take(&mut session, &mut machine, &mut stream).unwrap());
    }
    assert_eq!(steps, ["start ram", "end ram", "full pic", "full serial", "full serial", "End"]);
    session.commit(&mut machine).unwrap();
}

#[test]
fn load_in_steps_equals_one_call() {
    let bytes = Board::busy().saved();
    let (mut stepped, mut whole) = (Board::other(), Board::other());
    let report = load(&mut stepped.machine(), &bytes, LoadOptions::new()).unwrap();
    assert_eq!(report, whole.machine().load(&bytes[..]).unwrap());
    assert_eq!(stepped, whole);
}

#[test]
fn truncated_load_in_steps_equals_one_call() {
    let bytes = Board::busy().saved();
    for length in 0..bytes.len() {
        let mut stepped = Board::other();
        let mut whole = stepped.copy();
        let cut = &bytes[..length];
        let stepped_error = load(&mut stepped.machine(), cut, LoadOptions::new()).map_err(|error| error.to_string());
        let whole_error = whole.machine().load_with(&mut Reader::from_slice(cut), LoadOptions::new());
        assert_eq!(stepped_error, whole_error.map_err(|error| error.to_string()), "{length} bytes");
        assert_eq!(stepped, whole, "{length} bytes");
    }
}

#[test]
fn rollback_after_any_step_restores_the_machine() {
    let bytes = Board::busy().saved();
    for steps in 0..=6 {
        let mut board = Board::other();
        let before = board.copy();
        let mut machine = board.machine();
        let mut reader = Reader::from_slice(&bytes);
        let mut stream = LoadOptions::new().open(&mut reader).unwrap();
        let mut session = LoadSession::begin(&mut machine, &mut stream, LoadOptions::new()).unwrap();
        for _ in 0..steps {
            take(&mut session, &mut machine, &mut stream).unwrap();
        }
        session.roll_back(&mut machine);
        drop(machine);
        assert_eq!(board, before, "{steps} steps");
    }
}

#[test]
fn commit_before_the_end_rolls_back() {
    let bytes = Board::busy().saved();
    let mut board = Board::other();
    let before = board.copy();
    let mut machine = board.machine();
    let mut reader = Reader::from_slice(&bytes);
    let mut stream = LoadOptions::new().open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut machine, &mut stream, LoadOptions::new()).unwrap();
    for _ in 0..4 {
        take(&mut session, &mut machine, &mut stream).unwrap();
    }
    assert_eq!(session.commit(&mut machine).unwrap_err().kind(), LoadErrorKind::Misuse);
    drop(machine);
    assert_eq!(board, before);
}

#[test]
fn failing_hook_in_commit_rolls_back() {
    let mut source = Board::busy();
    source.uarts[1].divider = 0xdead;
    let bytes = source.saved();
    let mut board = Board::other();
    let before = board.copy();
    let error = load(&mut board.machine(), &bytes, LoadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), LoadErrorKind::Rejected);
    assert_eq!(board, before);
}

#[test]
fn sections_that_change_between_steps_are_an_error() {
    let bytes = Board::busy().saved();
    let mut board = Board::other();
    let before = board.copy();
    let mut machine = board.machine();
    let plugged = machine.register("hotplugged", Serial::default()).unwrap();
    let mut reader = Reader::from_slice(&bytes);
    let mut stream = LoadOptions::new().open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut machine, &mut stream, LoadOptions::new()).unwrap();
    for _ in 0..4 {
        take(&mut session, &mut machine, &mut stream).unwrap();
    }
    assert!(machine.unregister(plugged));
    let error = take(&mut session, &mut machine, &mut stream).unwrap_err();
    assert_eq!(error.kind(), LoadErrorKind::Misuse);
    // Entries that are still registered are rolled back at any index.
    session.roll_back(&mut machine);
    drop(machine);
    assert_eq!(board, before);
}

#[test]
fn rollback_finds_entries_that_have_moved() {
    let bytes = Board::busy().saved();
    let mut board = Board::other();
    let before = board.copy();
    let mut machine = Machine::with_type("board");
    let first = machine.register("plugged", Serial::default()).unwrap();
    let [one, other] = &mut board.uarts;
    machine.register("serial", one).unwrap();
    machine.register("serial", other).unwrap();
    machine.register("pic", board.pic.clone()).unwrap();
    let options = LoadOptions::new().section("ram", vmstate::machine::Rules::default().unknown(skip()));
    let mut reader = Reader::from_slice(&bytes);
    let mut stream = options.open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut machine, &mut stream, options).unwrap();
    for _ in 0..5 {
        take(&mut session, &mut machine, &mut stream).unwrap();
    }
    assert!(machine.unregister(first));
    session.roll_back(&mut machine);
    drop(machine);
    assert_eq!(board, before);
}

fn skip() -> vmstate::machine::Unknown {
    vmstate::machine::Unknown::Skip
}

#[test]
fn session_of_another_machine_is_an_error() {
    let bytes = Board::busy().saved();
    let (mut board, mut other) = (Board::other(), Board::other());
    let before = other.copy();
    let (mut machine, mut wrong) = (board.machine(), other.machine());
    let mut reader = Reader::from_slice(&bytes);
    let mut stream = LoadOptions::new().open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut machine, &mut stream, LoadOptions::new()).unwrap();
    assert_eq!(take(&mut session, &mut wrong, &mut stream).unwrap_err().kind(), LoadErrorKind::Misuse);
    session.roll_back(&mut wrong);

    let mut writer = Writer::new();
    let mut out = Output::new(&mut writer, None);
    let mut session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
    assert_eq!(session.iterate(&mut wrong, &mut out, 100).unwrap_err().kind(), SaveErrorKind::Misuse);
    session.abort(&mut machine);
    drop(wrong);
    assert_eq!(other, before);
}

#[test]
fn later_session_supersedes_the_earlier_one() {
    let mut board = Board::busy();
    let mut machine = board.machine();
    let mut writer = Writer::new();
    let mut out = Output::new(&mut writer, None);
    let mut first = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
    let second = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
    assert_eq!(first.devices(&mut machine, &mut out).unwrap_err().kind(), SaveErrorKind::Misuse);
    first.abort(&mut machine);
    second.finish(&mut machine, &mut out).unwrap();
}

/// A live section that records its calls.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn note(&self, call: &'static str) {
        self.0.lock().unwrap().push(call);
    }
}

impl LiveSection for Log {
    fn save_setup(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        self.note("save_setup");
        Ok(())
    }

    fn pending_exact(&mut self) -> Pending {
        Pending::default()
    }

    fn save_iterate(&mut self, _: &mut Output<'_>, _: u64) -> Result<bool, SaveError> {
        self.note("save_iterate");
        Ok(true)
    }

    fn save_complete(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        self.note("save_complete");
        Ok(())
    }

    fn save_cleanup(&mut self) {
        self.note("save_cleanup");
    }

    fn load_setup(&mut self, _: bool) -> Result<(), LoadError> {
        self.note("load_setup");
        Ok(())
    }

    fn load(&mut self, _: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        self.note("load");
        Ok(())
    }

    fn load_forgo_undo(&mut self) -> Result<(), LoadError> {
        self.note("load_forgo_undo");
        Ok(())
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        self.note("load_undo");
        Ok(())
    }

    fn load_cleanup(&mut self) {
        self.note("load_cleanup");
    }
}

#[test]
fn dropped_session_is_cleaned_up_by_the_next() {
    let log = Log::default();
    let mut machine = Machine::new();
    machine.register_live("log", 1, log.clone()).unwrap();
    let mut writer = Writer::new();
    let mut out = Output::new(&mut writer, None);
    drop(SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap());
    assert_eq!(*log.0.lock().unwrap(), ["save_setup"]);
    let mut stream = Vec::new();
    machine.save(&mut stream).unwrap();
    let calls = ["save_setup", "save_cleanup", "save_setup", "save_complete", "save_cleanup"];
    assert_eq!(*log.0.lock().unwrap(), calls);

    log.0.lock().unwrap().clear();
    let mut reader = Reader::from_slice(&stream);
    let mut items = LoadOptions::new().open(&mut reader).unwrap();
    drop(LoadSession::begin(&mut machine, &mut items, LoadOptions::new()).unwrap());
    machine.load(&stream[..]).unwrap();
    let calls = ["load_setup", "load_cleanup", "load_setup", "load", "load", "load_cleanup"];
    assert_eq!(*log.0.lock().unwrap(), calls);
}

#[test]
fn forgone_rollback_keeps_the_loaded_state() {
    let mut source = Board::busy();
    let bytes = source.saved();
    let mut board = Board::other();
    let log = Log::default();
    let mut machine = board.machine();
    machine.register_live("log", 1, log.clone()).unwrap();
    let mut reader = Reader::from_slice(&bytes);
    let mut stream = LoadOptions::new().open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut machine, &mut stream, LoadOptions::new()).unwrap();
    for _ in 0..5 {
        take(&mut session, &mut machine, &mut stream).unwrap();
    }
    session.run_post_load(&mut machine).unwrap();
    session.forgo_rollback(&mut machine).unwrap();
    session.roll_back(&mut machine);
    drop(machine);
    assert_eq!(*log.0.lock().unwrap(), ["load_setup", "load_forgo_undo", "load_cleanup"]);
    assert_eq!(board.uarts[0].rate, 9600, "its `post_load` has run");
    assert_eq!(board.saved(), source.saved());
}

#[test]
fn post_load_runs_once() {
    #[derive(VmState, Default)]
    #[vmstate(name = "counter", post_load = Self::count)]
    struct Counter {
        value: u8,
        #[vmstate(skip = "counts the hook's calls")]
        calls: u32,
    }

    impl Counter {
        fn count(&mut self) {
            self.calls += 1;
        }
    }

    let counter = Arc::new(Mutex::new(Counter::default()));
    let mut machine = Machine::new();
    machine.register("counter", counter.clone()).unwrap();
    let mut bytes = Vec::new();
    machine.save(&mut bytes).unwrap();
    let mut reader = Reader::from_slice(&bytes);
    let mut stream = LoadOptions::new().open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut machine, &mut stream, LoadOptions::new()).unwrap();
    take(&mut session, &mut machine, &mut stream).unwrap();
    assert_eq!(counter.lock().unwrap().calls, 0);
    session.run_post_load(&mut machine).unwrap();
    take(&mut session, &mut machine, &mut stream).unwrap();
    session.commit(&mut machine).unwrap();
    assert_eq!(counter.lock().unwrap().calls, 1);
}

#[test]
fn sessions_move_between_threads() {
    let mut source = Board::busy();
    let whole = source.saved();
    let mut writer = Writer::new();
    let mut machine = source.machine();
    let mut out = Output::new(&mut writer, None);
    let session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
    let finish = || session.finish(&mut machine, &mut Output::new(&mut writer, None));
    thread::scope(|scope| scope.spawn(finish).join().unwrap()).unwrap();
    assert_eq!(writer.pending(), whole);

    let mut board = Board::other();
    let mut machine = board.machine();
    let mut reader = Reader::from_slice(&whole);
    let mut stream = LoadOptions::new().open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut machine, &mut stream, LoadOptions::new()).unwrap();
    while take(&mut session, &mut machine, &mut stream).unwrap() != "End" {}
    thread::scope(|scope| scope.spawn(|| session.commit(&mut machine)).join().unwrap()).unwrap();
    drop(machine);
    assert_eq!(board.saved(), whole);
}

#[test]
fn devices_can_go_into_a_package() {
    let mut board = Board::busy();
    let mut machine = board.machine();
    let (mut writer, mut package) = (Writer::new(), Writer::new());
    let mut out = Output::new(&mut writer, None);
    let mut session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new().description(None)).unwrap();
    session.devices(&mut machine, &mut Output::new(&mut package, None)).unwrap();
    let length = u32::try_from(package.pending().len()).unwrap();
    session.command(&mut out, &Command::Packaged { length }).unwrap();
    out.writer().bytes(package.pending());
    let saved = session.finish(&mut machine, &mut out).unwrap();
    assert_eq!(saved.sections, 5);
    drop(machine);

    let stream = writer.take();
    let mut copy = Board::other();
    copy.machine().load_with_commands(&mut Reader::from_slice(&stream), LoadOptions::new(), |_| Ok(())).unwrap();
    assert_eq!(copy.saved(), board.saved());
}

/// The steps of a save between its beginning and its end.
#[derive(Debug, Clone, Copy)]
enum Action {
    Iterate(u64),
    Estimate,
    Exact,
    Ping(u32),
    Complete,
    Devices,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        (0..4 * PAGE).prop_map(Action::Iterate),
        Just(Action::Estimate),
        Just(Action::Exact),
        any::<u32>().prop_map(Action::Ping),
    ];
    (prop::collection::vec(action, 0..8), any::<bool>(), any::<bool>()).prop_map(|(mut actions, complete, devices)| {
        actions.extend(complete.then_some(Action::Complete));
        actions.extend((complete && devices).then_some(Action::Devices));
        actions
    })
}

/// Saves in the steps of `actions`; into a sink, or only into a writer.
fn save(board: &mut Board, actions: &[Action], sink: bool) -> Vec<u8> {
    let mut machine = board.machine();
    let (mut writer, mut stream) = (Writer::new(), Vec::new());
    let mut out = Output::new(&mut writer, sink.then_some(&mut stream as &mut (dyn std::io::Write + Send)));
    let mut session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
    for action in actions {
        match *action {
            Action::Iterate(budget) => drop(session.iterate(&mut machine, &mut out, budget).unwrap()),
            Action::Estimate => drop(session.pending_estimate(&mut machine)),
            Action::Exact => drop(session.pending_exact(&mut machine)),
            Action::Ping(number) => session.command(&mut out, &Command::Ping(number)).unwrap(),
            Action::Complete => session.complete_live(&mut machine, &mut out).unwrap(),
            Action::Devices => session.devices(&mut machine, &mut out).unwrap(),
        }
    }
    session.finish(&mut machine, &mut out).unwrap();
    if sink { stream } else { writer.take() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_steps_of_a_save_load_the_same_machine(actions in actions()) {
        let mut board = Board::busy();
        let stream = save(&mut board, &actions, false);
        prop_assert_eq!(&save(&mut board, &actions, true), &stream);
        let writes = |action: &Action| matches!(action, Action::Iterate(_) | Action::Ping(_));
        if !actions.iter().any(writes) {
            prop_assert_eq!(&stream, &board.saved(), "steps that send nothing themselves change nothing");
        }
        let mut copy = Board::other();
        let options = LoadOptions::new();
        copy.machine().load_with_commands(&mut Reader::from_slice(&stream), options, |_| Ok(())).unwrap();
        prop_assert_eq!(copy.saved(), board.saved());
    }
}
