//! How many threads: the one place that bounds what a flag, a file or the environment asks for.

use dynsparse::record::MOST_THREADS as MOST;

/// What the library of thread pools listens to where nothing else is said.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// The number of threads: as asked, or all cores.
///
/// # Errors
/// 0, and more than [`MOST`].
pub(super) fn count(asked: Option<usize>) -> anyhow::Result<usize> {
    match asked {
        Some(0) => anyhow::bail!("threads is 0; give at least 1, or leave it out for all cores"),
        Some(n) if n > MOST => anyhow::bail!("threads is {n}; give at most {MOST}, or leave it out for all cores"),
        Some(n) => Ok(n),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from).min(MOST)),
    }
}

/// So many threads that wait for work.
///
/// # Errors
/// As [`count`], and where they cannot be started.
pub(super) fn pool(asked: Option<usize>) -> anyhow::Result<rayon::ThreadPool> {
    let n = count(asked)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build();
    pool.map_err(|e| anyhow::anyhow!("threads is {n}: they cannot be started: {e}; give fewer"))
}

/// Refuses an environment that asks for more.
///
/// # Errors
/// Of [`VARIABLE`], as [`count`]; 0 means all cores there.
pub(super) fn check_environment() -> anyhow::Result<()> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(()) };
    // What it does not understand, the library ignores.
    let Ok(n) = text.parse::<u64>() else { return Ok(()) };
    anyhow::ensure!(n <= MOST as u64, "the environment variable {VARIABLE} is {n}; set it to at most {MOST}");
    Ok(())
}
