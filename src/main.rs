//! The dynsparse command: arguments in, exit code out.

mod cli;

/// Tensors of a training step come and go by the hundred; this halves its time (`cargo bench --bench learn`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
