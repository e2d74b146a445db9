#!/bin/sh
# One would guess: two sets of texts with equal histograms have MAUVE 1, on every computer.
# What happens: mauve-text 0.4.0 sorts the points of its curve with numpy's argsort, which is not stable. All points
# but the two ends tie, so where these end up, and with them the area, depends on the CPU: the same features score
# 0.75 with numpy's AVX2 code and 1.0 without it. Whether the points tie exactly depends on rounding: halves do, thirds do not.
# Who is hurt: whoever compares MAUVE across machines, and whoever scores few texts, or a set against itself as a check.
# Runs on x86 with AVX2; elsewhere there is only one of the two orders, and it says so and ends with 77.
set -eu
: "${PYTHON:=python3}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  mauve-text==0.4.0 numpy==2.2.6 scikit-learn==1.7.2 scipy==1.15.3 faiss-cpu==1.15.1 requests==2.34.2

cat > "$work/ties.py" <<'PYTHON'
import numpy as np
from mauve import compute_mauve

places = np.random.default_rng(0).normal(size=(3, 6)) * 50


def texts(seed, sizes):
    """Features of so many texts around each of some places that are far apart."""
    noise = np.random.default_rng(seed).normal(size=(sum(sizes), 6)) * 0.01
    return (np.repeat(places[: len(sizes)], sizes, axis=0) + noise).astype(np.float32)


for sizes in ([10, 10], [10, 20], [10, 10, 10]):
    p, q = texts(1, sizes), texts(2, sizes)
    result = compute_mauve(p_features=p, q_features=q, num_buckets=len(sizes), seed=1, verbose=False)
    assert np.array_equal(result.p_hist, result.q_hist)
    print(f"equal histograms of {sizes}: MAUVE {result.mauve:.6f}")
order = np.argsort(np.array([1.0] * 26 + [0.0]))
print("argsort of 26 ones and a zero begins with", order[:3].tolist())
PYTHON

python="$work/venv/bin/python"
"$python" -c 'import numpy, importlib.metadata as m; print("mauve-text", m.version("mauve-text"), "numpy", numpy.__version__)'
found=$("$python" -c 'import numpy; print(" ".join(numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", [])))')
case " $found " in
*" AVX2 "*) ;;
*) echo "numpy finds no AVX2 on this CPU ($found): nothing to compare"; exit 77 ;;
esac
off=$(for name in $found; do case $name in AVX2 | AVX512*) printf '%s ' "$name" ;; esac; done)
echo "--- numpy as it is (finds $found)"
"$python" "$work/ties.py" 2>/dev/null | tee "$work/with"
echo "--- NPY_DISABLE_CPU_FEATURES=\"$off\""
NPY_DISABLE_CPU_FEATURES="$off" "$python" "$work/ties.py" 2>/dev/null | tee "$work/without"
grep -q 'of \[10, 10\]: MAUVE 0.750000' "$work/with"
grep -q 'of \[10, 10\]: MAUVE 1.000000' "$work/without"
for file in with without; do
  grep -q 'of \[10, 20\]: MAUVE 1.000000' "$work/$file"
  grep -q 'of \[10, 10, 10\]: MAUVE 1.000000' "$work/$file"
done
echo "as described: 0.75 with AVX2, 1 without, for the same features"
