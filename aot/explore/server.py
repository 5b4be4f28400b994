"""The explorer's server: its page, and what the page asks for through Gradio's queue."""

from pathlib import Path

import gradio as gr
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

SHOWN = ("page", "panels", "games", "examples")  # folders of the page, and all that it may show of the disk


def build(folder: Path) -> gr.Server:
    """The app, whose page is in `folder`."""
    server = gr.Server(docs_url=None, redoc_url=None, openapi_url=None)

    @server.get("/")
    def index():
        return FileResponse(folder / "page/index.html")

    for name in SHOWN:
        server.mount(f"/{name}", StaticFiles(directory=folder / name), name=name)
    return server
