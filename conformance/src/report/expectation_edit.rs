//! Edits of the text of a file of expectations. All else in it stays as it is.

use crate::yaml::{Document, End, Path, Place};

/// The text without an entry: its lines from the dash on. Blank lines and comments between it and the next entry stay,
/// for they are about the next one. None if the entry does not begin a line with a dash.
pub(super) fn without_entry(file: &str, text: &str, entry: usize) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line = |entry: usize| Some(place(file, text, entry, None)?.line.saturating_sub(1));
    let first = line(entry)?;
    let mut last = line(entry.saturating_add(1)).unwrap_or(lines.len());
    let dashed = |at: usize| {
        lines
            .get(at)
            .is_some_and(|line| line.trim_start().starts_with("- "))
    };
    if !dashed(first) || (last < lines.len() && !dashed(last)) {
        return None;
    }
    let between = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    while last > first
        && last
            .checked_sub(1)
            .and_then(|at| lines.get(at))
            .is_some_and(between)
    {
        last = last.saturating_sub(1);
    }
    let (before, after) = (lines.get(..first)?, lines.get(last..)?);
    Some([before, after].concat().concat())
}

/// The text with another number as the count of an entry that has one.
pub(super) fn with_count(file: &str, text: &str, entry: usize, count: usize) -> Option<String> {
    let Place { line, column } = place(file, text, entry, Some("count"))?;
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let line = lines.get_mut(line.checked_sub(1)?)?;
    let (start, _) = line.char_indices().nth(column.checked_sub(1)?)?;
    let digits = line.get(start..)?.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    line.replace_range(start..start.checked_add(digits)?, &count.to_string());
    Some(lines.concat())
}

/// The text with the list of entries, of which none is left, as an empty one.
pub(super) fn with_empty_list(text: &str) -> String {
    let empty = |line: &str| match line.trim_end() {
        "expectations:" => line.replacen("expectations:", "expectations: []", 1),
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(empty).collect()
}

/// The text with an empty list of entries as one to which entries are added.
pub(super) fn with_open_list(text: &str) -> String {
    let open = |line: &str| match line.strip_prefix("expectations:") {
        Some(rest) if rest.trim_start().starts_with("[]") => line.replacen(" []", "", 1),
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(open).collect()
}

/// The text with another implementation and version as those that its entries were seen with, where it names any.
pub(super) fn with_seen(file: &str, text: &str, seen: &str) -> Option<String> {
    let path = Path::root().at("seen-with");
    let Place { line, column } = Document::new(file, text).place(&path, End::Value)?;
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let line = lines.get_mut(line.checked_sub(1)?)?;
    let (start, _) = line.char_indices().nth(column.checked_sub(1)?)?;
    let value = line.get(start..)?;
    let length = match value.strip_prefix('"') {
        Some(rest) => rest.find('"')?.checked_add(2)?,
        None => value.find(" #").unwrap_or_else(|| value.trim_end().len()),
    };
    line.replace_range(start..start.checked_add(length)?, seen);
    Some(lines.concat())
}

fn place(file: &str, text: &str, entry: usize, field: Option<&str>) -> Option<Place> {
    let path = Path::root().at("expectations").at(entry);
    let path = field.map_or_else(|| path.clone(), |field| path.at(field));
    Document::new(file, text).place(&path, End::Value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Head.\nexpectations:\n  # One.\n  - rule: a\n    reason: x # why\n    count: 3 # of late\n\n  \
                        # Two.\n  - {rule: b, count: 12, reason: y}\n  # The end.\n";

    #[test]
    fn an_entry_goes_and_what_is_between_entries_stays() {
        let without = |entry| without_entry("x", TEXT, entry).unwrap();
        assert_eq!(
            without(0),
            "# Head.\nexpectations:\n  # One.\n\n  # Two.\n  - {rule: b, count: 12, reason: y}\n  # The end.\n"
        );
        assert_eq!(
            without(1),
            "# Head.\nexpectations:\n  # One.\n  - rule: a\n    reason: x # why\n    count: 3 # of late\n\n  \
             # Two.\n  # The end.\n"
        );
        assert_eq!(without_entry("x", TEXT, 2), None);
        assert_eq!(without_entry("x", "expectations: [{rule: a}]\n", 0), None);
    }

    #[test]
    fn a_list_is_closed_and_opened_again() {
        let open = "seen-with: x\nexpectations:\n# [] behind\n";
        assert_eq!(
            with_empty_list(open),
            "seen-with: x\nexpectations: []\n# [] behind\n"
        );
        assert_eq!(with_open_list(&with_empty_list(open)), open);
        assert_eq!(with_open_list("expectations: [] # none"), "expectations: # none");
    }

    #[test]
    fn the_version_is_replaced_where_it_stands() {
        let replaced = |text: &str| with_seen("x", text, "\"a 2\"");
        for (old, new) in [
            (
                "# Head.\nseen-with: \"a 1\" # why\nexpectations: []\n",
                "# Head.\nseen-with: \"a 2\" # why\nexpectations: []\n",
            ),
            ("seen-with: a 1 # why\n", "seen-with: \"a 2\" # why\n"),
            ("seen-with: a 1\n", "seen-with: \"a 2\"\n"),
        ] {
            assert_eq!(replaced(old).as_deref(), Some(new));
        }
        assert_eq!(replaced("expectations: []\n"), None);
    }

    #[test]
    fn a_count_is_replaced_where_it_stands() {
        let counted = |entry| with_count("x", TEXT, entry, 100).unwrap();
        assert_eq!(counted(0), TEXT.replace("count: 3", "count: 100"));
        assert_eq!(counted(1), TEXT.replace("count: 12", "count: 100"));
        assert_eq!(with_count("x", "expectations:\n  - rule: a\n", 0, 1), None);
    }
}
