//! The x86 processor core with 64 bits: QEMU's section "cpu" on its PCs.
//!
//! The fields are those of QEMU's `vmstate_x86_cpu` (`target/i386/machine.c`) and of those of its subsections that a guest
//! without KVM can cause. The registers of models that are off (MPX, AVX-512, AMX, ...) have further ones.

use smart_default::SmartDefault;
use vmstate::prelude::*;

pub use msrs::{Exception, LastFpu, MiscEnable, PollControl};
pub use registers::{FpReg, MtrrVar, Segment, Xmm, Ymmh};

mod msrs;
mod registers;

/// A processor.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "cpu", version = 12, minimum_version = 11)]
pub struct Cpu {
    /// The registers RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, and R8 to R15.
    #[vmstate(name = "env.regs")]
    pub regs: [u64; 16],
    /// The instruction pointer.
    #[vmstate(name = "env.eip")]
    pub rip: u64,
    /// The flags.
    #[vmstate(name = "env.eflags")]
    pub rflags: u64,
    /// Flags of QEMU's own, most of which follow from other registers.
    #[vmstate(name = "env.hflags")]
    pub hflags: u32,
    /// The control word of the FPU.
    #[vmstate(name = "env.fpuc")]
    pub fpuc: u16,
    /// Its status word, with the top of its stack.
    #[vmstate(name = "env.fpus_vmstate")]
    pub fpus: u16,
    /// A bit for each of its registers: whether there is something in it.
    #[vmstate(name = "env.fptag_vmstate")]
    pub fptag: u16,
    /// How its registers are sent. 0: with 80 bits.
    #[vmstate(name = "env.fpregs_format_vmstate")]
    pub fpregs_format: u16,
    /// Its registers.
    #[vmstate(name = "env.fpregs")]
    pub fpregs: [FpReg; 8],
    /// The segments ES, CS, SS, DS, FS and GS.
    #[vmstate(name = "env.segs")]
    pub segments: [Segment; 6],
    /// The table of local descriptors.
    #[vmstate(name = "env.ldt")]
    pub ldt: Segment,
    /// The task.
    #[vmstate(name = "env.tr")]
    pub tr: Segment,
    /// The table of global descriptors.
    #[vmstate(name = "env.gdt")]
    pub gdt: Segment,
    /// The table of interrupts.
    #[vmstate(name = "env.idt")]
    pub idt: Segment,
    /// SYSENTER: the code segment.
    #[vmstate(name = "env.sysenter_cs")]
    pub sysenter_cs: u32,
    /// SYSENTER: the stack.
    #[vmstate(name = "env.sysenter_esp")]
    pub sysenter_esp: u64,
    /// SYSENTER: the instruction.
    #[vmstate(name = "env.sysenter_eip")]
    pub sysenter_eip: u64,
    /// Control: protection, paging, the FPU.
    #[vmstate(name = "env.cr[0]")]
    pub cr0: u64,
    /// The address of the last page fault.
    #[vmstate(name = "env.cr[2]")]
    pub cr2: u64,
    /// The page table.
    #[vmstate(name = "env.cr[3]")]
    pub cr3: u64,
    /// Control: extensions.
    #[vmstate(name = "env.cr[4]")]
    pub cr4: u64,
    /// The debug registers.
    #[vmstate(name = "env.dr")]
    pub dr: [u64; 8],
    /// Without the bit 20 if addresses wrap at 1 MiB.
    #[vmstate(name = "env.a20_mask")]
    #[default(-1)]
    pub a20_mask: i32,
    /// Control and status of SSE.
    #[vmstate(name = "env.mxcsr")]
    #[default(0x1f80)]
    pub mxcsr: u32,
    /// The registers XMM0 to XMM15.
    #[vmstate(name = "env.xmm_regs[0]")]
    pub xmm: [Xmm; 16],
    /// Extended features, such as long mode.
    #[vmstate(name = "env.efer")]
    pub efer: u64,
    /// SYSCALL: the segments, and the instruction in 32 bits.
    #[vmstate(name = "env.star")]
    pub star: u64,
    /// SYSCALL: the instruction in 64 bits.
    #[vmstate(name = "env.lstar")]
    pub lstar: u64,
    /// SYSCALL: the instruction in compatibility mode.
    #[vmstate(name = "env.cstar")]
    pub cstar: u64,
    /// SYSCALL: the flags that it clears.
    #[vmstate(name = "env.fmask")]
    pub fmask: u64,
    /// What SWAPGS swaps GS with.
    #[vmstate(name = "env.kernelgsbase")]
    pub kernelgsbase: u64,
    /// Where system management mode has its memory.
    #[vmstate(name = "env.smbase")]
    #[default(0x30000)]
    pub smbase: u32,
    /// The table of page attributes.
    #[vmstate(name = "env.pat")]
    #[default(0x0007_0406_0007_0406)]
    pub pat: u64,
    /// Flags of QEMU's own about virtualisation.
    #[vmstate(name = "env.hflags2")]
    pub hflags2: u32,
    /// SVM: where the host's state is kept.
    #[vmstate(name = "env.vm_hsave")]
    pub vm_hsave: u64,
    /// SVM: the guest's control block.
    #[vmstate(name = "env.vm_vmcb")]
    pub vm_vmcb: u64,
    /// SVM: what the guest's time stamp is ahead.
    #[vmstate(name = "env.tsc_offset")]
    pub tsc_offset: u64,
    /// SVM: what is intercepted.
    #[vmstate(name = "env.intercept")]
    pub intercept: u64,
    /// SVM: which control registers, when read.
    #[vmstate(name = "env.intercept_cr_read")]
    pub intercept_cr_read: u16,
    /// SVM: which control registers, when written.
    #[vmstate(name = "env.intercept_cr_write")]
    pub intercept_cr_write: u16,
    /// SVM: which debug registers, when read.
    #[vmstate(name = "env.intercept_dr_read")]
    pub intercept_dr_read: u16,
    /// SVM: which debug registers, when written.
    #[vmstate(name = "env.intercept_dr_write")]
    pub intercept_dr_write: u16,
    /// SVM: which exceptions.
    #[vmstate(name = "env.intercept_exceptions")]
    pub intercept_exceptions: u32,
    /// SVM: the guest's task priority.
    #[vmstate(name = "env.v_tpr")]
    pub v_tpr: u8,
    /// Types of memory in fixed ranges.
    #[vmstate(name = "env.mtrr_fixed")]
    pub mtrr_fixed: [u64; 11],
    /// The type of all other memory.
    #[vmstate(name = "env.mtrr_deftype")]
    pub mtrr_deftype: u64,
    /// Types of memory in other ranges.
    #[vmstate(name = "env.mtrr_var")]
    pub mtrr_var: [MtrrVar; 8],
    /// The interrupt that is being delivered; -1 if none.
    #[vmstate(name = "env.interrupt_injected")]
    #[default(-1)]
    pub interrupt_injected: i32,
    /// Whether it runs, as KVM numbers it.
    #[vmstate(name = "env.mp_state")]
    pub mp_state: u32,
    /// The time stamp.
    #[vmstate(name = "env.tsc")]
    pub tsc: u64,
    /// The exception that is being delivered; -1 if none.
    #[vmstate(name = "env.exception_nr")]
    #[default(-1)]
    pub exception_nr: i32,
    /// Whether an instruction caused the interrupt that is being delivered.
    #[vmstate(name = "env.soft_interrupt")]
    pub soft_interrupt: u8,
    /// Whether an NMI is being delivered.
    #[vmstate(name = "env.nmi_injected")]
    pub nmi_injected: u8,
    /// Whether an NMI is pending.
    #[vmstate(name = "env.nmi_pending")]
    pub nmi_pending: u8,
    /// Whether the exception has an error code.
    #[vmstate(name = "env.has_error_code")]
    pub has_error_code: u8,
    /// Where it starts when another processor says so.
    #[vmstate(name = "env.sipi_vector")]
    pub sipi_vector: u32,
    /// Machine checks: what there is.
    #[vmstate(name = "env.mcg_cap")]
    pub mcg_cap: u64,
    /// Machine checks: what is going on.
    #[vmstate(name = "env.mcg_status")]
    pub mcg_status: u64,
    /// Machine checks: what is on.
    #[vmstate(name = "env.mcg_ctl")]
    pub mcg_ctl: u64,
    /// Machine checks: control, status, address and more of each bank.
    #[vmstate(name = "env.mce_banks")]
    pub mce_banks: [[u64; 4]; 10],
    /// What RDTSCP says besides the time.
    #[vmstate(name = "env.tsc_aux")]
    pub tsc_aux: u64,
    /// KVM's clock: where the guest wants it.
    #[vmstate(name = "env.system_time_msr")]
    pub system_time_msr: u64,
    /// KVM's wall clock: where the guest wants it.
    #[vmstate(name = "env.wall_clock_msr")]
    pub wall_clock_msr: u64,
    /// Which parts of the extended state are on.
    #[vmstate(name = "env.xcr0", since = 12)]
    #[default(1)]
    pub xcr0: u64,
    /// Which parts of it are in use.
    #[vmstate(name = "env.xstate_bv", since = 12)]
    pub xstate_bv: u64,
    /// The upper halves of YMM0 to YMM15.
    #[vmstate(name = "env.xmm_regs[1]", since = 12)]
    pub ymmh: [Ymmh; 16],

