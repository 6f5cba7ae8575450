//! The order in which PyTorch writes a module's constants.
//!
//! It collects their names in a Python `set` and keeps them in a `std::unordered_map`, so the order follows from two
//! hash functions; Python's is that of `PYTHONHASHSEED=0` here. Nothing depends on the order but the text of archives,
//! which is the same in every run and comparable with PyTorch's.

/// Where each name comes: `order[i]` is the index of the name at place `i`.
pub(super) fn of(names: &[&str]) -> Vec<usize> {
    unordered_map(names, &set(names))
}

/// CPython's `set` of strings: open addressing with short linear probes.
fn set(names: &[&str]) -> Vec<usize> {
    let hashes: Vec<u64> = names.iter().map(|n| siphash13(n.as_bytes())).collect();
    let place = |table: &mut [Option<usize>], name: usize| {
        let mask = table.len() - 1;
        let (mut perturb, mut i) = (hashes[name], hashes[name] as usize & mask);
        loop {
            let probes = if i + 9 <= mask { 9 } else { 0 };
            if let Some(free) = table[i..=i + probes].iter_mut().find(|slot| slot.is_none()) {
                *free = Some(name);
                return;
            }
            perturb >>= 5;
            i = (i.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb as usize)) & mask;
        }
    };
    let mut table = vec![None; 8];
    for (used, name) in (0..names.len()).enumerate() {
        place(&mut table, name);
        let used = used + 1;
        if used * 5 >= (table.len() - 1) * 3 {
            let mut size = 8;
            while size <= used * 4 {
                size *= 2;
            }
            let old = std::mem::replace(&mut table, vec![None; size]);
            for have in old.into_iter().flatten() {
                place(&mut table, have);
            }
        }
    }
    table.into_iter().flatten().collect()
}

/// libstdc++'s `unordered_map`: a new bucket opens at the front, and within a bucket the newest comes first.
fn unordered_map(names: &[&str], inserted: &[usize]) -> Vec<usize> {
    const SIZES: [u64; 12] = [13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043];
    let hashes: Vec<u64> = names.iter().map(|n| murmur(n.as_bytes())).collect();
    let mut count = 1;
    let mut order: Vec<usize> = Vec::new();
    // The newest of each bucket.
    let mut buckets = std::collections::HashMap::new();
    let insert =
        |order: &mut Vec<usize>, buckets: &mut std::collections::HashMap<u64, usize>, count, name| {
            let bucket = hashes[name] % count;
            let newest = buckets.get(&bucket);
            let at = newest.and_then(|newest| order.iter().position(|n| n == newest));
            order.insert(at.unwrap_or(0), name);
            buckets.insert(bucket, name);
        };
    for &name in inserted {
        if count == 1 || order.len() as u64 + 1 > count {
            let next = SIZES.into_iter().find(|s| *s > 2 * count);
            count = next.unwrap_or(SIZES[SIZES.len() - 1]);
            buckets.clear();
            for have in std::mem::take(&mut order) {
                insert(&mut order, &mut buckets, count, have);
            }
        }
        insert(&mut order, &mut buckets, count, name);
    }
    order
}

/// The last bytes of a text as a number, little end first.
fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// CPython's hash of a string's bytes, with a key of zeros.
fn siphash13(data: &[u8]) -> u64 {
    let mut v = [
        0x736f_6d65_7073_6575,
        0x646f_7261_6e64_6f6d,
        0x6c79_6765_6e65_7261,
        0x7465_6462_7974_6573_u64,
    ];
    fn round(v: &mut [u64; 4]) {
        v[0] = v[0].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[2] = v[2].rotate_left(32);
    }
    let words = data.chunks_exact(8);
    let last = (data.len() as u64 & 0xff) << 56 | little(words.remainder());
    for word in words.map(little).chain([last]) {
        v[3] ^= word;
        round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for _ in 0..3 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

/// libstdc++'s hash of a string: MurmurHash64A with its seed.
fn murmur(data: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut h = 0xc70f_6907 ^ (data.len() as u64).wrapping_mul(M);
    let words = data.chunks_exact(8);
    let rest = words.remainder();
    for word in words {
        let k = little(word).wrapping_mul(M);
        h = (h ^ (k ^ k >> 47).wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        h = (h ^ little(rest)).wrapping_mul(M);
    }
    h = (h ^ h >> 47).wrapping_mul(M);
    h ^ h >> 47
}

#[cfg(test)]
mod tests {
    #[test]
    fn orders() {
        let check = |names: &[&str], expected: &[&str]| {
            let found: Vec<&str> = super::of(names).into_iter().map(|i| names[i]).collect();
            assert_eq!(found, expected);
        };
        check(&["a", "b", "c", "d", "e", "g"], &["e", "c", "b", "g", "a", "d"]);
        check(&["p", "inplace"], &["inplace", "p"]);
        check(
            &["normalized_shape", "eps", "elementwise_affine"],
            &["eps", "normalized_shape", "elementwise_affine"],
        );
    }
}
