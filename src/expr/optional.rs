//! Optional fields (`self.?a.?b`, `self[?'a']`) in an expression, written as plain CEL: our parser does not know them.
//! They become `(has(self.a) && has(self.a.b) ? optional.of(self.a.b) : optional.none())`, of which the functions of optionals are asked.
//! Source: `cel-go`'s `cel/library.go`, OptionalTypes.

/// What grows longer than this is left as it is.
const LONGEST: usize = 20_000;

/// The expression without optional fields; nothing where it has none, or some that cannot be told in plain CEL.
pub fn plain_cel(text: &str) -> Option<String> {
    let mut written = rewritten(text, &masked(text))?;
    while written.len() < LONGEST {
        let letters = masked(&written);
        if first(&letters).is_none() {
            return Some(written);
        }
        written = rewritten(&written, &letters)?;
    }
    None
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The bytes of a text, those of strings and beyond ASCII being `_`: what looks like syntax there is none.
fn masked(text: &str) -> Vec<u8> {
    let (mut open, mut escaped): (Option<u8>, bool) = (None, false);
    let mask = |byte: u8| match open {
        Some(_) if escaped => {
            escaped = false;
            b'_'
        }
        Some(quote) => {
            escaped = byte == b'\\';
            if byte == quote {
                open = None;
            }
            b'_'
        }
        None if matches!(byte, b'"' | b'\'') => {
            open = Some(byte);
            b'_'
        }
        None if byte.is_ascii() => byte,
        None => b'_',
    };
    text.bytes().map(mask).collect()
}

fn first(letters: &[u8]) -> Option<usize> {
    letters.windows(2).position(|two| two == b".?" || two == b"[?")
}

/// Writes the first optional field, with all that is asked of it, in plain CEL.
fn rewritten(text: &str, letters: &[u8]) -> Option<String> {
    let place = first(letters)?;
    let start = start(letters, place)?;
    let mut path = text.get(start..place)?.to_owned();
    let (mut at, mut guards) = (place, Vec::new());
    while let Some(step) = step(text, letters, at)? {
        let (guard, below) = match step.kind {
            Kind::Field => (format!("has({path}.{})", step.name), format!("{path}.{}", step.name)),
            Kind::Key => (format!("{} in {path}", step.name), format!("{path}[{}]", step.name)),
            Kind::Index => (format!("size({path}) > {}", step.name), format!("{path}[{}]", step.name)),
        };
        guards.push(guard);
        path = below;
        at = step.end;
    }
    let (before, after) = (text.get(..start)?, text.get(at..)?);
    Some(format!("{before}({} ? optional.of({path}) : optional.none()){after}", guards.join(" && ")))
}

enum Kind {
    Field,
    Key,
    Index,
}

/// One step further down from an optional.
struct Step<'t> {
    kind: Kind,
    name: &'t str,
    end: usize,
}

/// The step that stands at a place: `Some(None)` where there is none, nothing where it cannot be told in plain CEL.
fn step<'t>(text: &'t str, letters: &[u8], at: usize) -> Option<Option<Step<'t>>> {
    let (Some(&sign), next) = (letters.get(at), letters.get(at + 1)) else { return Some(None) };
    let optional = next == Some(&b'?');
    let from = at + 1 + usize::from(optional);
    match sign {
        b'.' => {
            let length = letters.get(from..)?.iter().take_while(|byte| is_word(**byte)).count();
            let end = from + length;
            if letters.get(end) == Some(&b'(') {
                // A function is asked of the optional itself.
                return if optional { None } else { Some(None) };
            }
            let name = text.get(from..end).filter(|name| !name.is_empty())?;
            Some(Some(Step { kind: Kind::Field, name, end }))
        }
        b'[' => {
            let end = closing(letters, at)?;
            let name = text.get(from..end)?.trim();
            // Whether a list or a map is meant is told by what is asked for only.
            let kind = if name.starts_with(['"', '\'']) {
                Kind::Key
            } else if name.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() {
                Kind::Index
            } else {
                return None;
            };
            Some(Some(Step { kind, name, end: end + 1 }))
        }
        _ => Some(None),
    }
}

/// Where the operand that ends at a place begins.
fn start(letters: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    loop {
        let last = *letters.get(at.checked_sub(1)?)?;
        if matches!(last, b')' | b']') {
            at = opening(letters, at - 1)?;
            // Arguments of a function, or the index of something.
            if at > 0 && (is_word(letters[at - 1]) || matches!(letters[at - 1], b')' | b']')) {
                continue;
            }
            return Some(at);
        }
        if !is_word(last) {
            return None;
        }
        while at > 0 && is_word(letters[at - 1]) {
            at -= 1;
        }
        if at == 0 || letters[at - 1] != b'.' {
            return Some(at);
        }
        at -= 1;
    }
}

fn depth(byte: u8) -> i32 {
    match byte {
        b'(' | b'[' | b'{' => 1,
        b')' | b']' | b'}' => -1,
        _ => 0,
    }
}

/// The bracket that opens what is closed at a place.
fn opening(letters: &[u8], close: usize) -> Option<usize> {
    let mut open = 0;
    (0..=close).rev().find(|at| {
        open += depth(letters[*at]);
        open == 0
    })
}

/// The bracket that closes what is opened at a place.
fn closing(letters: &[u8], open: usize) -> Option<usize> {
    let mut deep = 0;
    (open..letters.len()).find(|at| {
        deep += depth(letters[*at]);
        deep == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_are_told_in_plain_cel() {
        let of = |text: &str| plain_cel(text).unwrap_or_default();
        assert_eq!(
            of("!self.x[0].?b.?c.orValue(5) < 10"),
            "!(has(self.x[0].b) && has(self.x[0].b.c) ? optional.of(self.x[0].b.c) : optional.none()).orValue(5) < 10"
        );
        assert_eq!(
            of("a in f(x)[?'k.?'].d.hasValue() || b"),
            "a in ('k.?' in f(x) && has(f(x)['k.?'].d) ? optional.of(f(x)['k.?'].d) : optional.none()).hasValue() || b"
        );
        assert_eq!(of("a[?0].value()"), "(size(a) > 0 ? optional.of(a[0]) : optional.none()).value()");
        assert_eq!([plain_cel("a.b == '.?'"), plain_cel("a[?b]"), plain_cel("[?a.b]")], [None, None, None]);
    }
}
