//! Checks of `bug-classes.yaml` and `models/`.

use super::{Document, End, Findings, Path, one_of};
use crate::suite::bug_class::{BugClassFile, PACKAGES};

impl Findings<'_> {
    pub(super) fn bug_classes(&mut self, document: &Document<'_>) {
        let Ok(file) = document.read::<BugClassFile>() else {
            return;
        };
        for (id, class) in file.classes.iter() {
            let path = Path::root().at("classes").at(id).at("packages");
            for (package, rules) in class.packages.iter() {
                let path = path.at(package);
                if !PACKAGES.contains(&package) {
                    let error = document.error(&path, End::Key, format!("no package `{package}`"));
                    let expected = Some(one_of(PACKAGES.iter().copied()));
                    self.errors.push(error.expecting(expected));
                }
                self.distinct_rules(document, &path, rules);
            }
        }
    }

    /// A list of ids of rules that exist, each once.
    fn distinct_rules(&mut self, document: &Document<'_>, path: &Path, rules: &[String]) {
        for (index, rule) in rules.iter().enumerate() {
            let path = path.at(index);
            self.rule_id(document, &path, rule);
            if rules.iter().take(index).any(|other| other == rule) {
                self.wrong(document, &path, format!("rule `{rule}` stands here twice"), None);
            }
        }
    }
}
