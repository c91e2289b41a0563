//! `$(( … ))` and `(( … ))`: whole numbers as the shell computes them. brush-parser reads the expression.
//! Variables are looked up and set by the one who asks.

use brush_parser::arithmetic;
use brush_parser::ast::{ArithmeticExpr, ArithmeticTarget, BinaryOperator, UnaryAssignmentOperator, UnaryOperator};

use super::deep::is_computable;

/// What an expression needs of the shell. Elements of arrays have an index.
pub trait Names {
    /// A variable's value; empty when it is not set.
    fn value(&self, name: &str, index: Option<i64>) -> String;
    /// Sets a variable.
    fn set(&mut self, name: &str, index: Option<i64>, value: i64);
}

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSum {
    Syntax,
    DividedByZero,
    Loop,
}

/// The value of an expression, or why it has none.
pub fn value(text: &str, names: &mut dyn Names) -> Result<i64, NoSum> {
    computed(text, names, 0)
}

/// So often the value of a variable may be an expression again.
const DEEPEST: usize = 10;

fn computed(text: &str, names: &mut dyn Names, depth: usize) -> Result<i64, NoSum> {
    let text = text.trim().replace(['"', '\''], "");
    if depth > DEEPEST {
        return Err(NoSum::Loop);
    }
    if let Ok(number) = decimal(&text) {
        return Ok(number);
    }
    if !is_computable(&text) {
        return Err(NoSum::Syntax);
    }
    let expression = arithmetic::parse(&text).map_err(|_| NoSum::Syntax)?;
    Sum { names, depth }.of(&expression)
}

/// A plain number, with which nothing has to be read.
fn decimal(text: &str) -> Result<i64, ()> {
    if text.starts_with('0') && text.len() > 1 { Err(()) } else { text.parse().map_err(|_| ()) }
}

struct Sum<'a> {
    names: &'a mut dyn Names,
    depth: usize,
}

impl Sum<'_> {
    fn of(&mut self, expression: &ArithmeticExpr) -> Result<i64, NoSum> {
        Ok(match expression {
            ArithmeticExpr::Literal(number) => *number,
            ArithmeticExpr::Reference(target) => {
                let (name, index) = self.target(target)?;
                self.known(name, index)?
            }
            ArithmeticExpr::UnaryOp(operator, inner) => {
                let value = self.of(inner)?;
                match operator {
                    UnaryOperator::UnaryPlus => value,
                    UnaryOperator::UnaryMinus => value.wrapping_neg(),
                    UnaryOperator::BitwiseNot => !value,
                    UnaryOperator::LogicalNot => i64::from(value == 0),
                }
            }
            ArithmeticExpr::BinaryOp(BinaryOperator::LogicalAnd, left, right) => {
                i64::from(self.of(left)? != 0 && self.of(right)? != 0)
            }
            ArithmeticExpr::BinaryOp(BinaryOperator::LogicalOr, left, right) => {
                i64::from(self.of(left)? != 0 || self.of(right)? != 0)
            }
            ArithmeticExpr::BinaryOp(operator, left, right) => apply(operator, self.of(left)?, self.of(right)?)?,
            ArithmeticExpr::Conditional(condition, yes, no) => {
                if self.of(condition)? != 0 {
                    self.of(yes)?
                } else {
                    self.of(no)?
                }
            }
            ArithmeticExpr::Assignment(target, inner) => {
                let value = self.of(inner)?;
                self.put(target, |_| Ok(value))?.1
            }
            ArithmeticExpr::BinaryAssignment(operator, target, inner) => {
                let right = self.of(inner)?;
                self.put(target, |left| apply(operator, left, right))?.1
            }
            ArithmeticExpr::UnaryAssignment(operator, target) => match operator {
                UnaryAssignmentOperator::PrefixIncrement => self.put(target, |value| Ok(value.wrapping_add(1)))?.1,
                UnaryAssignmentOperator::PrefixDecrement => self.put(target, |value| Ok(value.wrapping_sub(1)))?.1,
                UnaryAssignmentOperator::PostfixIncrement => self.put(target, |value| Ok(value.wrapping_add(1)))?.0,
                UnaryAssignmentOperator::PostfixDecrement => self.put(target, |value| Ok(value.wrapping_sub(1)))?.0,
            },
        })
    }

    fn target<'t>(&mut self, target: &'t ArithmeticTarget) -> Result<(&'t str, Option<i64>), NoSum> {
        match target {
            ArithmeticTarget::Variable(name) => Ok((name, None)),
            ArithmeticTarget::ArrayElement(name, index) => Ok((name, Some(self.of(index)?))),
        }
    }

    fn known(&mut self, name: &str, index: Option<i64>) -> Result<i64, NoSum> {
        let text = self.names.value(name, index);
        if text.trim().is_empty() { Ok(0) } else { computed(&text, self.names, self.depth + 1) }
    }

    /// Changes a variable; its value before and after.
    fn put(
        &mut self,
        target: &ArithmeticTarget,
        change: impl Fn(i64) -> Result<i64, NoSum>,
    ) -> Result<(i64, i64), NoSum> {
        let (name, index) = self.target(target)?;
        let before = self.known(name, index).unwrap_or_default();
        let after = change(before)?;
        self.names.set(name, index, after);
        Ok((before, after))
    }
}

