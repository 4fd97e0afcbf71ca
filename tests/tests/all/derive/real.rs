//! Attributes that no committed stream covers, with sections of QEMU: the payload and its text in the description.

mod queues;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use vmstate::Temporary;
use vmstate::prelude::*;

use vmstate_tests::releases::release;

use super::{described, hex, load, loaded, save};

/// Returns the payload of a section of QEMU, and its text in the description.
fn read(name: &str) -> (Vec<u8>, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sections").join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (digits, description) = text.split_once('"').expect("a payload and a description");
    let digits: String = digits.lines().filter(|line| !line.starts_with('#')).collect();
    (hex(&digits), format!("\"{}", description.trim_end()))
}

/// Loads a section of QEMU into `fresh`, and saves it again as the same bytes with the same description.
fn check<T: VmState + Clone>(name: &str, fresh: &T) -> T {
    let (payload, description) = read(name);
    let mut device = loaded(fresh.clone(), &payload);
    assert_eq!(save(&mut device), payload);
    assert_eq!(described(&mut device, release(name)), description);
    device
}

/// Like [`check`], with the section of QEMU 10.0 and the equal one of 11.1.
fn check_both<T: VmState + Clone>(section: &str, fresh: &T) -> T {
    check(&format!("qemu-11.1-{section}"), fresh);
    check(&format!("qemu-10.0-{section}"), fresh)
}

#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(name = "virtio-mem-device-early", early_setup)]
struct VirtioMem {
    #[vmstate(name = "tmp", tmp = SanityChecks)]
    checked: SanityChecks,
    size: u64,
    #[vmstate(skip = "the region's size in blocks")]
    blocks: u32,
    #[vmstate(bitmap(bits = blocks, max = 1024))]
    bitmap: Vec<u64>,
}

#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(name = "virtio-mem-device/sanity-checks", version = 0)]
struct SanityChecks {
    addr: u64,
    region_size: u64,
    block_size: u64,
    node: u32,
}

impl Temporary<VirtioMem> for SanityChecks {
    fn from_parent(parent: &VirtioMem) -> Self {
        parent.checked.clone()
    }

    fn apply(self, parent: &mut VirtioMem) -> Result<(), LoadError> {
        if self != parent.checked {
            return Err(LoadError::incompatible("the same memory", format!("{self:?}")));
        }
        Ok(())
    }
}

#[test]
fn bitmaps_and_temporaries_of_virtio_mem() {
    let checked = SanityChecks { addr: 1 << 32, region_size: 64 << 20, block_size: 2 << 20, node: 0 };
    let fresh = VirtioMem { checked, size: 1, blocks: 32, bitmap: Vec::new() };
    let device = check_both("virtio-mem", &fresh);
    assert_eq!((device.size, device.bitmap.as_slice()), (0, &[0][..]), "nothing is plugged yet");
    assert!(VirtioMem::DESCRIPTION.early_setup);

    let wire = save(&mut device.clone());
    let mut other = fresh;
    other.checked.node = 1;
    let error = load(&mut other, &wire, 1).unwrap_err();
    assert_eq!(error.expected(), "the same memory");
}

#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "uefi-vars-sysbus", version = 0)]
struct UefiVarsSysbus {
    state: UefiVars,
}

#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "uefi-vars", version = 0)]
struct UefiVars {
    sts: u16,
    buf_size: u32,
    buf_addr_lo: u32,
    buf_addr_hi: u32,
    pio_xfer_offset: u32,
    #[vmstate(buffer(len = buf_size, max = 65536))]
    pio_xfer_buffer: Vec<u8>,
    end_of_dxe: bool,
    ready_to_boot: bool,
    exit_boot_service: bool,
    policy_locked: bool,
    used_storage: u64,
    #[vmstate(list(max = 256))]
    variables: VecDeque<UefiVariable>,
    #[vmstate(list(max = 256))]
    var_policies: VecDeque<UefiPolicy>,
}

#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "uefi-variable", version = 0)]
struct UefiVariable {
    #[vmstate(name = "guid.data")]
    guid: [u8; 16],
    name_size: u32,
    data_size: u32,
    attributes: u32,
    #[vmstate(buffer(len = name_size, max = 1024))]
    name: Vec<u8>,
    #[vmstate(buffer(len = data_size, max = 65536))]
    data: Vec<u8>,
    time: UefiTime,
    #[vmstate(subsection)]
    digest: Option<UefiDigest>,
}

/// The hash of an authenticated variable's certificate, which 11.1 sends for one variable.
#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "uefi-variable-digest", version = 0)]
struct UefiDigest {
    digest_size: u32,
    #[vmstate(buffer(len = digest_size, max = 64))]
    digest: Vec<u8>,
}

#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "uefi-time", version = 0)]
struct UefiTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
}

/// The section contains an empty list only.
#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "uefi-var-policy", version = 0)]
struct UefiPolicy {
    buf_size: u32,
}

