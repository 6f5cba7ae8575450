//! TorchScript types, schemas, values and graphs.
