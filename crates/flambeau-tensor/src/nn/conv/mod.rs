//! Convolution in one to three dimensions.
//!
//! [`call`] has the operators on tensors and [`params`] their checks. [`shape`] holds the numbers, [`input`] lays the
//! input out, [`implicit`], [`by_tap`], [`depthwise`] and [`transposed`] compute, [`plain`] defines.

pub mod backward;
pub mod by_tap;
pub mod call;
pub mod depthwise;
pub mod implicit;
pub mod input;
pub mod params;
pub mod plain;
pub mod shape;
pub mod transposed;

#[cfg(test)]
mod call_tests;
#[cfg(test)]
mod tests;

pub use backward::convolution_backward;
pub use call::*;
pub use params::ConvParams;
pub use shape::ConvShape;
