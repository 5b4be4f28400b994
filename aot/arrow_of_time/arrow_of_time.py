"""Arrow of time of paired forward and backward losses, as a metric of the evaluate library."""

import datasets
import evaluate

from .gap import arrow, check_losses

_DESCRIPTION = """\
The arrow of time of sequence data: how much easier a forward language model finds the same tokens than a backward
one, as a share of their mean loss, with a confidence interval over documents. Above 0, forward is easier.
"""

_CITATION = """\
@inproceedings{papadopoulos2024arrows,
  title = {Arrows of Time for Large Language Models},
  author = {Papadopoulos, Vassilis and Wenger, J{\\'e}r{\\'e}mie and Hongler, Cl{\\'e}ment},
  booktitle = {Proceedings of the 41st International Conference on Machine Learning},
  year = {2024},
  url = {https://arxiv.org/abs/2401.17505}
}
"""

_INPUTS = """
Args:
    forward: mean loss of the forward model on each entry (a token, a window or a document), nats per token; of several
        training seeds, a row of such losses for each.
    backward: mean loss of the backward model on the same entries, nats per token.
    documents: id of the document of each entry (default: each entry is a document).
    weights: tokens in each entry (default: 1).
    seeds: where losses are no rows, the training seed of the pair that scored each entry (default: one seed).
    confidence: level of the interval (default: 0.95).
    unigram: nats per token that counting tokens costs, to be told where models have hardly learned (default: unknown).
Returns:
    dict with `aot`, `low`, `high`, `standard_error` and a `verdict` in words; the card lists all keys.
"""


class ArrowOfTime(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=[
                datasets.Features({"forward": each, "backward": each})
                for each in (datasets.Value("float64"), datasets.Sequence(datasets.Value("float64")))
            ],
            reference_urls=["https://arxiv.org/abs/2401.17505"],
        )

    def compute(self, *, forward=None, backward=None, **options):
        """∂ of the losses given, or of those that were added."""
        if forward is not None and backward is not None:
            check_losses(forward, backward)  # what is wrong with them, evaluate cannot say
        return super().compute(forward=forward, backward=backward, **options)

    def _compute(self, forward, backward, documents=None, weights=None, seeds=None, confidence=0.95, unigram=None):
        return arrow(forward, backward, documents, weights, seeds, confidence, unigram)
