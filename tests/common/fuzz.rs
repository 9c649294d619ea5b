//! Many inputs from one seed each: what every kind of fuzzing here shares.

use super::Ran;

/// Where a series of seeds begins, and how many there are: DYNSPARSE_FUZZ_SEED and DYNSPARSE_FUZZ_COUNT, else a short
/// series that is always the same.
fn series(few: u64) -> std::ops::Range<u64> {
    let number =
        |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap_or_else(|e| panic!("{name}: {e}")));
    let first = number("DYNSPARSE_FUZZ_SEED").unwrap_or(0);
    first..first + number("DYNSPARSE_FUZZ_COUNT").unwrap_or(few)
}

/// Says at which seed a test has failed, hangs too.
struct At(u64);

impl Drop for At {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("at the seed {}", self.0);
        }
    }
}

/// Runs one input a seed. Each must end by itself: with success, or with an error in words.
pub(crate) fn short(few: u64, mut run: impl FnMut(u64) -> Ran) {
    let (mut good, mut bad) = (0, 0);
    for seed in series(few) {
        let _at = At(seed);
        let ran = run(seed);
        let code = ran.status.code();
        let ended = code.is_some_and(|c| c <= 2) && !ran.stderr.contains("panicked");
        assert!(ended, "seed {seed}: {}: {:?}\n{}", ran.what, ran.status, ran.stderr);
        if code == Some(0) {
            good += 1;
        } else {
            bad += 1;
            // What a check finds wrong is its answer, on stdout.
            let told = ran.stderr.contains("error: ") || !ran.stdout.is_empty();
            assert!(told, "seed {seed}: {}: no error line\n{}", ran.what, ran.stderr);
            assert!(ran.stderr.len() < 20_000, "seed {seed}: {}: {} bytes of words", ran.what, ran.stderr.len());
        }
    }
    println!("{good} accepted, {bad} refused");
    assert!(bad > 0, "nothing that was changed was refused");
}