#[test]
fn lists_and_sized_buffers_of_uefi_variables() {
    let state = check("qemu-10.0-uefi-vars", &UefiVarsSysbus::default()).state;
    let variables = check("qemu-11.1-uefi-vars", &UefiVarsSysbus::default()).state.variables;
    assert_eq!(variables.iter().filter(|variable| variable.digest.is_some()).count(), 1);
    let name = |variable: &UefiVariable| {
        let units: Vec<_> = variable.name.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        String::from_utf16(&units).unwrap().trim_end_matches('\0').to_owned()
    };
    let names: Vec<_> = state.variables.iter().map(name).collect();
    assert_eq!(names, ["SetupMode", "SignatureSupport", "SecureBoot", "CustomMode", "VendorKeysNv", "VendorKeys"]);
    let used: usize = state.variables.iter().map(|variable| variable.name.len() + variable.data.len()).sum();
    assert!(state.used_storage >= used as u64, "{} for {used}", state.used_storage);
    assert!(state.var_policies.is_empty());
}

#[derive(VmState, Clone, Debug)]
#[vmstate(name = "s390_css")]
struct Css {
    #[vmstate(list(max = 256))]
    pending_crws: VecDeque<Crw>,
    sei_pending: bool,
    do_crw_mchk: bool,
    crws_lost: bool,
    max_cssid: u8,
    max_ssid: u8,
    chnmon_active: bool,
    chnmon_area: u64,
    #[vmstate(pointer)]
    css: [Option<Box<CssImage>>; 256],
    default_cssid: u8,
}

/// None was sent.
#[derive(VmState, Clone, Default, Debug)]
#[vmstate(name = "s390_crw_container")]
struct Crw {
    rsid: u16,
}

#[derive(VmState, Clone, Debug)]
#[vmstate(name = "s390_css_img")]
struct CssImage {
    chpids: [ChannelPath; 256],
}

#[derive(VmState, Clone, Copy, Default, Debug, PartialEq)]
#[vmstate(name = "s390_chp_info")]
struct ChannelPath {
    in_use: u8,
    r#type: u8,
    is_virtual: u8,
}

