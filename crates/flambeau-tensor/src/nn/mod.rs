//! Kernels of neural networks: matrix products, convolution, pooling, normalisation, attention, recurrence.
