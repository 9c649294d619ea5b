//! The project's own commands, run as `cargo xtask <command>`: set-up, checks, demo, sweep, benchmarks, random and public
//! models, hostile inputs, kills and full disks, the book, the Python module.

mod bench;
mod cmake;
mod corpus;
mod demo;
mod docs;
mod download;
mod fuzz;
mod hostile;
mod models;
mod module;
mod mujoco;
mod packages;
mod pins;
mod place;
mod python;
mod setup;
mod step;
mod suites;
mod sweep;
mod test;
mod tidy;
mod torture;
mod tree;
mod wheel;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up, checks, demo, sweep, benchmarks and public models of dynsparse.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Setup),
    Test(test::Test),
    Demo(demo::Demo),
    Docs(docs::Docs),
    Bench(bench::Bench),
    Sweep(sweep::Sweep),
    Fuzz(hostile::Fuzz),
    FuzzJacobian(fuzz::FuzzJacobian),
    Corpus(corpus::Corpus),
    Rooms(tidy::Rooms),
    Public(tidy::Public),
    Longest(tidy::Longest),
    Torture(torture::Torture),
    Wheel(module::Wheel),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Setup(setup) => setup.run(),
        Command::Test(test) => test.run(),
        Command::Demo(demo) => demo.run(),
        Command::Docs(docs) => docs.run(),
        Command::Bench(bench) => bench.run(),
        Command::Sweep(sweep) => sweep.run(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::FuzzJacobian(fuzz) => fuzz.run(),
        Command::Corpus(corpus) => corpus.run(),
        Command::Rooms(rooms) => rooms.run(),
        Command::Public(public) => public.run(),
        Command::Longest(longest) => longest.run(),
        Command::Torture(torture) => torture.run(),
        Command::Wheel(wheel) => wheel.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            place::tell(format_args!("error: {error:#}"));
            step::exit_code(&error)
        }
    }
}
