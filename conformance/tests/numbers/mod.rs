//! Counts in what people read: they grow with the suite, their places do not.

/// Every run of digits as `N`.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character.is_ascii_digit() {
            true if out.ends_with('N') => {}
            true => {
                // Numbers stand at the right of their column: one blank before them stands for all.
                let text = out.trim_end_matches(' ').len();
                if out.len() > text + 1 {
                    out.truncate(text + 1);
                }
                out.push('N');
            }
            false => out.push(character),
        }
    }
    out
}
