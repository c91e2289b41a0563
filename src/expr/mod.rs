//! CEL: compile and evaluate expressions over objects.
//! What an expression is asked for (a check, a rule of a CRD) stands with those who ask.

mod authorizer;
mod fields;
mod names;
mod optional;
mod program;
mod result;
mod value;

pub use authorizer::{Answer, Asking, Authorizer, Question};
pub use fields::{Step, line_and_column, pointed_at, undefined};
pub use optional::plain_cel;
pub use program::{ExprError, Program};
