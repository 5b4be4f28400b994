# Each target sets itself up: the first one run makes .venv and installs requirements.txt into it.
PYTHON := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help demo demo-short demo-results explorer explorer-examples explorer-picture explorer-load bench bench-gpu soak fuzz test style coverage

help:  ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 18

demo: .venv/installed  ## ∂ of two texts, of a pair that ships, and of pairs trained on a text and on a language with a known arrow
	bash experiments/demo.sh

demo-short: .venv/installed  ## The same commands with a few steps: do they run?
	rm -rf runs/short-text-seed* runs/short-linear-seed* scores/short-de scores/short-en scores/short-fr \
	  scores/short-text scores/short-linear
	bash experiments/demo.sh short --max_steps 4

demo-results: demo  ## The numbers and pictures of the demo, kept in results/
	for which in de en; do \
	  cp scores/demo-$$which/aot.json results/demo_$$which.json; \
	  cp scores/demo-$$which/profile.png results/demo_$${which}_profile.png; done
	for which in fr text linear; do \
	  cp scores/demo-$$which/aot.json results/demo_$$which.json; \
	  for figure in by_position documents sentence; do \
	    cp scores/demo-$$which/$$figure.png results/demo_$${which}_$$figure.png; done; done

explorer: .venv/installed  ## A page on which to look at texts: with the pairs that ship, or PAIR=NAME
	$(PYTHON) -m space.app $(if $(PAIR),--pair $(PAIR))

explorer-examples: .venv/installed  ## What it shows first, measured again, and its games: space/examples/*.json
	$(PYTHON) -m experiments.explorer_examples
	$(PYTHON) -m experiments.explorer_games

explorer-picture: .venv/installed  ## What it shows of the demo, results/explorer.png; needs the browser Chromium
	$(PYTHON) -m experiments.explorer_picture

explorer-load: .venv/installed  ## Eight visitors of the explorer at once: how long they wait, results/explorer_load.json
	$(PYTHON) -m experiments.explorer_load

bench: .venv/installed  ## Speed of each stage beside its peers: results/bench_*.csv
	$(PYTHON) bench.py

bench-gpu: .venv/installed  ## The same on a GPU with the model of the paper: results/gpu/bench_*.csv
	$(PYTHON) bench.py --stages train score --settings medium:50257 --batch 90 --compile --output_dir results/gpu

soak: .venv/installed  ## Kill an experiment 100 times; is its result that of one never killed? results/soak.json
	$(PYTHON) -m tests.soak

fuzz: .venv/installed  ## Change one thing in 2,000 ways: does each script say so, or do as without? results/fuzz.json
	$(PYTHON) -m tests.fuzz

test: .venv/installed  ## The tests, but for the long ones (pytest -m slow)
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 --dist worksteal -q

style: .venv/installed  ## What ruff says of the code
	$(PYTHON) -m ruff check .

coverage: .venv/installed  ## Simulate the interval and the claims: results/interval_coverage.*, false_claims.*
	$(PYTHON) -m experiments.coverage
	$(PYTHON) -m experiments.false_claims

.venv/installed: requirements.txt pyproject.toml
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --requirement requirements.txt
	touch $@
