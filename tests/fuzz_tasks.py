"""The commands that tests/fuzz.py runs, and what they begin with."""

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import aot.train.runs
import compute_aot
import generate
import make_synthetic
import push_pair
import report
import run_clm_reverse
import tokenize_lang
from aot.base.places import ROOT
from aot.measure import scores, texts
from aot.tokens import streams
from aot.train.arguments import ReverseTrainingArguments, RunArguments
from aot.train.runs import MANIFEST

TOKENS = "--documents paragraph --vocab_size 300 --validation_fraction 0.2"
SMALL = "--config_overrides n_layer=1,n_head=2,n_embd=16 --context 8 --per_device_train_batch_size 16 --max_steps 24"
SMALL += " --learning_rate 3e-2 --save_steps 8 --eval_steps 12 --logging_steps 1 --bf16 false --disable_tqdm true"
FEW = "--quick --learners 2 --null false"
LINES = "--bits 4 --ones 1 --noise 0.1 --train_lines 300 --validation_lines 60"
MODELS = (compute_aot.PairArguments, compute_aot.TextArguments, compute_aot.ScoreArguments)
PROMPTS = (generate.ModelArguments, generate.PromptArguments, generate.SamplingArguments)
OWN = RunArguments
TRAINING = (OWN, OWN, ReverseTrainingArguments)  # which has ten times as many


@dataclass(frozen=True)
class Task:
    """A command; `reads`: patterns of files of ours, `inputs`: of the user's; `makes`: what is there whole or not."""

    script: object
    argv: str
    kinds: tuple
    reads: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()


CLUSTERED = "--source rows.csv --column text --name new --level char --clusters book --validation_fraction 0.3"
ANOTHER = "--source text.txt --name new --tokenizer data/text --validation_fraction 0.2"
TEXTS = "--pair runs/pair --prompts prompts.txt --max_new_tokens 4 --cut_prompts"
PUSH = "--pair runs/pair --scores scores/tiny-pair --data data/text --hub_model_id user/name --dry_run"
TOKENIZE = (tokenize_lang.TokenizeArguments,)
LINEAR = (make_synthetic.SyntheticArguments, make_synthetic.LinearArguments)
QUICK = (compute_aot.QuickArguments, *MODELS)


def tokenize(argv: str, *, reads=(), inputs=(), makes="data/new") -> Task:
    return Task(tokenize_lang, argv, TOKENIZE, reads, inputs, (makes,))


def train(to: str, more: str = "", reads=("data/text/*",)) -> Task:
    return Task(run_clm_reverse, f"--data data/text --output_dir {to} {SMALL}{more}", TRAINING, reads, (), (to,))


def measure(argv: str, to: str, reads=("runs/pair/*/*",), inputs=(), kinds=MODELS) -> Task:
    return Task(compute_aot, f"{argv} --output_dir {to}", kinds, reads, inputs, (to,))


def write(argv: str, to: str, reads, inputs=()) -> Task:
    return Task(generate, f"{TEXTS} {argv}", PROMPTS, reads, inputs, (to, f"{to}.request.json"))


