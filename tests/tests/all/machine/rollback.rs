//! Rollback of devices whose locks, borrows and hooks fail during the load, and again during the rollback.

use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use vmstate::machine::{LoadOptions, LocalMachine, Rules, Unknown};
use vmstate::prelude::*;

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "pic")]
struct Pic {
    used: u32,
}

/// A device whose hook uses another device.
#[derive(VmState, Default)]
#[vmstate(name = "uart", post_load = Self::notify)]
struct Uart {
    before: u8,
    part: Part,
    after: u8,
    #[vmstate(skip = "set by the test")]
    notify: Option<Box<dyn FnMut() -> Result<(), String> + Send>>,
}

impl Uart {
    fn of(number: u8) -> Self {
        Self { before: number, part: Part { level: number }, after: number, notify: None }
    }

    fn notify(&mut self) -> Result<(), String> {
        self.notify.as_mut().map_or(Ok(()), |notify| notify())
    }

    fn numbers(&self) -> [u8; 3] {
        [self.before, self.part.level, self.after]
    }
}

/// A part whose hook panics for one level.
#[derive(VmState, Default)]
#[vmstate(name = "part", post_load = Self::check)]
struct Part {
    level: u8,
}

impl Part {
    fn check(&mut self) {
        assert_ne!(self.level, 200, "this level makes the hook panic");
    }
}

/// A stream of a machine with one interrupt controller and one serial port.
fn stream() -> Vec<u8> {
    let (mut pic, mut uart) = (Pic { used: 0xeeee }, Uart::of(0xee));
    let mut machine = Machine::new();
    machine.register("pic", &mut pic).unwrap();
    machine.register("uart", &mut uart).unwrap();
    let mut stream = Vec::new();
    machine.save(&mut stream).unwrap();
    stream
}

/// Panics on another thread while it holds the lock.
fn poison(pic: &Arc<Mutex<Pic>>) {
    let pic = pic.clone();
    let holder = move || {
        let _guard = pic.lock();
        panic!("poisons the lock");
    };
    std::thread::spawn(holder).join().unwrap_err();
}

#[test]
fn lock_poisoned_by_a_thread_is_rolled_back() {
    let pic = Arc::new(Mutex::new(Pic { used: 1 }));
    let mut uart = Uart::of(1);
    let held = pic.clone();
    uart.notify = Some(Box::new(move || {
        poison(&held);
        Err("a thread has panicked".to_owned())
    }));
    let mut machine = Machine::new();
    machine.register("pic", pic.clone()).unwrap();
    machine.register("uart", &mut uart).unwrap();
    let error = machine.load(&stream()[..]).unwrap_err();
    assert_eq!((error.unrestored(), machine.unrestored()), (None, &[][..]));
    drop(machine);
    assert_eq!(uart.numbers(), [1; 3]);
    assert_eq!(pic.lock().unwrap_or_else(PoisonError::into_inner).used, 1);
}

#[test]
fn lock_poisoned_by_a_hook_is_rolled_back() {
    let pic = Arc::new(RwLock::new(Pic { used: 1 }));
    let mut uart = Uart::of(1);
    let held = pic.clone();
    uart.notify = Some(Box::new(move || {
        let pic = held.write();
        panic!("panics while it holds {pic:?}");
    }));
    let mut machine = Machine::new();
    machine.register("pic", pic.clone()).unwrap();
    machine.register("uart", &mut uart).unwrap();
    catch_unwind(AssertUnwindSafe(|| machine.load(&stream()[..]).map(drop))).unwrap_err();
    let [unrestored] = machine.unrestored() else { panic!("{:?}", machine.unrestored()) };
    assert_eq!(unrestored, "section \"uart\" (instance 0): a panic", "the hook panics again");
    drop(machine);
    assert_eq!(uart.numbers(), [1; 3]);
    assert_eq!(pic.read().unwrap_or_else(PoisonError::into_inner).used, 1);
}

#[test]
fn poisoned_lock_is_not_loaded() {
    let pic = Arc::new(Mutex::new(Pic { used: 1 }));
    poison(&pic);
    let mut machine = Machine::new();
    machine.register("pic", pic.clone()).unwrap_err();
    pic.clear_poison();
    machine.register("pic", pic.clone()).unwrap();
    poison(&pic);
    let error = machine.load(&stream()[..]).unwrap_err();
    assert!(error.to_string().contains("poisoned"), "{error}");
    assert_eq!(pic.lock().unwrap_or_else(PoisonError::into_inner).used, 1);
}

