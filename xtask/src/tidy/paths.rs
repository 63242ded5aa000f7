//! Paths that Rust code names, with nested imports written out.

/// A path and the line it stands in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamedPath {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    line: usize,
    text: &'a str,
}

/// Every path in the code that begins with `first`: `use first::{a, b::c};` yields `[first, a]` and `[first, b, c]`.
pub(super) fn beginning_with(first: &str, code: &str) -> Vec<NamedPath> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        if let [name, colons] = pair
            && name.text == first
            && colons.text == "::"
        {
            let after_path = at
                .checked_sub(1)
                .and_then(|before| tokens.get(before))
                .is_some_and(|t| t.text == "::");
            if !after_path {
                let mut rest = tokens.get(at.saturating_add(1)..).unwrap_or_default();
                tree(&mut rest, vec![first.to_owned()], name.line, &mut found);
            }
        }
    }
    found
}

/// Reads what follows a prefix: `::name…`, `::{…}`, `::*`, or nothing.
fn tree(rest: &mut &[Token<'_>], prefix: Vec<String>, line: usize, found: &mut Vec<NamedPath>) {
    let mut prefix = prefix;
    let mut line = line;
    while let [colons, next, tail @ ..] = *rest
        && colons.text == "::"
    {
        if next.text == "{" {
            *rest = tail;
            group(rest, &prefix, found);
            return;
        }
        if next.text != "*" && !next.text.starts_with(is_name) {
            break;
        }
        prefix.push(next.text.to_owned());
        line = next.line;
        *rest = tail;
    }
    found.push(NamedPath {
        line,
        segments: prefix,
    });
}

/// Reads the items between braces, the closing one included.
fn group(rest: &mut &[Token<'_>], prefix: &[String], found: &mut Vec<NamedPath>) {
    while let [token, tail @ ..] = *rest {
        *rest = tail;
        match token.text {
            "}" => return,
            text if text == "*" || text.starts_with(is_name) => {
                let mut path = prefix.to_vec();
                path.push(text.to_owned());
                tree(rest, path, token.line, found);
                if let [renaming, _, tail @ ..] = *rest
                    && renaming.text == "as"
                {
                    *rest = tail;
                }
            }
            _ => {}
        }
    }
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Names, double colons, and single other characters.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = code;
    let mut line: usize = 1;
    while let Some(first) = rest.chars().next() {
        let length = if is_name(first) {
            rest.find(|character| !is_name(character)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (text, next) = rest.split_at(length);
        if first == '\n' {
            line = line.saturating_add(1);
        } else if !first.is_whitespace() {
            tokens.push(Token { line, text });
        }
        rest = next;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        beginning_with("crate", code)
            .into_iter()
            .map(|path| path.segments.join("::"))
            .collect()
    }

    #[test]
    fn writes_nested_imports_out() {
        let code = "use crate::{a, b::{self, C as D}, e::*};\nlet x = crate::f::g(1);";
        assert_eq!(
            paths(code),
            [
                "crate::a",
                "crate::b::self",
                "crate::b::C",
                "crate::e::*",
                "crate::f::g"
            ]
        );
    }

    #[test]
    fn gives_the_line_of_each_item() {
        let found = beginning_with("crate", "use crate::{\n    a,\n    b,\n};");
        assert_eq!(found.iter().map(|path| path.line).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn takes_whole_names_only() {
        assert!(paths("my_crate::a; x::crate::b; $crate_x::c").is_empty());
        assert_eq!(paths("crate::a::<T>(1)"), ["crate::a"]);
    }
}
