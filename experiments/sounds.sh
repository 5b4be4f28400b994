#!/usr/bin/env bash
# ∂ of animal calls, speech, music and machine noise, in 8-bit samples; of the same recordings with random phases, of
# white noise, and of struck tones that decay. By pairs, by linear prediction and by the learner without training.
#
#   bash experiments/sounds.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/sounds.sh      # 6 layers, context 512, 20 times the tokens; pairs alone
#
# Half an hour on 2 cores, 52 minutes of computing. Fetches 440 MB of packages (experiments/fetch_sounds.py). Writes
# data/recordings, data/sounds-*, runs/PREFIX-*, scores/PREFIX-*, scores/quick_sounds-* and
# results/{sounds,sounds_linear,quick_sounds}*; run again, it goes on where it stopped.
source "$(dirname "$0")/sources.sh" sounds "$@"

flock data/recordings.lock python -m experiments.fetch_sounds --collection recordings >&2
if [[ $prefix == sounds && -z ${SLURM_ARRAY_TASK_ID:-} ]]; then
  bash experiments/quick_sounds.sh
  python -m experiments.sounds_linear
  python report.py sounds_linear
fi

samples() {  # samples NAME FOLDER ...: the recordings of these folders as data/NAME, 20 of them held out
  data "$1" tokenize_lang.py --source "${@:2}" --level byte --documents file --document_length 4000 \
    --clusters file --validation_clusters 20 --validation_documents_per_cluster 2
}
if [[ -n ${FULL:-} ]]; then
  settings=(--size mini --context 512 --per_device_train_batch_size 32 --max_steps 600)
else
  settings=(--size micro --config_overrides n_layer=2,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0 --context 128
    --per_device_train_batch_size 16 --learning_rate 1e-3 --warmup_steps 0.05 --save_steps 0.5 --max_steps 240)
fi
for kind in animals speech music machines struck_tones white_noise; do
  samples "sounds-$kind" "data/recordings/$kind"
done
samples sounds-phases data/recordings/{animals,speech,music,machines}-phases
for kind in animals speech music machines phases struck_tones white_noise; do
  row "$kind" "$prefix-$kind" "1 2 3" "sounds-$kind"
done | at_once
finish
