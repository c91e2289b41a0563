//! Reads Rust source as far as the house rules need it: words, which of them are test code, and the paths that are named.
//! No macro is expanded and nothing is resolved but `crate`, `self` and `super`.

use std::path::Path;

/// A word, sign or literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub text: String,
    pub line: usize,
    /// The inline modules around it.
    inside: Vec<String>,
    /// Whether it belongs to something under `#[cfg(test)]`.
    pub test: bool,
}

/// A path somebody names, from the crate's root.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub path: Vec<String>,
    pub line: usize,
}

/// The tokens of a source text; comments are left out, a string is one token with its quotes.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = lex(text);
    mark_tests(&mut tokens);
    mark_modules(&mut tokens);
    tokens
}

fn lex(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut at, mut line, mut tokens) = (0, 1, Vec::new());
    while at < chars.len() {
        let end = end_of_token(&chars, at);
        let token: String = chars[at..end].iter().collect();
        let lines = token.matches('\n').count();
        if !token.trim().is_empty() && !token.starts_with("//") && !token.starts_with("/*") {
            tokens.push(Token { text: token, line, inside: Vec::new(), test: false });
        }
        line += lines;
        at = end;
    }
    tokens
}

fn end_of_token(chars: &[char], at: usize) -> usize {
    let starts = |what: &str| what.chars().enumerate().all(|(offset, c)| chars.get(at + offset) == Some(&c));
    let until =
        |from: usize, stop: &dyn Fn(usize) -> bool| (from..chars.len()).find(|i| stop(*i)).unwrap_or(chars.len());
    let is_word = |i: usize| chars[i].is_alphanumeric() || chars[i] == '_';
    if starts("//") {
        return until(at, &|i| chars[i] == '\n');
    }
    if starts("/*") {
        return (until(at + 2, &|i| chars[i] == '/' && i > at + 2 && chars[i - 1] == '*') + 1).min(chars.len());
    }
    if starts("::") {
        return at + 2;
    }
    if starts("'") {
        return end_of_quote(chars, at);
    }
    let word = until(at, &|i| !is_word(i));
    let prefix: String = chars[at..word].iter().collect();
    if ["", "r", "b", "br", "c", "cr"].contains(&prefix.as_str())
        && let Some(end) = end_of_string(chars, word, prefix.contains('r'))
    {
        return end;
    }
    word.max(at + 1)
}

/// A character, or the sign of a lifetime.
fn end_of_quote(chars: &[char], at: usize) -> usize {
    let escaped = chars.get(at + 1) == Some(&'\\');
    let from = if escaped { at + 3 } else { at + 2 };
    let closing = (from..chars.len().min(from + 9)).find(|i| chars[*i] == '\'');
    match closing {
        Some(closing) if escaped || closing == at + 2 => closing + 1,
        _ => at + 1,
    }
}

fn end_of_string(chars: &[char], at: usize, raw: bool) -> Option<usize> {
    let hashes = if raw { chars[at..].iter().take_while(|c| **c == '#').count() } else { 0 };
    let mut i = at + hashes;
    if chars.get(i) != Some(&'"') {
        return None;
    }
    i += 1;
    while i < chars.len() {
        let hashed = chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        match chars[i] {
            '\\' if !raw => i += 1,
            '"' if hashed => return Some(i + 1 + hashes),
            _ => {}
        }
        i += 1;
    }
    Some(chars.len())
}

fn is(tokens: &[Token], at: usize, what: &[&str]) -> bool {
    what.iter().enumerate().all(|(offset, text)| tokens.get(at + offset).is_some_and(|token| token.text == *text))
}

/// The place after the item that begins at `at`: after its block, or after the semicolon of one that has none.
pub fn end_of_item(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    return i + 1;
                }
            }
            ";" if depth == 0 => return i + 1,
            _ => {}
        }
    }
    tokens.len()
}

fn mark_tests(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        if is(tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            let end = end_of_item(tokens, at + 7);
            tokens[at..end].iter_mut().for_each(|token| token.test = true);
        }
    }
}

fn mark_modules(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        if tokens[at].text == "mod" && is(tokens, at + 2, &["{"]) {
            let (name, end) = (tokens[at + 1].text.clone(), end_of_item(tokens, at));
            tokens[at + 2..end].iter_mut().for_each(|token| token.inside.push(name.clone()));
        }
    }
}

