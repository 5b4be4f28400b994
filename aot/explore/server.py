"""The explorer's server: its page, and what the page asks for through Gradio's queue.

What measures is imported where it is asked for, and before in the background: the page is there in the meantime.
"""

import importlib
import os
import socket
import threading
import traceback
from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path

import gradio as gr
from fastapi import Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import ValidationError, validate_call

from aot.base.machine import cores
from aot.base.malloc import GIVE_BACK, tell_malloc
from aot.base.messages import notice
from aot.explore.bounds import FOLDERS, Bounds
from aot.explore.limits import MOST_CHARACTERS, MOST_PAIRS, MOST_TOKENS
from aot.explore.names import allowed, distinct, without_places

IMPORTING = threading.Lock()
WORKERS = 2  # measurements at once: a Space has two cores
POLLED = 0.05  # seconds between two looks at the queue: Gradio's 0.001 takes a tenth of a core while nobody asks
SESSIONS = 64  # of visitors who wait or have just been answered; what older ones have not fetched is dropped
FAILED = "Something went wrong here, and the server's log says what. Try another text."
# Gradio tells nobody about this server, and computes no statistics of its requests at each of them.
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(2**62),
}
# Neither a tunnel to elsewhere, nor another server in front of this one, nor what the page does not show.
ALONE = {"share": False, "ssr_mode": False, "pwa": False, "mcp_server": False, "run_history": False}
ALONE |= {"enable_monitoring": False, "footer_links": [], "inbrowser": False, "state_session_capacity": SESSIONS}


def room(module: str):
    """A module of this room, which imports torch or numba: in one thread at a time, as they import in circles."""
    with IMPORTING:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // WORKERS)))
        return importlib.import_module(f"aot.explore.{module}")


def warm(first: list[str]) -> None:
    """Have ready what the first visitors will need; where it cannot be had, they are told."""
    try:
        room("reading").measure(first, "ab ab\n\nab")
        room("quick_text").warm()
        room("writing")
    except (SystemExit, ValueError) as error:
        notice(f"{', '.join(first)}: {error}")


def told(work: Callable[..., dict]) -> Callable[..., dict]:
    """The same, whose errors are told to the visitor: what can be mended in full, what cannot in one line."""
    checked, names = validate_call(work), [*signature(work).parameters]

    @wraps(work)
    def answer(*args, **kwargs) -> dict:
        try:
            return checked(*args, **kwargs)
        except ValidationError as error:
            (number, *_), said = error.errors()[0]["loc"], error.errors()[0]["msg"]
            name = names[number] if number in range(len(names)) else number
            raise gr.Error(f"{name}: {said}.", duration=None, print_exception=False) from None
        except (SystemExit, ValueError) as error:
            raise gr.Error(without_places(str(error)), duration=None, print_exception=False) from None
        except Exception:
            traceback.print_exc()
            raise gr.Error(FAILED, duration=None, print_exception=False) from None

    return answer


def build(folder: Path, names: list[str], first: list[str]) -> gr.Server:
    """The app, whose page is in `folder`, which offers the pairs `names` and begins with the `first`."""
    server = gr.Server(docs_url=None, redoc_url=None, openapi_url=None, title="Arrow of time")

    def queue():
        return server.get_blocks()._queue

    def forget() -> None:
        """Of sessions that have been answered Gradio would keep the names for ever."""
        for session in [session for session, events in queue().pending_event_ids_session.items() if not events]:
            del queue().pending_event_ids_session[session]

    server.add_middleware(Bounds, waiting=lambda: len(queue()), answered=forget)

    @server.api_route("/", methods=["GET", "HEAD"])
    def index():
        return FileResponse(folder / "page/index.html")

    @server.get("/favicon.ico")
    def icon():
        return Response(status_code=204)

    @server.get("/pairs.json")
    def pairs():
        limits = {"characters": MOST_CHARACTERS, "tokens": MOST_TOKENS, "pairs": MOST_PAIRS}
        return {"pairs": names, "first": first, "limits": limits}

    for name in FOLDERS:
        server.mount(f"/{name}", StaticFiles(directory=folder / name, check_dir=False), name=name)

    def chosen(pairs: list[str]) -> list[str]:
        """The names that a visitor has given."""
        return [allowed(name, names) for name in distinct(pairs)]

    work = {"concurrency_limit": WORKERS, "concurrency_id": "work"}

    @server.api(name="measure", **work)
    @told
    def measure(text: str, pairs: list[str], reverse: bool = False) -> dict:
        """The losses of a text, token by token, by pairs of models."""
        return room("reading").measure(chosen(pairs), text, reverse)

    @server.api(name="quick", **work)
    @told
    def quick(text: str, reverse: bool = False) -> dict:
        """The same by the quick learner, character by character."""
        return room("quick_text").measure(text, reverse)

    @server.api(name="write", **work)
    @told
    def write(
        pairs: list[str],
        prompt: str,
        new: int = 30,
        temperature: float = 1,
        top_k: int = 0,
        texts: int = 3,
        seed: int = 0,
    ) -> dict:
        """What both models of pairs write: what came before a prompt, and what comes next."""
        return room("writing").write(chosen(pairs), prompt, new, temperature, top_k, texts, seed)

    return server


def start(server: gr.Server, host: str | None = None, port: int | None = None) -> str:
    """Serve in a thread; the address. SystemExit where the port is taken, or the host is not this machine."""
    os.environ.update(QUIET)
    tell_malloc(GIVE_BACK)
    try:
        if host:
            socket.create_server((host, 0)).close()
    except OSError as error:
        raise SystemExit(f"--host {host}: this machine cannot listen there: {error.strerror}") from error
    try:
        _, address, _ = server.launch(
            server_name=host, server_port=port, prevent_thread_lock=True, quiet=True, **ALONE
        )
    except OSError as error:
        taken = f"--port {port}: is taken" if port else "no port from 7860 on is free"
        raise SystemExit(f"{taken}; choose another one with --port") from error
    queue = server.get_blocks()._queue
    queue.pending_messages_per_session.max_size = SESSIONS
    queue.sleep_when_free = POLLED
    return address


def serve(server: gr.Server, first: list[str], host: str | None = None, port: int | None = None) -> None:
    """Serve until Ctrl-C: the page at once, while what measures is made ready."""
    print(f"The explorer is at {start(server, host, port)}", flush=True)
    threading.Thread(target=warm, args=[first], daemon=True).start()
    server.get_blocks().block_thread()
