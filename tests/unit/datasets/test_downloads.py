"""Downloads, against a server on this machine: checked, whole or not at all, and a clear sentence when offline."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.datasets import load
from core.datasets._downloads import Remote, fetched, folder, reading
from core.errors import Unavailable
from core.plan import DataChoice

CONTENT = b"digits " * 1000
RIGHT = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802 - the name http.server calls
        self.send_response(404 if "missing" in self.path else 200)
        self.end_headers()
        self.wfile.write(CONTENT[: 50 if "short" in self.path else None])

    def log_message(self, *args):
        """Nothing on the terminal."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_right_file_is_downloaded_once(server):
    path = fetched(Remote("sub/file.bin", f"{server}/file", RIGHT, len(CONTENT)))
    assert path == folder() / "sub" / "file.bin"
    assert path.read_bytes() == CONTENT
    assert fetched(Remote("sub/file.bin", f"{server}/missing", RIGHT, len(CONTENT))) == path


@pytest.mark.parametrize(
    ("address", "sha", "size"),
    [
        ("missing", RIGHT, len(CONTENT)),
        ("short", RIGHT, len(CONTENT)),
        ("file", "0" * 64, len(CONTENT)),
        ("file", RIGHT, 100),
    ],
)
def test_anything_else_leaves_no_file_behind(server, address, sha, size):
    with pytest.raises(Unavailable, match=r'"file.bin" is not in .* Connect to the internet, or put the file from'):
        fetched(Remote("file.bin", f"{server}/{address}", sha, size))
    assert list(folder().iterdir()) == []


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_offline_the_sentence_says_what_to_do(name, tmp_path, monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("network is unreachable")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(Unavailable, match="could not be downloaded .network is unreachable.. Connect to the internet"):
        load(DataChoice(name))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "mnist.npz"),
        ("fashion-mnist", "fashion-mnist/train-images-idx3-ubyte.gz"),
        ("cifar10", "cifar-10-binary.tar.gz"),
    ],
)
def test_a_damaged_file_in_the_cache_is_named(name, file, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = folder() / file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK damaged")
    with pytest.raises(Unavailable, match="is damaged or of another kind. Delete it"):
        load(DataChoice(name))


def test_trouble_while_reading_is_told_as_a_damaged_file(server):
    remote = Remote("file.bin", f"{server}/file", RIGHT, len(CONTENT))
    with pytest.raises(Unavailable, match="damaged"), reading(remote):
        raise EOFError
