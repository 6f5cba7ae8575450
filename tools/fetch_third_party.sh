#!/usr/bin/env bash
# Fetches the third-party archives of the acceptance runs into DIR; nothing of it is committed.
#   tools/fetch_third_party.sh DIR
# Needs pip, cargo and, for the fixtures of PyTorch 1.13.1, Debian's apt with root.
set -euo pipefail
dir=${1:?usage: fetch_third_party.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# silero-vad: the voice detector, scripted, stateful, with an ONNX twin.
if [ ! -f "$dir/silero/silero_vad.jit" ]; then
    mkdir -p "$dir/silero"
    pip download -q --no-deps -d "$dir/silero" silero-vad==6.2.3
    unzip -q -o -j "$dir"/silero/silero_vad-*.whl 'silero_vad/data/silero_vad.jit' 'silero_vad/data/silero_vad.onnx' -d "$dir/silero"
fi

# tch: the archives of its own tests, whose expected values are in its sources.
if [ ! -f "$dir/tch/foo.pt" ]; then
    mkdir -p "$dir/tch" "$dir/tch-fetch/src"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\ntch = { version = "=0.26.0", default-features = false }\n[workspace]\n' > "$dir/tch-fetch/Cargo.toml"
    : > "$dir/tch-fetch/src/lib.rs"
    (cd "$dir/tch-fetch" && cargo vendor -q --no-delete vendor > /dev/null)
    cp "$dir"/tch-fetch/vendor/tch/tests/foo*.pt "$dir"/tch-fetch/vendor/tch/tests/jit_tests.rs "$dir/tch/"
    rm -rf "$dir/tch-fetch"
fi

# PyTorch 1.13.1 as Debian's source package: archives from before operators changed their meaning.
if [ ! -d "$dir/fixtures" ]; then
    mkdir -p "$dir/debian/lists/partial"
    # This machine's own mirror of bookworm, asked for sources.
    uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' | awk '$2 == "bookworm" && $3 == "main" { print $1; exit }')
    echo "deb-src $uri bookworm main" > "$dir/debian/sources.list"
    options=(-o "Dir::Etc::sourcelist=$dir/debian/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$dir/debian/lists")
    apt-get "${options[@]}" update -qq
    # The packaging files may be missing from a mirror; only the original sources are needed.
    (cd "$dir/debian" && apt-get "${options[@]}" source --download-only -qq pytorch || true)
    mkdir -p "$dir/fixtures" "$dir/quantized"
    tar -xJf "$dir"/debian/pytorch_1.13.1*.orig.tar.xz -C "$dir/debian" --wildcards '*/test/jit/fixtures/*' '*/test/quantization/serialized/*' '*/test/cpp/jit/*.pt' '*/test/package/package_bc/*'
    find "$dir/debian" -path '*/test/jit/fixtures/*.pt' -exec cp {} "$dir/fixtures/" \;
    find "$dir/debian" -path '*/test/quantization/serialized/*.pt' -exec cp {} "$dir/quantized/" \;
    find "$dir/debian" \( -path '*/test/cpp/jit/*.pt' -o -path '*/package_bc/*.pt' \) -exec cp {} "$dir/" \;
fi
echo "third-party archives are in $dir"
