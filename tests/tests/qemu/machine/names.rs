//! Instance ids above 0, aliases, and names of old machine types.

use vmstate::registry::{Local, Registration};
use vmstate_examples::devices::e1000::E1000;
use vmstate_examples::devices::i8254::Pit;
use vmstate_examples::devices::i8257::Dma;
use vmstate_examples::devices::i8259::Pic;
use vmstate_examples::devices::mc146818rtc::Rtc;
use vmstate_examples::devices::serial::IsaSerial;
use vmstate_tests::qemu::VERSIONS;

use super::*;

/// The scratch registers of the serial ports, and the masks of the second interrupt controller and DMA controller.
const PORTS: [u16; 4] = [0x3ff, 0x2ff, 0xa1, 0xde];

#[test]
fn instances_are_distinguished() {
    for version in VERSIONS {
        let values = [0x11, 0x22, 0x5a, 0x0c];
        let stream = saved_by_qemu(version, &PC, |qemu| {
            PORTS.iter().zip(values).for_each(|(port, value)| output(qemu, &[(*port, value)]));
        });
        let uarts = [(); 2].map(|()| shared(IsaSerial::default()));
        let (pics, dmas) = ([(); 2].map(|()| shared(Pic::default())), [(); 2].map(|()| shared(Dma::default())));
        let mut machine = registry_for(&stream);
        for number in 0..2 {
            machine.register("serial", uarts[number].clone()).unwrap();
            machine.register("i8259", pics[number].clone()).unwrap();
            machine.register("dma", dmas[number].clone()).unwrap();
        }
        let found = || {
            let scratch = |number: usize| uarts[number].borrow().port.scr;
            [scratch(0), scratch(1), pics[1].borrow().imr, dmas[1].borrow().mask]
        };
        load(&mut machine, &stream);
        assert_eq!(found(), values, "{version}");

        uarts[1].borrow_mut().port.scr = 0x33;
        pics[1].borrow_mut().imr = 0xa5;
        dmas[1].borrow_mut().mask = 0x03;
        let mut qemu = started(version, &PC, &mut machine);
        assert_eq!([0x3ff, 0x2ff, 0xa1].map(|port| input(&mut qemu, port)), [0x11, 0x33, 0xa5], "{version}");
        // The mask of a DMA controller cannot be read by the guest; QEMU's next stream has it.
        let stream = qemu.save();
        dmas[1].borrow_mut().mask = 0;
        load(&mut machine, &stream);
        assert_eq!(found(), [0x11, 0x33, 0xa5, 0x03], "{version}");
    }
}

/// Devices of the PC's board under the instance ids that they once had, their I/O ports, and that QEMU still knows
/// (`qdev_set_legacy_instance_id`); QEMU's own streams have them under their numbers.
struct Aliases {
    uart: Rc<RefCell<IsaSerial>>,
    pics: [Rc<RefCell<Pic>>; 2],
    pit: Rc<RefCell<Pit>>,
    rtc: Rc<RefCell<Rtc>>,
}

impl Aliases {
    fn new() -> Self {
        Self {
            uart: shared(IsaSerial::default()),
            pics: [(); 2].map(|()| shared(Pic::default())),
            pit: shared(Pit::default()),
            rtc: shared(Rtc::default()),
        }
    }

    /// Registers all that have an alias in QEMU `version`, under the ids that `ids` makes of a number, an I/O port, and the newest version with that id.
    fn register<'d>(
        &self,
        machine: &mut LocalMachine<'d>,
        version: &str,
        ids: impl Fn(Registration<'d, Local>, u32, u32, u32) -> Registration<'d, Local>,
    ) {
        let [first, second] = self.pics.clone();
        for (registration, number, port, version) in [
            (Registration::device("i8259", first), 0, 0x20, 1),
            (Registration::device("i8259", second), 1, 0xa0, 1),
            (Registration::device("i8254", self.pit.clone()), 0, 0x40, 2),
            (Registration::device("serial", self.uart.clone()), 0, 0x3f8, 3),
            (Registration::device("mc146818rtc", self.rtc.clone()), 0, 0x70, 3),
        ]
        .into_iter()
        .take(if version == "11.1" { 4 } else { 5 })
        {
            machine.add(ids(registration, number, port, version)).unwrap();
        }
    }
}

