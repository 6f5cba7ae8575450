//! Dense linear algebra over plain matrices, computed in f64 and complex f64; knows no tensors and no batches.
//!
//! Written here rather than taken from a library, for three reasons: results must follow LAPACK's conventions (signs of
//! QR, packed factors, pivots), matrices inside models are small, and a general library costs more build time than
//! the rest of the engine. Sizes are the caller's to check; shapes that do not fit never panic where they are checked
//! by name, and decompositions of non-finite input end with an error or with NaN.
//!
//! | look for | in |
//! |---|---|
//! | [`Mat`], [`Field`] | `mat` |
//! | [`lu_factor`], [`Lu::solve`], `det`, `slogdet`, `inverse`, [`solve_triangular`] | `lu` |
//! | [`cholesky`], [`cholesky_solve`], [`ldl_factor`], [`ldl_solve`] | `cholesky` |
//! | [`geqrf`], [`qr`], [`householder_product`], [`ormqr`] | `qr` |
//! | [`eigh`] | `eigh` |
//! | [`eig`], [`eig_real`] | `eig`, over `balance` and `schur` |
//! | [`svd`] | `svd` |
//! | [`pinv`], [`matrix_rank`], [`lstsq`], [`matrix_power`], [`matrix_exp`] | `derived` |

// `!(a > b)` is how NaN is turned away.
#![allow(clippy::neg_cmp_op_on_partial_ord)]
#![forbid(unsafe_code)]

mod balance;
mod bidiagonal;
mod cholesky;
mod derived;
mod eig;
mod eigh;
mod lu;
mod mat;
mod qr;
mod schur;
mod svd;

pub use cholesky::{Ldl, cholesky, cholesky_solve, ldl_factor, ldl_solve};
pub use derived::{Lstsq, lstsq, lstsq_qr, matrix_exp, matrix_power, matrix_rank, pinv, singular_values};
pub use eig::{eig, eig_real};
pub use eigh::{eigh, eigh_upper};
pub use lu::{Lu, lu_factor, pivots_to_order, solve_triangular};
pub use mat::{C64, Field, Mat, Precision};
pub use qr::{geqrf, householder_product, ormqr, qr};
pub use svd::{Svd, svd};

#[cfg(test)]
mod tests;
