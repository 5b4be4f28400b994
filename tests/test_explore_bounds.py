"""What can be asked of the explorer's server, and what not: no file, no other server, nothing without bounds."""

import http.client
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from pages import SECRET, Elsewhere
from starlette.testclient import TestClient

from aot.explore import bounds

DOTS = ("..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%00", "..;", "%c0%ae%c0%ae")
SLASHES = ("/", "%2f", "\\", "%5c", "%252f", "//")


def raw(
    address: str, path: str, method: str = "GET", body=None, **headers
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """The answer to a request for exactly this path, which other clients would tidy."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_an_unchanged_file_is_not_sent_again_and_a_changed_one_is(served):
    first = requests.get(f"{served.address}/page/main.js")
    assert first.headers["cache-control"] == "no-cache" and first.headers["content-type"].startswith("text/javascript")
    known = {"If-None-Match": first.headers["etag"]}
    assert requests.get(f"{served.address}/page/main.js", headers=known).status_code == 304
    with open(served.folder / "page/main.js", "a", encoding="utf-8") as file:
        file.write("// changed\n")
    assert requests.get(f"{served.address}/page/main.js", headers=known).text.endswith("// changed\n")


def test_the_page_runs_own_scripts_alone_and_may_be_shown_in_others(served):
    headers = requests.get(f"{served.address}/").headers
    policy = dict(each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "*" and "x-frame-options" not in headers
    assert headers["x-content-type-options"] == "nosniff"
    assert requests.head(f"{served.address}/").status_code == 200


def test_it_works_below_a_prefix(served):
    client = TestClient(served.server, root_path="/explorer")
    for path in ("/explorer/", "/explorer/page/main.js", "/explorer/pairs.json", "/page/main.js"):
        assert client.get(path).status_code == 200, path
    assert (
        client.get("/explorer/gradio_api/upload").status_code == client.get("/explorer/secret.json").status_code == 404
    )


@pytest.mark.parametrize("dots", DOTS)
def test_no_way_leads_out_of_the_folders_of_the_page(served, dots):
    assert raw(served.address, "/page/main.js")[0] == 200
    for folder in bounds.FOLDERS:
        for slash in SLASHES:
            for path in (f"/{folder}{slash}{dots}{slash}secret.json", f"/{folder}/{dots}{slash}app.py"):
                status, content, _ = raw(served.address, path)
                assert status == 404 and SECRET.encode() not in content and b"import" not in content, path
            status, content, _ = raw(served.address, f"/{folder}/{(dots + slash) * 12}etc/passwd")
            assert status == 404 and b"root:" not in content


@pytest.mark.parametrize(
    "path",
    [
        *("/page/secret.json", "/page/.hidden.json", "/page/deep/secret.json", "/page", "/page/", "/page/main.js/"),
        *(
            "/app.py",
            "/secret.json",
            "/README.md",
            "/aot/__init__.py",
            "//etc/passwd",
            "/etc/passwd",
            "/pairs/en-books",
        ),
        *("/file=/etc/passwd", "/file/etc/passwd", "/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd"),
        *("/gradio_api/file=app.py", "/gradio_api/%66ile=/etc/passwd", "/gradio_api//file=/etc/passwd"),
        *("/static/../../etc/passwd", "/assets/../x", "/svelte/../x", "/gradio_api/stream/a/b/c/playlist.m3u8"),
        *("/gradio_api/queue/join/../../file=/etc/passwd", "/gradio_api/call/measure/../../file=/etc/passwd"),
        *("/docs", "/openapi.json", "/gradio_api/openapi.json", "/monitoring", "/monitoring/summary", "/login"),
        *("/gradio_api/app_id", "/gradio_api/token", "/gradio_api/dev/reload", "/gradio_api/mcp/", "/manifest.json"),
        *("/gradio_api/run-history/records", "/gradio_api/deep_link?session_hash=a", "/gradio_api/call/other/0"),
    ],
)
def test_nothing_else_is_served(served, path):
    for method in ("GET", "POST", "HEAD", "PUT"):
        status, content, _ = raw(served.address, path, method, **{"Content-Length": "0"})
        assert status in (404, 405) and SECRET.encode() not in content and b"root:" not in content


def test_of_all_routes_of_gradio_those_alone_are_open_that_the_page_needs(served):
    paths = {getattr(route, "path", "") for route in routes(served.server.routes)}
    filled = {path: path.replace("{api_name}", "measure").replace("{event_id}", "0" * 32) for path in paths}
    filled = {path: with_names.replace("{session_hash}", "a") for path, with_names in filled.items()}
    allowed = (bounds.FILE, bounds.ASKED, bounds.ANSWERED, bounds.OTHER)
    opened = {path for path, example in filled.items() if any(each.fullmatch(example) for each in allowed)}
    api = ("queue/join", "queue/data", "call/{api_name}", "call/{api_name}/", "call/{api_name}/{event_id}")
    api += ("call/v2/{api_name}", "call/v2/{api_name}/", "call/v2/{api_name}/{event_id}")
    api += ("info", "info/", "startup-events", "heartbeat/{session_hash}")
    expected = {"/", "/pairs.json", "/favicon.ico", "/config", "/config/", *(f"/gradio_api/{name}" for name in api)}
    assert len(paths) > 60 and opened == expected


def routes(all_of_them) -> list:
    """Routes, with those of included routers."""
    found = []
    for route in all_of_them:
        found += [route, *routes(getattr(getattr(route, "original_router", None), "routes", []))]
    return found


@pytest.mark.parametrize("path", ["/gradio_api/proxy={}", "/proxy={}", "/gradio_api/file={}", "/file={}", "{}"])
def test_it_asks_no_other_server(served, path):
    other = Elsewhere()
    for target in (f"{other.address}/x.json", f"{other.address}/page/main.js"):
        raw(served.address, path.format(target))
        raw(served.address, path.format(target.replace("/", "%2f")) if path != "{}" else f"//{target[7:]}")
    other.shutdown()
    other.server_close()
    assert not other.asked


def test_no_file_can_be_put_on_it(served):
    for path in ("/gradio_api/upload", "/upload", "/gradio_api/component_server", "/gradio_api/upload?upload_id=a"):
        assert requests.post(served.address + path, files={"files": ("left_here.txt", b"x")}).status_code == 404
    assert not [*Path(served.server.uploaded_file_dir).rglob("left_here*")]


def test_a_request_has_bounds_in_size_whatever_it_says_of_itself(served, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_BYTES", 2**18)
    text = {"data": ["x" * 2**18, ["pairs/a"], False]}
    answer = requests.post(f"{served.address}/gradio_api/call/measure", json=text)
    assert answer.status_code == 413 and "Paste a part of it" in answer.json()["detail"]
    chunks = (b" " * 1024 for _ in range(300))
    status, content, _ = raw(served.address, "/gradio_api/queue/join", "POST", chunks)
    assert status == 413 and b"Paste a part of it" in content
    for wrong in (b"{", b"", b"[" * 100_000, b'{"data": 1}', b"\xff"):
        status, content, _ = raw(served.address, "/gradio_api/call/measure", "POST", wrong)
        assert 400 <= status < 500 and b"Traceback" not in content


def test_a_request_has_bounds_in_time(served, monkeypatch):
    monkeypatch.setattr(bounds, "READING", 0.2)
    place = urlsplit(served.address)
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{")
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
