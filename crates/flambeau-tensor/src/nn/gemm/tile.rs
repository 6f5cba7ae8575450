//! The inner loop of every matrix product: a tile of C in registers.
//!
//! ```text
//!          B  [k][width]            a row every `b_stride`: a packed panel, or the matrix itself
//!        ┌─────────┬─────────┐
//!        │ V       │ V       │     NV registers
//!        └─────────┴─────────┘
//!  A ┌─┐ ┌─────────┬─────────┐
//! [k]│ │ │         │         │
//! [R]│ │ │  C tile: R × NV accumulators
//!    └─┘ └─────────┴─────────┘
//! ```
//!
//! Every element of C is the same chains of fused multiply-adds over k in order, whatever the shape of the tile that
//! it fell into; so how a product is cut into tiles never shows in its bits.

use crate::nn::vector::Vector;

/// The widest tile: registers per row.
pub const WIDE: usize = 2;

/// Columns of a packed panel.
#[inline(always)]
pub const fn panel<V: Vector>() -> usize {
    WIDE * V::LANES
}

/// Where a tile reads and writes.
#[derive(Clone, Copy)]
pub struct TileArgs<E> {
    pub k: usize,
    /// `[k][rows]`, dense.
    pub a: *const E,
    /// `[k]` rows of at least [`panel`] readable columns (one register if `width` fits one), `b_stride` apart.
    pub b: *const E,
    pub b_stride: usize,
    /// `[rows][width]`, rows `c_stride` apart.
    pub c: *mut E,
    pub c_stride: usize,
    pub width: usize,
    /// Add to C instead of writing it.
    pub add: bool,
}

/// A tile function for one height. The rows are spelled out because the compiler keeps accumulators in registers only
/// if it sees every index.
macro_rules! tile {
    ($($name:ident: $($i:literal)*;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name<V: Vector, const NV: usize>(t: TileArgs<V::Elem>) {
                const R: usize = [$($i),*].len();
                // SAFETY: `TileArgs` states the extents; the caller vouches for them and for the level of `V`.
                unsafe {
                    let zero = V::splat(std::mem::zeroed());
                    // The second register of each row goes unused if NV is 1.
                    let (mut left, mut right) = ([zero; R], [zero; R]);
                    let (mut a, mut b) = (t.a, t.b);
                    for _ in 0..t.k {
                        let b0 = V::load(b);
                        let b1 = if NV > 1 { V::load(b.add(V::LANES)) } else { zero };
                        $(
                            let x = V::splat(*a.add($i));
                            left[$i] = left[$i].fma(x, b0);
                            if NV > 1 {
                                right[$i] = right[$i].fma(x, b1);
                            }
                        )*
                        a = a.add(R);
                        b = b.wrapping_add(t.b_stride);
                    }
                    $(
                        let c = t.c.add($i * t.c_stride);
                        put(&t, c, t.width, left[$i]);
                        if NV > 1 {
                            put(&t, c.add(V::LANES), t.width - V::LANES, right[$i]);
                        }
                    )*
                }
            }
        )*
    };
}

tile! {
    tile1: 0;
    tile2: 0 1;
    tile3: 0 1 2;
    tile4: 0 1 2 3;
    tile5: 0 1 2 3 4;
    tile6: 0 1 2 3 4 5;
    tile7: 0 1 2 3 4 5 6;
    tile8: 0 1 2 3 4 5 6 7;
    tile9: 0 1 2 3 4 5 6 7 8;
    tile10: 0 1 2 3 4 5 6 7 8 9;
    tile11: 0 1 2 3 4 5 6 7 8 9 10;
    tile12: 0 1 2 3 4 5 6 7 8 9 10 11;
    tile13: 0 1 2 3 4 5 6 7 8 9 10 11 12;
    tile14: 0 1 2 3 4 5 6 7 8 9 10 11 12 13;
}

/// Writes one register of a tile, `width` columns of it.
#[inline(always)]
unsafe fn put<V: Vector>(t: &TileArgs<V::Elem>, c: *mut V::Elem, width: usize, sum: V) {
    // SAFETY: as for the tile.
    unsafe {
        if width >= V::LANES {
            let sum = if t.add { V::load(c).add(sum) } else { sum };
            sum.store(c);
        } else {
            let sum = if t.add {
                V::load_part(c, width).add(sum)
            } else {
                sum
            };
            sum.store_part(c, width);
        }
    }
}

/// Computes one tile of `rows` (1 to `V::ROWS`) by `width` (1 to [`panel`]).
///
/// # Safety
/// The extents in `t` are valid, nobody else touches that part of C, and `V` is of a level this processor has.
#[inline(always)]
pub unsafe fn compute<V: Vector>(rows: usize, t: TileArgs<V::Elem>) {
    // SAFETY: passed on.
    unsafe {
        macro_rules! by_rows {
            ($nv:literal, $($r:literal $tile:ident)*) => {
                match rows {
                    $($r if $r <= V::ROWS => $tile::<V, $nv>(t),)*
                    _ => debug_assert!(false, "a tile of {rows} rows"),
                }
            };
        }
        macro_rules! by_width {
            ($($rows:tt)*) => {
                if t.width > V::LANES {
                    by_rows!(2, $($rows)*)
                } else {
                    by_rows!(1, $($rows)*)
                }
            };
        }
        by_width!(
            1 tile1 2 tile2 3 tile3 4 tile4 5 tile5 6 tile6 7 tile7 8 tile8 9 tile9 10 tile10 11 tile11 12 tile12
            13 tile13 14 tile14
        )
    }
}
