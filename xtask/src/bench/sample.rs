//! What a series of measurements says: quantiles, and how two series that were measured by turns compare. Pure.

use serde::Serialize;

/// Measurements of ours and of the bare programs, taken by turns: `ours[n]` and `bare[n]` are neighbours in time.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Pair {
    pub(super) ours: Vec<f64>,
    pub(super) bare: Vec<f64>,
}

/// How much larger ours is: of all measurements, and the least and the most of parts of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    pub(super) of_all: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// The smallest value that at least `part` (0 to 1) of all values do not exceed; none without values.
pub(super) fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is small and positive"
    )]
    let rank = (part * as_float(sorted.len())).ceil() as usize;
    sorted.get(rank.max(1).min(sorted.len().max(1)) - 1).copied()
}

/// The middle value, and the mean of the two middle ones where there are two; none without values.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(f64::midpoint(*sorted.get(low)?, *sorted.get(high)?))
}

/// The least and the most of values; none without values.
pub(super) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    Some((least, values.iter().copied().max_by(f64::total_cmp)?))
}

/// The ratio of what `of` says about both series, and its range over `parts` equal parts of the run.
pub(super) fn ratio(pair: &Pair, parts: usize, of: impl Fn(&[f64]) -> Option<f64>) -> Option<Ratio> {
    let one = |ours: &[f64], bare: &[f64]| Some(of(ours)? / of(bare)?);
    let length = pair.ours.len().min(pair.bare.len());
    let chunk = length.div_ceil(parts.max(1)).max(1);
    let of_parts: Vec<f64> = pair.ours[..length]
        .chunks(chunk)
        .zip(pair.bare[..length].chunks(chunk))
        .filter_map(|(ours, bare)| one(ours, bare))
        .collect();
    let (least, most) = range(&of_parts)?;
    Some(Ratio { of_all: one(&pair.ours, &pair.bare)?, least, most })
}

fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(last: u32) -> Vec<f64> {
        (1..=last).rev().map(f64::from).collect()
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        assert_eq!(quantile(&to(100), 0.5), Some(50.0));
        assert_eq!(quantile(&to(100), 0.99), Some(99.0));
        assert_eq!(quantile(&to(150), 0.99), Some(149.0));
        assert_eq!(quantile(&to(3), 0.99), Some(3.0));
        assert_eq!(quantile(&[7.0], 0.0), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_ratio_has_the_range_of_its_parts() {
        let pair = Pair { ours: vec![1.0, 3.0, 8.0, 8.0], bare: vec![1.0, 1.0, 4.0, 8.0] };
        let found = ratio(&pair, 4, median).unwrap();
        assert_eq!(found, Ratio { of_all: 5.5 / 2.5, least: 1.0, most: 3.0 });
        assert_eq!(ratio(&Pair::default(), 4, median), None);
    }

    #[test]
    fn neighbours_are_compared_even_if_one_series_is_longer() {
        let pair = Pair { ours: vec![2.0, 2.0], bare: vec![1.0] };
        assert_eq!(ratio(&pair, 5, median).unwrap(), Ratio { of_all: 2.0, least: 2.0, most: 2.0 });
    }
}
