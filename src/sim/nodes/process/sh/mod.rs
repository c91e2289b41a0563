//! The shell: `sh` and `bash` as scripts in Pods use them.
//! It reads (`parse`, `word`, `sum`), expands (`expand`) runs (`run`) and asks (`prompt`); what is not built in is in `../programs`.

mod builtin;
mod compound;
mod expand;
mod here;
mod parse;
mod prompt;
mod redirect;
mod run;
mod start;
mod sum;
mod test;
mod tree;
mod word;

pub use start::{Found, find, start};
pub use test::test;
