"""The explorer for tests: the folder that a push makes, served by a process of its own, and a Chromium beside it."""

import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent
SECRET = "of this machine alone"  # in files that nobody should see
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
SECONDS = 60  # until a busy machine has answered; none is waited for in vain


class Elsewhere(socketserver.ThreadingTCPServer):
    """All of the network but this machine, as a proxy that keeps what it is asked for and answers nothing."""

    def __init__(self):
        self.asked = []
        super().__init__(("127.0.0.1", 0), None)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request, client_address):
        request.settimeout(1)
        try:
            self.asked.append(request.recv(200))
        except OSError as error:
            self.asked.append(repr(error).encode())


def serve(folder: Path, proxy: str, *flags: str) -> tuple[subprocess.Popen, str]:
    """`app.py` of this folder as a process of its own, and the address at which it serves the page."""
    command = [sys.executable, "-u", "app.py", *flags]
    environment = (
        os.environ | dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), proxy) | {"NO_PROXY": "127.0.0.1,localhost"}
    )
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=folder, env=environment, **how)
    seen = ""
    try:
        for line in process.stdout:
            seen += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return process, found[0]
        pytest.fail(seen)
    except BaseException:  # out of time, too
        process.kill()
        raise


def end(process: subprocess.Popen) -> str:
    """Stop it; what it has said since it began to serve."""
    process.terminate()
    said, _ = process.communicate()
    return said


@pytest.fixture(scope="session")
def space(tmp_path_factory, pair, second_pair, able) -> Path:
    """The folder that a push makes, with pairs in `runs/` as a reader has them: two seeds of one, and an able one."""
    from aot.explore import quick_text

    quick_text.warm()  # which compiles it, once for all workers
    folder = tmp_path_factory.mktemp("space") / "pushed"
    shutil.copytree(ROOT / "space", folder)
    shutil.copytree(ROOT / "aot", folder / "aot")  # with what is compiled already
    (folder / "pairs").symlink_to(ROOT / "pairs")
    (folder / "runs").mkdir()
    for name, run in {"tiny-seed1": second_pair, "tiny-seed42": pair, "able-seed42": able}.items():
        (folder / "runs" / name).symlink_to(run)
    return folder


@pytest.fixture(scope="session")
def address(space):
    """Where the explorer is served, without a slash at the end: one server for all tests of a worker.

    It asks for nothing from elsewhere, whatever it is asked for.
    """
    elsewhere = Elsewhere()
    process, found = serve(space, elsewhere.address)
    yield found
    end(process)
    elsewhere.shutdown()
    elsewhere.server_close()
    assert not elsewhere.asked


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server in this process, whose work is made up: `work` does it. Its folder has what nobody should see."""
    from aot.explore import server

    folder = tmp_path_factory.mktemp("served") / "space"
    shutil.copytree(ROOT / "space", folder)
    (folder / "secret.json").write_text(SECRET)
    (folder / "page/secret.json").symlink_to(folder / "secret.json")
    (folder / "page/.hidden.json").write_text(SECRET)
    (folder / "page/deep").mkdir()
    (folder / "page/deep/secret.json").write_text(SECRET)
    made = SimpleNamespace(work=lambda *_: {}, folder=folder)
    modules = SimpleNamespace(measure=lambda *given: made.work(*given), write=lambda *given: made.work(*given))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "room", lambda name: modules)
        made.server = server.build(folder, ["pairs/a"], ["pairs/a"])
        made.address = server.start(made.server).rstrip("/")
        yield made
        made.server.get_blocks().close()


@pytest.fixture(scope="session")
def browser():
    """A Chromium, which is skipped where there is none."""
    if not CHROMIUM:
        pytest.skip("no Chromium here to drive: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def console() -> list[str]:
    """Errors in the console of the page. There must be none at the end: a test that expects some clears them."""
    return []


def opened(browser, address: str, console: list[str], device: dict):
    """The explorer in a window of this kind, which at its end has asked for nothing from elsewhere."""
    context = browser.new_context(**device, reduced_motion="reduce")
    context.set_default_timeout(SECONDS * 1000)
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: console.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: console.append(str(error.error)))
    page = context.new_page()
    page.goto(f"{address}/")
    yield page
    context.close()
    assert all(url.startswith((f"{address}/", "data:", "blob:")) for url in asked), asked
    assert not console


@pytest.fixture
def page(browser, address, console):
    """The explorer, just opened, on a desktop."""
    yield from opened(browser, address, console, DESKTOP)


@pytest.fixture
def phone(browser, address, console):
    """The same on a phone."""
    yield from opened(browser, address, console, PHONE)


def axe(page) -> list[str]:
    """What axe finds in the page as it is now that keeps somebody from using it, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {each['help']}: {node['target']}" for each in grave for node in each["nodes"]]
