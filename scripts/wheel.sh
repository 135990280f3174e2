#!/usr/bin/env bash
# Makes Python's wheel: the module `initlab` and the command, with all features but CUDA.
#
#   scripts/wheel.sh          into target/wheels
#   scripts/wheel.sh test     and tries it in fresh environments of the lowest and the highest Python from 3.9 on that are here
#
# The wheel is linked for glibc 2.17 by zig, which pip brings; where it cannot, for the glibc of this machine. Crates are those of
# `cargo build --release --features full`, so that after it little is left to build.
set -euo pipefail
cd "$(dirname "$0")/.."
here=target/wheel
mkdir -p "$here"

skip() {
  echo "no wheel: $*" >&2
  exit 0
}

# Every Python from 3.9 on that starts, as "MINOR PATH", lowest first.
pythons() {
  local candidates=(python3) path minor
  for minor in $(seq 9 20); do
    candidates+=("python3.$minor" "$HOME"/.pyenv/versions/3."$minor".*/bin/python)
  done
  for path in "${candidates[@]}"; do
    path=$(command -v "$path") || continue
    minor=$("$path" -c 'import sys, venv, ensurepip; print(sys.version_info[1] if sys.version_info[0] == 3 else 0)' 2>/dev/null) || continue
    if [ "$minor" -ge 9 ]; then
      echo "$minor $path"
    fi
  done | sort -n -u -k1,1
}

found=$(pythons)
[ -n "$found" ] || skip "no Python from 3.9 on is here"
lowest=$(head -1 <<<"$found" | cut -d' ' -f2)
highest=$(tail -1 <<<"$found" | cut -d' ' -f2)

tools=$here/tools
if [ ! -x "$tools/bin/maturin" ]; then
  rm -rf "$tools"
  "$highest" -m venv "$tools" && "$tools/bin/pip" install -q 'maturin>=1.7,<2' || skip "maturin cannot be installed; is the registry there?"
fi
"$tools/bin/python" -c 'import ziglang' 2>/dev/null || "$tools/bin/pip" install -q ziglang || echo "zig cannot be installed: the wheel needs this machine's glibc" >&2

# An argument of the last crate's alone: as a setting it would have every crate built anew.
linker=()
if [ "$(uname -sm)" = "Linux x86_64" ] && "$tools/bin/python" -c 'import ziglang' 2>/dev/null; then
  wrapper=$PWD/$here/zig-cc
  printf '#!/bin/sh\nPATH="%s:$PATH" exec maturin zig cc -- -target x86_64-linux-gnu.2.17 "$@"\n' "$PWD/$tools/bin" >"$wrapper"
  chmod +x "$wrapper"
  linker=(-- -C "linker=$wrapper")
fi
rm -rf target/wheels
"$tools/bin/maturin" build --release --quiet --interpreter "$highest" --out target/wheels "${linker[@]}"
wheel=$(ls target/wheels/*.whl)
ls -l "$wheel" | awk '{printf "%s: %.1f MB\n", $NF, $5 / 1e6}'
[ "${1:-}" = test ] || exit 0

# Tests that need PyTorch run where INITLAB_TORCH names a Python that has it; it is too large to install for each change.
wheel=$PWD/$wheel
for python in "$lowest" "$highest"; do
  minor=$("$python" -c 'import sys; print("3.%d" % sys.version_info[1])')
  venv=$here/python$minor
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install -q "$wheel"
  # Alone, with NumPy and nothing else.
  (cd "$here" && "python$minor/bin/initlab" --version && "python$minor/bin/python" -c 'import initlab; initlab.theory("relu")')
  "$venv/bin/pip" install -q "$wheel[test]"
  echo "tests with Python $minor"
  # Types and notebooks are the same for every Python.
  everything=(python/tests)
  [ "$python" = "$highest" ] || everything+=(--ignore python/tests/test_types.py --ignore python/tests/test_notebooks.py)
  "$venv/bin/python" -m pytest -q -p no:cacheprovider "${everything[@]}" --doctest-modules --pyargs initlab
  [ "$lowest" != "$highest" ] || break
done
if [ -n "${INITLAB_TORCH:-}" ]; then
  echo "tests with PyTorch"
  "$INITLAB_TORCH" -m pip install -q --force-reinstall --no-deps "$wheel"
  "$INITLAB_TORCH" -m pip install -q "$wheel[test]"
  "$INITLAB_TORCH" -m pytest -q -p no:cacheprovider python/tests --doctest-modules --pyargs initlab
else
  echo "tests with PyTorch are left out: INITLAB_TORCH names no Python that has it"
fi