#[test]
fn leaked_borrow_is_in_the_error() {
    let pic = Rc::new(RefCell::new(Pic { used: 1 }));
    let uart = Rc::new(RefCell::new(Uart::of(1)));
    let mut machine = LocalMachine::new_local();
    machine.register("pic", pic.clone()).unwrap();
    machine.register("uart", uart.clone()).unwrap();
    let held = pic.clone();
    machine.after_load(move || {
        mem::forget(held.borrow_mut());
        Err("a borrow has leaked")
    });
    let error = machine.load(&stream()[..]).unwrap_err();
    let expected = "section \"pic\" (instance 0): the device is borrowed by another part of the program";
    assert_eq!(error.unrestored(), Some(expected));
    assert_eq!(machine.unrestored(), [expected]);
    assert!(error.to_string().ends_with(&format!("; not restored: {expected}")), "{error}");
    assert!(error.report().to_string().contains(&format!("\n  changed   {expected}")), "{error:?}");
    assert_eq!(uart.borrow().numbers(), [1; 3], "all others are restored");
    let cut = &stream()[..20];
    let error = machine.load_with(&mut Reader::from_slice(cut), LoadOptions::new().without_rollback()).unwrap_err();
    assert_eq!((error.unrestored(), machine.unrestored()), (None, &[][..]), "they are of the last load");
}

#[test]
fn hook_that_panics_again_does_not_stop_the_rollback() {
    let (mut pic, mut uart) = (Pic { used: 1 }, Uart::of(1));
    uart.part.level = 200;
    let mut stream = stream();
    let level = stream.windows(3).position(|window| window == [0xee; 3]).unwrap() + 1;
    stream[level] = 200;
    let mut machine = Machine::new();
    machine.register("pic", &mut pic).unwrap();
    machine.register("uart", &mut uart).unwrap();
    catch_unwind(AssertUnwindSafe(|| machine.load(&stream[..]).map(drop))).unwrap_err();
    assert_eq!(machine.unrestored(), ["section \"uart\" (instance 0): a panic"]);
    drop(machine);
    assert_eq!((uart.numbers(), pic.used), ([1, 200, 1], 1));
}

#[test]
fn next_load_forgets_unrestored_devices() {
    let pic = Rc::new(RefCell::new(Pic::default()));
    let mut machine = LocalMachine::new_local();
    machine.register("pic", pic.clone()).unwrap();
    machine.register("uart", Uart::of(1)).unwrap();
    let (held, mut leak) = (pic.clone(), true);
    machine.after_load(move || {
        if mem::take(&mut leak) {
            mem::forget(held.borrow_mut());
            return Err("a borrow has leaked");
        }
        Ok(())
    });
    machine.load(&stream()[..]).unwrap_err();
    assert_eq!(machine.unrestored().len(), 1);
    let error = machine.load(&stream()[..]).unwrap_err();
    assert_eq!((error.unrestored(), machine.unrestored()), (None, &[][..]), "it was not loaded");
}

#[test]
fn device_replaces_a_kept_section_of_its_name() {
    let mut uart = Uart::of(1);
    let mut machine = Machine::new();
    machine.register("uart", &mut uart).unwrap();
    let keep = LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough));
    machine.load_with(&mut Reader::from_slice(&stream()), keep).unwrap();
    let mut pic = Pic { used: 5 };
    machine.register("pic", &mut pic).unwrap();
    let mut saved = Vec::new();
    assert_eq!(machine.save(&mut saved).unwrap().sections, 2);
    machine.load(&saved[..]).unwrap();
    drop(machine);
    assert_eq!(pic.used, 5);
}

#[test]
fn each_failed_load_is_rolled_back() {
    let (mut pic, mut uart, stream) = (Pic { used: 1 }, Uart::of(1), stream());
    uart.notify = Some(Box::new(|| Err("not now".to_owned())));
    let mut machine = Machine::new();
    machine.register("pic", &mut pic).unwrap();
    machine.register("uart", &mut uart).unwrap();
    machine.load(&stream[..]).unwrap_err();
    machine.load(&stream[..]).unwrap_err();
    drop(machine);
    assert_eq!((pic.used, uart.numbers()), (1, [1; 3]));
}
