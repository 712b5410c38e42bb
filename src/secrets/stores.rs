//! Recognises stores of keys and passwords by the bytes that they begin with.

use super::kind::is_printable;

/// The kind of store that a file's first bytes are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreMagic {
    /// A key store of Java (JKS, JCEKS, BKS).
    Java,
    /// PKCS#12: DER, version 3.
    Pkcs12,
    /// A database of KeePass.
    KeePass,
    /// A database of Password Safe.
    PasswordSafe,
    /// A keychain of macOS.
    Keychain,
    /// Keys of Kerberos, which need no password.
    Keytab,
}

impl StoreMagic {
    /// The kind of the file that begins with `head`.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] | [0, 0, 0, 1 | 2, 0, 0, 0, 0x14, ..] => {
                Some(Self::Java)
            }
            // A SEQUENCE of any length, and the version.
            [0x30, 0x80, 2, 1, 3, ..]
            | [0x30, 0x81, _, 2, 1, 3, ..]
            | [0x30, 0x82, _, _, 2, 1, 3, ..]
            | [0x30, 0x83, _, _, _, 2, 1, 3, ..] => Some(Self::Pkcs12),
            [0x03, 0xd9, 0xa2, 0x9a, ..] => Some(Self::KeePass),
            [b'P', b'W', b'S', b'3', ..] => Some(Self::PasswordSafe),
            [b'k', b'y', b'c', b'h', ..] => Some(Self::Keychain),
            [5, 2, rest @ ..] if is_keytab(rest) => Some(Self::Keytab),
            _ => None,
        }
    }
}

/// Whether the first entry of a keytab follows its magic: its length, a number of components, and the name of a realm.
fn is_keytab(entry: &[u8]) -> bool {
    let [l0, l1, l2, l3, c0, c1, r0, r1, rest @ ..] = entry else { return false };
    let length = i32::from_be_bytes([*l0, *l1, *l2, *l3]);
    let components = u16::from_be_bytes([*c0, *c1]);
    let realm = rest.get(..usize::from(u16::from_be_bytes([*r0, *r1]))).unwrap_or_default();
    (16..=4096).contains(&length) && (1..=8).contains(&components) && !realm.is_empty() && is_printable(realm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_known_by_their_first_bytes() {
        let keytab = b"\x05\x02\0\0\0\x40\0\x02\0\x0bEXAMPLE.COM\0\x04HTTP";
        assert_eq!(StoreMagic::of(keytab), Some(StoreMagic::Keytab));
        assert_eq!(StoreMagic::of(&keytab[..10]), None);
        assert_eq!(StoreMagic::of(b"\x05\x02\xff\xff\xff\xff"), None);
        assert_eq!(StoreMagic::of(b"\xfe\xed\xfe\xed\0\0\0\x02"), Some(StoreMagic::Java));
        assert_eq!(StoreMagic::of(b"\x30\x82\x09\xd1\x02\x01\x03\x30"), Some(StoreMagic::Pkcs12));
        assert_eq!(StoreMagic::of(b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5"), Some(StoreMagic::KeePass));
        for head in [&b""[..], b"x", b"\x30\x82\x09\xd1\x02\x01\x00", b"PK\x03\x04"] {
            assert_eq!(StoreMagic::of(head), None);
        }
    }
}
