//! The difference of two runs for people: on a terminal, and as Markdown.

use super::{
    diff::{Change, Judgement, Kind, RunDiff, Side},
    harmless, markdown,
    text::push_line,
};
use crate::{protocol::Role, words::counted};

/// Cases of a list that are named.
const NAMED: usize = 10;

/// What each kind of change is called.
pub(super) const TITLES: [(Kind, &str); 10] = [
    (Kind::NewlyFailing, "Newly failing"),
    (Kind::AppearedFailing, "Appeared, and failing"),
    (Kind::Changed, "Failing in another way"),
    (Kind::Undecided, "No longer decided"),
    (Kind::NewlyDriven, "Newly driven, and failing"),
    (Kind::NewlyPassing, "Newly passing"),
    (Kind::Decided, "Decided now, and passing"),
    (Kind::OtherReason, "Not decided for another reason"),
    (Kind::GoneFailing, "Gone, and had failed"),
    (Kind::NoLongerDriven, "No longer driven"),
];

/// The difference as text; Markdown if so wanted.
#[must_use]
pub fn text(diff: &RunDiff, markdown: bool) -> String {
    let mut text = Text {
        markdown,
        out: String::new(),
    };
    text.head(diff);
    for (kind, title) in TITLES {
        let members: Vec<&Change> = diff.changes.iter().filter(|change| change.kind == kind).collect();
        text.kind(title, &members);
    }
    text.cases("Cases that did not run", &diff.never_ran);
    text.cases("Cases that appeared", &diff.cases_appeared);
    text.cases("Cases that are gone", &diff.cases_gone);
    text.foot(diff);
    text.out
}

struct Text {
    markdown: bool,
    out: String,
}

impl Text {
    fn line(&mut self, line: &str) {
        push_line(&mut self.out, line);
    }

    fn title(&mut self, title: &str) {
        let mark = if self.markdown { "### " } else { "" };
        self.line(&format!("{mark}{title}"));
        if self.markdown {
            self.line("");
        }
    }

    /// Text from a run, so that it cannot be read as markup.
    fn code(&self, text: &str) -> String {
        match self.markdown {
            true => markdown::code(text),
            false => harmless(text).replace('\n', " "),
        }
    }

    fn head(&mut self, diff: &RunDiff) {
        let (old, new) = (self.side(&diff.old), self.side(&diff.new));
        let mark = if self.markdown { "## " } else { "" };
        self.line(&format!("{mark}{old} → {new}"));
        self.line("");
        if !(diff.old.steered && diff.new.steered) {
            self.line("The subject drew random numbers of its own: what depends on them may differ in any two runs.");
            self.line("");
        }
    }

    fn side(&self, side: &Side) -> String {
        let end = if side.complete { "" } else { " (interrupted)" };
        let name = self.code(format!("{} {}", side.subject, side.version).trim());
        format!("{name}{end}")
    }

    /// The changes of a kind, by rule and side.
    fn kind(&mut self, title: &str, members: &[&Change]) {
        if members.is_empty() {
            return;
        }
        self.title(&format!("{title}: {}", checks(members.iter())));
        let mut places: Vec<(&str, Role)> = members.iter().map(|it| (it.rule.as_str(), it.side)).collect();
        places.sort_unstable();
        places.dedup();
        for (rule, side) in places {
            let of_rule = || members.iter().filter(|it| it.rule == rule && it.side == side);
            let Some(first) = of_rule().next() else { continue };
            let count = checks(of_rule());
            let (rule, case) = (self.code(rule), self.code(&first.case));
            let bullet = if self.markdown { "- " } else { "  " };
            self.line(&format!(
                "{bullet}{rule}  {}, {count}, first in {case}",
                side.name()
            ));
            self.judgement("was", first.old.as_ref());
            self.judgement("is ", first.new.as_ref());
        }
        self.line("");
    }

    fn judgement(&mut self, when: &str, judgement: Option<&Judgement>) {
        let Some(Judgement { verdict, message, .. }) = judgement else {
            return;
        };
        let bullet = if self.markdown { "  - " } else { "    " };
        let message = match message.is_empty() {
            true => String::new(),
            false => format!(": {}", self.code(message)),
        };
        self.line(&format!("{bullet}{when} {}{message}", verdict.name()));
    }

    fn cases(&mut self, title: &str, keys: &[String]) {
        if keys.is_empty() {
            return;
        }
        self.title(&format!("{title}: {}", keys.len()));
        let bullet = if self.markdown { "- " } else { "  " };
        for key in keys.iter().take(NAMED) {
            let key = self.code(key);
            self.line(&format!("{bullet}{key}"));
        }
        let unnamed = keys.len().saturating_sub(NAMED);
        if unnamed > 0 {
            self.line(&format!("{bullet}and {unnamed} more"));
        }
        self.line("");
    }

    fn foot(&mut self, diff: &RunDiff) {
        let mut parts = vec![format!("{} the same", counted(diff.same, "check"))];
        let others = [(diff.appeared, "appeared"), (diff.gone, "gone")];
        let others = others.iter().filter(|(count, _)| *count > 0);
        parts.extend(others.map(|(count, what)| format!("{count} {what} that did not fail")));
        let (old, new) = (diff.old.withheld, diff.new.withheld);
        if old.max(new) > 0 {
            parts.push(format!("withheld {old} → {new}"));
        }
        self.line(&parts.join(", "));
        self.line(verdict(diff));
    }
}

/// What a kind of change is called.
pub(super) fn title(kind: Kind) -> &'static str {
    let mut titles = TITLES.iter();
    titles
        .find(|(named, _)| *named == kind)
        .map_or("", |(_, title)| title)
}

/// Whether it is worse, in a sentence.
pub(super) fn verdict(diff: &RunDiff) -> &'static str {
    match diff.worse {
        true if diff.is_worse_as_known() => "Worse than before, in known deviations alone.",
        true => "Worse than before.",
        false => "Not worse than before.",
    }
}

/// The number of checks, and of those that are known deviations.
fn checks<'a>(members: impl Iterator<Item = &'a &'a Change>) -> String {
    let (mut all, mut known) = (0_usize, 0_usize);
    for change in members {
        all = all.saturating_add(1);
        known = known.saturating_add(usize::from(change.is_known()));
    }
    let count = counted(all, "check");
    match known {
        0 => count,
        known if known == all => format!("{count} (known)"),
        known => format!("{count} ({known} known)"),
    }
}
