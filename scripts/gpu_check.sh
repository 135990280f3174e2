#!/usr/bin/env bash
# Everything that only a GPU can show, in one go, on a machine that has no Rust.
#
#     scripts/gpu_check.sh pack FILE.tar.xz   where initlab is built: binaries, golden cases, peers' script
#     tar xJf FILE.tar.xz && gpu_check/gpu_check.sh [OUT]   where the GPU is
#
# Packing needs what `cargo build --features cuda` needs (docs/cuda.md). Running needs a driver for CUDA 13 and the
# libraries cuBLAS, cuRAND and the CUDA runtime of version 13, found by the loader or in Python's nvidia wheels; with
# PyTorch, its figures stand beside. Results go to OUT [default: gpu_results].
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)

pack() {
    set -e
    local root=$here/.. work
    work=$(mktemp -d)
    mkdir "$work/gpu_check"
    cd "$root"
    # Cargo names the file of every binary that it builds.
    built() {
        cargo "$@" --release --features cuda --message-format=json | python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == sys.argv[1]:
        print(message["executable"])' "$name" | tail -1
    }
    for name in initlab it cohorts; do
        case $name in
            initlab) from=$(built build --bin initlab) ;;
            it) from=$(built build --test it) ;;
            cohorts) from=$(built build --bench cohorts) ;;
        esac
        cp "$from" "$work/gpu_check/$name"
        strip "$work/gpu_check/$name"
    done
    cp -r tests/golden benches/gpu_peers.py scripts/gpu_check.sh configs "$work/gpu_check/"
    # The three binaries hold the same kernels: a window larger than a binary keeps them once.
    tar c -C "$work" gpu_check | xz --lzma2=preset=1,dict=128MiB > "$1"
    rm -r "$work"
    ls -l "$1"
}

run() {
    local out=$1 failed=0
    mkdir -p "$out"
    # Python's wheels bring the libraries where the system has none.
    local wheels
    wheels=$(python3 -c 'import glob, site; print(":".join(p for s in site.getsitepackages() for p in glob.glob(s + "/nvidia/*/lib")))' 2>/dev/null)
    export LD_LIBRARY_PATH=${wheels:+$wheels:}${LD_LIBRARY_PATH:-}
    export INITLAB_GOLDEN=$here/golden
    nvidia-smi > "$out/nvidia-smi.txt" 2>&1 || { cat "$out/nvidia-smi.txt"; echo "no GPU answers"; exit 1; }

    echo "== tests on the device"
    "$here/it" --ignored cuda --test-threads 1 2>&1 | tee "$out/tests.txt" | grep -E "^test |panicked|test result" || true
    grep -q "test result: ok" "$out/tests.txt" || failed=1

    echo "== a run and a study"
    "$here/initlab" train "$here/configs/smoke.toml" --dataset digits --device cuda --out "$out/train" --overwrite \
        > "$out/train.txt" 2>&1 || failed=1
    tail -4 "$out/train.txt"
    printf '%s\n' "base = '$here/configs/smoke.toml'" 'seeds = 8' "baseline = 'kaiming'" \
        'targets = [{ test_accuracy = 0.9 }]' \
        "arms = [{ name = 'kaiming' }, { name = 'xavier', set.init.preset = 'xavier' }]" > "$out/study.toml"
    "$here/initlab" compare "$out/study.toml" --dataset digits --device cuda --cohort 16 --out "$out/study" \
        > "$out/compare.txt" 2>&1 || failed=1
    tail -4 "$out/compare.txt"

    echo "== throughput"
    : > "$out/throughput.jsonl"
    for statistics in "" --statistics; do
        timeout 600 "$here/cohorts" --device cuda --cohorts 1,8,64,256 $statistics 2>> "$out/errors.txt" | tee -a "$out/throughput.jsonl" || failed=1
        if python3 -c 'import torch' 2> /dev/null; then
            timeout 600 python3 "$here/gpu_peers.py" $statistics 2>> "$out/errors.txt" | tee -a "$out/throughput.jsonl"
        else
            echo "PyTorch is not here: no peers"
        fi
    done
    ratios "$out/throughput.jsonl" | tee "$out/ratios.txt"
    [ $failed = 0 ] && echo "all checks passed" || echo "some checks failed: see $out"
    return $failed
}

# Throughput as multiples of PyTorch's eager form, which trains runs in turn. The goals: a single run 1, a cohort of 64 20.
ratios() {
    python3 - "$1" <<'END'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
for own in (row for row in rows if row["program"] == "initlab"):
    same = lambda row: (row["work"], row["statistics"]) == (own["work"], own["statistics"])
    peers = {row["form"]: row["images_per_s"] for row in rows if "form" in row and "images_per_s" in row and same(row)}
    against = ", ".join(f"{own['images_per_s'] / rate:.2f} × torch {form}" for form, rate in peers.items())
    kind = "with statistics" if own["statistics"] else "plain"
    print(f"{own['work']:12} {kind:16} cohort of {own['runs']:4}: {own['images_per_s']:12.0f} images/s  {against}")
END
}

case ${1:-} in
    pack) [ $# = 2 ] || { echo "usage: scripts/gpu_check.sh pack FILE.tar.xz" >&2; exit 2; }; pack "$(realpath -m "$2")" ;;
    *) run "${1:-gpu_results}" ;;
esac
