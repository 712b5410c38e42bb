//! Finds the layer directories of an overlay mount in the mount table of this process, for [`witness`](super::witness).

use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt as _, path::PathBuf};

/// The mount table of this process (`/proc/self/mountinfo`).
pub(super) fn mount_table() -> Option<Vec<u8>> {
    fs::read("/proc/self/mountinfo").ok()
}

/// The folders of all layers of the overlay that is mounted by this number; `None` where one of them has no absolute path,
/// or the table does not say, and where a file may have its times in one layer and its bytes in another, so that its times
/// tell nothing of its bytes: `metacopy`, and layers of nothing but data.
///
/// A path is that of the process that mounted the overlay: the caller finds out whether it leads anywhere here.
pub(super) fn layers(table: &[u8], mount: u64, splits_by_default: bool) -> Option<Vec<PathBuf>> {
    let number = mount.to_string();
    let line = table.split(|byte| *byte == b'\n').find(|line| fields(line).next() == Some(number.as_bytes()))?;
    // `... - overlay NAME OPTIONS`: before the dash there may be any number of fields.
    let mut rest = fields(line).skip_while(|field| *field != b"-").skip(1);
    if rest.next()? != b"overlay" {
        return None;
    }
    let options = without_octal(rest.nth(1)?);
    let mut found = Vec::new();
    let mut splits_files = splits_by_default;
    for option in split(&options, b',') {
        let at = option.iter().position(|byte| *byte == b'=').unwrap_or(option.len());
        let value = option.get(at + 1..).unwrap_or_default();
        match option.get(..at).unwrap_or_default() {
            // Between the layers with files and those with nothing but data the separator is doubled.
            b"lowerdir" if split(value, b':').any(<[u8]>::is_empty) => return None,
            b"lowerdir" => found.extend(split(value, b':').map(path)),
            b"lowerdir+" | b"upperdir" => found.push(path(value)),
            b"datadir+" => return None,
            b"metacopy" => splits_files = value != b"off",
            _ => {}
        }
    }
    (!splits_files && !found.is_empty() && found.iter().all(|path| path.is_absolute())).then_some(found)
}

/// Whether an overlay has `metacopy` where its options say nothing of it.
pub(super) fn splits_by_default() -> bool {
    fs::read("/sys/module/overlay/parameters/metacopy").is_ok_and(|value| value.starts_with(b"Y"))
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ')
}

/// The parts between separators; one behind a backslash is no separator.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut escaped = false;
    text.split(move |byte| {
        let is_separator = *byte == separator && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_separator
    })
}

/// A path without the backslashes before its special characters.
fn path(text: &[u8]) -> PathBuf {
    let mut escaped = false;
    let keep = |byte: &&u8| {
        escaped = **byte == b'\\' && !escaped;
        !escaped
    };
    OsString::from_vec(text.iter().filter(keep).copied().collect()).into()
}

/// The text with the bytes that the table writes as `\040`.
fn without_octal(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, more @ ..] = rest {
        let digits = more.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        let value = digits.map(|digits| digits.iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0')));
        if let Some(byte) = value.and_then(|value| u8::try_from(value).ok()) {
            out.push(byte);
            rest = more.get(3..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = more;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
40 27 0:50 / /merged rw,relatime shared:3 master:1 - overlay overlay rw,lowerdir=/a:/b,upperdir=/up,workdir=/work
41 27 0:51 / /one\\040two rw - overlay none ro,lowerdir+=/a\\040b,lowerdir+=/c,metacopy=off
42 27 0:52 / /x rw - overlay o rw,lowerdir=/with\\134:colon:/b,upperdir=/comma\\134,x,index=off
43 27 0:53 / /y rw - overlay o rw,lowerdir=l/ABC:l/DEF,upperdir=/up
44 27 0:54 / /z rw - overlay o rw,index=off
45 27 0:55 / / rw - ext4 lowerdir=/a rw,lowerdir=/a
46 27 0:56 / /m rw - overlay o rw,lowerdir=/a,upperdir=/up,redirect_dir=on,metacopy=on
47 27 0:57 / /d rw - overlay o ro,lowerdir=/a:/b::/data,metacopy=off
48 27 0:58 / /p rw - overlay o ro,lowerdir+=/a,datadir+=/data,metacopy=off";

    #[test]
    fn layers_are_read_in_all_spellings_of_the_kernel() {
        let found = |mount| layers(TABLE.as_bytes(), mount, false);
        let paths = |paths: &[&str]| Some(paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(found(40), paths(&["/a", "/b", "/up"]));
        assert_eq!(found(41), paths(&["/a b", "/c"]));
        assert_eq!(found(42), paths(&["/with:colon", "/b", "/comma,x"]));
        assert_eq!(layers(TABLE.as_bytes(), 40, true), None);
        assert_eq!(layers(TABLE.as_bytes(), 41, true), found(41));
        for unknown in [4, 22, 43, 44, 45, 46, 47, 48, 50] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
    }

    proptest! {
        #[test]
        fn no_table_is_too_odd(table in proptest::collection::vec(any::<u8>(), 0..200), options in "[\\\\:,=a-z/0-7]{0,40}") {
            let _ = layers(&table, 1, false);
            let _ = layers(format!("1 2 0:1 / / rw - overlay o {options}").as_bytes(), 1, false);
        }
    }
}
