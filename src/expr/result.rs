//! What an expression gives, as far as its text alone tells; where that takes knowing the types of objects, nothing is said.
//! Types are named as CEL's checker names them.

use kube_cel::cel::IdedExpr;
use kube_cel::cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

/// The type of an expression where it is plain; the fields of `dynamic` names may be anything.
pub(crate) fn type_of(expression: &IdedExpr, dynamic: &[&str]) -> Option<&'static str> {
    match &expression.expr {
        Expr::Literal(literal) => Some(of_literal(literal)),
        Expr::Ident(name) => dynamic.contains(&name.as_str()).then_some("dyn"),
        Expr::Select(select) if select.test => Some("bool"),
        Expr::Select(select) => type_of(&select.operand, dynamic).filter(|is| *is == "dyn"),
        Expr::Call(call) => of_call(call, dynamic),
        _ => None,
    }
}

fn of_literal(literal: &LiteralValue) -> &'static str {
    match literal {
        LiteralValue::Boolean(_) => "bool",
        LiteralValue::Bytes(_) => "bytes",
        LiteralValue::Double(_) => "double",
        LiteralValue::Int(_) => "int",
        LiteralValue::Null => "null_type",
        LiteralValue::String(_) => "string",
        LiteralValue::UInt(_) => "uint",
    }
}

fn of_call(call: &CallExpr, dynamic: &[&str]) -> Option<&'static str> {
    let of = |index: usize| call.args.get(index).and_then(|argument| type_of(argument, dynamic));
    let both = |left: usize, right: usize| of(left).filter(|is| of(right) == Some(*is));
    let on_nothing = call.target.is_none();
    match call.func_name.as_str() {
        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT | operators::IN => Some("bool"),
        operators::EQUALS | operators::NOT_EQUALS => Some("bool"),
        operators::GREATER | operators::GREATER_EQUALS | operators::LESS | operators::LESS_EQUALS => Some("bool"),
        operators::ADD => both(0, 1).filter(|is| ["int", "uint", "double", "string"].contains(is)),
        operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE => {
            both(0, 1).filter(|is| ["int", "uint", "double"].contains(is))
        }
        operators::MODULO => both(0, 1).filter(|is| ["int", "uint"].contains(is)),
        operators::NEGATE => of(0).filter(|is| ["int", "double"].contains(is)),
        operators::INDEX => of(0).filter(|is| *is == "dyn"),
        operators::CONDITIONAL => both(1, 2),
        "startsWith" | "endsWith" | "matches" => Some("bool"),
        "size" => Some("int"),
        "int" if on_nothing => Some("int"),
        "string" if on_nothing => Some("string"),
        "lowerAscii" | "upperAscii" | "trim" | "substring" => Some("string"),
        _ => None,
    }
}
