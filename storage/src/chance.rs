//! The one way in for chance: ids, salts, codes and jitter are drawn here and nowhere else in the registry.
//!
//! It is the operating system's generator; a seeded one exists only under `test-util`, so that a history can be replayed.

use uuid::Uuid;

/// Draws random values. Clones draw from the same source.
#[derive(Clone, Debug)]
pub struct Chance(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    #[cfg(feature = "test-util")]
    Seeded(std::sync::Arc<std::sync::Mutex<seeded::Stream>>),
}

impl Chance {
    pub const fn system() -> Self {
        Self(Source::System)
    }

    #[cfg(feature = "test-util")]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(std::sync::Arc::new(std::sync::Mutex::new(seeded::Stream::new(seed)))))
    }

    /// From now on a seeded source draws as if it had begun with this seed, for every clone. The system's stays as it is.
    #[cfg(feature = "test-util")]
    pub fn reseed(&self, seed: u64) {
        if let Source::Seeded(stream) = &self.0 {
            *stream.lock().expect("no panic while drawing") = seeded::Stream::new(seed);
        }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place that may draw")]
    pub fn fill(&self, out: &mut [u8]) {
        match &self.0 {
            // There is no sensible way on without randomness, and Linux has not failed here since 3.17.
            Source::System => getrandom::fill(out).expect("the operating system gives random bytes"),
            #[cfg(feature = "test-util")]
            Source::Seeded(stream) => stream.lock().expect("no panic while drawing").fill(out),
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A random (version 4) UUID.
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// Uniform in `0..bound`, without modulo bias: values past the largest multiple of `bound` are drawn again.
    pub fn below(&self, bound: u32) -> u32 {
        let fair = u32::MAX - u32::MAX % bound;
        loop {
            let drawn = u32::from_le_bytes(self.bytes());
            if drawn < fair {
                return drawn % bound;
            }
        }
    }
}

#[cfg(feature = "test-util")]
mod seeded {
    use sha2::{Digest as _, Sha256};

    /// SHA-256 in counter mode: slow, plain, and the same on every machine.
    #[derive(Debug)]
    pub struct Stream {
        seed: u64,
        block: u64,
    }

    impl Stream {
        pub const fn new(seed: u64) -> Self {
            Self { seed, block: 0 }
        }

        pub fn fill(&mut self, out: &mut [u8]) {
            for chunk in out.chunks_mut(32) {
                let digest = Sha256::new().chain_update(self.seed.to_le_bytes()).chain_update(self.block.to_le_bytes());
                chunk.copy_from_slice(&digest.finalize()[..chunk.len()]);
                self.block += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_stays_below_and_reaches_the_ends() {
        let chance = Chance::system();
        let drawn: Vec<u32> = (0..2_000).map(|_| chance.below(10)).collect();
        assert!(drawn.iter().all(|d| *d < 10));
        assert!(drawn.contains(&0) && drawn.contains(&9));
    }

    #[cfg(feature = "test-util")]
    #[test]
    fn the_same_seed_draws_the_same() {
        let (a, b, c) = (Chance::seeded(7), Chance::seeded(7), Chance::seeded(8));
        assert_eq!(a.bytes::<40>(), b.bytes::<40>());
        assert_ne!(a.bytes::<40>(), c.bytes::<40>());
    }
}
