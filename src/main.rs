//! The `initlab` command.

fn main() -> std::process::ExitCode {
    initlab::cli::main()
}