fn apply(operator: &BinaryOperator, left: i64, right: i64) -> Result<i64, NoSum> {
    let shift = u32::try_from(right & 63).unwrap_or_default();
    Ok(match operator {
        BinaryOperator::Power => left.wrapping_pow(u32::try_from(right).map_err(|_| NoSum::Syntax)?),
        BinaryOperator::Multiply => left.wrapping_mul(right),
        BinaryOperator::Divide | BinaryOperator::Modulo if right == 0 => return Err(NoSum::DividedByZero),
        BinaryOperator::Divide => left.wrapping_div(right),
        BinaryOperator::Modulo => left.wrapping_rem(right),
        BinaryOperator::Comma => right,
        BinaryOperator::Add => left.wrapping_add(right),
        BinaryOperator::Subtract => left.wrapping_sub(right),
        BinaryOperator::ShiftLeft => left.wrapping_shl(shift),
        BinaryOperator::ShiftRight => left.wrapping_shr(shift),
        BinaryOperator::LessThan => i64::from(left < right),
        BinaryOperator::LessThanOrEqualTo => i64::from(left <= right),
        BinaryOperator::GreaterThan => i64::from(left > right),
        BinaryOperator::GreaterThanOrEqualTo => i64::from(left >= right),
        BinaryOperator::Equals => i64::from(left == right),
        BinaryOperator::NotEquals => i64::from(left != right),
        BinaryOperator::BitwiseAnd => left & right,
        BinaryOperator::BitwiseXor => left ^ right,
        BinaryOperator::BitwiseOr => left | right,
        BinaryOperator::LogicalAnd => i64::from(left != 0 && right != 0),
        BinaryOperator::LogicalOr => i64::from(left != 0 || right != 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    impl Names for HashMap<String, i64> {
        fn value(&self, name: &str, _: Option<i64>) -> String {
            self.get(name).map(i64::to_string).unwrap_or_default()
        }
        fn set(&mut self, name: &str, _: Option<i64>, value: i64) {
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
            ("2**5", 32),
            ("0x10 + 010", 24),
            ("", 0),
        ] {
            assert_eq!(value(text, &mut names), Ok(result), "{text}");
        }
        assert_eq!(value("i+=2", &mut names), Ok(6));
        assert_eq!(value("i++", &mut names), Ok(6));
        assert_eq!(names["i"], 7);
        assert_eq!(value("1/0", &mut names), Err(NoSum::DividedByZero));
        assert_eq!(value("1+", &mut names), Err(NoSum::Syntax));
    }
}
