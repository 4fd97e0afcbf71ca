//! The x86-64 processor core: QEMU's section "cpu" on PCs.
//!
//! The fields follow QEMU's `vmstate_x86_cpu` (`target/i386/machine.c`) and the subsections that a guest
//! without KVM can cause. Disabled CPU features (MPX, AVX-512, AMX, ...) have further registers.

use smart_default::SmartDefault;
use vmstate::prelude::*;

pub use msrs::{Exception, LastFpu, MiscEnable, PollControl};
pub use registers::{FpReg, MtrrVar, Segment, Xmm, Ymmh};

mod msrs;
mod registers;

/// The bit of CR0 that ends real mode.
const PROTECTED_MODE: u64 = 1;
/// The place of a segment's privilege level in its flags, two bits.
const PRIVILEGE_SHIFT: u32 = 13;
/// The bits of a segment's flags with its privilege level.
const PRIVILEGE: u32 = 3 << PRIVILEGE_SHIFT;
/// The bits of [`Cpu::hflags`] with the processor's privilege level.
const CURRENT_PRIVILEGE: u32 = 3;
/// The bit of [`Cpu::hflags2`] for nested paging of AMD's processors.
const NESTED_PAGING: u32 = 1 << 6;
/// The places of CS and SS in [`Cpu::segments`].
const CS: usize = 1;
const SS: usize = 2;

