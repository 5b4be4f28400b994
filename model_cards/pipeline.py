"""Refuses `pipeline("text-generation")`, which would read the prompt in the wrong direction and print nonsense."""

from transformers import TextGenerationPipeline


class BackwardPipeline(TextGenerationPipeline):
    def __init__(self, model, *args, **kwargs):
        if getattr(model.config, "direction", None) == "permuted":
            raise ValueError("This model reads tokens in an order that chance has drawn, and writes no text")
        raise ValueError(
            "This model reads and writes text from its end: turn round the tokens, generate, turn round the result.\n"
            '    text = "the end of a text" + tokenizer.bos_token\n'
            '    inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt")\n'
            "    output = model.generate(**{name: ids.flip(1) for name, ids in inputs.items()}, max_new_tokens=40)\n"
            "    print(tokenizer.decode(output[0].flip(0), skip_special_tokens=True))\n"
            f"with AutoTokenizer and AutoModelForCausalLM .from_pretrained({model.name_or_path!r})"
        )
