//! The numbers of a convolution, checked once.

/// Sizes of a convolution over three spatial dimensions; those that a 1-d or 2-d one does not have come first, with
/// size, kernel, stride and dilation 1. Whoever makes one has checked that nothing overflows and that every size is
/// at least 1 (batch and channels may be 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    pub batch: usize,
    pub groups: usize,
    /// Input channels of a group.
    pub channels: usize,
    /// Output channels of a group.
    pub features: usize,
    pub input: [usize; 3],
    pub kernel: [usize; 3],
    pub stride: [usize; 3],
    /// Zeros before the input. How many follow is what `output` needs.
    pub padding: [usize; 3],
    pub dilation: [usize; 3],
    pub output: [usize; 3],
}

impl ConvShape {
    /// Elements of a kernel.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Terms of a sum.
    pub fn depth(&self) -> usize {
        self.channels * self.taps()
    }

    /// Elements of one input channel.
    pub fn input_plane(&self) -> usize {
        self.input.iter().product()
    }

    /// Elements of one output channel.
    pub fn output_plane(&self) -> usize {
        self.output.iter().product()
    }

    /// Multiply-adds, for decisions about cutting.
    pub fn work(&self) -> f64 {
        (self.batch * self.groups) as f64 * (self.features * self.depth()) as f64 * self.output_plane() as f64
    }
}
