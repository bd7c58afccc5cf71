//! Which cost a machine can afford.

use std::time::{Duration, Instant};

use ::argon2::{Algorithm, Argon2, Block, Params, Version};

/// A cost of Argon2id, as `password(memory_kib = .., iterations = ..)` states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
}

/// OWASP's second pair, the default: no calibration gives less.
const FLOOR: Cost = Cost { memory_kib: 19_456, iterations: 2 };
/// The memory that is tried, up to RFC 9106's second choice: memory is what an attacker's hardware is short of, and what the
/// server needs for each permit.
const MEMORY_KIB: [u32; 4] = [19_456, 32_768, 49_152, 65_536];
/// Passes beyond which only the wait grows.
const MAX_ITERATIONS: u32 = 16;
/// A visitor should not wait longer for one hash (OWASP Password Storage).
const MAX_TARGET: Duration = Duration::from_secs(1);

/// Measures on this machine which cost of Argon2id one hash can have in a target time, at most one second.
///
/// Memory is raised first, up to 64 MiB, then the passes. The result is never below the default of 19,456 KiB and two passes,
/// even where that takes longer: a slow machine is no reason for a weak hash. Run it in a release build on the machine that
/// serves, while it is idle; it takes some ten times the target, computes on the calling thread and writes nothing. The
/// cost goes into the attribute `password(memory_kib = .., iterations = ..)`, and accounts move to it with their next sign-in.
/// Mind the memory: `Hashing::permits` times `memory_kib`.
///
/// The code uses AVX2 wherever it runs on a processor that has it. Building for the very processor (`-C target-cpu=native`)
/// can make a hash cheaper still, by half where there is AVX-512, and so affords a higher cost.
#[must_use]
pub fn calibrate(target: Duration) -> Cost {
    let mut blocks = Vec::new();
    choose(target, |cost| measure(cost, &mut blocks))
}

/// The highest cost within the target, of those that `measure` is asked about in rising order.
fn choose(target: Duration, mut measure: impl FnMut(Cost) -> Duration) -> Cost {
    let target = target.min(MAX_TARGET);
    let memory = MEMORY_KIB.map(|memory_kib| Cost { memory_kib, ..FLOOR });
    let [.., most] = memory;
    let passes = (FLOOR.iterations + 1..=MAX_ITERATIONS).map(|iterations| Cost { iterations, ..most });
    let affordable = memory.into_iter().chain(passes).take_while(|cost| measure(*cost) <= target);
    affordable.last().unwrap_or(FLOOR)
}

/// The faster of two runs: the first also maps the memory.
fn measure(cost: Cost, blocks: &mut Vec<Block>) -> Duration {
    let Ok(params) = Params::new(cost.memory_kib, cost.iterations, 1, None) else { return Duration::MAX };
    blocks.resize(params.block_count(), Block::default());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut run = || {
        let started = Instant::now();
        let mut output = [0; 32];
        let result = argon2.hash_password_into_with_memory(b"calibrate", &[0; 16], &mut output, &mut *blocks);
        std::hint::black_box(output);
        result.map_or(Duration::MAX, |()| started.elapsed())
    };
    run().min(run())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine on which a pass over 1 MiB takes so many microseconds.
    fn on(micros: u32) -> impl FnMut(Cost) -> Duration {
        move |cost| Duration::from_micros((cost.memory_kib / 1024 * cost.iterations * micros).into())
    }

    #[test]
    fn memory_is_raised_first_and_nothing_is_below_the_floor() {
        let millis = Duration::from_millis;
        assert_eq!(choose(millis(1), on(1000)), FLOOR);
        assert_eq!(choose(millis(38), on(1000)), FLOOR);
        assert_eq!(choose(millis(100), on(1000)), Cost { memory_kib: 49_152, iterations: 2 });
        assert_eq!(choose(millis(250), on(1000)), Cost { memory_kib: 65_536, iterations: 3 });
        assert_eq!(choose(Duration::MAX, on(1)), Cost { memory_kib: 65_536, iterations: MAX_ITERATIONS });
        // Never more than a second, whatever is asked for.
        assert_eq!(choose(Duration::MAX, on(2000)), Cost { memory_kib: 65_536, iterations: 7 });
    }

    #[test]
    fn a_longer_target_never_gives_less() {
        let costs = (0..100).map(|step| choose(Duration::from_millis(step * 10), on(700)));
        let work = costs.map(|cost| (cost.memory_kib, cost.iterations)).collect::<Vec<_>>();
        assert!(work.is_sorted(), "{work:?}");
    }

    #[test]
    fn a_real_measurement_gives_at_least_the_floor() {
        let cost = calibrate(Duration::ZERO);
        assert_eq!(cost, FLOOR);
    }

    #[test]
    fn what_is_measured_is_a_hash_of_this_very_cost() {
        let mut blocks = Vec::new();
        for memory_kib in [64, 128] {
            let took = measure(Cost { memory_kib, iterations: 1 }, &mut blocks);
            assert!(took < Duration::MAX);
            assert_eq!(blocks.len(), usize::try_from(memory_kib).unwrap());
            let is_filled = |block: &Block| block.as_ref().iter().any(|word| *word != 0);
            assert!(blocks.iter().all(is_filled), "every KiB was written to");
        }
        assert_eq!(
            measure(Cost { memory_kib: 1, iterations: 0 }, &mut blocks),
            Duration::MAX,
            "no such cost"
        );
    }
}
