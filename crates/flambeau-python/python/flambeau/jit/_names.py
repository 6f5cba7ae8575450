"""Qualified names: what PyTorch calls functions and classes of a program, each once."""

import itertools

# Who has a name: the Python object, kept alive so that its identity stays its own.
_claimed = {}
_counter = itertools.count()


def qualified(thing):
    """`__torch__.module.name`."""
    override = getattr(thing, "_jit_override_qualname", None)
    if override is not None:
        return override
    name = getattr(thing, "__name__", type(thing).__name__)
    if name == "<lambda>":
        name = "_lambda"
    if "." in name:
        raise RuntimeError(f"Could not get qualified name for class '{name}': '{name}' is not a valid identifier")
    module = getattr(thing, "__module__", None)
    if module is None:
        raise RuntimeError(f"Could not get qualified name for class '{name}': __module__ can't be None.")
    if module == "__main__" or not module:
        return f"__torch__.{name}"
    module = module.replace("<", "_").replace(">", "_")
    return f"__torch__.{module}.{name}"


def claim(name, owner):
    """The name, or one with a number in it if somebody else has the name."""
    if name in _claimed and _claimed[name] is not owner:
        parent, _, last = name.rpartition(".")
        while name in _claimed:
            name = f"{parent}.___torch_mangle_{next(_counter)}.{last}"
    _claimed[name] = owner
    return name


def clear():
    """Forgets all names, as a new process would."""
    global _counter
    _claimed.clear()
    _counter = itertools.count()


def hashed_order(names):
    """The order in which PyTorch writes constants: that of a `std::unordered_map` of libstdc++."""
    sizes = (13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043)
    names = list(names)
    count = 1
    order, hashes = [], {n: _string_hash(n.encode()) for n in names}

    def insert(into, buckets, name):
        # A new bucket opens at the front; within a bucket, too, the newest comes first.
        bucket = hashes[name] % count
        if bucket in buckets:
            into.insert(into.index(buckets[bucket]), name)
        else:
            into.insert(0, name)
        buckets[bucket] = name

    buckets = {}
    for name in names:
        if count == 1 or len(order) + 1 > count:
            count = next((s for s in sizes if s > 2 * count and s >= 13), sizes[-1])
            old, order, buckets = order, [], {}
            for have in old:
                insert(order, buckets, have)
        insert(order, buckets, name)
    return order


def _string_hash(data):
    """libstdc++'s hash of a string: MurmurHash64A with its seed."""
    m, mask = 0xC6A4A7935BD1E995, (1 << 64) - 1
    h = 0xC70F6907 ^ (len(data) * m & mask)
    whole = len(data) & ~7
    for i in range(0, whole, 8):
        k = int.from_bytes(data[i : i + 8], "little") * m & mask
        k = (k ^ (k >> 47)) * m & mask
        h = (h ^ k) * m & mask
    if len(data) & 7:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ (h >> 47)) * m & mask
    return h ^ (h >> 47)
