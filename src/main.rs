//! The program: hands the arguments to `cli`.
//! Everything else is the library's.

fn main() -> std::process::ExitCode {
    kubedrill::cli::main()
}