/// A processor.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(
    name = "cpu",
    version = 12,
    minimum_version = 11,
    subsection("cpu/svn_npt", needed = |cpu| cpu.hflags2 & NESTED_PAGING != 0),
    post_load = Self::post_load
)]
pub struct Cpu {
    /// The registers RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, and R8 to R15.
    #[vmstate(name = "env.regs")]
    pub regs: [u64; 16],
    /// The instruction pointer.
    #[vmstate(name = "env.eip")]
    pub rip: u64,
    /// The flags register.
    #[vmstate(name = "env.eflags")]
    pub rflags: u64,
    /// QEMU's hidden flags, most of which follow from other registers.
    #[vmstate(name = "env.hflags")]
    pub hflags: u32,
    /// The FPU control word.
    #[vmstate(name = "env.fpuc")]
    pub fpuc: u16,
    /// The FPU status word with the top of stack.
    #[vmstate(name = "env.fpus_vmstate")]
    pub fpus: u16,
    /// The FPU tag word, one bit per register.
    #[vmstate(name = "env.fptag_vmstate")]
    pub fptag: u16,
    /// The format of FPU registers. 0: 80 bits.
    #[vmstate(name = "env.fpregs_format_vmstate")]
    pub fpregs_format: u16,
    /// The FPU registers.
    #[vmstate(name = "env.fpregs")]
    pub fpregs: [FpReg; 8],
    /// The segments ES, CS, SS, DS, FS and GS.
    #[vmstate(name = "env.segs")]
    pub segments: [Segment; 6],
    /// The LDT register.
    #[vmstate(name = "env.ldt")]
    pub ldt: Segment,
    /// The task register.
    #[vmstate(name = "env.tr")]
    pub tr: Segment,
    /// The GDT register.
    #[vmstate(name = "env.gdt")]
    pub gdt: Segment,
    /// The IDT register.
    #[vmstate(name = "env.idt")]
    pub idt: Segment,
    /// SYSENTER: code segment.
    #[vmstate(name = "env.sysenter_cs")]
    pub sysenter_cs: u32,
    /// SYSENTER: stack pointer.
    #[vmstate(name = "env.sysenter_esp")]
    pub sysenter_esp: u64,
    /// SYSENTER: instruction pointer.
    #[vmstate(name = "env.sysenter_eip")]
    pub sysenter_eip: u64,
    /// CR0.
    #[vmstate(name = "env.cr[0]")]
    pub cr0: u64,
    /// CR2: the address of the last page fault.
    #[vmstate(name = "env.cr[2]")]
    pub cr2: u64,
    /// CR3: the page table.
    #[vmstate(name = "env.cr[3]")]
    pub cr3: u64,
    /// CR4.
    #[vmstate(name = "env.cr[4]")]
    pub cr4: u64,
    /// The debug registers.
    #[vmstate(name = "env.dr")]
    pub dr: [u64; 8],
    /// The A20 mask: without bit 20 if addresses wrap at 1 MiB.
    #[vmstate(name = "env.a20_mask")]
    #[default(-1)]
    pub a20_mask: i32,
    /// MXCSR.
    #[vmstate(name = "env.mxcsr")]
    #[default(0x1f80)]
    pub mxcsr: u32,
    /// The registers XMM0 to XMM15.
    #[vmstate(name = "env.xmm_regs[0]")]
    pub xmm: [Xmm; 16],
    /// EFER.
    #[vmstate(name = "env.efer")]
    pub efer: u64,
    /// STAR: SYSCALL segments and 32-bit target.
    #[vmstate(name = "env.star")]
    pub star: u64,
    /// LSTAR: 64-bit SYSCALL target.
    #[vmstate(name = "env.lstar")]
    pub lstar: u64,
    /// CSTAR: compatibility mode SYSCALL target.
    #[vmstate(name = "env.cstar")]
    pub cstar: u64,
    /// FMASK: flags cleared by SYSCALL.
    #[vmstate(name = "env.fmask")]
    pub fmask: u64,
    /// KernelGSbase, which SWAPGS swaps with GS.
    #[vmstate(name = "env.kernelgsbase")]
    pub kernelgsbase: u64,
    /// SMBASE.
    #[vmstate(name = "env.smbase")]
    #[default(0x30000)]
    pub smbase: u32,
    /// The page attribute table.
    #[vmstate(name = "env.pat")]
    #[default(0x0007_0406_0007_0406)]
    pub pat: u64,
    /// QEMU's hidden virtualization flags.
    #[vmstate(name = "env.hflags2")]
    pub hflags2: u32,
    /// SVM: the host save area.
    #[vmstate(name = "env.vm_hsave")]
    pub vm_hsave: u64,
    /// SVM: the guest control block.
    #[vmstate(name = "env.vm_vmcb")]
    pub vm_vmcb: u64,
    /// SVM: the TSC offset.
    #[vmstate(name = "env.tsc_offset")]
    pub tsc_offset: u64,
    /// SVM: intercepts.
    #[vmstate(name = "env.intercept")]
    pub intercept: u64,
    /// SVM: intercepted control register reads.
    #[vmstate(name = "env.intercept_cr_read")]
    pub intercept_cr_read: u16,
    /// SVM: intercepted control register writes.
    #[vmstate(name = "env.intercept_cr_write")]
    pub intercept_cr_write: u16,
    /// SVM: intercepted debug register reads.
    #[vmstate(name = "env.intercept_dr_read")]
    pub intercept_dr_read: u16,
    /// SVM: intercepted debug register writes.
    #[vmstate(name = "env.intercept_dr_write")]
    pub intercept_dr_write: u16,
    /// SVM: intercepted exceptions.
    #[vmstate(name = "env.intercept_exceptions")]
    pub intercept_exceptions: u32,
    /// SVM: the virtual TPR.
    #[vmstate(name = "env.v_tpr")]
    pub v_tpr: u8,
    /// The fixed-range MTRRs.
    #[vmstate(name = "env.mtrr_fixed")]
    pub mtrr_fixed: [u64; 11],
    /// The default memory type.
    #[vmstate(name = "env.mtrr_deftype")]
    pub mtrr_deftype: u64,
    /// The variable-range MTRRs.
    #[vmstate(name = "env.mtrr_var")]
    pub mtrr_var: [MtrrVar; 8],
    /// The interrupt in delivery, or -1.
    #[vmstate(name = "env.interrupt_injected")]
    #[default(-1)]
    pub interrupt_injected: i32,
    /// The run state, with KVM's numbers.
    #[vmstate(name = "env.mp_state")]
    pub mp_state: u32,
    /// The time stamp counter.
    #[vmstate(name = "env.tsc")]
    pub tsc: u64,
    /// The exception in delivery, or -1.
    #[vmstate(name = "env.exception_nr")]
    #[default(-1)]
    pub exception_nr: i32,
    /// True if the interrupt in delivery is a software interrupt.
    #[vmstate(name = "env.soft_interrupt")]
    pub soft_interrupt: u8,
    /// True if an NMI is in delivery.
    #[vmstate(name = "env.nmi_injected")]
    pub nmi_injected: u8,
    /// True if an NMI is pending.
    #[vmstate(name = "env.nmi_pending")]
    pub nmi_pending: u8,
    /// True if the exception has an error code.
    #[vmstate(name = "env.has_error_code")]
    pub has_error_code: u8,
    /// The startup vector (SIPI).
    #[vmstate(name = "env.sipi_vector")]
    pub sipi_vector: u32,
    /// Machine check: capabilities.
    #[vmstate(name = "env.mcg_cap")]
    pub mcg_cap: u64,
    /// Machine check: status.
    #[vmstate(name = "env.mcg_status")]
    pub mcg_status: u64,
    /// Machine check: control.
    #[vmstate(name = "env.mcg_ctl")]
    pub mcg_ctl: u64,
    /// Machine check: registers of each bank.
    #[vmstate(name = "env.mce_banks")]
    pub mce_banks: [[u64; 4]; 10],
    /// TSC_AUX, read by RDTSCP.
    #[vmstate(name = "env.tsc_aux")]
    pub tsc_aux: u64,
    /// The address of KVM's system time.
    #[vmstate(name = "env.system_time_msr")]
    pub system_time_msr: u64,
    /// The address of KVM's wall clock.
    #[vmstate(name = "env.wall_clock_msr")]
    pub wall_clock_msr: u64,
    /// XCR0: enabled extended state.
    #[vmstate(name = "env.xcr0", since = 12)]
    #[default(1)]
    pub xcr0: u64,
    /// The extended state in use.
    #[vmstate(name = "env.xstate_bv", since = 12)]
    pub xstate_bv: u64,
    /// The high halves of YMM0 to YMM15.
    #[vmstate(name = "env.xmm_regs[1]", since = 12)]
    pub ymmh: [Ymmh; 16],

