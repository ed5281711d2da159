#!/bin/bash
# On the machine with the card, in the root of the repository: bash benchmarks/gpu/run.sh
# Each step has a limit of its own and may fail; all together end within TOTAL seconds.  What comes back lies in $OUT.
OUT=${OUT:-/tmp/imfeat-gpu} TOTAL=${TOTAL:-520} PY=${PY:-python3} SITE=${SITE:-/tmp/imfeat-site}
mkdir -p "$OUT"
say() { echo "[$SECONDS s] $*" | tee -a "$OUT/summary.txt"; }
# step FILE LIMIT COMMAND...: run a command, its output to FILE.txt, for LIMIT seconds or what is left.
step() {
  local file=$1 limit=$2 begin=$SECONDS left=$((TOTAL - SECONDS)); shift 2
  [ "$left" -lt 10 ] && { say "no time for $*"; return 1; }
  [ "$limit" -gt "$left" ] && limit=$left
  timeout -k 5 "$limit" "$@" >>"$OUT/$file.txt" 2>&1
  say "rc=$? in $((SECONDS - begin)) s (limit $limit): ${*:1:6}"
}
# What is missing comes from the wheels; what is there is kept.
for wheel in .whl/*.whl; do
  [ -f "$wheel" ] || continue
  name=$(basename "$wheel" | cut -d- -f1 | tr _ -)
  $PY -m pip show -q "$name" >/dev/null 2>&1 ||
    $PY -m pip install -q --no-index --no-deps --target "$SITE" "$wheel" >>"$OUT/summary.txt" 2>&1
done
# A package of namespace `cuda` in two places: the one of the wheels comes first.
export PYTHONPATH="$SITE:$PWD:$PWD/kernels${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
export NUMBA_CACHE_DIR=${NUMBA_CACHE_DIR:-/tmp/imfeat-numba} MPLBACKEND=Agg
{
  nvidia-smi; $PY --version; nproc; git rev-parse --short HEAD 2>/dev/null
  $PY -c "import numpy, numba, cuda.core; print('numpy', numpy.__version__, 'numba', numba.__version__, 'cuda.core', cuda.core.__version__)"
  $PY -c "from imfeat._device import why_unavailable; print('usable:', why_unavailable() or 'yes')"
} >>"$OUT/summary.txt" 2>&1
cat "$OUT/summary.txt"
small=${SMALL:+--small} tiny=${SMALL:+--tiny} pixels=${SMALL:+--pixels 16384}
step smoke 170 $PY -m benchmarks.gpu.smoke $tiny
grep -E '^(OFF|ERROR|no )|wrong' "$OUT/smoke.txt" | cut -c1-170 | tail -40
step timing 120 $PY -m benchmarks.gpu.timing $small
step selfcheck 90 $PY -c "from imfeat.cli import main; main()" selfcheck $pixels
tail -3 "$OUT/selfcheck.txt" | cut -c1-200
step pytest 120 $PY -m pytest tests/test_device.py tests/test_selfcheck.py -n 4 -p no:cacheprovider
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -1)
if [ -n "$sanitizer" ]; then
  for tool in memcheck racecheck initcheck; do
    step sanitizer 70 "$sanitizer" --tool $tool --print-limit 20 $PY -c "from imfeat.cli import main; main()" selfcheck --pixels 16384
  done
  grep -E 'ERROR SUMMARY|RACECHECK SUMMARY' "$OUT/sanitizer.txt" | cut -c1-150
fi
ncu=$(command -v ncu || ls /opt/nvidia/nsight-compute/*/ncu 2>/dev/null | head -1)
[ -n "$ncu" ] && step ncu 60 "$ncu" --clock-control none --section SpeedOfLight --section Occupancy --launch-count 40 \
  $PY -m benchmarks.gpu.timing --small
say "done"
cat "$OUT/timing.txt" | cut -c1-160 | tail -60
cat "$OUT/summary.txt"
