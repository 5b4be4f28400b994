"""Backward models in the lm-evaluation-harness: its command, with a model `hf-backward` that reads from the end.

    python -m aot.measure.harness --model hf-backward --model_args pretrained=USER/NAME-backward --tasks wikitext

The flags are those of `lm_eval`, and forward models are its `hf`. In Python, importing this is enough for
`lm_eval.simple_evaluate(model="hf-backward", ...)`.
"""

try:
    from lm_eval.__main__ import cli_evaluate
    from lm_eval.api.registry import register_model
    from lm_eval.models.huggingface import HFLM
except ImportError as error:
    stopped = SystemExit if __name__ == "__main__" else ImportError
    raise stopped(f'{error}: the extra harness has it, pip install ".[harness]" in the project') from error

import numpy as np

from aot.base.cli import command
from aot.tokens.windows import DIRECTIONS, orient
from aot.train.pairs import check_direction

BACKWARD = DIRECTIONS[1]


@register_model("hf-backward")
class BackwardLM(HFLM):
    """A backward model: its ids are in the order in which it reads them, so windows and the prefix start at the end.

    Log-likelihoods are those of whole texts, after the end-of-text token that stands for their end. SystemExit for
    what is asked of a continuation alone, and for a model that says it reads forward.
    """

    def __init__(self, pretrained, **settings):
        super().__init__(pretrained, **settings)
        check_direction(self.config, str(self.config.name_or_path or pretrained), BACKWARD, trusted=True)

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **settings) -> list[int]:
        """Ids [n] from the last to the first, without what some tokenizers put before a text."""
        ids = super().tok_encode(string, add_special_tokens=False, **settings)
        return orient(np.asarray(ids, int), BACKWARD).tolist()

    def loglikelihood(self, requests, **settings) -> list[tuple[float, bool]]:
        if any(request.args[0] for request in requests):
            raise SystemExit(
                "hf-backward: this task asks how likely a continuation is after a context. A backward model says in "
                "one pass how likely both are together, and not that. Choose tasks of whole texts, such as wikitext "
                "or blimp"
            )
        return super().loglikelihood(requests, **settings)

    def generate_until(self, requests, **settings):
        raise SystemExit(
            "hf-backward: this task asks for what comes after a prompt, and a backward model writes what came before. "
            "Choose tasks of whole texts, such as wikitext or blimp"
        )


if __name__ == "__main__":
    command(cli_evaluate)