/// The module a file below `src/` is: `src/a/b.rs` and `src/a/b/mod.rs` are a::b, `src/lib.rs` is the root.
pub fn module(file: &Path) -> Vec<String> {
    let inner = file.strip_prefix("src").unwrap_or(file).with_extension("");
    let mut parts: Vec<_> = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// Every path that begins with `crate`, `self`, `super` or this crate's own name, groups taken apart.
pub fn named(tokens: &[Token], module: &[String]) -> Vec<Named> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let begins = ["crate", "self", "super", "kubedrill"].contains(&token.text.as_str());
        let inner = at > 0 && tokens[at - 1].text == "::" && token.text != "crate";
        if !begins || inner || !is(tokens, at + 1, &["::"]) {
            continue;
        }
        let mut here = module.to_vec();
        here.extend(token.inside.iter().cloned());
        collect(tokens, at, Vec::new(), &mut |path, line| found.push(Named { path: resolve(&here, &path), line }));
    }
    found
}

/// Reads the path at `at`, which continues `before`, and gives what it names; returns the place after it.
fn collect(tokens: &[Token], mut at: usize, before: Vec<String>, give: &mut dyn FnMut(Vec<String>, usize)) -> usize {
    let mut path = before;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" => {
                at += 1;
                while at < tokens.len() && tokens[at].text != "}" {
                    at = collect(tokens, at, path.clone(), give);
                    while at < tokens.len() && !["}", ","].contains(&tokens[at].text.as_str()) {
                        at += 1;
                    }
                    at += usize::from(is(tokens, at, &[","]));
                }
                return at + 1;
            }
            text if text.chars().all(|c| c.is_alphanumeric() || c == '_') => path.push(text.to_owned()),
            _ => {}
        }
        if !is(tokens, at + 1, &["::"]) {
            give(path, tokens[at].line);
            return at + 1;
        }
        at += 2;
    }
    at
}

fn resolve(here: &[String], path: &[String]) -> Vec<String> {
    let up = path.iter().take_while(|part| *part == "super" || *part == "self").filter(|part| *part == "super").count();
    let names = path.iter().filter(|part| !["crate", "kubedrill", "self", "super"].contains(&part.as_str()));
    let base = match path.first().map(String::as_str) {
        Some("crate" | "kubedrill") => &[],
        _ => &here[..here.len().saturating_sub(up)],
    };
    base.iter().chain(names).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<_> = module.iter().map(ToString::to_string).collect();
        named(&tokens(text), &module).into_iter().map(|named| named.path.join("::")).collect()
    }

    #[test]
    fn paths_are_found_in_groups_bodies_and_inner_modules() {
        let text = "
            use crate::{base::{clock::Clock as C, seed::*}, object};
            pub(crate) use super::super::sim;
            fn f<'a>(x: &'a crate::tui::Screen) -> char { self::g::<crate::app::App>(); '{' }
            mod tests { use super::*; use super::super::pki::Key; }
        ";
        let expected = [
            "base::clock::Clock",
            "base::seed",
            "object",
            "sim",
            "tui::Screen",
            "a::b::g",
            "app::App",
            "a::b",
            "a::pki::Key",
        ];
        assert_eq!(paths(text, &["a", "b"]), expected);
    }

    #[test]
    fn comments_strings_and_lifetimes_name_nothing() {
        let text = r####"
            //! crate::sim is meant
            /* crate::sim */ const A: &str = "crate::sim \" crate::sim"; const B: &str = r#"crate::sim " x"#;
            const C: [char; 3] = ['"', '\'', '\u{1F600}']; fn f<'a>(a: &'a str) { let _ = crate::base::x; }
        "####;
        assert_eq!(paths(text, &["a"]), ["base::x"]);
    }

    #[test]
    fn test_code_is_known() {
        let text = "fn a() { one } #[cfg(test)] use x; #[cfg(test)] mod tests { two } fn b() { three }";
        let in_tests: Vec<_> = tokens(text).into_iter().filter(|token| token.test).map(|token| token.text).collect();
        assert!(in_tests.contains(&"two".to_owned()) && in_tests.contains(&"x".to_owned()));
        assert!(!in_tests.contains(&"one".to_owned()) && !in_tests.contains(&"three".to_owned()));
    }
}
