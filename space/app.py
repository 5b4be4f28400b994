"""Look at the arrow of time of a text, token by token, and let both models of a pair write: a Gradio app and Space.

    make explorer                                               # the pairs that ship, and those of `make demo`
    python -m space.app --pair runs/en-seed1 USER/NAME

Serves a page on this machine, and writes nothing but what the page lets download. How it becomes a Space: README.md.
"""

import base64
import csv
import html
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from pathlib import Path
from threading import Lock

try:
    import gradio as gr
except ImportError as error:
    raise SystemExit('the explorer needs gradio, which is not installed: pip install ".[explorer]"') from error
import numpy as np
from huggingface_hub.repocard import metadata_load
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.cli import command, parse_arguments
from aot.base.folders import RESULTS
from aot.measure.checks import unigram_loss
from aot.measure.generation import continue_prompts, encode_prompt
from aot.measure.scoring import document_totals, score
from aot.show import figures, style
from aot.tokens.text import reverse_graphemes, split_text
from aot.tokens.tokenizers import encode, pair_tokenizers
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.models import load_model
from aot.train.pairs import locate_pair, pair_configs, trained_context

CARD = Path(__file__).with_name("README.md")
MOST_CHARACTERS, MOST_TOKENS, MOST_PAIRS = 20_000, 4_000, 4  # seconds of work, not minutes
BARS = 60  # tokens whose bars can be told apart
DARKEST = 0.7  # opacity of the strongest colour, on which black and white letters can still be read
# `from_pretrained` patches a class while it loads: two threads at once would leave weights untied, which are random.
LOADING = Lock()
# No colour that means a direction, and no font from the network.
THEME = gr.themes.Default(primary_hue="slate", font=["system-ui", "sans-serif"], font_mono=["monospace"])
INTRODUCTION = """
# Arrow of time

Two language models, the same but for one thing: one was trained to predict the next token, the other the previous one.
How much harder is a text for one than for the other? With ℓ→ and ℓ← their losses,
∂ = E[ℓ← − ℓ→] / (½ E[ℓ← + ℓ→]): above 0, forward is easier, below 0, backward.
"""
EXAMPLES = [
    "Und der König sprach zu seinen Knechten: Gehet hin und sehet, ob der Feind noch im Lande ist.\n\n"
    "Da gingen sie hin und kamen an einen Brunnen, und die Frau gab ihnen Wasser und Brot.\n\n"
    "Und am andern Morgen, da die Sonne aufging, sagten sie es dem Könige an, und er freute sich sehr.",
    "She had been waiting at the window since noon, and when the carriage came at last she did not go down.",
]


@dataclass
class ExplorerArguments:
    pair: list[str] = field(
        default_factory=list,
        metadata={"help": "Pairs to begin with: run folders, or NAME for NAME-forward and NAME-backward on the Hub."},
    )
    port: int | None = field(default=None, metadata={"help": "Default: the first free one from 7860."})


@dataclass(frozen=True)
class Pair:
    """Two models that differ in direction alone, and what they read."""

    name: str
    models: dict[str, PreTrainedModel]
    tokenizer: PreTrainedTokenizerBase
    context: int


@dataclass
class Measured:
    """Losses [n] in nats of the tokens of a text in both directions, in text order, and what follows from them."""

    pair: str
    which: str
    ids: np.ndarray
    tokens: list[str]
    starts: np.ndarray
    losses: dict[str, np.ndarray]
    report: dict

    @property
    def difference(self) -> np.ndarray:
        """ℓ← − ℓ→ of each token [n]."""
        return self.losses["backward"] - self.losses["forward"]


def known_pairs(given: list[str], card: Path = CARD) -> list[str]:
    """Pairs to offer: those given, those that the card of the Space links to, those that ship, and finished runs."""
    linked = (metadata_load(card) or {}).get("models", []) if card.is_file() else []
    linked = [name.removesuffix("-forward") for name in linked if name.endswith("-forward")]
    runs = sorted(Path("runs").glob("*"), key=lambda folder: (not folder.name.startswith("demo-text"), folder))
    folders = [*sorted(Path("pairs").glob("*")), *runs]
    finished = [str(each) for each in folders if all((each / name / RESULTS).is_file() for name in DIRECTIONS)]
    return list(dict.fromkeys(given + linked + finished))


