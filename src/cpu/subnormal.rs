//! Subnormal numbers count as zero while the kernels run.
//!
//! Below 1.2e-38 an `f32` has the fewer digits the smaller it is, down to 1.4e-45. Intel's cores take some 150 cycles for every operation
//! that meets such a number, so that a net whose signal vanishes would take many times as long as one whose signal stays. So the range
//! of floats ends at 1.2e-38 ([`f32::MIN_POSITIVE`]) here: what is smaller is zero, as an operand and as a result.

use std::marker::PhantomData;

/// While it lives, subnormal numbers are zero in this thread, and on Linux in threads that it starts; afterwards they are what they were
/// before.
#[derive(Debug)]
pub struct Flushing {
    before: control::Register,
    /// The register is the thread's, so this must not leave it.
    _thread: PhantomData<*const ()>,
}

impl Flushing {
    /// Begins.
    #[must_use = "it ends when this is dropped"]
    pub fn begin() -> Self {
        let before = control::read();
        control::change(before, before | control::FLUSH);
        Self { before, _thread: PhantomData }
    }

    /// Begins for good, in a thread that does nothing but run kernels.
    pub fn forever() {
        std::mem::forget(Self::begin());
    }
}

impl Drop for Flushing {
    fn drop(&mut self) {
        control::change(self.before | control::FLUSH, self.before);
    }
}

/// MXCSR, the control register of SSE and AVX.
#[cfg(target_arch = "x86_64")]
mod control {
    use std::arch::asm;

    pub type Register = u32;

    /// Flush to zero (results) and denormals are zero (operands).
    pub const FLUSH: Register = 1 << 15 | 1 << 6;

    pub fn read() -> Register {
        let mut register = 0;
        // SAFETY: it writes the register's four bytes to where it is told.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut register, options(nostack, preserves_flags)) };
        register
    }

    /// Writing costs more than reading, so what stays is not written.
    pub fn change(from: Register, to: Register) {
        if from != to {
            // SAFETY: `to` is what was read, but for two bits that exist on every x86-64; they raise no exception, and change no number
            // but subnormal ones, which the compiler does not count on.
            unsafe { asm!("ldmxcsr [{}]", in(reg) &to, options(nostack, readonly, preserves_flags)) };
        }
    }
}

/// FPCR, the control register of NEON.
#[cfg(target_arch = "aarch64")]
mod control {
    use std::arch::asm;

    pub type Register = u64;

    /// Flush to zero (results and operands).
    pub const FLUSH: Register = 1 << 24;

    pub fn read() -> Register {
        let register;
        // SAFETY: reading the register changes nothing.
        unsafe { asm!("mrs {}, fpcr", out(reg) register, options(nomem, nostack, preserves_flags)) };
        register
    }

    /// Writing costs more than reading, so what stays is not written.
    pub fn change(from: Register, to: Register) {
        if from != to {
            // SAFETY: `to` is what was read, but for a bit that exists on every aarch64; it raises no exception, and changes no number but
            // subnormal ones, which the compiler does not count on.
            unsafe { asm!("msr fpcr, {}", in(reg) to, options(nostack, preserves_flags)) };
        }
    }
}

/// Nothing is known of the processor: subnormal numbers stay what they are.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod control {
    pub type Register = u32;

    pub const FLUSH: Register = 0;

    pub fn read() -> Register {
        0
    }

    pub fn change(_: Register, _: Register) {}
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn subnormals_are_zero() -> bool {
        let (result, operand) = (black_box(f32::MIN_POSITIVE) * black_box(0.5), black_box(1e-40f32) * black_box(1e10));
        assert_eq!(result == 0.0, operand == 0.0, "results and operands alike");
        result == 0.0
    }

    #[test]
    fn subnormals_are_zero_as_long_as_the_guard_lives() {
        let known = control::FLUSH != 0;
        assert!(!subnormals_are_zero());
        let outer = Flushing::begin();
        assert_eq!(subnormals_are_zero(), known);
        drop(Flushing::begin());
        assert_eq!(subnormals_are_zero(), known, "the inner guard's end is not the outer one's");
        drop(outer);
        assert!(!subnormals_are_zero());
    }

    #[test]
    fn a_panic_gives_the_register_back() {
        let panicked = std::panic::catch_unwind(|| {
            let _flushing = Flushing::begin();
            panic!("within");
        });
        assert!(panicked.is_err() && !subnormals_are_zero());
    }
}
