//! Inputs that encoders get wrong: small ones by their number, the same on every machine and in every release, and
//! those at the borders of blocks.

/// splitmix64.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// How many kinds of inputs there are.
pub const KINDS: u8 = 12;

/// Around what deflate can say of a distance, and around what an entry of 16 bits can.
const DISTANCES: [usize; 20] =
    [1, 2, 3, 4, 5, 7, 8, 16, 31, 256, 257, 4096, 16_385, 32_767, 32_768, 32_769, 65_534, 65_535, 65_536, 65_537];
/// Around the lengths of matches, and more.
const LENGTHS: [usize; 14] = [2, 3, 4, 5, 6, 8, 11, 63, 64, 257, 258, 259, 516, 1000];

/// The input with a number. Most are small: there a decoder sees the most different streams in a time.
pub fn small(number: u64) -> Vec<u8> {
    let mut numbers = Numbers::new(number);
    let most = match numbers.below(1000) {
        0..600 => 300,
        600..920 => 2_000,
        920..995 => 10_000,
        _ => 100_000,
    };
    let length = numbers.below(most);
    if numbers.below(8) > 0 {
        let kind = numbers.below(usize::from(KINDS)) as u8;
        return bytes(kind, length, &mut numbers);
    }
    // Several, so that the statistics change.
    let mut mixed = Vec::with_capacity(length + most);
    while mixed.len() < length {
        let (kind, part) = (numbers.below(usize::from(KINDS)) as u8, 1 + numbers.below(most / 3 + 1));
        mixed.extend(bytes(kind, part, &mut numbers));
    }
    mixed.truncate(length);
    mixed
}

/// Bytes of a kind.
pub fn bytes(kind: u8, length: usize, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 1100);
    let symbols = numbers.pick(&[1, 2, 3, 4, 16, 64, 200, 256]);
    let first = numbers.byte();
    let word = 1 + numbers.below(12);
    let pool: Vec<Vec<u8>> = (0..=numbers.below(60)).map(|_| noise(word, numbers)).collect();
    while bytes.len() < length {
        match kind % KINDS {
            0 => bytes.extend_from_slice(&numbers.next().to_le_bytes()),
            1 => bytes.push(first.wrapping_add(numbers.below(symbols) as u8)),
            // A few symbols dominate, which is what makes codes long.
            2 => bytes.push(numbers.next().leading_zeros() as u8),
            3 => {
                let (byte, run) = (numbers.byte(), numbers.pick(&LENGTHS));
                bytes.resize(bytes.len() + run, byte);
            }
            4 => copy(&mut bytes, symbols, numbers),
            5 => text(&mut bytes, numbers),
            6 => record(&mut bytes, first),
            // A phrase of a pool and something new, which is what keeps a match finder busy.
            7 => {
                bytes.extend_from_slice(&pool[numbers.below(pool.len())]);
                bytes.push(numbers.byte());
            }
            8 => again(&mut bytes, numbers),
            9 => bytes.extend(numbers.next().to_be_bytes().map(|byte| b"0123456789abcdef"[usize::from(byte & 15)])),
            10 => code(&mut bytes, numbers),
            _ => bytes.extend((0..=word).map(|at| first.wrapping_add(at as u8))),
        }
    }
    bytes.truncate(length);
    bytes
}

fn noise(length: usize, numbers: &mut Numbers) -> Vec<u8> {
    (0..length).map(|_| numbers.byte()).collect()
}

/// Literals, then a copy from a distance at which something changes.
fn copy(bytes: &mut Vec<u8>, symbols: usize, numbers: &mut Numbers) {
    for _ in 0..numbers.below(6) {
        bytes.push(numbers.below(symbols) as u8);
    }
    let distance = if numbers.below(3) == 0 { numbers.pick(&DISTANCES) } else { 1 + numbers.below(70_000) };
    let (wanted, reach) = (numbers.pick(&LENGTHS), bytes.len().max(1));
    let distance = if distance > reach { 1 + distance % reach } else { distance };
    if let Some(from) = bytes.len().checked_sub(distance) {
        for at in from..from + wanted {
            bytes.push(bytes[at]);
        }
    }
}

fn text(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    const WORDS: [&str; 16] = [
        "the ",
        "layer ",
        "of ",
        "an ",
        "image ",
        "is ",
        "read ",
        "as ",
        "a ",
        "stream, ",
        "and ",
        "nothing ",
        "else.\n",
        "https://",
        "{\"size\": ",
        "},\n    ",
    ];
    // Small numbers are frequent, as words are.
    let rank = numbers.below(WORDS.len()).min(numbers.below(WORDS.len()));
    bytes.extend_from_slice(WORDS[rank].as_bytes());
    if rank == 14 {
        bytes.extend_from_slice(numbers.below(1 << 20).to_string().as_bytes());
    }
}

/// A row of a table: a counter, a constant, something that changes slowly.
fn record(bytes: &mut Vec<u8>, first: u8) {
    let row = bytes.len() as u32 / 24;
    bytes.extend_from_slice(&row.to_le_bytes());
    bytes.extend_from_slice(&[0, first, 0, 0xff]);
    bytes.extend_from_slice(&(row.wrapping_mul(u32::from(first)) >> 3).to_be_bytes());
    bytes.extend_from_slice(&[0; 12]);
}

/// All that was there so far, up to a piece, with a byte changed.
fn again(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let piece = bytes.len().min(1 + numbers.below(700));
    let from = bytes.len() - piece;
    bytes.extend_from_within(from..);
    match bytes.last_mut() {
        Some(last) => *last ^= 1 << numbers.below(8),
        None => bytes.push(0),
    }
    bytes.push(numbers.byte());
}

/// Something like instructions: an opcode, registers, an address that is near the last one.
fn code(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    bytes.push(numbers.pick(&[0x48, 0x48, 0x48, 0x89, 0x8b, 0xe8, 0x0f, 0xc3]));
    bytes.push(0xc0 | (numbers.byte() & 0x3f));
    if numbers.below(3) == 0 {
        let address = (bytes.len() as u32).wrapping_sub(numbers.below(5000) as u32);
        bytes.extend_from_slice(&address.to_le_bytes());
    }
}

/// Inputs that end near a border of the format or of the encoder, of one block or more.
pub fn borders() -> impl Iterator<Item = Vec<u8>> {
    const MIB: usize = 1 << 20;
    let lengths =
        [4_096, 32_768, 65_535, 65_536, 131_070, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 3 * MIB + 7];
    // Each kind has a few of the lengths, each length most of the kinds.
    let pairs = lengths.into_iter().enumerate().flat_map(|(at, length)| {
        (0..KINDS)
            .filter(move |kind| length < 200_000 || (usize::from(*kind) + at) % 3 == 0)
            .map(move |kind| (kind, length))
    });
    let made =
        pairs.map(|(kind, length)| bytes(kind, length, &mut Numbers::new(length as u64 ^ u64::from(kind) << 32)));
    made.chain([0_usize, 1, MIB - 1, MIB, MIB + 1].map(|length| vec![0; length]))
}
