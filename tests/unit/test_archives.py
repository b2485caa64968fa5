"""Zips from strangers: what is let in, what is not."""

import struct
import zipfile

import pytest

from core.archives import open_zip, read_member
from core.errors import RefusedFile


@pytest.fixture
def zipped(tmp_path):
    def make(members, compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / "archive.zip"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return path

    return make


def test_an_ordinary_archive_opens(zipped):
    with open_zip(zipped([("folder/a.json", "{}"), ("folder/b", b"\0" * 5000)])) as archive:
        assert read_member(archive, "folder/a.json", 10) == b"{}"


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", "a\\..\\out", "C:/out", ".."])
def test_names_that_leave_the_folder_are_refused(name, zipped):
    path = zipped([(zipfile.ZipInfo(name), "x")])
    with pytest.raises(RefusedFile):
        open_zip(path).close()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(zipped):
    with pytest.raises(RefusedFile, match="twice"):
        open_zip(zipped([("a", "1"), ("a", "2")]))


def test_a_link_is_refused(zipped):
    link = zipfile.ZipInfo("a")
    link.external_attr = 0o120777 << 16
    with pytest.raises(RefusedFile, match="link"):
        open_zip(zipped([(link, "/etc/passwd")]))


def test_an_encrypted_member_is_refused(zipped):
    path = zipped([("a", "1")])
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\x01\x02")
    data[start + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(RefusedFile, match="encrypted"):
        open_zip(path)


def test_a_bomb_is_refused_before_it_is_unpacked(zipped):
    with pytest.raises(RefusedFile, match="200 times"):
        open_zip(zipped([("a", bytes(20 << 20))]))
    with pytest.raises(RefusedFile, match="at most 1000"):
        open_zip(zipped([("a", bytes(range(256)) * 4)], zipfile.ZIP_STORED), largest=1000)


def test_many_members_that_share_their_bytes_count_each(zipped):
    path = zipped([("a", bytes(900_000)), ("b", bytes(900_000))])
    with pytest.raises(RefusedFile, match="at most 1000000"):
        open_zip(path, largest=1_000_000)


def test_what_is_no_zip_or_cut_short_is_refused(zipped, tmp_path):
    path = tmp_path / "text.zip"
    path.write_text("hello")
    with pytest.raises(RefusedFile, match="no readable archive"):
        open_zip(path)
    cut = zipped([("a", "1" * 1000)])
    cut.write_bytes(cut.read_bytes()[:-30])
    with pytest.raises(RefusedFile, match="no readable archive"):
        open_zip(cut)
    with pytest.raises(RefusedFile):
        open_zip(tmp_path / "nothing.zip")


def test_a_member_that_lies_about_itself_is_refused(zipped):
    path = zipped([("a", b"1" * 1000)], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[50] ^= 255
    path.write_bytes(data)
    with open_zip(path) as archive, pytest.raises(RefusedFile, match="damaged"):
        read_member(archive, "a", 2000)
    with open_zip(path) as archive, pytest.raises(RefusedFile, match="larger"):
        read_member(archive, "a", 10)
    with open_zip(path) as archive, pytest.raises(RefusedFile, match="lacks"):
        read_member(archive, "b", 10)


def test_more_members_than_any_model_are_refused(tmp_path):
    path = tmp_path / "many.zip"
    entry = b"PK\x01\x02" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 33, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0)
    count = 100_001
    directory = b"".join(entry + b"%05x" % number for number in range(count))
    ends = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(directory), 1)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(directory + b"PK\x06\x06" + ends + locator + end)
    with pytest.raises(RefusedFile, match="100001 members"):
        open_zip(path)
