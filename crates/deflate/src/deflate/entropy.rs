//! The least number of bits that symbols take (Shannon), estimated with integers alone.

/// Bits after the point.
pub(super) const FRACTION: u32 = 10;

/// The logarithms of 1 to 1023, each found by squaring, bit by bit.
static LOG: [u16; 1024] = {
    let mut table = [0; 1024];
    let mut at = 1;
    while at < 1024 {
        let whole = (at as u32).ilog2();
        let mut mantissa = (at as u64) << (31 - whole);
        let mut log = whole as u16;
        let mut bit = 0;
        while bit < FRACTION {
            mantissa = (mantissa * mantissa) >> 31;
            log <<= 1;
            if mantissa >> 32 != 0 {
                mantissa >>= 1;
                log |= 1;
            }
            bit += 1;
        }
        table[at] = log;
        at += 1;
    }
    table
};

/// Binary logarithm with [`FRACTION`] bits after the point, a little too small above 1023; 0 of 0.
#[inline(always)]
pub(super) fn log2(number: u32) -> u32 {
    let shift = 22_u32.saturating_sub(number.leading_zeros());
    u32::from(LOG[(number >> shift) as usize & 1023]) + (shift << FRACTION)
}

/// Bits that an ideal code of their own takes for symbols that were used so often, and how many were used.
pub(super) fn bits(counts: impl Iterator<Item = u32>) -> (u64, u32) {
    let (mut total, mut weighted, mut used) = (0_u32, 0, 0);
    for count in counts {
        total += count;
        weighted += u64::from(count) * u64::from(log2(count));
        used += u32::from(count != 0);
    }
    // Rounded down, the total's logarithm can be below those of its parts.
    let all = u64::from(total) * u64::from(log2(total));
    (all.saturating_sub(weighted) >> FRACTION, used)
}
