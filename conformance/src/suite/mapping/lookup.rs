//! What a status means, by all tables of a suite and a subject.

use std::collections::BTreeMap;

use super::{
    AttributeBit, AttributeFile, Class, MappingFile, Reason, StatusMeaning, SubjectMappingFile, parse,
};
use crate::{
    protocol::{Namespace, Status},
    suite::{map::UniqueMap, names},
};

/// All mapping tables of a suite.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    tables: BTreeMap<Namespace, UniqueMap<StatusMeaning>>,
    minors: Vec<MappingFile>,
    attributes: BTreeMap<Namespace, UniqueMap<AttributeBit>>,
    subjects: BTreeMap<String, SubjectMappingFile>,
    documented_errors: BTreeMap<String, Vec<String>>,
}

impl Mapping {
    /// Adds the table of a namespace.
    pub fn insert(&mut self, namespace: Namespace, rows: UniqueMap<StatusMeaning>) {
        self.tables.insert(namespace, rows);
    }

    /// Adds the minor statuses of some mechanisms of GSS-API.
    pub fn insert_minors(&mut self, file: MappingFile) {
        self.minors.push(file);
    }

    /// Adds the attribute bits of a namespace.
    pub fn insert_attributes(&mut self, namespace: Namespace, file: AttributeFile) {
        self.attributes.insert(namespace, file.bits);
    }

    /// Adds the table of a subject's exceptions.
    pub fn insert_exceptions(&mut self, subject: &str, rows: UniqueMap<StatusMeaning>) {
        self.subjects.entry(subject.to_owned()).or_default().exception = rows;
    }

    /// Adds what stands in a subject's own file; its exceptions come in place of those that the suite has for it.
    pub fn insert_subject(&mut self, subject: &str, mut file: SubjectMappingFile) {
        let known = self.subjects.remove(subject).unwrap_or_default();
        if file.exception.is_empty() {
            file.exception = known.exception;
        }
        self.subjects.insert(subject.to_owned(), file);
    }

    /// The tables, and the exception classes that a subject documents as its errors: one that no row knows is a
    /// failure that does not say why.
    #[must_use]
    pub fn with_documented_errors(mut self, subject: &str, classes: Vec<String>) -> Self {
        self.documented_errors.insert(subject.to_owned(), classes);
        self
    }

    /// What a status of a subject means; none if no table knows the code.
    #[must_use]
    pub fn meaning(&self, status: &Status, subject: &str) -> Option<StatusMeaning> {
        let code = status.code.as_str();
        match status.namespace {
            Namespace::Exception => {
                let row = self.exception(code, status.minor.as_deref(), subject).cloned();
                row.or_else(|| self.documented_error(code, subject))
            }
            // A SECURITY_STATUS may hold an NTSTATUS (erratum F20).
            Namespace::Sspi => {
                let row = self.row(Namespace::Sspi, code);
                row.or_else(|| self.row(Namespace::Ntstatus, code)).cloned()
            }
            Namespace::Gss => self.gss(status, subject),
            namespace => {
                let row = self.row(namespace, code);
                row.or_else(|| self.own(namespace, code, subject)).cloned()
            }
        }
    }

