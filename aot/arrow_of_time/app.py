"""Paste two columns of losses, get the arrow of time."""

import gradio as gr
from gap import arrow


def measure(text):
    rows = [line.replace(",", " ").split() for line in text.splitlines() if line.strip()]
    try:
        forward, backward = zip(*[map(float, row) for row in rows], strict=True)
        result = arrow(forward, backward)
    except ValueError as error:
        raise gr.Error(f"Two numbers a line, one line per document, please: {error}") from error
    return result["verdict"], result


demo = gr.Interface(
    measure,
    gr.Textbox("3.10 3.14\n3.32 3.35\n2.95 2.99\n3.21 3.22\n3.05 3.11", label="Forward and backward loss", lines=10),
    [gr.Textbox(label="Verdict"), gr.JSON(label="Result")],
    title="Arrow of time",
    description="One line per document: the mean loss of the forward and of the backward model, in nats per token.",
)

if __name__ == "__main__":
    demo.launch()
