//! Figures about samples of time.

/// The mean of a sample.
#[must_use]
pub fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / count(sample)
}

/// Welch's t of two samples: how many standard errors their means are apart. Above 4.5 it is no accident (dudect).
#[must_use]
pub fn welch_t(one: &[f64], other: &[f64]) -> f64 {
    (mean(one) - mean(other)) / standard_error(one, other)
}

/// The standard error of the difference of two means.
#[must_use]
pub fn standard_error(one: &[f64], other: &[f64]) -> f64 {
    let part = |sample: &[f64]| {
        let mean = mean(sample);
        let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
        squares / (count(sample) - 1.0) / count(sample)
    };
    (part(one) + part(other)).sqrt()
}

/// Welch's t of what is left when the slowest measurements of both samples together are cut off.
#[derive(Clone, Copy, Debug)]
pub struct Cropped {
    /// The part that is left.
    pub part: f64,
    /// Welch's t.
    pub t: f64,
    /// How far the means of what is left are apart.
    pub apart: f64,
}

/// The farthest t over the hundred crops of dudect (Reparaz, Balasch, Verbauwhede 2017): each keeps what is below a percentile
/// of both samples together, more of them near the upper end, since that is where the noise of a machine lies.
#[must_use]
pub fn farthest_crop(one: &[f64], other: &[f64]) -> Option<Cropped> {
    /// A t of fewer is not worth looking at.
    const LEAST: usize = 100;
    let mut pooled: Vec<f64> = one.iter().chain(other).copied().collect();
    pooled.sort_by(f64::total_cmp);
    let crops = (1..=100_u32).filter_map(|number| {
        let part = 1.0 - 0.5_f64.powf(f64::from(number) / 10.0);
        let limit = percentile(&pooled, part);
        let kept = |sample: &[f64]| sample.iter().copied().filter(|value| *value < limit).collect::<Vec<_>>();
        let (one, other) = (kept(one), kept(other));
        let apart = mean(&other) - mean(&one);
        (one.len().min(other.len()) >= LEAST).then(|| Cropped { part, t: welch_t(&one, &other), apart })
    });
    crops.max_by(|one, other| one.t.abs().total_cmp(&other.t.abs()))
}

/// The value that so great a part of a sorted sample does not exceed.
///
/// # Panics
/// The sample is empty.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the sample")]
pub fn percentile(sorted: &[f64], part: f64) -> f64 {
    let index = (part * (count(sorted) - 1.0)).round();
    sorted[index as usize]
}

#[allow(clippy::cast_precision_loss, reason = "no sample has 2^52 values")]
fn count(sample: &[f64]) -> f64 {
    sample.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_is_what_another_implementation_computes() {
        // Python: (mean(a) - mean(b)) / sqrt(variance(a) / 15 + variance(b) / 15), with the module `statistics`
        let a = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4];
        let b = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.4];
        let t = welch_t(&a, &b);
        assert!((t - -2.853).abs() < 0.001, "{t}");
    }

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();
        let of = |part| percentile(&sorted, part).to_bits();
        assert_eq!([of(0.0), of(0.5), of(0.99), of(1.0)], [0.0, 50.0, 99.0, 100.0].map(f64::to_bits));
    }

    #[test]
    fn a_crop_finds_a_difference_that_outliers_hide() {
        let noise = |number: u32| f64::from(number * 7919 % 101) / 100.0;
        let outlier = |number: u32| if number.is_multiple_of(50) { f64::from(number) } else { 0.0 };
        let one: Vec<f64> = (0..2000).map(|number| 10.0 + noise(number) + outlier(number)).collect();
        let other: Vec<f64> = (0..2000).map(|number| 10.2 + noise(number) + outlier(number + 25)).collect();
        assert!(welch_t(&one, &other).abs() < 4.5);
        assert!(farthest_crop(&one, &other).unwrap().t.abs() > 4.5);
        let same = farthest_crop(&one, &one).unwrap();
        assert!(same.t.abs() < 0.001, "{same:?}");
    }
}