def open_pair(name: str) -> Pair:
    """The models of a pair; SystemExit where there are none, or they differ in more than direction."""
    with LOADING:
        return load_pair(name)


@lru_cache(maxsize=MOST_PAIRS)
def load_pair(name: str) -> Pair:
    """The same, for one thread at a time."""
    paths = locate_pair(name)
    configs = pair_configs([paths])
    tokenizer = pair_tokenizers(configs)[paths["forward"]]
    models = {direction: load_model(path).eval() for direction, path in paths.items()}
    return Pair(name, models, tokenizer, min(map(trained_context, configs.values())))


def measure(pair: Pair, which: str, documents: list[str]) -> Measured:
    """What `compute_aot.py --stride T/2` gives for these documents; ValueError where they are too long to look at."""
    tokenizer = pair.tokenizer
    ids = encode(documents, tokenizer.backend_tokenizer, tokenizer.eos_token_id)
    if len(ids) > MOST_TOKENS:
        raise ValueError(
            f"The text has {len(ids):,} tokens, and this page takes {MOST_TOKENS:,}. For longer ones: compute_aot.py."
        )
    stride = max(1, pair.context // 2)
    losses = {
        name: score(model, ids, name, pair.context, stride, bos=tokenizer.bos_token_id)
        for name, model in pair.models.items()
    }
    starts = document_starts(ids, tokenizer.eos_token_id)
    totals = [document_totals(losses[direction], starts) for direction in DIRECTIONS]
    tokens = ["∎" if token == tokenizer.eos_token_id else tokenizer.decode([token]) for token in ids]
    report = arrow_from_totals(*totals, np.diff([*starts, len(ids)]), unigram=unigram_loss(ids, len(tokenizer)))
    return Measured(pair.name, which, ids, tokens, starts, losses, report)


def shade(difference: float, strongest: float) -> str:
    """Colour of a token: of the direction that is easier, the more opaque the larger the difference in nats."""
    opacity = DARKEST * min(1, abs(difference) / strongest)
    return f"{style.COLOUR['forward' if difference > 0 else 'backward']}{round(255 * opacity):02x}"


def tokens_html(text: Measured, strongest: float) -> str:
    """The text, each token in the colour of ℓ← − ℓ→; both losses show where the pointer is, or a tap was.

    Thousands of tokens are no stops of the Tab key; who does not point has the same numbers as CSV.
    """
    spans = []
    for token, forward, backward in zip(text.tokens, *text.losses.values(), strict=True):
        losses = f"forward → {forward:.2f} nats\nbackward ← {backward:.2f} nats\nℓ← − ℓ→ = {backward - forward:+.2f}"
        shown = html.escape(token).replace("\n", "↵\n") + ("\n" if token == "∎" else "")
        spans.append(
            f'<span class="token" tabindex="-1" style="background:{shade(backward - forward, strongest)}" '
            f'data-losses="{losses}">{shown}</span>'
        )
    return f'<div class="tokens" dir="auto">{"".join(spans)}</div>'


def scale_html(strongest: float) -> str:
    """What the colours mean."""
    ends = ", ".join(shade(difference, 1) for difference in (-1, 0, 1))
    return (
        f'<div class="scale"><span>backward is easier, −{strongest:.1f}</span>'
        f'<span style="background:linear-gradient(to right, {ends})"></span>'
        f"<span>+{strongest:.1f} nats, forward is easier</span></div>"
    )


def figure_html(description: str, plot: Callable, *args) -> str:
    """A figure of aot.show.figures as a part of the page."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "figure.png")
        plot(path, *args)
        content = base64.b64encode(path.read_bytes()).decode()
    return f'<img src="data:image/png;base64,{content}" alt="{description}">'


def verdict_html(report: dict) -> str:
    """∂, its interval, what that covers, and in words what one pair may say."""
    rows = [
        ("nats per token", f"{report['forward']:.4f}", f"{report['backward']:.4f}"),
        ("Δ = ℓ← − ℓ→", f"{report['delta']:+.4f}", ""),
    ]
    cells = '<tr><td></td><th scope="col">forward →</th><th scope="col">backward ←</th></tr>'
    for name, *values in rows:
        cells += f'<tr><th scope="row">{name}</th>{"".join(f"<td>{value}</td>" for value in values)}</tr>'
    documents = report["documents"]
    if report["low"] is None:
        covers = "The interval is one over documents, and this text is a single one. Blank lines separate documents."
    else:
        covers = f"The interval is over the {documents} documents of this text, as a sample of all texts like them."
    return f'<table>{cells}</table><p class="verdict">{report["verdict"]}</p><p class="note">{covers}</p>'


def pair_html(text: Measured, backwards: Measured | None, strongest: float) -> str:
    """All that one pair says about a text, and about the same text reversed."""
    cut = f", the first {BARS}" if len(text.ids) > BARS else ""
    bars = {direction: loss[:BARS] for direction, loss in text.losses.items()}
    parts = [
        f"<h3>{html.escape(text.pair)}</h3>",
        verdict_html(text.report),
        scale_html(strongest),
        tokens_html(text, strongest),
        "<h4>ℓ← − ℓ→, summed along the text</h4>",
        figure_html("Running sum of the loss difference", figures.plot_running_sum, text.difference, text.starts),
        f"<h4>Both losses, token by token{cut}</h4>",
        f'<div class="wide">{figure_html("Losses as bars", figures.plot_sentence, text.tokens[:BARS], bars)}</div>',
    ]
    if backwards:
        parts += [
            "<h4>The same text reversed</h4>",
            '<p class="note">Its characters from the last to the first. Neither model was trained on such text.</p>',
            verdict_html(backwards.report),
            tokens_html(backwards, strongest),
        ]
    return f'<div class="pair">{"".join(parts)}</div>'


def table(measured: list[Measured]) -> str:
    """All losses as CSV, a row for each token."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["pair", "text", "document", "position", "id", "token", "forward", "backward", "difference"])
    for text in measured:
        document = np.searchsorted(text.starts, np.arange(len(text.ids)), side="right") - 1
        columns = document, range(len(text.ids)), text.ids, text.tokens, *text.losses.values(), text.difference
        rows.writerows([text.pair, text.which, *row] for row in zip(*columns, strict=True))
    return file.getvalue()


def numbers(measured: list[Measured], documents: list[str]) -> str:
    """The same with ∂ as JSON."""
    content = [
        {"pair": text.pair, "text": text.which, "report": text.report, "ids": text.ids.tolist(), "tokens": text.tokens}
        | {direction: loss.tolist() for direction, loss in text.losses.items()}
        for text in measured
    ]
    return json.dumps({"documents": documents, "measured": content}, ensure_ascii=False, indent=1)


def download_html(kind: str, content: str) -> str:
    """A link to a file that is part of the page, so that none stays on the server."""
    encoded = base64.b64encode(content.encode()).decode()
    return f'<a download="arrow_of_time.{kind}" href="data:text/{kind};base64,{encoded}">{kind.upper()}</a>'


def open_pairs(names: list[str]) -> list[Pair]:
    """The pairs chosen; ValueError if there are none."""
    if not names:
        raise ValueError("Choose a pair first.")
    return [open_pair(name.strip()) for name in names]


def measure_page(names: list[str], text: str, reverse: bool) -> str:
    """The page about a text, pair beside pair."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"The text has {len(text):,} characters, and this page takes {MOST_CHARACTERS:,}. For longer ones: "
            "compute_aot.py."
        )
    documents = [piece.strip("\n") for piece in split_text([text], "\n\n", 4 * MOST_CHARACTERS)]
    documents = [document for document in documents if document.strip()]
    if not documents:
        raise ValueError("There is no text yet: paste some, or choose an example.")
    pairs = open_pairs(names)
    backwards = [reverse_graphemes(document) for document in documents] if reverse else None
    measured = [measure(pair, "as it stands", documents) for pair in pairs]
    turned = [measure(pair, "reversed", backwards) if reverse else None for pair in pairs]
    every = measured + [text for text in turned if text]
    strongest = max(1, np.percentile(np.abs(np.concatenate([text.difference for text in every])), 95))
    cards = "".join(pair_html(*both, strongest) for both in zip(measured, turned, strict=True))
    files = f"{download_html('csv', table(every))} · {download_html('json', numbers(every, documents))}"
    return f'<div class="pairs">{cards}</div><p>Download the numbers: {files}</p>'


def write_page(names: list[str], prompt: str, new: int, temperature: float, top_k: int, texts: int, seed: int) -> str:
    """What came before a prompt and what comes next, several times, pair beside pair."""
    settings = {"max_new_tokens": new, "temperature": float(temperature), "top_k": top_k}
    cards = []
    for pair in open_pairs(names):
        parts = {}
        for direction, model in pair.models.items():
            ids = encode_prompt(prompt, pair.tokenizer, direction, new, pair.context)
            set_seed(int(seed or 0))
            settings |= {"do_sample": True, "num_return_sequences": texts}
            results = continue_prompts(model, pair.tokenizer, direction, [ids], **settings)
            parts[direction] = [f'<span class="{direction}">{html.escape(each["text"])}</span>' for each in results]
        middle = f'<span class="prompt">{html.escape(prompt)}</span>'
        rows = zip(parts["backward"], parts["forward"], strict=True)
        written = "".join(f'<div class="written" dir="auto">{before}{middle}{after}</div>' for before, after in rows)
        cards.append(f'<div class="pair"><h3>{html.escape(pair.name)}</h3>{written}</div>')
    legend = '<span class="backward">What came before</span>, the <span class="prompt">prompt</span>, and '
    legend += '<span class="forward">what comes next</span>.'
    return f'<p class="written note">{legend}</p><div class="pairs">{"".join(cards)}</div>'


def shown(page: Callable[..., str]) -> Callable[..., str]:
    """The same page, whose errors are shown to the reader and end nothing else."""

    @wraps(page)
    def show(*args):
        try:
            return page(*args)
        except (SystemExit, ValueError) as error:
            raise gr.Error(html.escape(str(error)), duration=None, print_exception=False) from error

    return show


def build(names: list[str], first: list[str]) -> gr.Blocks:
    """The app, which offers the pairs `names` and begins with the `first`."""
    with gr.Blocks(title="Arrow of time", analytics_enabled=False) as app:
        gr.Markdown(INTRODUCTION)
        pairs = gr.Dropdown(
            names, value=first, multiselect=True, max_choices=MOST_PAIRS, allow_custom_value=True, elem_id="pairs",
            label="Pairs", info="Run folders, or NAME for NAME-forward and NAME-backward on the Hub.",
        )  # fmt: skip
        with gr.Tab("Measure"):
            text = gr.Textbox(
                label="Text", lines=6, max_lines=16, elem_id="text",
                placeholder="Paste a text here. Blank lines separate documents; two or more have an interval.",
            )  # fmt: skip
            gr.Examples([[example] for example in EXAMPLES], [text])
            reverse = gr.Checkbox(True, label="Measure the text reversed, too")
            button = gr.Button("Measure", variant="primary", elem_id="measure")
            button.click(shown(measure_page), [pairs, text, reverse], gr.HTML(elem_id="measured"), api_name="measure")
        with gr.Tab("Write"):
            prompt = gr.Textbox(
                label="Prompt", lines=2, elem_id="prompt",
                info="It begins with a space if a word came before it, and ends with none.",
            )  # fmt: skip
            with gr.Row():
                new = gr.Slider(1, 200, 30, step=1, label="New tokens on each side")
                texts = gr.Slider(1, 8, 3, step=1, label="Texts")
                temperature = gr.Slider(0.1, 2, 1, step=0.05, label="Temperature")
                top_k = gr.Slider(0, 200, 0, step=1, label="Top k (0: all)")
                seed = gr.Number(0, precision=0, label="Seed")
            button = gr.Button("Write", variant="primary", elem_id="write")
            settings = [pairs, prompt, new, temperature, top_k, texts, seed]
            button.click(shown(write_page), settings, gr.HTML(elem_id="written"), api_name="write")
    return app


def launch(app: gr.Blocks, **settings):
    """Serve the app, in its own colours."""
    return app.launch(css_paths=Path(__file__).with_name("style.css"), theme=THEME, footer_links=[], **settings)


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(ExplorerArguments, doc=__doc__, argv=argv)
    names = known_pairs(args.pair)
    if not names:
        raise SystemExit("there is no pair in runs/: run `make demo` first, or give one with --pair")
    for name in args.pair:
        open_pair(name)  # an error is better seen here than on the page
    launch(build(names, args.pair or names[:1]), server_port=args.port)


if __name__ == "__main__":
    command(main)
