//! How units of work become job arrays.

use std::ops::Range;

/// One job array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    /// Its units; index i of the array is unit `units.start` + i.
    pub units: Range<usize>,
    /// How many of its tasks may run at once.
    pub limit: Option<u64>,
    /// The array that must have ended before this one begins.
    pub after: Option<usize>,
}

/// Deals `units` units to as few arrays as a cluster with this MaxArraySize takes, whose highest index is
/// one less. With `max_running` no more array tasks than that run at once: the arrays of one lane follow each
/// other, and the lanes share the limit.
pub(super) fn deal(units: usize, max_array_size: u32, max_running: Option<u64>) -> Vec<Array> {
    let most = (max_array_size as usize).max(1);
    let arrays = units.div_ceil(most);
    let range = |i: usize| i * most..units.min((i + 1) * most);
    let Some(running) = max_running else {
        return (0..arrays).map(|i| Array { units: range(i), limit: None, after: None }).collect();
    };
    let lanes = (arrays as u64).min(running).max(1);
    let limit = |lane: u64| running / lanes + u64::from(lane < running % lanes);
    let lanes_usize = lanes as usize;
    (0..arrays)
        .map(|i| Array {
            units: range(i),
            limit: Some(limit((i % lanes_usize) as u64)),
            after: i.checked_sub(lanes_usize),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_in_one_array_and_no_index_is_too_high() {
        for (units, max, running) in
            [(1, 1001, None), (1001, 1001, Some(7)), (1002, 1001, Some(1)), (10, 3, Some(3)), (7, 1, None)]
        {
            let arrays = deal(units, max, running);
            let all: Vec<usize> = arrays.iter().flat_map(|a| a.units.clone()).collect();
            assert_eq!(all, (0..units).collect::<Vec<_>>());
            assert!(arrays.iter().all(|a| !a.units.is_empty() && a.units.len() - 1 < max as usize));
        }
        assert!(deal(0, 1001, None).is_empty());
    }

    /// The limit holds over all arrays: those that can run at once share it.
    #[test]
    fn lanes_share_the_limit() {
        let arrays = deal(10, 3, Some(3));
        let after: Vec<_> = arrays.iter().map(|a| a.after).collect();
        assert_eq!(after, [None, None, None, Some(0)]);
        assert_eq!(arrays.iter().take(3).filter_map(|a| a.limit).sum::<u64>(), 3);
        let arrays = deal(10, 3, Some(2));
        assert_eq!(arrays.iter().map(|a| a.after).collect::<Vec<_>>(), [None, None, Some(0), Some(1)]);
        let arrays = deal(4, 2, Some(5));
        assert_eq!(arrays.iter().map(|a| a.limit).collect::<Vec<_>>(), [Some(3), Some(2)]);
    }
}
