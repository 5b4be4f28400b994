#!/usr/bin/env bash
# What is a backward model good for? The pairs that ship find what comes next, and what stands in the middle, among other
# texts: forward, backward, and both together.
#
#   bash experiments/rerank.sh [flags of python -m experiments.rerank ...]
#
# Six minutes on one core. With FULL=1, twice the passages and candidates, four times as long, and a table without a page.
# Writes scores/rerank*/ and results/rerank*; run again, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -n ${FULL:-} ]]; then
  python -m experiments.rerank --name rerank_full --passages 16 --candidates 32 "$@"
else
  python -m experiments.rerank "$@"
  python report.py rerank
fi
