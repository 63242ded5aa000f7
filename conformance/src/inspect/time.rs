//! FILETIME as text.

/// 100 ns units in a second.
const TICKS: u64 = 10_000_000;

/// Seconds in a day.
const DAY: u64 = 86_400;

/// Days from 0000-03-01 to 1601-01-01.
const EPOCH: u64 = 584_694;

/// A moment in UTC.
pub(crate) struct Moment {
    pub(crate) year: u64,
    /// From 1.
    pub(crate) month: u64,
    /// From 1.
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    /// 100 ns units.
    pub(crate) fraction: u64,
}

impl Moment {
    /// The moment of a number of 100 ns units since 1601-01-01.
    pub(crate) fn of(ticks: u64) -> Self {
        let seconds = ticks / TICKS;
        let (year, month, day) = date(seconds / DAY);
        Self {
            year,
            month,
            day,
            hour: seconds % DAY / 3600,
            minute: seconds % 3600 / 60,
            second: seconds % 60,
            fraction: ticks % TICKS,
        }
    }
}

/// A moment in 100 ns units since 1601-01-01 as ISO 8601 text.
pub(super) fn utc(ticks: u64) -> String {
    let Moment {
        year,
        month,
        day,
        hour,
        minute,
        second,
        fraction,
    } = Moment::of(ticks);
    let fraction = match fraction {
        0 => String::new(),
        rest => format!(".{rest:07}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Year, month and day of a number of days since 1601-01-01. Years begin in March here, so that a leap day is a
/// year's last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(EPOCH);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leaps = day_of_era / 1460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524).saturating_sub(leaps) / 365;
    let before = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
    let day_of_year = day_of_era.saturating_sub(before);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year.saturating_sub((153 * from_march + 2) / 5) + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn moments_are_right() {
        let seconds = |unix: u64| (unix + 11_644_473_600) * 10_000_000;
        assert_eq!(utc(0), "1601-01-01T00:00:00Z");
        assert_eq!(utc(seconds(0)), "1970-01-01T00:00:00Z");
        assert_eq!(utc(seconds(951_782_399) + 1), "2000-02-28T23:59:59.0000001Z");
        assert_eq!(utc(seconds(951_782_400)), "2000-02-29T00:00:00Z");
        assert_eq!(utc(seconds(4_107_542_400)), "2100-03-01T00:00:00Z");
        assert_eq!(utc(u64::MAX), "60056-05-28T05:36:10.9551615Z");
    }
}
