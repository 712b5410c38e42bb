//! [`DatedWaiver`]: a waiver as reports list it, with the days that it has left.

use schemars::JsonSchema;
use serde::Serialize;

use super::Waiver;
use crate::report::Rule;

/// A waiver of a policy or a recipe, and how long it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DatedWaiver {
    /// The rule that it is about.
    pub rule: Rule,
    /// The pattern over paths or keys; without it, the waiver is about the whole image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The fingerprint of the one finding that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Its reason.
    pub reason: String,
    /// Its last day, `2027-06-30`.
    pub until: String,
    /// Days from the day of the report to the last day: 0 on the last day itself, negative once it has ended.
    pub days_left: i64,
    /// Whether it has ended.
    pub ended: bool,
    /// The policy file or recipe, as it was named.
    pub file: String,
    /// The line of its table, from 1.
    pub line: usize,
}

impl DatedWaiver {
    /// The waiver as it stands on the day `today` (year, month, day).
    pub fn of(waiver: &Waiver, today: (u16, u8, u8)) -> Self {
        let (line, _) = waiver.origin.line_column();
        Self {
            rule: waiver.rule,
            path: waiver.path.as_ref().map(|glob| glob.text().to_owned()),
            fingerprint: waiver.fingerprint.clone(),
            reason: waiver.reason.clone(),
            until: waiver.last_day(),
            days_left: day_number(waiver.until) - day_number(today),
            ended: !waiver.holds(today),
            file: waiver.origin.source.path.clone(),
            line,
        }
    }

    /// Whether it still holds, and ends within `days` days.
    pub fn ends_within(&self, days: u32) -> bool {
        !self.ended && self.days_left <= i64::from(days)
    }
}

/// Days since 1970-01-01 in the calendar of TOML dates (proleptic Gregorian).
fn day_number((year, month, day): (u16, u8, u8)) -> i64 {
    // Years begin in March, so that the day of February that leap years add is the last one of a year.
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_months_leap_years_and_centuries() {
        for (from, to, days) in [
            ((1970, 1, 1), (1970, 1, 2), 1),
            ((2026, 12, 31), (2027, 1, 1), 1),
            ((2027, 2, 28), (2027, 3, 1), 1),
            ((2028, 2, 28), (2028, 3, 1), 2),
            ((2100, 2, 28), (2100, 3, 1), 1),
            ((2000, 1, 1), (2400, 1, 1), 146_097),
            ((2026, 5, 9), (2026, 5, 8), -1),
        ] {
            assert_eq!(day_number(to) - day_number(from), days, "{from:?} {to:?}");
        }
        assert_eq!(day_number((1970, 1, 1)), 0);
        assert_eq!(day_number((2026, 11, 30)), 20_787);
        assert!(day_number((0, 1, 1)) < 0 && day_number((9999, 12, 31)) > 0);
    }
}
