#!/usr/bin/env bash
# Puts together what `cargo build --features cuda` needs on a machine without a GPU and without an installed toolkit.
#
#     scripts/cuda_toolkit.sh DIR [PIP]
#
# The compiler and headers come as Python wheels (CUDA 13.0, about 105 MB to load, 270 MB on disk). The driver, cuBLAS,
# cuRAND and NVRTC are needed only where the program runs: here empty libraries with the right names stand for them, so
# that the linker is content. What is built runs where a driver for CUDA 13 and the real libraries are.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: scripts/cuda_toolkit.sh DIR [PIP]" >&2; exit 2; }
dir=$(realpath -m "$1")
pip=${2:-pip}
root=$(cd "$(dirname "$0")/.." && pwd)

"$pip" install --quiet --no-deps --no-compile --only-binary=:all: --target "$dir" \
    nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 \
    nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
home=$dir/nvidia/cu13
chmod +x "$home"/bin/* "$home"/nvvm/bin/*
ln -sfn lib "$home/lib64"
ln -sf libcudart.so.13 "$home/lib/libcudart.so"
mkdir -p "$home/lib/cudart-static" "$home/lib/stubs"
cp "$home/lib/libcudart_static.a" "$home/lib/cudart-static/libcudart.a"

# The functions to stand in for are those that candle's bindings declare.
(cd "$root" && cargo fetch --quiet --locked)
bindings=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/cudarc-0.19.*/ | tail -1)
stand_in() { # module of the bindings, prefix of its functions, library, name that the loader looks for
    local source=$home/lib/stubs/$3.c
    grep -ohE "fn $2[A-Z][A-Za-z0-9_]*" "$bindings/src/$1/sys/mod.rs" | sort -u |
        sed 's/^fn \(.*\)/int \1(void) { return 999; }/' > "$source"
    cc -shared -fPIC -Wl,-soname,"$4" -o "$home/lib/stubs/lib$3.so" "$source"
}
stand_in driver cu cuda libcuda.so.1
stand_in cublas cublas cublas libcublas.so.13
stand_in cublaslt cublasLt cublasLt libcublasLt.so.13
stand_in curand curand curand libcurand.so.10
stand_in nvrtc nvrtc nvrtc libnvrtc.so.13

cat <<END
Ready. Build with the compute capability of the GPU that is meant (90: H100, 89: RTX 40, 86: RTX 30, 80: A100):

    export CUDA_HOME=$home PATH=$home/bin:\$PATH
    export LIBRARY_PATH=$home/lib/stubs:$home/lib CUDA_COMPUTE_CAP=90
    cargo build --release --features cuda
END
