//! What brush-parser read becomes the tree the shell runs: all words are read now, not each time they are met.
//! The words themselves are `word.rs`.

use std::sync::Arc;

use brush_parser::ast;

use super::dialect::Dialect;
use super::parse::Result;
use super::tree::{
    Arm, BOTH, Command, Condition, Item, Kind, List, Part, Pipeline, Redirect, Set, Simple, Target, Then, Value, Word,
};
use super::wrong::{SyntaxError, Wrong};

/// Reads a script and what is nested in it.
pub struct Reader {
    pub dialect: Dialect,
    /// The line the script begins on, or that of the command at hand.
    pub line: usize,
    /// So many levels more may come.
    pub allowed: usize,
}

/// Built-in commands whose words may be assignments.
const DECLARING: &[&str] = &["export", "local", "declare", "typeset", "readonly"];

impl Reader {
    /// A list; `first` is the line its script begins on.
    pub(super) fn list(&mut self, list: &ast::CompoundList, first: usize) -> Result<List> {
        if self.allowed == 0 {
            return Err(self.refused("nested too deep"));
        }
        self.allowed -= 1;
        let items = list.0.iter().map(|ast::CompoundListItem(list, separator)| {
            let background = matches!(separator, ast::SeparatorOperator::Async);
            let first_pipeline = self.pipeline(&list.first, first)?;
            let rest = list.additional.iter().map(|next| match next {
                ast::AndOr::And(pipeline) => Ok((true, self.pipeline(pipeline, first)?)),
                ast::AndOr::Or(pipeline) => Ok((false, self.pipeline(pipeline, first)?)),
            });
            let rest = rest.collect::<Result<_>>()?;
            Ok(Arc::new(Item { first: first_pipeline, rest, background }))
        });
        let items = items.collect::<Result<_>>()?;
        self.allowed += 1;
        Ok(items)
    }

    fn pipeline(&mut self, pipeline: &ast::Pipeline, first: usize) -> Result<Pipeline> {
        let mut commands =
            pipeline.seq.iter().map(|command| self.command(command, first)).collect::<Result<Vec<_>>>()?;
        if pipeline.timed.is_some()
            && let Some(Command { kind: Kind::Simple(simple), .. }) = commands.first_mut()
        {
            simple.words.insert(0, vec![Part::Text("time".to_owned(), false)]);
        }
        Ok(Pipeline { negated: pipeline.bang, commands: commands.into_iter().map(Arc::new).collect() })
    }

    fn command(&mut self, command: &ast::Command, first: usize) -> Result<Command> {
        match command {
            ast::Command::Simple(simple) => self.simple(simple, first),
            ast::Command::Compound(compound, redirects) => self.compound(compound, redirects.as_ref(), first),
            ast::Command::Function(function) => {
                let ast::FunctionBody(body, redirects) = &function.body;
                let body = Arc::new(self.compound(body, redirects.as_ref(), first)?);
                let kind = Kind::Function { name: function.fname.value.clone(), body };
                Ok(Command { kind, redirects: Vec::new() })
            }
            ast::Command::ExtendedTest(test, redirects) => {
                let kind = Kind::Test(self.condition(&test.expr)?);
                Ok(Command { kind, redirects: self.redirects(redirects.as_ref(), first)? })
            }
        }
    }

