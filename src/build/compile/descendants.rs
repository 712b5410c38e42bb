//! The processes that this one has started, with all that they have started: what a signal ends together with hardpan.

use std::{collections::BTreeMap, fs, process, thread, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

/// The pause between two looks.
const GLANCE: Duration = Duration::from_millis(10);
/// How often it is looked whether all that were asked to end have ended.
const ASKED: u32 = 30;
/// The same for those that were killed.
const KILLED: u32 = 20;

/// Processes by their numbers, each with the time when it began, in ticks of the kernel: the number alone does not tell it from
/// a later one.
type ProcessIds = BTreeMap<i32, u64>;

/// What `/proc/PID/stat` says of a process that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ProcessState {
    parent: i32,
    start: u64,
}

/// Ends all processes that this one has started, and those that they have started: asks them by SIGTERM, and after a third of a
/// second ends those that are left by SIGKILL. Takes half a second at most.
pub fn end_descendants() {
    let mut ids = descendants();
    signal(&ids, Signal::TERM);
    if wait_for(&ids, ASKED) {
        // What was started meanwhile.
        ids.clear();
    }
    ids.extend(descendants());
    signal(&ids, Signal::KILL);
    wait_for(&ids, KILLED);
}

fn signal(ids: &ProcessIds, signal: Signal) {
    for number in ids.iter().filter(|(number, start)| is_running(**number, **start)).map(|(number, _)| number) {
        // What another user runs, by a setuid program, cannot be ended.
        let _ = Pid::from_raw(*number).map(|number| kill_process(number, signal));
    }
}

/// Waits until all of them have ended. Whether they have.
fn wait_for(ids: &ProcessIds, looks: u32) -> bool {
    for _ in 0..looks {
        if !ids.iter().any(|(number, start)| is_running(*number, *start)) {
            return true;
        }
        thread::sleep(GLANCE);
    }
    false
}

fn is_running(number: i32, start: u64) -> bool {
    state_of(number).is_some_and(|state| state.start == start)
}

/// All descendants of this process that have not ended.
fn descendants() -> ProcessIds {
    let own = i32::try_from(process::id()).unwrap_or_default();
    let all: Vec<_> = numbers().filter_map(|number| Some((number, state_of(number)?))).collect();
    let mut found = ProcessIds::new();
    loop {
        let before = found.len();
        for (number, state) in &all {
            if state.parent == own || found.contains_key(&state.parent) {
                found.insert(*number, state.start);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The numbers of all processes that can be seen.
fn numbers() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn state_of(number: i32) -> Option<ProcessState> {
    parse_state(&fs::read_to_string(format!("/proc/{number}/stat")).ok()?)
}

/// The text of `/proc/PID/stat`: behind the name, which may hold anything, come the state, the parent, and as the twentieth word
/// the start (proc(5)). None of a process that has ended and is not waited for yet.
fn parse_state(stat: &str) -> Option<ProcessState> {
    let words: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*words.first()?, "Z" | "X") {
        return None;
    }
    Some(ProcessState { parent: words.get(1)?.parse().ok()?, start: words.get(19)?.parse().ok()? })
}

/// The children of this process, those that have ended among them.
pub(super) fn children() -> Vec<Pid> {
    let is_ours = |number: &i32| {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        parent_of(&stat) == Some(process::id())
    };
    numbers().filter(is_ours).filter_map(Pid::from_raw).collect()
}

/// The parent in the text of `/proc/PID/stat`: the second word behind the name, which may hold anything.
fn parent_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_parent_is_read_behind_a_name_with_blanks_and_parentheses() {
        assert_eq!(parent_of("12 (a) S 3 (b) R 7 12 12 0 -1\n"), Some(7));
        assert_eq!(parent_of(""), None);
        let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        assert_eq!(parent_of(&own), Some(std::os::unix::process::parent_id()));
    }

    #[test]
    fn a_process_is_known_by_its_start_and_gone_when_it_has_ended() {
        let number = i32::try_from(process::id()).unwrap();
        let own = state_of(number).unwrap();
        assert_eq!(u32::try_from(own.parent), Ok(std::os::unix::process::parent_id()));
        assert!(is_running(number, own.start) && !is_running(number, own.start + 1));
        let text = fs::read_to_string("/proc/self/stat").unwrap();
        let state = |letter: &str| {
            let (name, rest) = text.rsplit_once(')').unwrap();
            let rest: Vec<_> = std::iter::once(letter).chain(rest.split_whitespace().skip(1)).collect();
            parse_state(&format!("{name}) {}", rest.join(" ")))
        };
        assert_eq!(state("S"), Some(own));
        assert_eq!(state("Z"), None);
    }

    #[test]
    fn a_child_and_what_it_started_are_descendants() {
        let mut child = process::Command::new("/bin/sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let number = i32::try_from(child.id()).unwrap();
        let found = loop {
            let all = descendants();
            let is_below = |other: &i32| state_of(*other).is_some_and(|state| state.parent == number);
            if let Some(below) = all.keys().copied().find(is_below) {
                break [number, below].into_iter().map(|number| (number, all[&number])).collect::<ProcessIds>();
            }
            thread::sleep(GLANCE);
        };
        signal(&found, Signal::KILL);
        child.wait().unwrap();
        assert!(wait_for(&found, KILLED));
    }
}
