//! Detects compiler flags that select the processor of the compiling machine (`target-cpu=native`, `-march=native`).
//!
//! The parser and `build` refuse them, because another machine would compile another program.

/// Whether a flag of rustc does, in any of its spellings (rustc takes `_` for `-` in the names of options).
pub fn is_native_for_rustc(flag: &str) -> bool {
    let flag = flag.replace('_', "-");
    ["target-cpu=", "tune-cpu="].iter().any(|option| {
        let mut values = flag.match_indices(option).filter_map(|(at, _)| flag.get(at + option.len()..));
        values.any(|value| is_native(value.trim_start_matches(['"', '\''])))
    })
}

/// The first flag of a C compiler in `text` that does. The text may be a list of flags in any quotes, or a command.
pub fn native_for_c(text: &str) -> Option<&'static str> {
    [("-march=", "-march=native"), ("-mcpu=", "-mcpu=native"), ("-mtune=", "-mtune=native")]
        .into_iter()
        .find(|(option, _)| {
            let mut values = text.match_indices(option).filter_map(|(at, _)| text.get(at + option.len()..));
            values.any(|value| is_native(value.trim_start_matches(['"', '\''])))
        })
        .map(|(_, flag)| flag)
}

/// Whether a value begins with the word `native`; on arm features may follow (`native+crypto`).
fn is_native(value: &str) -> bool {
    let end = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"-_.".contains(byte);
    value.strip_prefix("native").is_some_and(|rest| rest.as_bytes().first().is_none_or(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_known_and_no_name_of_a_processor_is_taken_for_one() {
        for flag in ["-Ctarget-cpu=native", "target-cpu=native", "-C target_cpu=native", "-Ztune-cpu=native"] {
            assert!(is_native_for_rustc(flag), "{flag}");
        }
        for flag in ["-Ctarget-cpu=x86-64-v3", "--cfg=native", "-Ctarget-cpu=nativex", "-ltarget-native"] {
            assert!(!is_native_for_rustc(flag), "{flag}");
        }
        for (text, flag) in [
            ("-O2 -march=native", "-march=native"),
            ("gcc \"-mcpu=native\" -c", "-mcpu=native"),
            ("-mcpu=native+crypto", "-mcpu=native"),
            ("-DCMAKE_C_FLAGS=-mtune=native", "-mtune=native"),
            ("-march='native'", "-march=native"),
        ] {
            assert_eq!(native_for_c(text), Some(flag), "{text}");
        }
        for text in ["-march=x86-64-v3", "-march=native-x", "native", "-fmarch native"] {
            assert_eq!(native_for_c(text), None, "{text}");
        }
    }
}
