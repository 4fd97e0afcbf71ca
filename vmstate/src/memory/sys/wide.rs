//! Checks of memory that other threads change at the same time, with AVX2.
//!
//! The compiler does not combine atomic loads, so loops over words read less than the memory delivers. Assembly is outside
//! of Rust's memory model, like an access by the kernel: a race with it yields old or new bytes, and nothing else.

use std::arch::asm;

/// The number of bytes that are checked between two branches: eight cache lines.
pub(super) const CHUNK: usize = 512;

/// Returns whether `chunks` chunks are zero.
///
/// # Safety
/// The chunks are readable, and others access them as the module requires. The processor supports AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn are_zero(from: *const u8, chunks: usize) -> bool {
    // SAFETY: each offset is in the caller's chunks.
    (0..chunks).all(|chunk| unsafe { is_zero(from.add(chunk * CHUNK)) })
}

/// Returns whether a chunk is zero.
///
/// # Safety
/// As for [`are_zero`].
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn is_zero(chunk: *const u8) -> bool {
    let zero: u8;
    // SAFETY: the instructions read 16 vectors of 32 bytes from a readable chunk of 512 bytes, without alignment. They
    // write only the two registers.
    unsafe {
        asm!(
            "vmovdqu {all}, ymmword ptr [{chunk}]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 32]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 64]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 96]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 128]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 160]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 192]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 224]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 256]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 288]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 320]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 352]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 384]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 416]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 448]",
            "vpor {all}, {all}, ymmword ptr [{chunk} + 480]",
            "vptest {all}, {all}",
            "setz {zero}",
            chunk = in(reg) chunk,
            all = out(ymm_reg) _,
            zero = out(reg_byte) zero,
            options(readonly, nostack),
        );
    }
    zero != 0
}
