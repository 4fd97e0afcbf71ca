//! Zero memory: a save, compared with loops that only read.

use std::cell::RefCell;
use std::hint::black_box;
use std::io;

use vmstate::ram::is_zero;

use crate::guest::Memory;
use crate::measure::{Way, compare, size, time};

const PAGE: usize = 4096;

type Look = fn(&[u8]) -> bool;

pub(crate) fn measure() {
    let memory = RefCell::new(Memory::zero(size()));
    let plain = [("memcmp", by_memcmp as Look), ("u64 by u64", by_words), ("vmstate::ram::is_zero", is_zero)];
    let looks = by_hand::loops().into_iter().chain(plain);
    let way = |(name, look): (&str, Look)| {
        let memory = &memory;
        Way::new(name, move || {
            let mut memory = memory.borrow_mut();
            time(|| assert!(memory.bytes().chunks_exact(PAGE).all(|page| look(black_box(page)))))
        })
    };
    let save = Way::new("saving it all", || time(|| memory.borrow_mut().save(&mut io::sink())));
    compare(size(), 9, looks.map(way).chain([save]).collect());
}

fn by_memcmp(page: &[u8]) -> bool {
    static ZEROS: [u8; PAGE] = [0; PAGE];
    page == ZEROS
}

fn by_words(page: &[u8]) -> bool {
    page.as_chunks().0.iter().all(|word| u64::from_ne_bytes(*word) == 0)
}

/// A handwritten loop with AVX2.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)] // the baseline
mod by_hand {
    use std::arch::x86_64::{
        __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_loadu_si256, _mm256_or_si256, _mm256_setzero_si256,
        _mm256_testz_si256,
    };

    pub(super) fn loops() -> Vec<(&'static str, super::Look)> {
        if !is_x86_feature_detected!("avx2") {
            return Vec::new();
        }
        vec![
            ("AVX2 by hand, 4 vectors a branch", |page| look::<4, false>(page)),
            ("AVX2 by hand, 8 vectors a branch", |page| look::<8, false>(page)),
            ("AVX2 by hand, 16 vectors a branch", |page| look::<16, false>(page)),
            ("AVX2 by hand, 4 vectors, a page ahead", |page| look::<4, true>(page)),
        ]
    }

    fn look<const VECTORS: usize, const AHEAD: bool>(page: &[u8]) -> bool {
        // SAFETY: `loops` has found AVX2.
        unsafe { look_with_avx2::<VECTORS, AHEAD>(page) }
    }

    #[target_feature(enable = "avx2")]
    fn look_with_avx2<const VECTORS: usize, const AHEAD: bool>(page: &[u8]) -> bool {
        let start = page.as_ptr().cast::<__m256i>();
        (0..page.len() / 32).step_by(VECTORS).all(|group| {
            let mut all = _mm256_setzero_si256();
            for vector in group..group + VECTORS {
                // SAFETY: a page has a multiple of VECTORS vectors.
                let place = unsafe { start.add(vector) };
                if AHEAD && vector % 2 == 0 {
                    _mm_prefetch::<_MM_HINT_T0>(place.wrapping_add(128).cast());
                }
                // SAFETY: as above; unaligned loads are fine.
                all = _mm256_or_si256(all, unsafe { _mm256_loadu_si256(place) });
            }
            _mm256_testz_si256(all, all) != 0
        })
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod by_hand {
    pub(super) fn loops() -> Vec<(&'static str, super::Look)> {
        Vec::new()
    }
}
