"""What can be asked of the explorer's server, how much, and for how long. All else is refused before it is looked at.

Gradio serves far more than this page needs: uploads, files of the disk, other servers as seen from here. A list of
what is allowed holds for the routes of later versions, too.
"""

import asyncio
import re
from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDERS = ("page", "panels", "games", "examples")
MOST_BYTES = 2**20  # of a request: a novel, of which the beginning is measured
MOST_WAITING = 32  # measurements in the queue: a minute or two
MOST_OPEN = 200  # requests at once, most of which wait for a result
READING, ANSWERING = 10, 600  # seconds until a request must be whole, and until its answer is

FILE = re.compile(rf"/(?:{'|'.join(FOLDERS)})/[a-z][a-z0-9_-]*\.(?:html|css|js|json|svg|png)", re.ASCII)
ASKED = re.compile(r"/gradio_api/(?:queue/join|call/(?:v2/)?(?:measure|quick|write)/?)", re.ASCII)
ANSWERED = re.compile(r"/gradio_api/(?:queue/data|call/(?:v2/)?(?:measure|quick|write)/[0-9a-f]{32})", re.ASCII)
# The page; what it offers; the API, as the clients of Gradio read it; and what Gradio asks itself when it starts.
OTHER = re.compile(
    r"/|/pairs\.json|/favicon\.ico|/config/?|/gradio_api/(?:info/?|startup-events|heartbeat/[\w-]{1,64})", re.ASCII
)

HEADERS = {
    # Own files alone, and no request to elsewhere. Tokens are coloured by style; pictures are made in the page, which
    # other pages may show in a frame, as a Space is.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def asked_path(scope: Scope) -> str:
    """The path below the prefix at which a proxy may serve the page."""
    return scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))


class Bounds:
    """Middleware that passes on what the page and its API need. `waiting` says how many are in the queue, and
    `answered` is called where one has got its answer, or has gone."""

    def __init__(self, app: ASGIApp, waiting: Callable[[], int], answered: Callable[[], None]):
        self.app, self.waiting, self.answered = app, waiting, answered
        self.open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close"})

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *((k.encode(), v.encode()) for k, v in HEADERS.items())]
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-cache"))  # asks again, by ETag: an update is seen at once
                message = {**message, "headers": headers}
            await send(message)

        path = asked_path(scope)
        if refused := self.refusal(path):
            return await refused(scope, receive, with_headers)
        self.open += 1
        try:
            body = await whole(scope, receive)
            if isinstance(body, JSONResponse):
                return await body(scope, receive, with_headers)
            if FILE.fullmatch(path):  # whose folders are found with and without the prefix
                scope = {**scope, "path": path, "root_path": ""}
            async with asyncio.timeout(ANSWERING):
                await self.app(scope, body, with_headers)
        except TimeoutError:
            pass  # of a stream whose measurement has long been done or given up
        finally:
            self.open -= 1
            if ANSWERED.fullmatch(path):
                self.answered()

    def refusal(self, path: str) -> JSONResponse | None:
        """Why this is not looked at, or None."""
        if not any(each.fullmatch(path) for each in (FILE, ASKED, ANSWERED, OTHER)):
            return said(404, "There is nothing here.")
        if self.open >= MOST_OPEN or (ASKED.fullmatch(path) and self.waiting() >= MOST_WAITING):
            return said(503, "Many are waiting. Try again in a minute.")
        return None


def said(status: int, detail: str) -> JSONResponse:
    """An answer in the form in which Gradio says such things."""
    return JSONResponse({"detail": detail}, status, {"retry-after": "60"} if status == 503 else None)


async def whole(scope: Scope, receive: Receive) -> Receive | JSONResponse:
    """The request once its body is here, or why not: too large, whatever it says of itself, too slow, no text."""
    if scope["method"] in ("GET", "HEAD"):
        return receive  # whose body nobody reads
    body, more = b"", True
    try:
        async with asyncio.timeout(READING):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    break  # who asked has gone
                body, more = body + message.get("body", b""), message.get("more_body", False)
                if len(body) > MOST_BYTES:
                    most = f"{MOST_BYTES // 2**20} MB"
                    return said(413, f"This is more than the {most} that this page takes. Paste a part of it.")
        body.decode()
    except TimeoutError:
        return said(408, "The request did not arrive in time.")
    except UnicodeDecodeError:
        return said(400, "The request is no text in UTF-8.")
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
