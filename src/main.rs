//! The program: hands the arguments to `cli`.

fn main() {}
