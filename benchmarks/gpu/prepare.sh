#!/bin/bash
# Collects what a machine with a card may lack, in the root of the repository: bash benchmarks/gpu/prepare.sh
# Python 3.12 on Linux; .whl is ignored by git.  PyTorch and CuPy have to be there.
set -e
grep -qx "/.whl/" .git/info/exclude 2>/dev/null || echo "/.whl/" >>.git/info/exclude
rm -rf .whl && mkdir .whl
python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
  --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_17_x86_64 \
  --platform manylinux2014_x86_64 -d .whl \
  "cuda-core>=1" "cuda-bindings==13.*" cuda-pathfinder click rich markdown-it-py mdurl pygments lazy-loader \
  threadpoolctl joblib jinja2 markupsafe pooch platformdirs packaging safetensors simplejpeg hypothesis \
  array-api-compat sortedcontainers pytest pytest-xdist execnet iniconfig pluggy kornia
du -sh .whl