    /// An exception that is pending while a nested guest runs.
    #[vmstate(subsection)]
    pub exception: Option<Exception>,
    /// KVM's asynchronous page faults: where the guest wants to be told.
    #[vmstate(name = "env.async_pf_en_msr", subsection("cpu/async_pf_msr", needed = |cpu| cpu.async_pf_en_msr != 0))]
    pub async_pf_en_msr: u64,
    /// KVM's quick end of interrupt: where it is.
    #[vmstate(name = "env.pv_eoi_en_msr", subsection("cpu/async_pv_eoi_msr", needed = |cpu| cpu.pv_eoi_en_msr != 0))]
    pub pv_eoi_en_msr: u64,
    /// KVM's account of stolen time: where it is.
    #[vmstate(name = "env.steal_time_msr", subsection("cpu/steal_time_msr", needed = |cpu| cpu.steal_time_msr != 0))]
    pub steal_time_msr: u64,
    /// Whether KVM's host may poll while the guest waits.
    #[vmstate(
        name = "env.poll_control_msr",
        subsection("cpu/poll_control_msr", needed = |cpu| cpu.poll_control_msr != PollControl::default(), absent = default)
    )]
    pub poll_control_msr: PollControl,
    /// The FPU's last instruction.
    #[vmstate(subsection)]
    pub last_fpu: Option<LastFpu>,
    /// What the guest has added to the time stamp.
    #[vmstate(name = "env.tsc_adjust", subsection("cpu/msr_tsc_adjust", needed = |cpu| cpu.tsc_adjust != 0))]
    pub tsc_adjust: u64,
    /// The time stamp at which the APIC's timer is due.
    #[vmstate(name = "env.tsc_deadline", subsection("cpu/msr_tscdeadline", needed = |cpu| cpu.tsc_deadline != 0))]
    pub tsc_deadline: u64,
    /// Various features.
    #[vmstate(
        name = "env.msr_ia32_misc_enable",
        subsection(
            "cpu/msr_ia32_misc_enable",
            needed = |cpu| cpu.misc_enable != MiscEnable::default(),
            absent = default
        )
    )]
    pub misc_enable: MiscEnable,
    /// What the firmware has locked.
    #[vmstate(
        name = "env.msr_ia32_feature_control",
        subsection("cpu/msr_ia32_feature_control", needed = |cpu| cpu.feature_control != 0)
    )]
    pub feature_control: u64,
    /// The frequency of the time stamp, if the user has set it.
    #[vmstate(name = "env.tsc_khz", subsection("cpu/tsc_khz"))]
    pub tsc_khz: Option<i64>,
    /// How often it was in system management mode.
    #[vmstate(name = "env.msr_smi_count", subsection("cpu/msr_smi_count", needed = |cpu| cpu.smi_count != 0))]
    pub smi_count: u64,
}
