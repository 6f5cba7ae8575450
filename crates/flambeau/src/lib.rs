//! TorchScript without PyTorch.