    fn simple(&mut self, command: &ast::SimpleCommand, first: usize) -> Result<Command> {
        let mut simple = Simple { line: self.line, sets: Vec::new(), words: Vec::new(), after: Vec::new() };
        let mut redirects = Vec::new();
        let name = command.word_or_name.as_ref();
        let declares = name.is_some_and(|name| DECLARING.contains(&name.value.as_str()));
        let prefix = command.prefix.iter().flat_map(|prefix| &prefix.0).map(|item| (item, true));
        let suffix = command.suffix.iter().flat_map(|suffix| &suffix.0).map(|item| (item, false));
        if let Some(place) = name.and_then(|name| name.loc.as_ref()) {
            self.line = first + place.start.line.saturating_sub(1);
            simple.line = self.line;
        }
        let mut name = name;
        for (item, before) in prefix.chain(suffix) {
            if !before && let Some(name) = name.take() {
                simple.words.append(&mut self.words(name)?);
            }
            match item {
                ast::CommandPrefixOrSuffixItem::IoRedirect(redirect) => redirects.push(self.redirect(redirect, first)?),
                ast::CommandPrefixOrSuffixItem::Word(word) => simple.words.append(&mut self.words(word)?),
                ast::CommandPrefixOrSuffixItem::AssignmentWord(set, _) if before => simple.sets.push(self.set(set)?),
                ast::CommandPrefixOrSuffixItem::AssignmentWord(set, word) => match (&set.name, &set.value) {
                    (_, ast::AssignmentValue::Array(_)) if !declares => return Err(self.unexpected("(")),
                    (name, ast::AssignmentValue::Array(_)) => {
                        simple.words.push(vec![Part::Text(name.to_string(), true)]);
                        simple.after.push(self.set(set)?);
                    }
                    (_, ast::AssignmentValue::Scalar(_)) if declares && self.dialect != Dialect::Dash => {
                        simple.words.push(quoted(self.word(word)?));
                    }
                    _ => simple.words.append(&mut self.words(word)?),
                },
                ast::CommandPrefixOrSuffixItem::ProcessSubstitution(..) => return Err(self.unexpected("(")),
            }
        }
        if let Some(name) = name {
            simple.words.append(&mut self.words(name)?);
        }
        Ok(Command { kind: Kind::Simple(simple), redirects })
    }

    /// What a shell without arrays and the like says about their bracket; of bash, what is not done here.
    fn unexpected(&self, sign: &str) -> SyntaxError {
        if self.dialect == Dialect::Bash {
            return self.refused("not simulated by this practice cluster");
        }
        let what = Wrong::Unexpected { sign: sign.to_owned(), text: String::new(), instead: None };
        SyntaxError { line: self.line, what }
    }

    fn set(&mut self, set: &ast::Assignment) -> Result<Set> {
        let (name, index) = match &set.name {
            ast::AssignmentName::VariableName(name) => (name.clone(), None),
            ast::AssignmentName::ArrayElementName(name, index) => (name.clone(), Some(self.text(index)?)),
        };
        let value = match &set.value {
            ast::AssignmentValue::Scalar(word) => Value::Text(self.word(word)?),
            ast::AssignmentValue::Array(_) if self.dialect != Dialect::Bash => return Err(self.unexpected("(")),
            ast::AssignmentValue::Array(words) => {
                let mut values = Vec::new();
                for (key, word) in words {
                    match key {
                        Some(key) => values.push((Some(self.text(&key.value)?), self.word(word)?)),
                        None => values.extend(self.words(word)?.into_iter().map(|word| (None, word))),
                    }
                }
                Value::Array(values)
            }
        };
        Ok(Set { name, index, value, append: set.append })
    }

