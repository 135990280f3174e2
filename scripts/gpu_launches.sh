#!/usr/bin/env bash
# What a training step asks of a GPU: launches, matrix products and copies, counted without one.
#
#     scripts/gpu_launches.sh INITLAB CONFIG [train's options]
#
# INITLAB is a binary built with `--features cuda`, CONFIG one that counts its length in steps. It runs on benches/fake_gpu.c, which computes nothing, for 10 and for 20
# steps; the difference by 10 is a step. A kernel that a module lacks is an error. CUDA_HOME names the toolkit.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: scripts/gpu_launches.sh INITLAB CONFIG [train's options]" >&2; exit 2; }
: "${CUDA_HOME:?names the CUDA toolkit that initlab was built with}"
initlab=$(realpath "$1") config=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

cc -shared -fPIC -w -o "$work/libcuda.so.1" "$here/../benches/fake_gpu.c"
ln -s libcuda.so.1 "$work/libcublas.so.13"
ln -s libcuda.so.1 "$work/libcurand.so.10"
ln -s "$CUDA_HOME/lib/libcudart.so.13" "$work/"
count() { # steps, report
    LD_LIBRARY_PATH=$work FAKE_GPU_REPORT=$2 "$initlab" train "$config" --device cuda --dataset digits --out "$work/run" --overwrite \
        --set train.evaluate_every=1000000 --set train.steps="$1" "${@:3}" > /dev/null 2> "$work/errors" || { cat "$work/errors"; exit 1; }
}
count 10 "$work/ten" "$@"
count 20 "$work/twenty" "$@"
awk 'NR == FNR { ten[$1] = $2; next } { step = ($2 - ten[$1]) / 10; if (step > 0) print $1, step }' "$work/ten" "$work/twenty" |
    sort -t: -k1,1 -s | awk '/^kernel/ { rest[++n] = $0; next } { print } END { for (i = 1; i <= n; i++) print rest[i] }'
