"""A Hub on loopback: as much of its HTTP interface as publishing and loading needs, in memory, for the real client.

Faults are told beforehand: `hub.fail("POST .*/commit/", 500)` answers the next such request with 500, "cut" closes its
connection without an answer, "lost" does the work and then closes it, and a function runs before the work is done.
"""

import base64
import hashlib
import json
import re
import subprocess
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

LFS = re.compile(r"\.(safetensors|bin|png|npz|model|parquet)$")  # what the Hub keeps out of git, like all large files
PREFIXES = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}


@dataclass
class Repo:
    private: bool
    sdk: str | None
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)  # uploaded, in a commit or not

    def commit(self, branch: str, files: dict[str, bytes], message: str) -> str:
        content = repr((len(self.commits), sorted((path, git_oid(data)) for path, data in files.items())))
        sha = hashlib.sha1(content.encode()).hexdigest()
        self.commits[sha], self.messages[sha], self.branches[branch] = files, message, sha
        return sha

    def files(self, revision: str = "main") -> dict[str, bytes]:
        return self.commits[self.sha(revision)]

    def sha(self, revision: str) -> str:
        found = self.branches.get(revision) or self.tags.get(revision) or revision
        return found if found in self.commits else refuse(404, "RevisionNotFound")


class Refused(Exception):
    """Status, `X-Error-Code` and body of an answer that is no success."""


def refuse(status: int, code: str = "", **body):
    raise Refused(status, code, body)


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ignored_by(rules: str, paths: list[str]) -> set[str]:
    """Those of `paths` that git ignores where its .gitignore has these rules."""
    if not rules:
        return set()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        Path(folder, ".gitignore").write_text(rules, encoding="utf-8")
        command = ["git", "-C", folder, "check-ignore", "--no-index", "--stdin", "-z"]
        done = subprocess.run(command, input="\0".join(paths), capture_output=True, text=True)
    return set(done.stdout.split("\0"))