    fn compound(
        &mut self,
        command: &ast::CompoundCommand,
        redirects: Option<&ast::RedirectList>,
        first: usize,
    ) -> Result<Command> {
        let kind = match command {
            ast::CompoundCommand::BraceGroup(group) => Kind::Group(self.list(&group.list, first)?),
            ast::CompoundCommand::Subshell(group) => Kind::Subshell(self.list(&group.list, first)?),
            ast::CompoundCommand::IfClause(clause) => self.conditional(clause, first)?,
            ast::CompoundCommand::WhileClause(clause) => self.repeated(clause, false, first)?,
            ast::CompoundCommand::UntilClause(clause) => self.repeated(clause, true, first)?,
            ast::CompoundCommand::ForClause(clause) => {
                let words = clause.values.as_ref().map(|words| self.all_words(words)).transpose()?;
                Kind::For { name: clause.variable_name.clone(), words, body: self.list(&clause.body.list, first)? }
            }
            ast::CompoundCommand::CaseClause(clause) => self.case(clause, first)?,
            ast::CompoundCommand::Arithmetic(sum) if self.dialect == Dialect::Bash => {
                Kind::Sum(self.text(&sum.expr.value)?)
            }
            // Without sums as commands it is a group in a group.
            ast::CompoundCommand::Arithmetic(sum) => {
                let words = vec![vec![Part::Text(sum.expr.value.trim().to_owned(), true)]];
                Kind::Simple(Simple { line: self.line, sets: Vec::new(), words, after: Vec::new() })
            }
            ast::CompoundCommand::ArithmeticForClause(_) if self.dialect != Dialect::Bash => {
                return Err(self.refused("bad for loop variable"));
            }
            ast::CompoundCommand::ArithmeticForClause(clause) => {
                let mut sum = |sum: &Option<ast::UnexpandedArithmeticExpr>| {
                    self.text(sum.as_ref().map_or("", |sum| sum.value.as_str()))
                };
                let (begin, condition, step) =
                    (sum(&clause.initializer)?, sum(&clause.condition)?, sum(&clause.updater)?);
                Kind::Count { first: begin, condition, step, body: self.list(&clause.body.list, first)? }
            }
            ast::CompoundCommand::Coprocess(_) => return Err(self.unexpected("coproc")),
        };
        Ok(Command { kind, redirects: self.redirects(redirects, first)? })
    }

    fn conditional(&mut self, clause: &ast::IfClauseCommand, first: usize) -> Result<Kind> {
        let mut arms = vec![(self.list(&clause.condition, first)?, self.list(&clause.then, first)?)];
        let mut otherwise = List::new();
        for next in clause.elses.iter().flatten() {
            let body = self.list(&next.body, first)?;
            match &next.condition {
                Some(condition) => arms.push((self.list(condition, first)?, body)),
                None => otherwise = body,
            }
        }
        Ok(Kind::If { arms, otherwise })
    }

    fn repeated(&mut self, clause: &ast::WhileOrUntilClauseCommand, until: bool, first: usize) -> Result<Kind> {
        let ast::WhileOrUntilClauseCommand(condition, body, _) = clause;
        Ok(Kind::Loop { until, condition: self.list(condition, first)?, body: self.list(&body.list, first)? })
    }

    fn case(&mut self, clause: &ast::CaseClauseCommand, first: usize) -> Result<Kind> {
        let word = self.word(&clause.value)?;
        let arms = clause.cases.iter().map(|case| {
            let patterns = case.patterns.iter().map(|word| self.word(word)).collect::<Result<_>>()?;
            let body = case.cmd.as_ref().map(|list| self.list(list, first)).transpose()?.unwrap_or_default();
            let then = match case.post_action {
                ast::CaseItemPostAction::ExitCase => Then::Leave,
                ast::CaseItemPostAction::UnconditionallyExecuteNextCaseItem => Then::Fall,
                ast::CaseItemPostAction::ContinueEvaluatingCases => Then::GoOn,
            };
            Ok(Arm { patterns, body, then })
        });
        let arms = arms.collect::<Result<_>>()?;
        Ok(Kind::Case { word, arms })
    }

    fn condition(&mut self, test: &ast::ExtendedTestExpr) -> Result<Condition> {
        let mut both = |left, right| Ok((Box::new(self.condition(left)?), Box::new(self.condition(right)?)));
        Ok(match test {
            ast::ExtendedTestExpr::And(left, right) => {
                let (left, right) = both(left, right)?;
                Condition::And(left, right)
            }
            ast::ExtendedTestExpr::Or(left, right) => {
                let (left, right) = both(left, right)?;
                Condition::Or(left, right)
            }
            ast::ExtendedTestExpr::Not(inner) => Condition::Not(Box::new(self.condition(inner)?)),
            ast::ExtendedTestExpr::Parenthesized(inner) => self.condition(inner)?,
            ast::ExtendedTestExpr::UnaryTest(sign, word) => Condition::One(sign.to_string(), self.word(word)?),
            ast::ExtendedTestExpr::BinaryTest(sign, left, right) => {
                Condition::Two(self.word(left)?, sign.to_string(), self.word(right)?)
            }
        })
    }

