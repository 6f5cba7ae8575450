//! The container of TorchScript archives: zip entries and pickles.
