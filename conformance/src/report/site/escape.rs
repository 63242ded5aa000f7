//! Text of others on a page: it is no markup, and it steers nothing.

use std::fmt::{self, Write};

use askama::filters::Escaper;

/// Escapes what HTML and SVG give a meaning to, control characters, and characters that change the direction of text.
/// The templates write every value through it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Harmless;

impl Escaper for Harmless {
    fn write_escaped_str<W: Write>(&self, mut out: W, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '&' => out.write_str("&amp;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                '\n' => out.write_char('\n')?,
                other if steers(other) => write!(out, "{}", other.escape_unicode())?,
                other => out.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Whether a character is not seen and changes how others are: controls, marks of direction, and what no text has.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
        )
}

/// An id as markup: it may be broken after what stands between its parts.
pub(super) fn breakable(id: &str) -> String {
    let mut markup = String::new();
    for part in id.split_inclusive(['/', ':', '@']) {
        // Writing to a string does not fail.
        let _ = Harmless.write_escaped_str(&mut markup, part);
        markup.push_str("<wbr>");
    }
    markup
}

/// The text with everything that steers spelled out; markup is left to whoever writes it down.
pub(super) fn plain(text: &str) -> String {
    let spelled = |character: char| match character {
        '\n' => vec![' '],
        other if steers(other) => other.escape_unicode().collect(),
        other => vec![other],
    };
    text.chars().flat_map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        Harmless
            .write_escaped_str(&mut out, text)
            .map_or_else(|_| String::new(), |()| out)
    }

    #[test]
    fn nothing_is_markup_and_nothing_steers() {
        assert_eq!(escaped("<a b='c\"&d'>"), "&lt;a b=&#39;c&quot;&amp;d&#39;&gt;");
        assert_eq!(escaped("\u{1b}[2J\0\u{202e}x\n"), "\\u{1b}[2J\\u{0}\\u{202e}x\n");
        assert_eq!(escaped("σς ß 日本"), "σς ß 日本");
    }

    #[test]
    fn an_id_may_be_broken_and_is_no_markup() {
        assert_eq!(breakable("a/<b>:c"), "a/<wbr>&lt;b&gt;:<wbr>c<wbr>");
    }

    #[test]
    fn plain_text_has_one_line() {
        assert_eq!(plain("a\nb\r\u{7}<"), "a b\\u{d}\\u{7}<");
    }
}
