//! Where the time of a run with an adapter goes.

use std::{ops::AddAssign, time::Duration};

/// Time of cases, one after the other: workers run at the same time, and their times are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// From the beginning of each case to the end of its report.
    pub cases: Duration,
    /// Of that, in calls of the subject.
    pub subject: Duration,
}

impl Spent {
    /// The harness's own part.
    #[must_use]
    pub fn harness(&self) -> Duration {
        self.cases.saturating_sub(self.subject)
    }

    /// The harness's own part as a share, from 0 to 1; none if no time was spent.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let cases = self.cases.as_secs_f64();
        (cases > 0.0).then(|| self.harness().as_secs_f64() / cases)
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.cases = self.cases.saturating_add(other.cases);
        self.subject = self.subject.saturating_add(other.subject);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_subjects_is_the_harnesss() {
        let mut spent = Spent::default();
        assert_eq!(spent.share(), None);
        for (cases, subject) in [(300, 200), (100, 100)] {
            spent += Spent {
                cases: Duration::from_millis(cases),
                subject: Duration::from_millis(subject),
            };
        }
        assert_eq!(spent.harness(), Duration::from_millis(100));
        assert_eq!(spent.share(), Some(0.25));
    }
}
