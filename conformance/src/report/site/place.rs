//! Where the pages of a site lie. Names of files come from ids and from logs; whatever those hold, a name is one part of
//! a path, and two ids have two names.

use crate::protocol::Role;

/// Most characters of a name that are taken over.
const LONGEST: usize = 80;

/// An id as the name of a file. Slashes become dots; what no file name should have becomes a hyphen, and then a sum of
/// the whole id stands at the end.
pub(super) fn name(id: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    let exact = id
        .chars()
        .all(|character| is_plain(character) || character == '/')
        && id.len() <= LONGEST;
    let spelled = id.chars().take(LONGEST).map(|character| match character {
        '/' => '.',
        plain if is_plain(plain.to_ascii_lowercase()) => plain.to_ascii_lowercase(),
        _ => '-',
    });
    let spelled: String = spelled.collect();
    let spelled = spelled.trim_matches(['.', '-']);
    match exact && !spelled.is_empty() && spelled.len() == id.len() {
        true => spelled.to_owned(),
        false => format!("{spelled}-{:08x}", sum(id)),
    }
}

/// FNV-1a, 32 bits.
fn sum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| {
        (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

pub(super) fn subject(slug: &str) -> String {
    format!("subjects/{slug}.html")
}

pub(super) fn badge(slug: &str) -> String {
    format!("badges/{slug}.svg")
}

pub(super) fn rule(id: &str) -> String {
    format!("rules/{}.html", name(id))
}

pub(super) fn bug_class(id: &str) -> String {
    format!("classes/{}.html", name(id))
}

/// The page of what differs between a version of a subject and the one before.
pub(super) fn changes(slug: &str) -> String {
    format!("changes/{slug}.html")
}

/// The page of a subject's failures of one rule on one side.
pub(super) fn anomaly(slug: &str, rule: &str, side: Role) -> String {
    format!("anomalies/{slug}/{}.{}.html", name(rule), side.name())
}

pub(super) fn case(slug: &str, key: &str) -> String {
    format!("cases/{slug}/{}.html", name(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_part_of_a_path_and_differ_where_ids_do() {
        assert_eq!(name("isc/ntlm/first-leg"), "isc.ntlm.first-leg");
        let long = "a".repeat(300);
        let ids = [
            "../../x", "..", "", "a.b", "a/b", "A/b", "a b", "a\0b", "/", "-", "CON", &long,
        ];
        let names: std::collections::BTreeSet<String> = ids.iter().map(|id| name(id)).collect();
        assert_eq!(names.len(), ids.len());
        for name in names {
            assert!(
                !name.contains(['/', '\\', '\0', ':']) && !name.starts_with('.') && name.len() < 100,
                "{name}"
            );
        }
    }
}