class Hub(ThreadingHTTPServer):
    """`tokens` by user who may write to the names of that user; `repos` by (kind, id), kind as in the URLs."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.RLock()
        self.tokens, self.repos, self.collections = {"ann": "hf_ann"}, {}, {}
        self.requests, self.faults, self.served = [], [], Counter()  # bytes of files by path
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def fail(self, pattern: str, how, times: int = 1) -> None:
        self.faults += [(pattern, how)] * times

    def fault(self, request: str):
        """What was told to go wrong with a request, None for nothing; each fault happens once."""
        with self.lock:
            self.requests.append(request)
            for fault in self.faults:
                if re.search(fault[0], request):
                    self.faults.remove(fault)
                    return fault[1]

    def sent(self, pattern: str) -> list[str]:
        return [request for request in self.requests if re.search(pattern, request)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and content in one packet, or each answer takes 40 ms more

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        how = self.server.fault(f"{self.command} {unquote(url.path)}")
        if callable(how):
            how = how()
        if how == "cut":
            self.close_connection = True
            return
        try:
            if isinstance(how, int | tuple):  # a status, or one with the Hub's own code of an error
                refuse(*(how if isinstance(how, tuple) else (how,)), error="the test said so")
            status, headers, content = self.respond(url, body)
        except Refused as refused:
            status, code, error = refused.args
            headers, content = {"X-Error-Code": code} if code else {}, error
        if how == "lost":
            self.close_connection = True
            return
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            headers = {"Content-Type": "application/json", **headers}
        self.send_response(status)
        for name, value in {"Content-Length": len(content), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = answer

    def respond(self, url, body: bytes) -> tuple[int, dict, object]:
        path, hub = unquote(url.path), self.server
        with hub.lock:
            for methods, pattern, handle in ROUTES:
                if self.command in methods and (match := re.fullmatch(pattern, path)):
                    return handle(self, body, **match.groupdict())
        return refuse(404)

    def user(self) -> str | None:
        """Who asks; 401 for a token that nobody has."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        names = [name for name, own in self.server.tokens.items() if own == token]
        if token and not names:
            refuse(401, error="Invalid credentials in Authorization header")
        return names[0] if names else None

    def writes(self, owner: str) -> None:
        if self.user() is None:
            refuse(401, error="Invalid username or password.")
        if self.user() != owner:
            refuse(403, error=f"You don't have the rights to write to the namespace {owner}")

    def repo(self, kind: str, name: str, write: bool = False) -> Repo:
        """A repository that the user may see; a private one looks to others as if it was not there."""
        kind, owner = next(each for each, prefix in PREFIXES.items() if kind in (each, prefix)), name.split("/")[0]
        repo = self.server.repos.get((kind, name))
        if repo is None or (repo.private and self.user() != owner):
            refuse(404 if self.user() else 401, "RepoNotFound")
        if write:
            self.writes(owner)
        return repo

    def whoami(self, body):
        name = self.user() or refuse(401, error="Invalid username or password.")
        return 200, {}, {"type": "user", "name": name, "orgs": [], "auth": {"type": "access_token"}}

    def create(self, body):
        asked = json.loads(body)
        owner, kind = asked["organization"] or self.user(), f"{asked.get('type') or 'model'}s"
        self.writes(owner)
        name = f"{owner}/{asked['name']}"
        location = {"url": f"{self.server.url}/{PREFIXES[kind]}{name}"}
        if (kind, name) in self.server.repos:
            refuse(409, error="You already created this repo", **location)
        repo = self.server.repos[kind, name] = Repo(asked.get("visibility") == "private", asked.get("sdk"))
        repo.commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")
        return 200, {}, location

    def validate_yaml(self, body):
        front = re.match(r"---\n(.*?)\n---\n", json.loads(body)["content"], flags=re.DOTALL)
        metadata = yaml.safe_load(front[1]) if front else None
        if not isinstance(metadata, dict):
            refuse(400, errors=[{"message": "no metadata"}])
        if not isinstance(metadata.get("tags"), list):
            refuse(400, errors=[{"message": '"tags" must be a list'}])
        return 200, {}, {"errors": [], "warnings": []}

    def preupload(self, body, kind, name, revision):
        there, asked = self.repo(kind, name, write=True).files(revision), json.loads(body)
        paths = [file["path"] for file in asked["files"]]
        ignored = ignored_by(asked.get("gitIgnore") or there.get(".gitignore", b"").decode(), paths)

        def known(path):
            mode = "lfs" if LFS.search(path) else "regular"
            oid = path in there and (sha256 if mode == "lfs" else git_oid)(there[path])
            return {"path": path, "uploadMode": mode, "shouldIgnore": path in ignored, "oid": oid or None}

        return 200, {}, {"files": [known(path) for path in paths]}

    def lfs_batch(self, body, kind, name):
        there = self.repo(kind, name, write=True).lfs

        def how(wanted):
            upload = {"upload": {"href": f"{self.server.url}/{kind}{name}/lfs/{wanted['oid']}"}}
            return wanted if wanted["oid"] in there else wanted | {"actions": upload}

        return 200, {}, {"transfer": "basic", "objects": [how(wanted) for wanted in json.loads(body)["objects"]]}

    def lfs_put(self, body, kind, name, oid):
        if sha256(body) != oid:
            refuse(400, error="the content has another hash")
        self.server.repos[f"{kind[:-1] or 'models'}", name].lfs[oid] = body  # the address is a secret that allows it
        return 200, {}, b""

    def commit(self, body, kind, name, revision):
        repo, (header, *changes) = self.repo(kind, name, write=True), map(json.loads, body.splitlines())
        head = repo.branches.get(revision) or refuse(404, "RevisionNotFound")
        if header["value"].get("parentCommit") not in (None, head):
            refuse(412, error="A commit has happened since. Please refresh and try again.")
        files = dict(repo.commits[head])
        for change in changes:
            value = change["value"]
            if change["key"] == "lfsFile":
                files[value["path"]] = repo.lfs.get(value["oid"]) or refuse(400, error="LFS object is missing")
            elif change["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                refuse(400, error=f"{change['key']}: unknown")
        sha = repo.commit(revision, files, header["value"]["summary"])
        return 200, {}, {"commitUrl": f"{self.server.url}/{PREFIXES[kind]}{name}/commit/{sha}", "commitOid": sha}

    def info(self, body, kind, name, revision="main"):
        repo = self.repo(kind, name)
        siblings = [{"rfilename": path} for path in repo.files(revision)]
        return 200, {}, {"id": name, "sha": repo.sha(revision), "private": repo.private, "siblings": siblings}

    def entry(self, path: str, data: bytes) -> dict:
        lfs = {"lfs": {"oid": sha256(data), "size": len(data), "pointerSize": 134}} if LFS.search(path) else {}
        return {"type": "file", "path": path, "size": len(data), "oid": git_oid(data), **lfs}

    def tree(self, body, kind, name, revision, folder=""):
        prefix = f"{folder}/" if folder else ""
        files = {path: data for path, data in self.repo(kind, name).files(revision).items() if path.startswith(prefix)}
        if folder and not files:
            refuse(404, "EntryNotFound")
        if "recursive=true" in self.path:
            return 200, {}, [self.entry(*file) for file in files.items()]
        heads = {prefix + path[len(prefix) :].partition("/")[0] for path in files}
        folders = [{"type": "directory", "path": path, "oid": git_oid(path.encode())} for path in heads - files.keys()]
        return 200, {}, folders + [self.entry(path, files[path]) for path in heads & files.keys()]

    def paths_info(self, body, kind, name, revision):
        files, wanted = self.repo(kind, name).files(revision), parse_qs(body.decode())["paths"]
        return 200, {}, [self.entry(path, files[path]) for path in wanted if path in files]

    def refs(self, body, kind, name):
        repo = self.repo(kind, name)

        def listed(names, what):
            return [{"name": each, "ref": f"refs/{what}/{each}", "targetCommit": sha} for each, sha in names.items()]

        refs = {"branches": listed(repo.branches, "heads"), "tags": listed(repo.tags, "tags"), "converts": []}
        return 200, {}, refs

    def tag(self, body, kind, name, revision):
        repo, tag = self.repo(kind, name, write=True), json.loads(body)["tag"]
        if tag in repo.tags:
            refuse(409, error="Tag already exists")
        repo.tags[tag] = repo.sha(revision)
        return 200, {}, {}

    def branch(self, body, kind, name, branch):
        repo = self.repo(kind, name, write=True)
        if branch in repo.branches:
            refuse(409, error="Reference already exists")
        repo.branches[branch] = repo.sha(json.loads(body or b"{}").get("startingPoint", "main"))
        return 200, {}, {}

    def resolve(self, body, kind, name, revision, path):
        repo = self.repo(kind, name)
        headers = {"X-Repo-Commit": repo.sha(revision)}
        data = repo.files(revision).get(path)
        if data is None:
            return 404, {**headers, "X-Error-Code": "EntryNotFound"}, b""
        headers["ETag"] = f'"{(sha256 if LFS.search(path) else git_oid)(data)}"'
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        begin, end = (int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)) if asked else (0, len(data) - 1)
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{end}/{len(data)}"
        if self.command == "GET":
            self.server.served[path] += end + 1 - begin
        return 206 if asked else 200, headers, data[begin : end + 1]

    def collection(self, body, slug=None):
        if slug is None:
            asked = json.loads(body)
            self.writes(asked["namespace"])
            slug = f"{asked['namespace']}/{asked['title'].lower().replace(' ', '-')}-0123456789abcdef"
            if slug in self.server.collections:
                refuse(409, error="Collection already exists", slug=slug)
            owner = {"name": asked["namespace"]}
            about = {"title": asked["title"], "slug": slug, "private": asked["private"], "theme": "blue", "upvotes": 0}
            times = {"lastUpdated": "2024-01-01T00:00:00.000Z"}
            self.server.collections[slug] = {"owner": owner, "items": [], "position": 0, **about, **times}
        return 200, {}, self.server.collections.get(slug) or refuse(404)

    def collect(self, body, slug):
        collection, item = self.server.collections.get(slug) or refuse(404), json.loads(body)["item"]
        self.writes(slug.split("/")[0])
        self.repo(f"{item['type']}s", item["id"])
        if item in ({"id": each["id"], "type": each["type"]} for each in collection["items"]):
            refuse(409, error="Item already exists")
        place = len(collection["items"])
        collection["items"].append({**item, "_id": str(place), "position": place, "repoType": item["type"]})
        return 200, {}, collection


