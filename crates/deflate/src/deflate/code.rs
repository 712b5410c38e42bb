//! Prefix codes: the more often a symbol is used, the shorter its code (Huffman, 1952).

/// Lengths and bits of a code for up to `N` symbols; a length of 0 is a symbol without a code.
#[derive(Debug)]
pub(super) struct Code<const N: usize> {
    pub(super) lengths: [u8; N],
}

/// The longest code that deflate has.
const MOST_BITS: usize = 15;
/// A count and a symbol are sorted as one number: this many bits for the symbol.
const SYMBOL_BITS: u32 = 9;

impl<const N: usize> Code<N> {
    /// The best code for symbols that are used so often, of lengths up to `most`. At least two symbols have a code,
    /// even if they are not used: some decoders refuse a code of one or none.
    pub(super) fn best(counts: &[u32; N], most: usize) -> Self {
        const { assert!(N <= 1 << SYMBOL_BITS) };
        let mut code = Self { lengths: [0; N] };
        let used = counts.iter().zip(0_u32..).filter(|(count, _)| **count > 0);
        // No two are equal, so every sort gives the same.
        let mut leaves: Vec<u32> = used.map(|(count, symbol)| count << SYMBOL_BITS | symbol).collect();
        leaves.sort_unstable();
        if let [] | [_] = leaves[..] {
            let only = leaves.first().map_or(0, |leaf| symbol(*leaf));
            code.lengths[only] = 1;
            code.lengths[usize::from(only == 0)] = 1;
            return code;
        }
        let mut rarest_first = leaves.iter();
        let of_length = lengths(&leaves, most);
        for length in (1..=most).rev() {
            for leaf in rarest_first.by_ref().take(of_length[length]) {
                code.lengths[symbol(*leaf)] = length as u8;
            }
        }
        code
    }

    /// The codes that follow from the lengths (RFC 1951, 3.2.2), the first bit lowest, as they are written.
    pub(super) fn bits(&self) -> [u32; N] {
        let mut of_length = [0_u32; MOST_BITS + 1];
        for length in self.lengths.iter().filter(|length| **length > 0) {
            of_length[usize::from(*length)] += 1;
        }
        let mut next = [0_u32; MOST_BITS + 1];
        for length in 1..=MOST_BITS {
            next[length] = (next[length - 1] + of_length[length - 1]) << 1;
        }
        self.lengths.map(|length| {
            if length == 0 {
                return 0;
            }
            let code = &mut next[usize::from(length)];
            *code += 1;
            (*code - 1).reverse_bits() >> (32 - u32::from(length))
        })
    }
}

/// How many codes there are of each length, for leaves in rising order, at least two.
///
/// The two lightest trees become one until one is left. Both the leaves and the trees that are made come in rising
/// order, so the lightest is at the head of one of two queues.
fn lengths(leaves: &[u32], most: usize) -> [usize; MOST_BITS + 2] {
    let mut leaf = leaves.iter().map(|leaf| leaf >> SYMBOL_BITS).peekable();
    // Of trees with more than a leaf, in the order they were made: weight, and the tree it became a part of.
    let mut trees: Vec<(u32, usize)> = Vec::with_capacity(leaves.len());
    let mut head = 0;
    while trees.len() + 1 < leaves.len() {
        let mut weight = 0;
        for _ in 0..2 {
            let lightest = trees.get(head).map(|tree| tree.0);
            if let Some(light) = leaf.next_if(|light| lightest.is_none_or(|lightest| *light <= lightest)) {
                weight += light;
            } else if let Some(light) = lightest {
                weight += light;
                trees[head].1 = trees.len();
                head += 1;
            }
        }
        trees.push((weight, 0));
    }
    // From the root down, each tree turns a code into two that are longer by one. Depths come in rising order; where
    // the limit is reached, the longest code below it is turned instead (libdeflate).
    let mut of_length = [0; MOST_BITS + 2];
    of_length[1] = 2;
    let mut depths = vec![0_usize; trees.len()];
    for tree in (0..trees.len() - 1).rev() {
        let depth = depths[trees[tree].1] + 1;
        depths[tree] = depth;
        let mut length = depth.min(most - 1);
        while depth >= most && of_length[length] == 0 {
            length -= 1;
        }
        of_length[length] -= 1;
        of_length[length + 1] += 2;
    }
    of_length
}

fn symbol(leaf: u32) -> usize {
    (leaf & ((1 << SYMBOL_BITS) - 1)) as usize
}
