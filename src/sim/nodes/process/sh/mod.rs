//! The shell: `sh` and `bash` as scripts in Pods use them.
//! brush-parser reads scripts, words and sums (`parse`, `convert`, `word`, `sum`); this shell expands (`expand`, `parameter`), runs
//! (`run`) and asks (`prompt`), and speaks like the shell of the image (`dialect`). What is not built in is in `../programs`.

mod array;
mod beside;
mod builtin;
mod compound;
mod condition;
mod convert;
mod deep;
mod dialect;
mod expand;
mod parameter;
mod parse;
mod prompt;
mod redirect;
mod run;
mod start;
mod sum;
mod test;
mod tree;
mod word;
mod wrong;

pub use start::{Found, find, start};
pub use test::test;