    /// An exception pending while a nested guest runs.
    #[vmstate(subsection)]
    pub exception: Option<Exception>,
    /// KVM: asynchronous page faults.
    #[vmstate(name = "env.async_pf_en_msr", subsection("cpu/async_pf_msr", needed = |cpu| cpu.async_pf_en_msr != 0))]
    pub async_pf_en_msr: u64,
    /// KVM: paravirtual end of interrupt.
    #[vmstate(name = "env.pv_eoi_en_msr", subsection("cpu/async_pv_eoi_msr", needed = |cpu| cpu.pv_eoi_en_msr != 0))]
    pub pv_eoi_en_msr: u64,
    /// KVM: stolen time.
    #[vmstate(name = "env.steal_time_msr", subsection("cpu/steal_time_msr", needed = |cpu| cpu.steal_time_msr != 0))]
    pub steal_time_msr: u64,
    /// KVM: whether the host may poll on halt.
    #[vmstate(
        name = "env.poll_control_msr",
        subsection("cpu/poll_control_msr", needed = |cpu| cpu.poll_control_msr != PollControl::default(), absent = default)
    )]
    pub poll_control_msr: PollControl,
    /// The last FPU instruction.
    #[vmstate(subsection)]
    pub last_fpu: Option<LastFpu>,
    /// TSC_ADJUST.
    #[vmstate(name = "env.tsc_adjust", subsection("cpu/msr_tsc_adjust", needed = |cpu| cpu.tsc_adjust != 0))]
    pub tsc_adjust: u64,
    /// The TSC deadline of the APIC timer.
    #[vmstate(name = "env.tsc_deadline", subsection("cpu/msr_tscdeadline", needed = |cpu| cpu.tsc_deadline != 0))]
    pub tsc_deadline: u64,
    /// MISC_ENABLE.
    #[vmstate(
        name = "env.msr_ia32_misc_enable",
        subsection(
            "cpu/msr_ia32_misc_enable",
            needed = |cpu| cpu.misc_enable != MiscEnable::default(),
            absent = default
        )
    )]
    pub misc_enable: MiscEnable,
    /// FEATURE_CONTROL.
    #[vmstate(
        name = "env.msr_ia32_feature_control",
        subsection("cpu/msr_ia32_feature_control", needed = |cpu| cpu.feature_control != 0)
    )]
    pub feature_control: u64,
    /// The TSC frequency, if the user set it.
    #[vmstate(name = "env.tsc_khz", subsection("cpu/tsc_khz"))]
    pub tsc_khz: Option<i64>,
    /// The SMI counter.
    #[vmstate(name = "env.msr_smi_count", subsection("cpu/msr_smi_count", needed = |cpu| cpu.smi_count != 0))]
    pub smi_count: u64,
    /// CR3 of the host, while a guest with nested paging runs.
    #[vmstate(name = "env.nested_cr3", in = "cpu/svn_npt")]
    pub nested_cr3: u64,
    /// The mode of nested paging.
    #[vmstate(name = "env.nested_pg_mode", in = "cpu/svn_npt")]
    pub nested_page_mode: u32,
}

impl Cpu {
    /// Rejects FPU registers of 64 bits, an obsolete format, corrects the segments of old versions of KVM, and takes the
    /// privilege level from SS (`cpu_post_load` in QEMU's `target/i386/machine.c`).
    fn post_load(&mut self) -> Result<(), LoadError> {
        if self.fpregs_format != 0 {
            return Err(LoadError::rejected("FPU registers of 80 bits, format 0", self.fpregs_format));
        }
        if self.cr0 & PROTECTED_MODE == 0 && self.segments[CS].flags & PRIVILEGE != 0 {
            self.segments.iter_mut().for_each(|segment| segment.flags &= !PRIVILEGE);
        }
        let privilege = (self.segments[SS].flags & PRIVILEGE) >> PRIVILEGE_SHIFT;
        self.hflags = self.hflags & !CURRENT_PRIVILEGE | privilege;
        Ok(())
    }
}
