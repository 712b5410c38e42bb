//! The layout of a treemap: areas in proportion to sizes, by the squarified algorithm of Bruls, Huizing and van Wijk
//! (2000).

/// A rectangle, in percent of the one around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    /// All of it.
    const WHOLE: Self = Self { left: 0.0, top: 0.0, width: 100.0, height: 100.0 };
}

/// One area a size, in the order of the sizes, which fall. Together they fill the rectangle, whose width is `aspect`
/// times its height. Sizes of 0 have no area.
pub(super) fn areas(sizes: &[u64], aspect: f64) -> Vec<Area> {
    let total: u128 = sizes.iter().map(|size| u128::from(*size)).sum();
    let mut areas = Vec::with_capacity(sizes.len());
    let (mut free, mut rest) = (Area::WHOLE, sizes);
    let share = |size: u64| {
        if total == 0 { 0.0 } else { lossy(size.into()) / lossy(total) * Area::WHOLE.width * Area::WHOLE.height }
    };
    while !rest.is_empty() {
        // Wide rooms are filled from the left by columns, others from the top by rows.
        let wide = free.width * aspect >= free.height;
        let side = if wide { free.height } else { free.width };
        let stretch = if wide { aspect } else { 1.0 / aspect };
        let mut taken = 1;
        while taken < rest.len()
            && worst(&rest[..=taken], side, stretch, share) <= worst(&rest[..taken], side, stretch, share)
        {
            taken += 1;
        }
        let (strip, after) = rest.split_at(taken);
        free = lay(strip, free, wide, share, &mut areas);
        rest = after;
    }
    areas
}

/// Lays a strip along the short side of `free`; returns what is left.
fn lay(strip: &[u64], free: Area, wide: bool, share: impl Fn(u64) -> f64, areas: &mut Vec<Area>) -> Area {
    let sum: f64 = strip.iter().map(|size| share(*size)).sum();
    let side = if wide { free.height } else { free.width };
    let depth = if side > 0.0 { sum / side } else { 0.0 };
    let mut at = if wide { free.top } else { free.left };
    for size in strip {
        let length = if depth > 0.0 { share(*size) / depth } else { 0.0 };
        areas.push(if wide {
            Area { left: free.left, top: at, width: depth, height: length }
        } else {
            Area { left: at, top: free.top, width: length, height: depth }
        });
        at += length;
    }
    if wide {
        Area { left: free.left + depth, width: (free.width - depth).max(0.0), ..free }
    } else {
        Area { top: free.top + depth, height: (free.height - depth).max(0.0), ..free }
    }
}

/// How far the flattest rectangle of a strip is from a square; 1 is a square.
fn worst(strip: &[u64], side: f64, stretch: f64, share: impl Fn(u64) -> f64) -> f64 {
    let sum: f64 = strip.iter().map(|size| share(*size)).sum();
    let (Some(first), Some(last)) = (strip.first(), strip.last()) else { return f64::INFINITY };
    let depth = sum / side * stretch;
    let ratio = |size: u64| {
        let length = share(size) * stretch / depth;
        (depth / length).max(length / depth)
    };
    let worst = ratio(*first).max(ratio(*last));
    if worst.is_nan() { f64::INFINITY } else { worst }
}

/// A size as a share of others; the last digits of exabytes are no pixels.
#[allow(clippy::cast_precision_loss, reason = "a screen has fewer pixels than a float has digits")]
fn lossy(size: u128) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_in_proportion_fill_the_whole_and_do_not_overlap() {
        let sizes = [600, 600, 400, 300, 200, 200, 100];
        let areas = areas(&sizes, 1.5);
        let total: u64 = sizes.iter().sum();
        for (size, area) in sizes.iter().zip(&areas) {
            let wanted = lossy((*size).into()) / lossy(total.into()) * 10_000.0;
            assert!((area.width * area.height - wanted).abs() < 1e-6, "{area:?}");
            assert!(area.left >= 0.0 && area.left + area.width < 100.000_001, "{area:?}");
            assert!(area.top >= 0.0 && area.top + area.height < 100.000_001, "{area:?}");
        }
        for (at, one) in areas.iter().enumerate() {
            for other in &areas[at + 1..] {
                let over = |a: f64, b: f64, c: f64, d: f64| a + b > c + 1e-9 && c + d > a + 1e-9;
                let both = over(one.left, one.width, other.left, other.width)
                    && over(one.top, one.height, other.top, other.height);
                assert!(!both, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn nothing_and_the_largest_sizes_are_no_trouble() {
        assert!(areas(&[], 1.0).is_empty());
        for sizes in [vec![0], vec![0, 0], vec![u64::MAX, u64::MAX, 1, 0], vec![u64::MAX; 64]] {
            let areas = areas(&sizes, 2.0);
            assert_eq!(areas.len(), sizes.len());
            for area in areas {
                assert!([area.left, area.top, area.width, area.height].iter().all(|side| side.is_finite()), "{area:?}");
            }
        }
    }
}
