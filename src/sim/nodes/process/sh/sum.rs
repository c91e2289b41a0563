//! `$(( … ))`: whole numbers as the shell computes them.
//! Variables are looked up and set by the one who asks.

/// What an expression needs of the shell.
pub trait Names {
    /// A variable's value; empty when it is not set.
    fn value(&self, name: &str) -> String;
    /// Sets a variable.
    fn set(&mut self, name: &str, value: i64);
}

/// The value of an expression, or why it has none.
pub fn value(text: &str, names: &mut dyn Names) -> Result<i64, String> {
    let mut reader = Reader { text: text.trim().as_bytes(), at: 0, depth: 0, names };
    if reader.text.is_empty() {
        return Ok(0);
    }
    let value = reader.choice()?;
    reader.blanks();
    if reader.at < reader.text.len() { Err("arithmetic syntax error".to_owned()) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    names: &'a mut dyn Names,
}

type Level = &'static [&'static str];

/// Operators by how loosely they bind.
const LEVELS: &[Level] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Reader<'_> {
    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn takes(&mut self, sign: &str) -> bool {
        self.blanks();
        let found = self.text[self.at..].starts_with(sign.as_bytes());
        if found {
            self.at += sign.len();
        }
        found
    }

    fn choice(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Err("expression recursion loop detected".to_owned());
        }
        let condition = self.level(0)?;
        let value = if self.takes("?") {
            let yes = self.choice()?;
            if !self.takes(":") {
                return Err("arithmetic syntax error".to_owned());
            }
            let no = self.choice()?;
            if condition != 0 { yes } else { no }
        } else {
            condition
        };
        self.depth -= 1;
        Ok(value)
    }

    fn operator(&mut self, level: Level) -> Option<&'static str> {
        self.blanks();
        let rest = &self.text[self.at..];
        let found = level.iter().copied().find(|sign| rest.starts_with(sign.as_bytes()))?;
        let next = rest.get(found.len()).copied();
        // `&` is not half of `&&`, nor `<` of `<<`.
        let half = found.len() == 1 && next == found.bytes().next() && "|&<>".contains(found);
        (!half).then_some(found)
    }

    fn level(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            self.at += operator.len();
            let right = self.level(level + 1)?;
            left = apply(operator, left, right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<i64, String> {
        if self.takes("!") {
            return Ok(i64::from(self.unary()? == 0));
        }
        for (sign, step) in [("++", 1), ("--", -1)] {
            if self.takes(sign) {
                let name = self.name();
                return Ok(self.change(&name, |value| value.wrapping_add(step)));
            }
        }
        if self.takes("-") {
            return Ok(self.unary()?.wrapping_neg());
        }
        if self.takes("+") {
            return self.unary();
        }
        if self.takes("~") {
            return Ok(!self.unary()?);
        }
        self.atom()
    }

    fn name(&mut self) -> String {
        self.blanks();
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    fn change(&mut self, name: &str, with: impl Fn(i64) -> i64) -> i64 {
        let value = with(self.names.value(name).trim().parse().unwrap_or_default());
        self.names.set(name, value);
        value
    }

    fn atom(&mut self) -> Result<i64, String> {
        if self.takes("(") {
            let value = self.choice()?;
            return if self.takes(")") { Ok(value) } else { Err("arithmetic syntax error".to_owned()) };
        }
        let name = self.name();
        if name.is_empty() {
            return Err("arithmetic syntax error".to_owned());
        }
        if name.starts_with(|letter: char| letter.is_ascii_digit()) {
            let parsed = match name.strip_prefix("0x").or_else(|| name.strip_prefix("0X")) {
                Some(digits) => i64::from_str_radix(digits, 16),
                None if name.len() > 1 && name.starts_with('0') => i64::from_str_radix(&name, 8),
                None => name.parse(),
            };
            return parsed.map_err(|_| "arithmetic syntax error".to_owned());
        }
        for (sign, step) in [("++", 1), ("--", -1)] {
            if self.takes(sign) {
                return Ok(self.change(&name, |value| value.wrapping_add(step)).wrapping_sub(step));
            }
        }
        self.blanks();
        let rest = &self.text[self.at..];
        for operator in ["+", "-", "*", "/", "%", ""] {
            let sign = format!("{operator}=");
            if rest.starts_with(sign.as_bytes()) && rest.get(sign.len()) != Some(&b'=') {
                self.at += sign.len();
                let right = self.choice()?;
                let left = self.names.value(&name).trim().parse().unwrap_or_default();
                let value = if operator.is_empty() { right } else { apply(operator, left, right)? };
                self.names.set(&name, value);
                return Ok(value);
            }
        }
        let found = self.names.value(&name);
        if found.trim().is_empty() {
            return Ok(0);
        }
        found.trim().parse().map_err(|_| "arithmetic syntax error".to_owned())
    }
}

fn apply(operator: &str, left: i64, right: i64) -> Result<i64, String> {
    let shift = u32::try_from(right & 63).unwrap_or_default();
    Ok(match operator {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "|" => left | right,
        "^" => left ^ right,
        "&" => left & right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<<" => left.wrapping_shl(shift),
        ">>" => left.wrapping_shr(shift),
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        _ if right == 0 => return Err("divide by zero".to_owned()),
        "/" => left.wrapping_div(right),
        _ => left.wrapping_rem(right),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    impl Names for HashMap<String, i64> {
        fn value(&self, name: &str) -> String {
            self.get(name).map(i64::to_string).unwrap_or_default()
        }
        fn set(&mut self, name: &str, value: i64) {
            self.insert(name.to_owned(), value);
        }
    }

    #[test]
    fn sums() {
        let mut names = HashMap::from([("i".to_owned(), 4)]);
        for (text, result) in [
            ("1+2*3", 7),
            ("(1+2)*3", 9),
            ("i+1", 5),
            ("i % 3 == 1 && i > 2", 1),
            ("i<<1", 8),
            ("-i", -4),
            ("x", 0),
            ("i>3?10:20", 10),
        ] {
            assert_eq!(value(text, &mut names), Ok(result), "{text}");
        }
        assert_eq!(value("i+=2", &mut names), Ok(6));
        assert_eq!(value("i++", &mut names), Ok(6));
        assert_eq!(names["i"], 7);
        assert_eq!(value("1/0", &mut names), Err("divide by zero".to_owned()));
    }
}
