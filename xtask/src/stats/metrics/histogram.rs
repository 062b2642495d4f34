//! A histogram of Prometheus: how many values were at most so large.

/// Bounds beyond these are not taken.
const MOST_BOUNDS: usize = 200;

/// Cumulative counts by their upper bounds, the bounds in rising order; the last may be without end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram(Vec<(f64, u64)>);

/// A value below which a part of all values lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    pub value: f64,
    /// It is larger than that: the value is the last bound.
    pub is_beyond: bool,
}

impl Histogram {
    /// Adds values of another series with the same bounds.
    pub fn add(&mut self, bound: f64, count: u64) {
        if bound.is_nan() {
            return;
        }
        match self.0.binary_search_by(|(known, _)| known.total_cmp(&bound)) {
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(count),
            Err(at) if self.0.len() < MOST_BOUNDS => self.0.insert(at, (bound, count)),
            Err(_) => {}
        }
    }

    /// The value below which this part of all values lies, as Prometheus' `histogram_quantile` has it: as if the values
    /// of a bucket were spread evenly. `None` where there are no values.
    #[expect(clippy::cast_precision_loss, reason = "a quantile is an estimate")]
    pub fn quantile(&self, part: f64) -> Option<Quantile> {
        // Counts that fall are no histogram's: each counts at least as much as the one below it.
        let mut most = 0;
        let rising = self.0.iter().map(|(bound, count)| {
            most = most.max(*count);
            (*bound, most)
        });
        let rising: Vec<(f64, u64)> = rising.collect();
        let all = rising.last().map_or(0, |(_, count)| *count);
        if all == 0 {
            return None;
        }
        let rank = part.clamp(0.0, 1.0) * all as f64;
        let at = rising.iter().position(|(_, count)| *count as f64 >= rank && *count > 0)?;
        let (end, count) = rising[at];
        let (begin, before) = match at.checked_sub(1).map(|below| rising[below]) {
            Some(below) => below,
            None => (end.min(0.0), 0),
        };
        if end.is_infinite() {
            let is_beyond = true;
            return begin.is_finite().then_some(Quantile { value: begin, is_beyond });
        }
        let inside = count.saturating_sub(before) as f64;
        let share = if inside > 0.0 { (rank - before as f64).max(0.0) / inside } else { 1.0 };
        Some(Quantile { value: begin + (end - begin) * share, is_beyond: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: &[(f64, u64)]) -> Histogram {
        let mut histogram = Histogram::default();
        counts.iter().for_each(|(bound, count)| histogram.add(*bound, *count));
        histogram
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let times = histogram(&[(10.0, 50), (1.0, 0), (100.0, 90), (f64::INFINITY, 100)]);
        let value = |part| times.quantile(part).map(|quantile| (quantile.value, quantile.is_beyond));
        assert_eq!(value(0.5), Some((10.0, false)));
        assert_eq!(value(0.25), Some((5.5, false)));
        assert_eq!(value(0.7), Some((55.0, false)));
        // Beyond the last bound only the bound is known.
        assert_eq!(value(0.95), Some((100.0, true)));
        assert_eq!(histogram(&[(5.0, 4), (f64::INFINITY, 4)]).quantile(0.5).unwrap().value, 2.5);
    }

    #[test]
    fn series_with_the_same_bounds_are_one() {
        let both = histogram(&[(1.0, 3), (f64::INFINITY, 4), (1.0, 1), (f64::INFINITY, 4)]);
        assert_eq!(both, histogram(&[(1.0, 4), (f64::INFINITY, 8)]));
    }

    #[test]
    fn what_is_no_histogram_has_no_quantile_or_a_bounded_one() {
        assert_eq!(histogram(&[]).quantile(0.5), None);
        assert_eq!(histogram(&[(1.0, 0), (f64::INFINITY, 0)]).quantile(0.5), None);
        assert_eq!(histogram(&[(f64::INFINITY, 7)]).quantile(0.5).map(|quantile| quantile.value), Some(0.0));
        assert_eq!(histogram(&[(f64::NAN, 7)]).quantile(0.5), None);
        // Counts that fall, negative bounds, the largest numbers: an answer, and no panic.
        for counts in [
            &[(1.0, 9), (2.0, 3), (f64::INFINITY, 10)][..],
            &[(-5.0, 1), (-1.0, 2), (f64::INFINITY, 3)],
            &[(f64::NEG_INFINITY, 1), (f64::INFINITY, 3)],
            &[(f64::MAX, u64::MAX), (f64::INFINITY, u64::MAX)],
            &[(1.0, u64::MAX), (1.0, u64::MAX)],
        ] {
            for part in [-1.0, 0.0, 0.5, 0.99, 1.0, 2.0] {
                let quantile = histogram(counts).quantile(part);
                assert!(quantile.is_none_or(|quantile| !quantile.value.is_nan()), "{counts:?} {part}: {quantile:?}");
            }
        }
        let mut many = Histogram::default();
        (0..1000_u16).for_each(|bound| many.add(f64::from(bound), 1));
        assert_eq!(many.0.len(), MOST_BOUNDS);
    }
}
