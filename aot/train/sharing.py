"""What a finished run folder has besides its model, so that `hf upload` of the folder itself is right."""

from pathlib import Path

from transformers import PretrainedConfig

from aot.base.files import replacing
from aot.base.places import ROOT
from aot.tokens.tokenizers import TOKENIZER_FILES
from aot.train.cards import CARD

# What `from_pretrained` reads. A list of what is sent, so that no pickle and no optimizer can be.
LOADED = ("config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json")
GUARD = ROOT / "model_cards" / "pipeline.py"
TASK = {"text-generation": {"impl": "pipeline.BackwardPipeline", "pt": ["AutoModelForCausalLM"], "type": "text"}}

# The client of the Hub hands over the .gitignore of a folder, and leaves out the files that the Hub says it ignores.
# This one ignores itself, too: in the repository it would go on to hide figures and scores sent there later.
IGNORED = """\
# Of this folder, `hf upload` and git take what loads the model, and its card: no pickle, no optimizer, no path of your
# machine. For a file of your own, add a line: !/NAME
*
"""
SENT = (".gitattributes", CARD, *LOADED, *TOKENIZER_FILES, "*.py")
LARGE = ("*.safetensors", "*.bin", "*.gguf", "*.npy", "*.npz", "*.png", "*.pt", "*.pth")  # not for git itself


def guard(config: PretrainedConfig, direction: str) -> None:
    """Let the configuration say to `pipeline` that it cannot be used like others, unless it is a forward model's."""
    if direction != "forward":
        config.custom_pipelines = TASK


def share(folder: Path, direction: str, card: str) -> None:
    """Write beside a model its card, what stops `pipeline` unless it is forward, and what is sent of its folder."""
    files = {
        CARD: card,
        ".gitattributes": "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LARGE),
        ".gitignore": IGNORED + "".join(f"!/{pattern}\n" for pattern in SENT),
    }
    if direction != "forward":
        files[GUARD.name] = GUARD.read_text(encoding="utf-8")
    for name, content in files.items():
        with replacing(folder / name) as partial:
            partial.write_text(content, encoding="utf-8")
