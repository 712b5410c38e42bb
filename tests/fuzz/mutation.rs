//! Changes of inputs by chance that are the same in every run.

/// Bytes of a changed input.
const MOST: usize = 64 << 10;
/// Changes of one input.
const CHANGES: usize = 6;
/// Bytes that mean something in one format or another.
const SIGNS: &[u8] = b"\0\xff\x80\x7f\n\r\t \"'\\/:;,.=#@$%&*<>[]{}()-+|`~0A";
/// Pieces that formats are made of, and that readers stumble over.
const PIECES: [&[u8]; 26] = [
    b"\xef\xbb\xbf",
    "\u{202e}".as_bytes(),
    "größe".as_bytes(),
    b"\xf0\x9f\x94",
    b"\xff\xfe",
    b"../",
    b"${",
    b"$(",
    b"{{",
    b"}}",
    b"\\\n",
    b"\r\n",
    b"\n\n",
    b"\n----\n",
    b"[[",
    b"\"\"\"",
    b"<<",
    b"&a ",
    b"*a",
    b"\\u0000",
    b"-----BEGIN ",
    b"sha256:",
    b"https://",
    b"null",
    b"##[",
    b"\x1b[2J",
];
/// Numbers at which readers go wrong.
const NUMBERS: [&str; 9] =
    ["0", "-1", "1", "255", "65536", "2147483648", "4294967296", "18446744073709551615", "99999999999999999999"];

/// A source of changes.
#[derive(Debug)]
pub struct Mutator(u64);

impl Mutator {
    /// The changes of that number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The next number (splitmix64).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is 0 for nothing.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        match self.below(3) {
            0 => u8::try_from(self.below(256)).unwrap(),
            _ => SIGNS[self.below(SIGNS.len())],
        }
    }

    /// One of the seeds, changed.
    pub fn changed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(CHANGES) {
            self.change(&mut bytes, seeds);
            bytes.truncate(MOST);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let end = (at + 1 + self.below(16)).min(bytes.len());
        match self.below(11) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.byte(),
            2 => {
                let byte = self.byte();
                let count = 1 + self.below(8);
                bytes.splice(at..at, std::iter::repeat_n(byte, count));
            }
            3 => drop(bytes.drain(at..end)),
            4 => {
                // A piece of another seed, in the place of something or between.
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                let piece = other[from..(from + 1 + self.below(64)).min(other.len())].to_vec();
                let to = if self.below(2) == 0 { at } else { (at + piece.len()).min(bytes.len()) };
                bytes.splice(at..to, piece);
            }
            5 => {
                let again = bytes[at..end].repeat(1 + self.below(64));
                bytes.splice(at..at, again);
            }
            6 => self.change_lines(bytes),
            7 => self.change_number(bytes, at),
            8 if self.below(4) == 0 => bytes.truncate(at),
            _ => {
                let piece = PIECES[self.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }

    /// Removes, doubles or moves a line.
    fn change_lines(&mut self, bytes: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            return;
        }
        let (from, to) = (self.below(lines.len()), self.below(lines.len()));
        match self.below(3) {
            0 => drop(lines.remove(from)),
            1 => lines.insert(to, lines[from].clone()),
            _ => lines.swap(from, to),
        }
        *bytes = lines.concat();
    }

    /// Puts another number in the place of the first one behind `at`.
    fn change_number(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|start| at + start) else { return };
        let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        bytes.splice(start..start + length, NUMBERS[self.below(NUMBERS.len())].bytes());
    }
}

#[test]
fn the_same_number_makes_the_same_changes_and_another_one_others() {
    let seeds = [b"machine a login b\npassword 1234\n".to_vec(), Vec::new(), vec![0xff; 100]];
    let changes = |number| {
        let mut mutator = Mutator::new(number);
        (0..200).map(|_| mutator.changed(&seeds)).collect::<Vec<_>>()
    };
    assert_eq!(changes(1), changes(1));
    assert_ne!(changes(1), changes(2));
    let all = changes(1);
    assert!(all.iter().filter(|input| !seeds.contains(input)).count() > 150);
}