    fn redirects(&mut self, redirects: Option<&ast::RedirectList>, first: usize) -> Result<Vec<Redirect>> {
        redirects.iter().flat_map(|redirects| &redirects.0).map(|redirect| self.redirect(redirect, first)).collect()
    }

    fn redirect(&mut self, redirect: &ast::IoRedirect, first: usize) -> Result<Redirect> {
        let stream = |number: &Option<ast::IoFd>, default: u8| {
            number.map_or(default, |number| u8::try_from(number).unwrap_or(BOTH - 1))
        };
        Ok(match redirect {
            ast::IoRedirect::File(number, kind, target) => {
                self.file((stream(number, 0), stream(number, 1)), kind, target, first)?
            }
            ast::IoRedirect::OutputAndError(word, append) => {
                let word = self.word(word)?;
                Redirect { stream: BOTH, to: if *append { Target::Append(word) } else { Target::Write(word) } }
            }
            ast::IoRedirect::HereDocument(number, text) => {
                let word = match text.requires_expansion {
                    true => self.text(&text.doc.value)?,
                    false => vec![Part::Text(text.doc.value.clone(), true)],
                };
                Redirect { stream: stream(number, 0), to: Target::Here(word) }
            }
            ast::IoRedirect::HereString(..) if self.dialect != Dialect::Bash => return Err(self.unexpected("<")),
            ast::IoRedirect::HereString(number, word) => {
                let mut word = self.word(word)?;
                word.push(Part::Text("\n".to_owned(), true));
                Redirect { stream: stream(number, 0), to: Target::Here(word) }
            }
        })
    }

    fn file(
        &mut self,
        (input, output): (u8, u8),
        kind: &ast::IoFileRedirectKind,
        target: &ast::IoFileRedirectTarget,
        first: usize,
    ) -> Result<Redirect> {
        let word = match target {
            ast::IoFileRedirectTarget::Filename(word) | ast::IoFileRedirectTarget::Duplicate(word) => {
                self.word(word)?
            }
            ast::IoFileRedirectTarget::Fd(number) => vec![Part::Text(number.to_string(), false)],
            ast::IoFileRedirectTarget::ProcessSubstitution(ast::ProcessSubstitutionKind::Read, command)
                if self.dialect == Dialect::Bash =>
            {
                let list = Arc::new(self.list(&command.list, first)?);
                let lines = vec![Part::Output(list, true), Part::Text("\n".to_owned(), true)];
                return Ok(Redirect { stream: input, to: Target::Here(lines) });
            }
            ast::IoFileRedirectTarget::ProcessSubstitution(..) => return Err(self.unexpected("(")),
        };
        let same = |stream: u8, word: Word| match word.as_slice() {
            [Part::Text(text, _)] if text == "-" => Redirect { stream, to: Target::Closed },
            [Part::Text(text, _)] if text.parse::<u8>().is_ok() => {
                Redirect { stream, to: Target::Same(text.parse().unwrap_or_default()) }
            }
            _ => Redirect { stream: BOTH, to: Target::Write(word) },
        };
        Ok(match kind {
            ast::IoFileRedirectKind::Read | ast::IoFileRedirectKind::ReadAndWrite => {
                Redirect { stream: input, to: Target::Read(word) }
            }
            ast::IoFileRedirectKind::Write | ast::IoFileRedirectKind::Clobber => {
                Redirect { stream: output, to: Target::Write(word) }
            }
            ast::IoFileRedirectKind::Append => Redirect { stream: output, to: Target::Append(word) },
            ast::IoFileRedirectKind::DuplicateOutput => same(output, word),
            ast::IoFileRedirectKind::DuplicateInput => same(input, word),
        })
    }
}

/// A word none of whose parts are split.
fn quoted(word: Word) -> Word {
    let quote = |part| match part {
        Part::Text(text, _) => Part::Text(text, true),
        Part::Parameter(parameter, _) => Part::Parameter(parameter, true),
        Part::Output(list, _) => Part::Output(list, true),
        Part::Sum(sum, _) => Part::Sum(sum, true),
        Part::Home => Part::Home,
    };
    word.into_iter().map(quote).collect()
}