#[test]
fn a_device_is_found_under_its_alias() {
    // Without the second serial port, which would need another alias.
    let pc = &PC[..5];
    for version in VERSIONS {
        let values = [(0x3ff, 0x5a), (0xa1, 0x3c)];
        let stream = saved_by_qemu(version, pc, |qemu| output(qemu, &values));

        // The port is the instance id and the number its alias, so the stream loads, and the saved one contains the port.
        let devices = Aliases::new();
        let mut machine = registry_for(&stream);
        devices.register(&mut machine, version, |device, number, port, version| {
            device.instance_id(port).alias_id(number, version)
        });
        load(&mut machine, &stream);
        assert_eq!((devices.uart.borrow().port.scr, devices.pics[1].borrow().imr), (0x5a, 0x3c), "{version}");
        devices.uart.borrow_mut().port.scr = 0x77;
        let with_ports = saved(&mut machine, SaveOptions::new());
        let mut qemu = Qemu::load(version, "x86_64", pc, &with_ports);
        assert_eq!((input(&mut qemu, 0x3ff), input(&mut qemu, 0xa1)), (0x77, 0x3c), "{version}");

        // The other way round both load, as in QEMU.
        let devices = Aliases::new();
        let mut machine = registry_for(&stream);
        devices.register(&mut machine, version, |device, number, port, version| {
            device.instance_id(number).alias_id(port, version)
        });
        for (stream, scratch) in [(&stream, 0x5a), (&with_ports, 0x77)] {
            load(&mut machine, stream);
            assert_eq!((devices.uart.borrow().port.scr, devices.pics[1].borrow().imr), (scratch, 0x3c), "{version}");
        }
    }
}

#[test]
fn missing_instance_has_qemus_message() {
    for version in VERSIONS {
        let stream = saved_by_qemu(version, &PC, |_| {});
        let uart = shared(IsaSerial::default());
        let mut machine = registry_for(&stream);
        machine.add(Registration::device("serial", uart.clone()).instance_id(0x3f9).alias_id(0, 3)).unwrap();
        load(&mut machine, &stream);
        let stream = saved(&mut machine, SaveOptions::new());

        let refusal = Qemu::refusal(version, "x86_64", &PC, &stream);
        let mut machine = registry_for(&stream);
        machine.register("serial", uart).unwrap();
        let options =
            LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough)).section("serial", Rules::QEMU);
        let error = machine.load_with(&mut Reader::from_slice(&stream), options).unwrap_err();
        let said = error.qemu_message().unwrap_or_else(|| panic!("{version}: {error}"));
        assert!(said.contains("'serial' 1017") && is_printed(said, &refusal), "{version}: {said}\n{refusal}");
    }
}

/// The addresses of the cards' registers, and the wake-up register, which only a stream can write.
const CARDS: [u32; 2] = [0xfeb0_0000, 0xfeb2_0000];
pub(super) const WAKE_UP: u32 = 0x5800;

/// Maps a card's registers into memory, as a firmware would.
pub(super) fn map(card: &mut E1000, address: u32) {
    card.pci.config[0x10..0x14].copy_from_slice(&address.to_le_bytes());
    card.pci.config[4] |= 2;
}

#[test]
fn card_is_found_by_its_name_without_path() {
    let args = [&PC[..], &["-device", "e1000,addr=3", "-device", "e1000,addr=4"]].concat();
    for version in VERSIONS {
        let stream = saved_by_qemu(version, &args, |_| {});
        let register = |machine: &mut LocalMachine<'static>| {
            let cards = [(); 2].map(|()| shared(E1000::default()));
            let paths = ["0000:00:03.0", "0000:00:04.0"];
            let ids = [0, 1].map(|number| {
                let registration = Registration::device("e1000", cards[number].clone());
                machine.add(registration.device_path(paths[number])).unwrap()
            });
            (cards, ids)
        };
        let mut machine = registry_for(&stream);
        let (cards, ids) = register(&mut machine);
        load(&mut machine, &stream);
        for (number, card) in cards.iter().enumerate() {
            assert_ne!(card.borrow().mac_reg[0x5400 / 4], 0, "{version}: no MAC address in card {number}");
            map(&mut card.borrow_mut(), CARDS[number]);
            card.borrow_mut().mac_reg[WAKE_UP as usize / 4] = 0x100 + u32::try_from(number).unwrap();
        }
        ids.into_iter().zip(&cards).for_each(|(id, card)| rename(&mut machine, id, "e1000", card));
        let bare = saved(&mut machine, SaveOptions::new());

        let mut qemu = Qemu::load(version, "x86_64", &args, &bare);
        if version != "11.1" {
            // The monitor of 11.1 does not read registers of devices.
            let seen = CARDS.map(|address| memory(&mut qemu, u64::from(address + WAKE_UP)));
            assert_eq!(seen, [0x100, 0x101], "{version}: the instances 0 and 1 of `e1000` in QEMU");
        }

        let mut machine = registry_for(&bare);
        let (found, _) = register(&mut machine);
        load(&mut machine, &bare);
        assert_eq!(found, cards, "{version}");
        // QEMU has the full names again.
        load(&mut machine, &qemu.save());
        let seen = found.each_ref().map(|card| card.borrow().mac_reg[WAKE_UP as usize / 4]);
        assert_eq!(seen, [0x100, 0x101], "{version}");
    }
}
