//! Reading words: quotes, parameters, substitutions.
//! What becomes of them when the script runs is `expand.rs`.

use super::parse::{Parser, Result, SyntaxError};
use super::tree::{Parameter, Part, Word};

/// Reads a text as it stands within double quotes.
pub fn quoted(text: &str) -> Result<Word> {
    let letters: Vec<char> = text.chars().collect();
    let mut parser = Parser::new(&letters);
    let mut word = Word::new();
    while parser.at < letters.len() {
        parser.within_quotes(&mut word)?;
    }
    Ok(word)
}

fn push(word: &mut Word, letter: char, is_quoted: bool) {
    match word.last_mut() {
        Some(Part::Text(text, known)) if *known == is_quoted => text.push(letter),
        _ => word.push(Part::Text(letter.to_string(), is_quoted)),
    }
}

impl Parser<'_> {
    /// The word that comes next, if one does.
    pub(super) fn word(&mut self) -> Result<Option<Word>> {
        let mut word = Word::new();
        let start = self.at;
        while let Some(letter) = self.peek() {
            match letter {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\\' if self.text.get(self.at + 1) == Some(&'\n') => self.at += 2,
                '\\' => {
                    self.at += 1;
                    push(&mut word, self.peek().unwrap_or('\\'), true);
                    self.at += 1;
                }
                '\'' => self.single(&mut word)?,
                '"' => self.double(&mut word)?,
                '$' | '`' => self.dollar(&mut word, false)?,
                letter => {
                    push(&mut word, letter, false);
                    self.at += 1;
                }
            }
        }
        Ok((self.at > start).then_some(word))
    }

    fn single(&mut self, word: &mut Word) -> Result<()> {
        let rest = &self.text[self.at + 1..];
        let Some(end) = rest.iter().position(|letter| *letter == '\'') else {
            return Err(SyntaxError("unterminated quoted string".to_owned()));
        };
        word.push(Part::Text(rest[..end].iter().collect(), true));
        self.at += end + 2;
        Ok(())
    }

    fn double(&mut self, word: &mut Word) -> Result<()> {
        self.at += 1;
        word.push(Part::Text(String::new(), true));
        loop {
            match self.peek() {
                None => return Err(SyntaxError("unterminated quoted string".to_owned())),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => self.within_quotes(word)?,
            }
        }
    }

    fn within_quotes(&mut self, word: &mut Word) -> Result<()> {
        match self.peek() {
            Some('\\') => {
                let next = self.text.get(self.at + 1).copied();
                self.at += 2;
                match next {
                    Some('\n') => {}
                    Some(letter @ ('$' | '`' | '"' | '\\')) => push(word, letter, true),
                    other => {
                        push(word, '\\', true);
                        other.into_iter().for_each(|letter| push(word, letter, true));
                    }
                }
            }
            Some('$' | '`') => self.dollar(word, true)?,
            Some(letter) => {
                push(word, letter, true);
                self.at += 1;
            }
            None => {}
        }
        Ok(())
    }

    fn dollar(&mut self, word: &mut Word, is_quoted: bool) -> Result<()> {
        if self.takes("`") {
            let rest = &self.text[self.at..];
            let end = rest.iter().position(|letter| *letter == '`');
            let end = end.ok_or_else(|| SyntaxError("EOF in backquote substitution".to_owned()))?;
            let script: String = rest[..end].iter().collect();
            self.at += end + 1;
            word.push(Part::Output(super::parse::parse(&script.replace("\\`", "`").replace("\\$", "$"))?, is_quoted));
            return Ok(());
        }
        if self.takes("$((") {
            return self.sum(word, is_quoted);
        }
        if self.takes("$(") {
            let list = self.list(&[])?;
            if !self.takes(")") {
                return Err(SyntaxError("unterminated command substitution".to_owned()));
            }
            word.push(Part::Output(list, is_quoted));
            return Ok(());
        }
        if self.takes("${") {
            return self.braced(word, is_quoted);
        }
        self.at += 1;
        let name = match self.peek() {
            Some(sign @ ('?' | '#' | '@' | '*' | '$' | '!' | '-' | '0'..='9')) => {
                self.at += 1;
                sign.to_string()
            }
            _ => self.name(),
        };
        if name.is_empty() {
            push(word, '$', is_quoted);
        } else {
            word.push(Part::Parameter(Parameter { name, operator: "", colon: false, word: Word::new() }, is_quoted));
        }
        Ok(())
    }

    fn sum(&mut self, word: &mut Word, is_quoted: bool) -> Result<()> {
        let (start, mut open) = (self.at, 0usize);
        while let Some(letter) = self.peek() {
            match letter {
                '(' => open += 1,
                ')' if open == 0 && self.looks_at("))") => {
                    let text: String = self.text[start..self.at].iter().collect();
                    self.at += 2;
                    word.push(Part::Sum(quoted(&text)?, is_quoted));
                    return Ok(());
                }
                ')' => open = open.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        Err(SyntaxError("missing '))'".to_owned()))
    }

    fn braced(&mut self, word: &mut Word, is_quoted: bool) -> Result<()> {
        let bad = || SyntaxError("bad substitution".to_owned());
        let length = self.looks_at("#") && !self.looks_at("#}");
        if length {
            self.at += 1;
        }
        let name = match self.peek() {
            Some(sign @ ('?' | '#' | '@' | '*' | '$' | '!')) => {
                self.at += 1;
                sign.to_string()
            }
            _ => self.name(),
        };
        if name.is_empty() {
            return Err(bad());
        }
        let colon = self.takes(":");
        let operators = ["##", "%%", "//", "-", "=", "+", "?", "#", "%", "/"];
        let operator = operators.into_iter().find(|operator| self.takes(operator)).unwrap_or_default();
        let mut inner = Word::new();
        loop {
            match self.peek() {
                None => return Err(bad()),
                Some('}') => break,
                Some('\'') if !is_quoted => self.single(&mut inner)?,
                Some('"') => self.double(&mut inner)?,
                Some('\\') => {
                    self.at += 1;
                    push(&mut inner, self.peek().unwrap_or('\\'), true);
                    self.at += 1;
                }
                Some('$' | '`') => self.dollar(&mut inner, is_quoted)?,
                Some(letter) => {
                    push(&mut inner, letter, false);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let operator = match (length, operator, colon) {
            (true, ..) => "len",
            (_, "", true) => "slice",
            (_, operator, _) => operator,
        };
        word.push(Part::Parameter(Parameter { name, operator, colon, word: inner }, is_quoted));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;

    #[test]
    fn scripts_are_read_or_refused() {
        for script in [
            "while true; do echo hi; sleep 5; done",
            "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600",
            "until nslookup svc.ns; do echo waiting; sleep 2; done",
            "if [ -f /x ]; then echo a; elif true; then echo b; else echo c; fi",
            "for i in 1 2 3; do echo \"n $i\"; done; exit 1",
            "case $1 in a|b) echo x;; *) echo y;; esac",
            "f() { echo $1; }; f x && f y || exit 3",
            "trap 'echo bye; exit 0' TERM; sleep 3600 & wait",
            "cat <<EOF > /tmp/x\nhello $HOME\nEOF\necho ok",
            "i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $(date) $i >> /var/log/1.log; done",
            "echo 'a' \"b ${X:-c}\" `echo d` | tee /dev/null 2>&1",
        ] {
            assert!(parse(script).is_ok(), "{script}: {:?}", parse(script).err());
        }
        for (script, why) in [
            ("while true do", "syntax error: unexpected end of file"),
            ("echo 'a", "syntax error: unterminated quoted string"),
            ("fi", "syntax error: unexpected \"fi\""),
            ("echo a; ; echo b", "syntax error: unexpected \";\""),
        ] {
            assert_eq!(parse(script).err().map(|error| error.to_string()).as_deref(), Some(why), "{script}");
        }
    }
}
