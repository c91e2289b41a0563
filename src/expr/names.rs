//! Which names an expression takes from outside: its free variables.
//! Names that macros bind (`x` in `list.all(x, …)`) and function namespaces (`sets.contains`) are not among them.

use std::collections::BTreeSet;

use kube_cel::cel::IdedExpr;
use kube_cel::cel::common::ast::{EntryExpr, Expr};

/// Namespaces of Kubernetes' CEL libraries (k8s.io/apiserver `pkg/cel/library`), and type names.
const NOT_VARIABLES: [&str; 15] = [
    "cel",
    "optional",
    "sets",
    "math",
    "base64",
    "jsonpatch",
    "format",
    "strings",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "type",
];

/// The free variables of an expression.
pub(crate) fn free(expression: &IdedExpr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(expression, &mut Vec::new(), &mut found);
    found
}

fn collect<'e>(expression: &'e IdedExpr, bound: &mut Vec<&'e str>, found: &mut BTreeSet<String>) {
    match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) => {}
        Expr::Ident(name) => {
            let ours = bound.contains(&name.as_str()) || NOT_VARIABLES.contains(&name.as_str());
            if !ours && !name.starts_with('@') {
                found.insert(name.clone());
            }
        }
        Expr::Call(call) => {
            call.target.iter().for_each(|target| collect(target, bound, found));
            let of_cel = call.target.as_ref().is_some_and(|at| matches!(&at.expr, Expr::Ident(name) if name == "cel"));
            match call.args.as_slice() {
                // `cel.bind(name, value, expression)` names a value within its expression.
                [IdedExpr { expr: Expr::Ident(name), .. }, value, inner] if of_cel && call.func_name == "bind" => {
                    collect(value, bound, found);
                    bound.push(name);
                    collect(inner, bound, found);
                    bound.pop();
                }
                arguments => arguments.iter().for_each(|argument| collect(argument, bound, found)),
            }
        }
        Expr::Select(select) => collect(&select.operand, bound, found),
        Expr::List(list) => list.elements.iter().for_each(|element| collect(element, bound, found)),
        Expr::Map(map) => map.entries.iter().for_each(|entry| collect_entry(&entry.expr, bound, found)),
        Expr::Struct(made) => made.entries.iter().for_each(|entry| collect_entry(&entry.expr, bound, found)),
        Expr::Comprehension(loop_) => {
            collect(&loop_.iter_range, bound, found);
            collect(&loop_.accu_init, bound, found);
            let outer = bound.len();
            bound.extend([loop_.iter_var.as_str(), loop_.accu_var.as_str()]);
            bound.extend(loop_.iter_var2.as_deref());
            for part in [&loop_.loop_cond, &loop_.loop_step, &loop_.result] {
                collect(part, bound, found);
            }
            bound.truncate(outer);
        }
    }
}

fn collect_entry<'e>(entry: &'e EntryExpr, bound: &mut Vec<&'e str>, found: &mut BTreeSet<String>) {
    match entry {
        EntryExpr::StructField(field) => collect(&field.value, bound, found),
        EntryExpr::MapEntry(pair) => {
            collect(&pair.key, bound, found);
            collect(&pair.value, bound, found);
        }
    }
}
