"""Whoever connects without the key, or sends what is no message, changes nothing for others."""

import pickle
import socket
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client

import pytest

from core.lab import endpoint


@pytest.fixture
def place(lab):
    lab.ask("ready", {})
    return endpoint.read(lab.root, "tiny")


def raw(place):
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(10)
    line.connect(place.address)
    return line


def hung_up_on(line):
    with suppress(ConnectionResetError):
        while line.recv(4096):
            pass  # the challenge


def alive(lab, pid):
    return lab.ask("ready", {})["environment"] == {"tiny": "1"} and lab.pid == pid


def test_a_wrong_key_is_turned_away(lab, place):
    with pytest.raises(AuthenticationError):
        Client(place.address, place.family, authkey=b"guess")
    assert alive(lab, place.pid)


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 64, b"\x7f\xff\xff\xff", b"\xff" * 12, b"\0\0\0\5abcde"],
    ids=["http", "zeros", "two gigabytes announced", "exabytes announced", "no answer to the challenge"],
)
def test_garbage_before_the_key_ends_that_talk_only(lab, place, garbage):
    with raw(place) as line:
        line.sendall(garbage)
        hung_up_on(line)
    assert alive(lab, place.pid)


def test_a_silent_stranger_keeps_nobody_out_and_is_hung_up_on(lab, place):
    with raw(place) as line:
        assert alive(lab, place.pid)
        hung_up_on(line)
    assert alive(lab, place.pid)


class Bomb:
    def __reduce__(self):
        return (print, ("this ran",))


@pytest.mark.parametrize(
    "message",
    [pickle.dumps(Bomb()), b"", b"\x00\x00\x00\x02{}", b'\x00\x00\x00\x0f{"method": 123}', b"\xff" * 100],
    ids=["pickle", "nothing", "no method", "no text", "bytes"],
)
def test_garbage_with_the_key_is_not_run_and_ends_that_talk_at_most(lab, place, message, capfd):
    with Client(place.address, place.family, authkey=place.key) as line:
        line.send_bytes(message)
        with suppress(EOFError, OSError):
            assert b"error" in line.recv_bytes()
    assert alive(lab, place.pid)
    assert "this ran" not in endpoint.log_file(lab.root, "tiny").read_text()


def test_an_oversized_message_is_refused_before_it_is_read(lab, place):
    with Client(place.address, place.family, authkey=place.key) as line, pytest.raises((OSError, EOFError)):
        line.send_bytes(b"\x00" * (9 << 20))
        line.recv_bytes()
    assert alive(lab, place.pid)
