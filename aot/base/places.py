"""Where this project is, and how its scripts are called there."""

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent
# Scripts, templates and what else stands beside aot/: in a checkout, there; where this was installed, inside of it.
ROOT = CHECKOUT if (CHECKOUT / "compute_aot.py").is_file() else PACKAGE / "root"
INSTALLED = ROOT != CHECKOUT

COMMANDS = {  # of `aot`: script, flags that it always has, what it does
    "tokenize": ("tokenize_lang.py", [], "a text → a data folder"),
    "synthetic": ("make_synthetic.py", [], "a source of known entropy → a data folder"),
    "train": ("run_clm_reverse.py", [], "a data folder → a forward and a backward model"),
    "measure": ("compute_aot.py", [], "a pair and a text → ∂, its interval, figures"),
    "quick": ("compute_aot.py", ["--quick"], "a text alone → ∂ in seconds, by a learner that needs no training"),
    "generate": ("generate.py", [], "a pair and a prompt → what comes next, what came before"),
    "rerank": ("rerank.py", [], "a pair and candidates → which both models find likely after a prompt"),
    "push": ("push_pair.py", [], "a pair, its ∂, the data and the metric → the Hub"),
    "explore": ("space/app.py", [], "a page on which to look at texts, token by token"),
    "report": ("report.py", [], "all scores of an experiment → its table and figures"),
}


def as_called_here(text: str) -> str:
    """A text with commands, `python SCRIPT.py`, as this place has them: where it is installed, `aot NAME`."""
    if not INSTALLED:
        return text
    names = {script: f"aot {name}" for name, (script, always, _) in COMMANDS.items() if not always}
    text = re.sub(r"\bpython (\S+\.py)\b", lambda call: names.get(call[1], call[0]), text)
    launched = r"(accelerate launch (?:--\S+ \S+ )*)run_clm_reverse\.py"
    return re.sub(launched, r"\1$(aot path train)", text)
