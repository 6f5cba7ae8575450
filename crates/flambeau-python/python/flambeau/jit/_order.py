"""The order in which PyTorch writes a module's constants.

It collects their names in a Python `set` and keeps them in a `std::unordered_map`, so the order follows from two hash
functions; Python's is that of `PYTHONHASHSEED=0` here. Nothing depends on the order but the text of archives, which is
the same in every run and comparable with PyTorch's.
"""

_M64 = (1 << 64) - 1


def of_constants(names):
    return _unordered_map(_set(list(names)))


def _set(names):
    """CPython's `set` of strings: open addressing with short linear probes."""
    hashes = {n: _siphash13(n.encode()) for n in names}
    table, used = [None] * 8, 0

    def place(table, name):
        mask = len(table) - 1
        perturb, i = hashes[name], hashes[name] & mask
        while True:
            probes = 9 if i + 9 <= mask else 0
            for at in range(i, i + probes + 1):
                if table[at] is None:
                    table[at] = name
                    return
            perturb >>= 5
            i = (i * 5 + 1 + perturb) & mask

    for name in dict.fromkeys(names):
        place(table, name)
        used += 1
        if used * 5 >= (len(table) - 1) * 3:
            size = 8
            while size <= used * 4:
                size *= 2
            old, table = table, [None] * size
            for have in old:
                if have is not None:
                    place(table, have)
    return [n for n in table if n is not None]


def _unordered_map(names):
    """libstdc++'s `unordered_map`: a new bucket opens at the front, and within a bucket the newest comes first."""
    sizes = (13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043)
    hashes = {n: _murmur(n.encode()) for n in names}
    count, order, buckets = 1, [], {}

    def insert(name):
        bucket = hashes[name] % count
        order.insert(order.index(buckets[bucket]) if bucket in buckets else 0, name)
        buckets[bucket] = name

    for name in names:
        if count == 1 or len(order) + 1 > count:
            count = next((s for s in sizes if s > 2 * count), sizes[-1])
            old = order[:]
            order.clear()
            buckets.clear()
            for have in old:
                insert(have)
        insert(name)
    return order


def _siphash13(data):
    """CPython's hash of a string's bytes, with a key of zeros."""
    v0, v1, v2, v3 = 0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573

    def rotated(v, by):
        return ((v << by) | (v >> (64 - by))) & _M64

    def round_():
        nonlocal v0, v1, v2, v3
        v0 = (v0 + v1) & _M64
        v1 = rotated(v1, 13) ^ v0
        v0 = rotated(v0, 32)
        v2 = (v2 + v3) & _M64
        v3 = rotated(v3, 16) ^ v2
        v0 = (v0 + v3) & _M64
        v3 = rotated(v3, 21) ^ v0
        v2 = (v2 + v1) & _M64
        v1 = rotated(v1, 17) ^ v2
        v2 = rotated(v2, 32)

    whole = len(data) & ~7
    last = (len(data) & 0xFF) << 56 | int.from_bytes(data[whole:], "little")
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, whole, 8)]
    for word in [*words, last]:
        v3 ^= word
        round_()
        v0 ^= word
    v2 ^= 0xFF
    for _ in range(3):
        round_()
    return v0 ^ v1 ^ v2 ^ v3


def _murmur(data):
    """libstdc++'s hash of a string: MurmurHash64A with its seed."""
    m = 0xC6A4A7935BD1E995
    h = 0xC70F6907 ^ (len(data) * m & _M64)
    whole = len(data) & ~7
    for i in range(0, whole, 8):
        k = int.from_bytes(data[i : i + 8], "little") * m & _M64
        h = (h ^ ((k ^ (k >> 47)) * m & _M64)) * m & _M64
    if len(data) & 7:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & _M64
    h = (h ^ (h >> 47)) * m & _M64
    return h ^ (h >> 47)