TASKS = {
    "tokenize": tokenize(f"--source text.txt --name new {TOKENS}", inputs=("text.txt",)),
    "tokenize rows": tokenize(CLUSTERED, inputs=("rows.csv",)),
    "tokenize, half done": tokenize(
        f"--source text.txt --name half {TOKENS}", reads=("data/half.partial/**/*",), makes="data/half"
    ),
    "tokenize, done": tokenize(
        f"--source text.txt --name text {TOKENS}", reads=("data/text/meta.json",), makes="data/text"
    ),
    "tokenize like another": tokenize(ANOTHER, reads=("data/text/*",)),
    "synthetic": Task(make_synthetic, f"--name new {LINES}", LINEAR, makes=("data/new",)),
    "train": train("runs/new"),
    "train by a recipe": Task(run_clm_reverse, "recipe.yaml", (), (), ("recipe.yaml",), ("runs/new",)),
    "train, half done": train("runs/half", reads=("runs/half/**/*",)),
    "train, done": train("runs/pair", reads=("runs/pair/*/*",)),
    "train on": train("runs/new", " --model_name_or_path runs/pair", reads=("runs/pair/*/*",)),
    "measure": measure("--pair runs/pair --data data/text", "scores/new", ("data/text/*", "runs/pair/*/*")),
    "measure a text": measure(
        "--pair runs/pair --text text.txt --clusters books.tsv", "scores/new", inputs=("text.txt", "books.tsv")
    ),
    "measure, half done": measure(
        "--pair runs/pair --data data/text", "scores/half", ("scores/half.partial/**/*",)
    ),
    "measure, done": measure("--pair runs/pair --data data/text", "scores/tiny-pair", ("scores/tiny-pair/aot.json",)),
    "where": measure("--pair runs/pair --data data/text --where", "scores/tiny-pair", ("scores/tiny-pair/*.[jn]*",)),
    "prequential": measure("--prequential runs/pair", "scores/new"),
    "prequential, done": measure(
        "--prequential runs/pair", "scores/tiny-read_once", ("scores/tiny-read_once/*.json",)
    ),
    "quick": measure(f"{FEW} --text text.txt", "scores/new", (), ("text.txt",), QUICK),
    "quick, done": measure(
        f"{FEW} --text text.txt", "scores/quick_tiny-text", ("scores/quick_tiny-text/aot.json",), kinds=QUICK
    ),
    "generate": write("--output new.jsonl", "new.jsonl", ("runs/pair/*/*",), ("prompts.txt",)),
    "generate, half done": write("--output half.jsonl --batch_size 1", "half.jsonl", ("half.jsonl*",)),
    "report": Task(
        report,
        "tiny",
        (report.ReportArguments,),
        ("scores/tiny-*/*.[jn]*", "runs/pair/*/*.json", "data/text/meta.json"),
        ("results/README.md", "results/*.csv"),
        ("results",),
    ),
    "report, of files alone": Task(
        report, "old", (report.ReportArguments,), (), ("results/README.md", "results/old*.csv"), ("results",)
    ),
    "push": Task(
        push_pair,
        PUSH,
        (push_pair.PublishArguments,),
        ("scores/tiny-pair/*.[jn]*", "runs/pair/*/*.[jns]*", "data/text/*"),
    ),
}
BEGUN = ("tokenize, done", "train, done", "measure, done", "prequential, done", "quick, done")
HALF = {  # commands that were killed when this was written so often
    "tokenize, half done": (streams, "write_json", "progress.json", 4),
    "train, half done": (aot.train.runs, "write_json", MANIFEST, 4),
    "measure, half done": (scores, "write_json", "forward-0.json", 1),
    "generate, half done": (texts, "write_rows", "half.jsonl.partial", 1),
}


def write_inputs(world: Path) -> None:
    """The files of the user's own."""
    documents = (ROOT / "corpora/en.txt").read_text(encoding="utf-8").split("\n\n")[:40]
    documents = [" ".join(each.split())[:300] for each in documents]
    (world / "text.txt").write_text("\n\n".join(documents), encoding="utf-8")
    (world / "prompts.txt").write_text("".join(f"{each[:12]}\n" for each in documents[:4]), encoding="utf-8")
    books = "".join(f"b{number}\t{4 * number}\t4\n" for number in range(10))
    (world / "books.tsv").write_text(f"cluster\tfirst_doc\tn_docs\n{books}", encoding="utf-8")
    rows = [["book", "text"], *([f"b{number // 4}", each] for number, each in enumerate(documents))]
    with (world / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    words = TASKS["train"].argv.split()
    recipe = dict(zip(words[::2], words[1::2], strict=True))
    (world / "recipe.yaml").write_text("".join(f"{flag[2:]}: {value}\n" for flag, value in recipe.items()))
    tables = "".join(f"<!-- table {name} -->\n<!-- end -->\n\n" for name in ("tiny", "old"))
    (world / "results").mkdir()
    (world / "results/README.md").write_text(f"# A title\n\n{tables}The end.\n", encoding="utf-8")
    for name in ("controls", "controls_curves"):
        shutil.copy(ROOT / f"results/{name}.csv", world / f"results/{name.replace('controls', 'old')}.csv")