    /// The code and meaning of a SECURITY_STATUS by its name: what an expectation says.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<(&str, &StatusMeaning)> {
        self.rows(Namespace::Sspi).find(|(_, row)| row.is_called(name))
    }

    /// Whether a name of an expectation stands for a failure.
    #[must_use]
    pub fn is_refusal(&self, name: &str) -> bool {
        let named = self.by_name(name);
        name == names::ANY_FAILURE || named.is_some_and(|(_, row)| row.class == Class::Failure)
    }

    /// The number of a SECURITY_STATUS by its name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.by_name(name).and_then(|(code, _)| parse(code))
    }

    /// All names of SECURITY_STATUS values, in order of writing.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows(Namespace::Sspi).map(|(_, row)| row.name.as_str())
    }

    /// The rows of a namespace in order of writing; exceptions have a table per subject.
    pub fn rows(&self, namespace: Namespace) -> impl Iterator<Item = (&str, &StatusMeaning)> {
        self.tables.get(&namespace).into_iter().flat_map(UniqueMap::iter)
    }

    /// The tables of minor statuses, in order of their files.
    #[must_use]
    pub fn minors(&self) -> &[MappingFile] {
        &self.minors
    }

    /// The bit that says the same as an attribute of SSPI; none if the namespace has none.
    #[must_use]
    pub fn attribute(&self, namespace: Namespace, attribute: &str) -> Option<u32> {
        let mut bits = self.attributes.get(&namespace)?.iter();
        let (bit, _) = bits.find(|(_, row)| row.attribute.as_deref() == Some(attribute))?;
        parse(bit)
    }

    /// The row of a code or name in the table of its namespace.
    pub(crate) fn row(&self, namespace: Namespace, code: &str) -> Option<&StatusMeaning> {
        let rows = self.tables.get(&namespace)?;
        let name = match namespace {
            // Samba writes NT_STATUS_*.
            Namespace::Ntstatus => code.strip_prefix("NT_").unwrap_or(code),
            _ => code,
        };
        of_code(rows, code).or_else(|| rows.iter().map(|(_, row)| row).find(|row| row.is_called(name)))
    }

    fn own(&self, namespace: Namespace, code: &str, subject: &str) -> Option<&StatusMeaning> {
        let tables = self.subjects.get(subject)?.tables();
        let (_, _, rows) = tables.into_iter().find(|(_, of, _)| *of == Some(namespace))?;
        of_code(rows, code)
    }

    fn exception(&self, class: &str, minor: Option<&str>, subject: &str) -> Option<&StatusMeaning> {
        let rows = &self.subjects.get(subject)?.exception;
        let exact = minor.and_then(|minor| rows.get(&format!("{class}/{minor}")));
        exact.or_else(|| rows.get(class))
    }

    fn documented_error(&self, class: &str, subject: &str) -> Option<StatusMeaning> {
        let classes = self.documented_errors.get(subject)?;
        classes
            .iter()
            .any(|documented| documented == class)
            .then(|| StatusMeaning {
                class: Class::Failure,
                reason: Some(Reason::Unspecified),
                or: Vec::new(),
                name: class.to_owned(),
                also: Vec::new(),
                documented: true,
            })
    }

    fn gss(&self, status: &Status, subject: &str) -> Option<StatusMeaning> {
        let major = self.major(&status.code)?;
        let minor = status.minor.as_deref();
        let minor = minor.and_then(|minor| self.minor(minor, status.mechanism.as_deref(), subject));
        Some(minor.map_or_else(|| major.clone(), |minor| major.refined_by(minor)))
    }

    /// A GSS major status is three fields: a calling error, a routine error and supplementary bits. The errors
    /// come first; without one, the lowest supplementary bit decides.
    fn major(&self, code: &str) -> Option<&StatusMeaning> {
        let major = parse(code)?;
        let errors = [major & 0xff00_0000, major & 0x00ff_0000];
        let bits = (0..16).map(|bit| major & (1 << bit));
        let part = errors
            .into_iter()
            .chain(bits)
            .find(|part| *part != 0)
            .unwrap_or(0);
        self.row(Namespace::Gss, &format!("0x{part:08x}"))
    }

    /// A minor status, by the subject's own rows or else by those of its mechanism. Without a mechanism nobody knows whose
    /// number it is.
    fn minor(&self, code: &str, mechanism: Option<&str>, subject: &str) -> Option<&StatusMeaning> {
        let own = self.subjects.get(subject).map(|file| &file.gss_minor);
        let of_mechanism = mechanism.into_iter().flat_map(|mechanism| {
            let tables = self.minors.iter();
            tables.filter(move |table| table.mechanisms.iter().any(|known| known == mechanism))
        });
        own.into_iter()
            .chain(of_mechanism.map(|table| &table.rows))
            .find_map(|rows| of_code(rows, code))
    }
}

/// The row of a code, however its number is written.
fn of_code<'a>(rows: &'a UniqueMap<StatusMeaning>, code: &str) -> Option<&'a StatusMeaning> {
    rows.get(code).or_else(|| {
        let number = parse(code)?;
        let found = rows.iter().find(|(key, _)| parse(key) == Some(number));
        found.map(|(_, row)| row)
    })
}
