//! Checks of `mappings/` and of a subject's `mapping.yaml`.

use std::collections::BTreeSet;

use super::{Document, End, Findings, Located, Path};
use crate::{
    protocol::Role,
    suite::{
        Suite,
        map::UniqueMap,
        mapping::{AttributeFile, Class, MappingFile, StatusMeaning, SubjectMappingFile, parse},
        names,
    },
};

/// What the keys of a table are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Codes {
    /// Numbers only.
    Numbers,
    /// Numbers of failures only.
    Minors,
    /// Numbers, and names where there is no number.
    NumbersAndNames,
    /// Classes of exceptions, whose names need not differ.
    Classes,
}

impl Codes {
    fn of(table: &str) -> Self {
        match table {
            "exception" => Self::Classes,
            "gss-minor" => Self::Minors,
            "return" | "sasl" => Self::NumbersAndNames,
            _ => Self::Numbers,
        }
    }
}

/// Everything that is wrong with a subject's own tables.
pub(in crate::suite) fn subject_mapping(
    suite: &Suite,
    document: &Document<'_>,
    file: &SubjectMappingFile,
) -> Vec<Located> {
    let mut findings = Findings {
        suite,
        broken: &[],
        errors: Vec::new(),
    };
    for (key, namespace, rows) in file.tables() {
        let path = Path::root().at(key);
        let codes = match key {
            "ntstatus" => Codes::NumbersAndNames,
            _ => Codes::of(key),
        };
        // The older word for the table of exceptions.
        let path = if key == "exception" && document.place(&path, End::Key).is_none() {
            Path::root().at("rows")
        } else {
            path
        };
        findings.rows(document, &path, rows, codes);
        for (code, _) in rows.iter() {
            let known = namespace.and_then(|namespace| suite.mapping.row(namespace, code));
            if let Some(known) = known {
                let message = format!("`{code}` means {} for every subject", known.name);
                let error = document.error(&path.at(code), End::Key, message);
                findings.errors.push(error);
            }
        }
    }
    findings.errors
}

impl Findings<'_> {
    /// A file of `mappings/`, by its place below.
    pub(super) fn mapping(&mut self, document: &Document<'_>, place: &str) {
        let folder = place.split('/').next().unwrap_or_default();
        if folder == "attributes" {
            self.attribute_bits(document);
            return;
        }
        let Ok(file) = document.read::<MappingFile>() else {
            return;
        };
        let codes = Codes::of(folder);
        self.rows(document, &Path::root().at("rows"), &file.rows, codes);
        let minors = codes == Codes::Minors;
        if minors && file.mechanisms.is_empty() {
            let message = "minor statuses of no mechanism".to_owned();
            let expected = Some("a key `mechanisms`".to_owned());
            self.wrong(document, &Path::root(), message, expected);
        }
        if !minors && !file.mechanisms.is_empty() {
            let message = "only minor statuses are those of a mechanism".to_owned();
            self.wrong(document, &Path::root().at("mechanisms"), message, None);
        }
    }

    fn rows(&mut self, document: &Document<'_>, path: &Path, rows: &UniqueMap<StatusMeaning>, codes: Codes) {
        let mut numbers = BTreeSet::new();
        let mut known = BTreeSet::new();
        for (code, row) in rows.iter() {
            let path = path.at(code);
            self.meaning(document, &path, row, codes);
            let number = parse(code).filter(|_| codes != Codes::Classes);
            let numeric = matches!(codes, Codes::Numbers | Codes::Minors);
            if numeric && number.is_none() {
                let error = document.error(&path, End::Key, format!("`{code}` is no number of 32 bits"));
                let expected = Some("a number in decimal, or in hex with `0x`".to_owned());
                self.errors.push(error.expecting(expected));
            }
            if number.is_some_and(|number| !numbers.insert(number)) {
                let message = format!("the number `{code}` stands here twice");
                self.errors.push(document.error(&path, End::Key, message));
            }
            for name in std::iter::once(&row.name).chain(&row.also) {
                if codes != Codes::Classes && !known.insert(name) {
                    self.wrong(
                        document,
                        &path,
                        format!("the name `{name}` stands here twice"),
                        None,
                    );
                }
            }
        }
    }

    /// A row that has a reason if it is a failure, and only then.
    fn meaning(&mut self, document: &Document<'_>, path: &Path, row: &StatusMeaning, codes: Codes) {
        let failure = row.class == Class::Failure;
        if failure && row.reason.is_none() {
            let expected = Some("a key `reason`".to_owned());
            self.wrong(document, path, "a failure without a reason".to_owned(), expected);
        }
        for key in ["reason", "or"] {
            let present = if key == "or" {
                !row.or.is_empty()
            } else {
                row.reason.is_some()
            };
            if present && !failure {
                let message = "a reason for what is no failure".to_owned();
                self.wrong(document, &path.at(key), message, None);
            }
        }
        if codes == Codes::Minors && !failure {
            let message = "a minor status only says why a call failed".to_owned();
            self.wrong(document, &path.at("class"), message, Some("failure".to_owned()));
        }
    }

    fn attribute_bits(&mut self, document: &Document<'_>) {
        let Ok(file) = document.read::<AttributeFile>() else {
            return;
        };
        let attributes: BTreeSet<String> = Role::BOTH.into_iter().flat_map(names::attributes).collect();
        let mut bits = 0;
        for (code, bit) in file.bits.iter() {
            let path = Path::root().at("bits").at(code);
            match parse(code).filter(|number| number.is_power_of_two() && bits & number == 0) {
                Some(number) => bits |= number,
                None => {
                    let message = format!("`{code}` is no bit, or stands here twice");
                    self.errors.push(document.error(&path, End::Key, message));
                }
            }
            if let Some(name) = bit.attribute.as_ref().filter(|name| !attributes.contains(*name)) {
                let message = format!("no attribute `{name}`");
                self.wrong(document, &path.at("attribute"), message, None);
            }
        }
    }
}