/// One of 256 channel subsystem images is present, known to both sides.
#[test]
fn null_pointers_of_channel_subsystems() {
    let image = || Box::new(CssImage { chpids: [ChannelPath::default(); 256] });
    let fresh = Css {
        pending_crws: VecDeque::new(),
        sei_pending: false,
        do_crw_mchk: false,
        crws_lost: false,
        max_cssid: 0,
        max_ssid: 0,
        chnmon_active: false,
        chnmon_area: 0,
        css: std::array::from_fn(|index| (index == 254).then(image)),
        default_cssid: 0,
    };
    for name in ["qemu-7.2-s390-css", "qemu-10.0-s390-css", "qemu-11.1-s390-css"] {
        let device = check(name, &fresh);
        let image = device.css[254].as_ref().unwrap();
        assert_eq!(image.chpids[0], ChannelPath { in_use: 1, r#type: 0x32, is_virtual: 1 }, "{name}");
        assert_eq!((device.do_crw_mchk, device.default_cssid), (true, 254), "{name}");
    }
}

#[derive(VmState, Clone, Default, Debug)]
#[vmstate(name = "qemu-s390-flic", subsection("qemu-s390-flic-full", always))]
struct Flic {
    simm: u8,
    nimm: u8,
    #[vmstate(in = "qemu-s390-flic-full")]
    pending: u32,
    #[vmstate(in = "qemu-s390-flic-full")]
    service_param: u32,
    #[vmstate(in = "qemu-s390-flic-full", field("io[0]": Vec<Io> = io[0], list(qlist, max = 64)))]
    #[vmstate(field("io[1]": Vec<Io> = io[1], list(qlist, max = 64)))]
    #[vmstate(field("io[2]": Vec<Io> = io[2], list(qlist, max = 64)))]
    #[vmstate(field("io[3]": Vec<Io> = io[3], list(qlist, max = 64)))]
    #[vmstate(field("io[4]": Vec<Io> = io[4], list(qlist, max = 64)))]
    #[vmstate(field("io[5]": Vec<Io> = io[5], list(qlist, max = 64)))]
    #[vmstate(field("io[6]": Vec<Io> = io[6], list(qlist, max = 64)))]
    #[vmstate(name = "io[7]", list(qlist, max = 64))]
    last_io: Vec<Io>,
    #[vmstate(skip = "sent one by one")]
    io: [Vec<Io>; 7],
}

/// None was sent.
#[derive(VmState, Clone, Default, Debug)]
#[vmstate(name = "qemu-s390-flic-io")]
struct Io {
    id: u16,
}

/// Its subsection has no slash in its name.
#[test]
fn lists_in_a_subsection_of_an_interrupt_controller() {
    let flic = check_both("s390-flic", &Flic::default());
    assert_eq!((flic.simm, flic.nimm, flic.pending), (0, 0, 0));
    assert!(flic.io.iter().all(Vec::is_empty) && flic.last_io.is_empty());
}

#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "spapr_pci", version = 2)]
struct SpaprPci {
    #[vmstate(equal)]
    buid: u64,
    lsi_table: [Lsi; 4],
    msi_devs_num: i32,
    #[vmstate(len = msi_devs_num, max = 64)]
    msi_devs: Vec<Msi>,
}

#[derive(VmState, Clone, Copy, Default, Debug, PartialEq)]
#[vmstate(name = "spapr_pci/lsi")]
struct Lsi {
    #[vmstate(equal)]
    irq: u32,
}

/// None was sent.
#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "spapr_pci/msi")]
struct Msi {
    key: u32,
}

#[test]
fn equal_fields_of_a_host_bridge() {
    let lsi_table = [0x1200, 0x1201, 0x1202, 0x1203].map(|irq| Lsi { irq });
    let same = SpaprPci { buid: 0x0800_0000_2000_0000, lsi_table, ..SpaprPci::default() };
    assert_eq!(check("qemu-10.0-spapr-pci", &same), same);
    let wire = save(&mut same.clone());
    let error = load(&mut SpaprPci { buid: 1, ..same.clone() }, &wire, 2).unwrap_err();
    assert_eq!(error.qemu_message(), Some("1 != 800000020000000"));
    let mut other = same;
    other.lsi_table[2].irq = 1;
    let error = load(&mut other, &wire, 2).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("spapr_pci.lsi_table[2].irq", Some(16)));
}

#[derive(VmState, Clone, Debug)]
#[vmstate(name = "ipmi-interface", version = 2)]
struct Ipmi {
    #[vmstate(name = "kcs[1]", versioned = 2)]
    kcs: Kcs,
}

#[derive(VmState, Clone, Debug)]
#[vmstate(name = "ipmi-interface-kcs", version = 2)]
struct Kcs {
    obf_irq_set: bool,
    atn_irq_set: bool,
    #[vmstate(removed("use_irq": bool, until = 1))]
    irqs_enabled: bool,
    outpos: u32,
    #[vmstate(since = 2)]
    outlen: u32,
    outmsg: [u8; 300],
    #[vmstate(since = 2)]
    inlen: u32,
    inmsg: [u8; 300],
    write_end: bool,
    status_reg: u8,
    data_out_reg: u8,
    data_in_reg: i16,
    cmd_reg: i16,
    waiting_rsp: u8,
}

/// The one user of versioned structs in QEMU: version 1 was another layout.
#[test]
fn a_versioned_struct_of_a_management_controller() {
    let kcs = Kcs {
        obf_irq_set: true,
        atn_irq_set: true,
        irqs_enabled: true,
        outpos: 1,
        outlen: 1,
        outmsg: [1; 300],
        inlen: 1,
        inmsg: [1; 300],
        write_end: true,
        status_reg: 1,
        data_out_reg: 1,
        data_in_reg: 1,
        cmd_reg: 1,
        waiting_rsp: 1,
    };
    let kcs = check_both("ipmi-kcs", &Ipmi { kcs }).kcs;
    assert_eq!((kcs.outlen, kcs.inlen, kcs.data_in_reg, kcs.cmd_reg, kcs.waiting_rsp), (0, 0, 0, 0, 0), "it is idle");
}

#[derive(VmState, Clone, Debug)]
#[vmstate(name = "xlnx-cframe-reg")]
struct CframeReg {
    wfifo: [u32; 4],
    regs: [u32; 144],
    rowon: bool,
    wcfg: bool,
    rcfg: bool,
    #[vmstate(tree(direct, max = 64))]
    cframes: BTreeMap<u32, Cframe>,
    #[vmstate(name = "new_f_data.fifo")]
    new_f_data: Fifo8,
}

/// None was sent.
#[derive(VmState, Clone, Default, Debug)]
#[vmstate(name = "cframe")]
struct Cframe {
    data: [u32; 25],
}

#[derive(VmState, Clone, Debug)]
#[vmstate(name = "Fifo8")]
struct Fifo8 {
    #[vmstate(buffer)]
    data: [u8; 400],
    head: u32,
    num: u32,
}

#[test]
fn an_empty_tree_of_configuration_frames() {
    let fresh = CframeReg {
        wfifo: [1; 4],
        regs: [1; 144],
        rowon: true,
        wcfg: true,
        rcfg: true,
        cframes: [(1, Cframe::default())].into(),
        new_f_data: Fifo8 { data: [1; 400], head: 1, num: 1 },
    };
    let device = check("qemu-10.0-cframe", &fresh);
    assert!(device.cframes.is_empty() && device.regs.contains(&0x3bfff));
}
