//! Selection and unstable sorting that order equal elements as PyTorch's CPU build happens to.
//!
//! PyTorch leaves the choice among equal elements to `std::nth_element`, `std::partial_sort` and `std::sort` of GNU's
//! C++ library. Saved outputs depend on that choice (which of two equal scores comes first), so the same steps are
//! taken here: introselect, heap select and introsort over pairs of key and index, compared by key alone.

/// Key and index of an element; smaller keys come first.
pub(super) type Pair = (u64, usize);

fn less(a: Pair, b: Pair) -> bool {
    a.0 < b.0
}

/// Places the middle one of three into `to`.
fn median_to(v: &mut [Pair], to: usize, a: usize, b: usize, c: usize) {
    let middle = if less(v[a], v[b]) {
        if less(v[b], v[c]) {
            b
        } else if less(v[a], v[c]) {
            c
        } else {
            a
        }
    } else if less(v[a], v[c]) {
        a
    } else if less(v[b], v[c]) {
        c
    } else {
        b
    };
    v.swap(to, middle);
}

/// Splits `v` around the median of three; no element from the returned place on is less than one before it.
fn partition(v: &mut [Pair]) -> usize {
    let n = v.len();
    median_to(v, 0, 1, n / 2, n - 1);
    let pivot = v[0];
    let (mut first, mut last) = (1, n);
    loop {
        while less(v[first], pivot) {
            first += 1;
        }
        last -= 1;
        while less(pivot, v[last]) {
            last -= 1;
        }
        if first >= last {
            return first;
        }
        v.swap(first, last);
        first += 1;
    }
}

fn insertion_sort(v: &mut [Pair]) {
    for i in 1..v.len() {
        let value = v[i];
        let mut at = i;
        while at > 0 && less(value, v[at - 1]) {
            v[at] = v[at - 1];
            at -= 1;
        }
        v[at] = value;
    }
}

/// Sinks `value` from `hole` to a leaf and lets it rise again, no higher than where it started.
fn adjust_heap(v: &mut [Pair], hole: usize, value: Pair) {
    let (top, n) = (hole, v.len());
    let (mut hole, mut child) = (hole, hole);
    while child < (n - 1) / 2 {
        child = 2 * (child + 1);
        if less(v[child], v[child - 1]) {
            child -= 1;
        }
        v[hole] = v[child];
        hole = child;
    }
    if n % 2 == 0 && child == (n - 2) / 2 {
        child = 2 * (child + 1) - 1;
        v[hole] = v[child];
        hole = child;
    }
    while hole > top && less(v[(hole - 1) / 2], value) {
        v[hole] = v[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    v[hole] = value;
}

/// The `k` least elements as a heap in front.
fn heap_select(v: &mut [Pair], k: usize) {
    if k == 0 {
        return;
    }
    for parent in (0..k / 2).rev() {
        let value = v[parent];
        adjust_heap(&mut v[..k], parent, value);
    }
    for i in k..v.len() {
        if less(v[i], v[0]) {
            let value = v[i];
            v[i] = v[0];
            adjust_heap(&mut v[..k], 0, value);
        }
    }
}

fn sort_heap(v: &mut [Pair]) {
    for last in (1..v.len()).rev() {
        let value = v[last];
        v[last] = v[0];
        adjust_heap(&mut v[..last], 0, value);
    }
}

/// The `k` least elements in order in front.
pub(super) fn partial_sort(v: &mut [Pair], k: usize) {
    heap_select(v, k);
    sort_heap(&mut v[..k]);
}

fn depth_limit(n: usize) -> usize {
    2 * n.checked_ilog2().unwrap_or(0) as usize
}

/// The element of rank `nth` in its place, nothing greater before it and nothing less after it.
pub(super) fn nth_element(v: &mut [Pair], nth: usize) {
    if nth >= v.len() {
        return;
    }
    let (mut first, mut last, mut depth) = (0, v.len(), depth_limit(v.len()));
    while last - first > 3 {
        if depth == 0 {
            heap_select(&mut v[first..last], nth + 1 - first);
            v.swap(first, nth);
            return;
        }
        depth -= 1;
        let cut = first + partition(&mut v[first..last]);
        if cut <= nth { first = cut } else { last = cut }
    }
    insertion_sort(&mut v[first..last]);
}

/// Below this length insertion sort takes over.
pub(super) const SHORT: usize = 16;

fn sort_loop(v: &mut [Pair], mut depth: usize) {
    let mut last = v.len();
    while last > SHORT {
        if depth == 0 {
            partial_sort(&mut v[..last], last);
            return;
        }
        depth -= 1;
        let cut = partition(&mut v[..last]);
        sort_loop(&mut v[cut..last], depth);
        last = cut;
    }
}

/// An unstable sort.
pub(super) fn sort(v: &mut [Pair]) {
    sort_loop(v, depth_limit(v.len()));
    insertion_sort(v);
}
