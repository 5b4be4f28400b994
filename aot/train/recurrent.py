"""LSTM and GRU behind the interface of transformers, so that they are trained, saved, loaded and scored like GPT-2.

Loading a checkpoint takes `import aot.train.models` or `aot.train.pairs`, which register them. Each checkpoint also
carries this file, so that elsewhere `AutoModelForCausalLM.from_pretrained(..., trust_remote_code=True)` loads it
without the rest.
"""

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GenerationMixin,
    PretrainedConfig,
    PreTrainedModel,
    initialization,
)
from transformers.modeling_outputs import CausalLMOutput


class LSTMConfig(PretrainedConfig):
    """Width, depth, dropout between layers and scale of the first weights; the context has no limit."""

    model_type = "lstm"

    vocab_size: int = 50257
    hidden_size: int = 512
    num_hidden_layers: int = 3
    dropout: float = 0.1
    initializer_range: float | None = None
    tie_word_embeddings: bool = False
    use_cache: bool = False

    def __post_init__(self, **kwargs):
        if self.initializer_range is None:
            self.initializer_range = self.hidden_size**-0.5  # keeps a signal's size; GPT-2's 0.02 would lose it
        super().__post_init__(**kwargs)


class GRUConfig(LSTMConfig):
    model_type = "gru"


class LSTMForCausalLM(PreTrainedModel, GenerationMixin):
    """Embedding, torch.nn.LSTM, projection onto the vocabulary."""

    config_class = LSTMConfig
    loss_type = "ForCausalLM"  # else a plain Trainer would divide by T tokens where T − 1 are scored
    layers = torch.nn.LSTM
    _tied_weights_keys = {"lm_head.weight": "embedding.weight"}  # where `tie_word_embeddings`
    _is_stateful = True  # no cache of transformers holds a recurrent state; `generate` reads the text anew

    def __init__(self, config: PretrainedConfig):
        super().__init__(config)
        width, depth = config.hidden_size, config.num_hidden_layers
        dropout = config.dropout if depth > 1 else 0  # it acts between layers
        self.embedding = torch.nn.Embedding(config.vocab_size, width)
        self.recurrent = self.layers(width, width, depth, batch_first=True, dropout=dropout)
        self.lm_head = torch.nn.Linear(width, config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module: torch.nn.Module) -> None:
        """Normal weights; biases 0, but 1 of the forget gate of an LSTM, which so remembers at first (Gers, 2000)."""
        for name, parameter in module.named_parameters(recurse=False):
            if name.startswith("weight"):
                initialization.normal_(parameter, std=self.config.initializer_range)
            else:
                initialization.zeros_(parameter)
                if name.startswith("bias_ih") and isinstance(module, torch.nn.LSTM):
                    forget = torch.arange(len(parameter)) // module.hidden_size == 1  # of the gates i, f, g, o
                    initialization.copy_(parameter, forget.to(parameter))

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embedding

    def set_input_embeddings(self, embedding: torch.nn.Embedding) -> None:
        self.embedding = embedding

    def forward(self, input_ids, attention_mask=None, labels=None, **kwargs) -> CausalLMOutput:
        """Logits [B, T, V]; with `labels` [B, T], the loss of all but the first. ValueError on padding at the left."""
        if attention_mask is not None and not attention_mask[:, 0].all():
            raise ValueError("padded at the left, which would be read as text: pad at the right, or read one by one")
        hidden, _ = self.recurrent(self.embedding(input_ids))
        logits = self.lm_head(hidden)
        loss = None if labels is None else self.loss_function(logits, labels, self.config.vocab_size, **kwargs)
        return CausalLMOutput(loss=loss, logits=logits)


class GRUForCausalLM(LSTMForCausalLM):
    """Embedding, torch.nn.GRU, projection onto the vocabulary."""

    config_class = GRUConfig
    layers = torch.nn.GRU


for config, model in ((LSTMConfig, LSTMForCausalLM), (GRUConfig, GRUForCausalLM)):
    AutoConfig.register(config.model_type, config, exist_ok=True)  # each checkpoint of a pair brings its copy
    AutoModelForCausalLM.register(config, model, exist_ok=True)
    config.register_for_auto_class()
    model.register_for_auto_class("AutoModelForCausalLM")
