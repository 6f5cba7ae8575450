//! Convolution in one to three dimensions.
//!
//! [`shape`] holds the numbers, [`input`] lays the input out, [`implicit`] and [`depthwise`] compute, [`plain`] defines.

pub mod depthwise;
pub mod implicit;
pub mod input;
pub mod plain;
pub mod shape;

#[cfg(test)]
mod tests;

pub use shape::ConvShape;
