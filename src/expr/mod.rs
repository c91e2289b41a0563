//! CEL: compile and evaluate expressions over objects.
//! What an expression is asked for (a check, a rule of a CRD) stands with those who ask.

mod names;
mod program;
mod value;

pub use program::{ExprError, Program};