API = "/api/(?P<kind>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)"
REPO = "(?P<kind>|datasets/|spaces/)(?P<name>[^/]+/[^/]+)"
ROUTES = [
    ("GET", "/api/whoami-v2", Handler.whoami),
    ("POST", "/api/repos/create", Handler.create),
    ("POST", "/api/validate-yaml", Handler.validate_yaml),
    ("POST", f"{API}/preupload/(?P<revision>.+)", Handler.preupload),
    ("POST", rf"/{REPO}\.git/info/lfs/objects/batch", Handler.lfs_batch),
    ("PUT", f"/{REPO}/lfs/(?P<oid>[0-9a-f]+)", Handler.lfs_put),
    ("POST", f"{API}/commit/(?P<revision>.+)", Handler.commit),
    ("GET", API, Handler.info),
    ("GET", f"{API}/revision/(?P<revision>.+)", Handler.info),
    ("GET", f"{API}/tree/(?P<revision>[^/]+)", Handler.tree),
    ("GET", f"{API}/tree/(?P<revision>[^/]+)/(?P<folder>.+)", Handler.tree),
    ("POST", f"{API}/paths-info/(?P<revision>.+)", Handler.paths_info),
    ("GET", f"{API}/refs", Handler.refs),
    ("POST", f"{API}/tag/(?P<revision>.+)", Handler.tag),
    ("POST", f"{API}/branch/(?P<branch>.+)", Handler.branch),
    ("GET HEAD", rf"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Handler.resolve),
    ("POST", "/api/collections", Handler.collection),
    ("GET", "/api/collections/(?P<slug>[^/]+/[^/]+)", Handler.collection),
    ("POST", "/api/collections/(?P<slug>[^/]+/[^/]+)/items", Handler.collect),
]

HUB = Hub()  # that of this process, and an empty cache for it
HOME = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
