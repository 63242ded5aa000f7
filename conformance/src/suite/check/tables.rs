//! Checks of `bug-classes.yaml` and `models/`.

use super::{Document, End, Findings, Path, one_of};
use crate::suite::{
    bug_class::{BugClassFile, PACKAGES},
    model::{self, Model, Unreachable},
    names,
};

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

    pub(super) fn model(&mut self, document: &Document<'_>, package: &str) {
        let Ok(model) = document.read::<Model>() else {
            return;
        };
        if !PACKAGES.contains(&package) {
            let message = format!("no package `{package}`");
            let expected = Some(format!(
                "a file that is called {}",
                one_of(PACKAGES.iter().copied())
            ));
            self.wrong(document, &Path::root(), message, expected);
        }
        for (message, parts) in model.messages.iter() {
            self.parts(document, message, parts);
        }
        for (index, listed) in model.unreachable.iter().enumerate() {
            self.unreachable(
                document,
                &Path::root().at("unreachable").at(index),
                &model,
                listed,
            );
        }
    }

    /// The parts of a message that exists, each once.
    fn parts(&mut self, document: &Document<'_>, message: &str, parts: &[String]) {
        let path = Path::root().at("messages").at(message);
        if !names::TOKENS.iter().any(|(token, _)| *token == message) {
            let error = document.error(&path, End::Key, format!("no token is called `{message}`"));
            self.errors.push(error);
            return;
        }
        for (index, part) in parts.iter().enumerate() {
            let path = path.at(index);
            if !model::is_part(message, part) {
                self.wrong(document, &path, format!("no field `{part}` of `{message}`"), None);
            } else if parts.iter().take(index).any(|other| other == part) {
                self.wrong(document, &path, format!("`{part}` stands here twice"), None);
            }
        }
    }

    /// An entry whose every word is one of the model, and that means some cell.
    fn unreachable(&mut self, document: &Document<'_>, path: &Path, model: &Model, listed: &Unreachable) {
        let before = self.errors.len();
        if !model.states(listed.side).any(|state| state == listed.state) {
            let text = format!("no state `{}` of the {}", listed.state, listed.side.name());
            self.wrong(
                document,
                &path.at("state"),
                text,
                Some(one_of(model.states(listed.side))),
            );
        }
        if let Some(input) = listed
            .input
            .as_deref()
            .filter(|input| !model.inputs().any(|known| known == *input))
        {
            let text = format!("no input `{input}`");
            self.wrong(document, &path.at("input"), text, Some(one_of(model.inputs())));
        }
        if self.errors.len() == before && !model.cells().iter().any(|cell| listed.covers(cell)) {
            self.wrong(document, path, "no cell is meant".to_owned(), None);
        }
    }
}
