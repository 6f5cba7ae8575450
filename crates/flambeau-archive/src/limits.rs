//! How much a file may ask for. The defaults read every archive met in practice and keep a hostile one from
//! taking more than a small multiple of its own size.

/// Budgets for one archive and for each pickle in it. A file that exceeds one is refused before the memory is
/// taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole file. Default: no limit for a mapped file costs nothing, so `u64::MAX`.
    pub file_bytes: u64,
    /// Entries of the zip directory. Default 262,144.
    pub entries: usize,
    /// All deflated entries together may inflate to `inflate_base + inflate_ratio * file size` bytes.
    /// Default 64 MiB.
    pub inflate_base: u64,
    /// See `inflate_base`. Default 16.
    pub inflate_ratio: u64,
    /// Stored entries up to this size are checked against their CRC when read; deflated ones always are.
    /// Default 64 MiB.
    pub crc_bytes: u64,
    /// Bytes of one pickle program. Default 1 GiB.
    pub pickle_bytes: usize,
    /// Values one pickle may create, counting every element of a list. Default 32 million.
    pub pickle_values: usize,
    /// Depth of nested containers and objects in one pickle. Default 1,000.
    pub pickle_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            file_bytes: u64::MAX,
            entries: 1 << 18,
            inflate_base: 64 << 20,
            inflate_ratio: 16,
            crc_bytes: 64 << 20,
            pickle_bytes: 1 << 30,
            pickle_values: 32 << 20,
            pickle_depth: 1000,
        }
    }
}
