"""Thirty people on one server, each moving the sparsity slider of *Prune* every five seconds: seconds to the answer.

    python benchmarks/thirty_clients.py [--clients 30] [--seconds 60] [--framework pytorch] [--same]

They speak the page's own protocol to one real server (`streamlit run app.py`), each in a workspace of their own, and
draw nothing: no browser lays out what they are sent. An answer is there when the script that a move began has
finished, with the accuracy on all 360 validation images of digits-lenet5 in it. Everybody asks for another sparsity at
every move, so that no answer can be remembered; with --same all ask for the same few.
Wanted: 95 of 100 answers within 2 s, and nobody disconnected.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

import websockets
from driving import Server, ours
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.jobs.workspaces import new_id
from core.plan import DataChoice, Plan, Recovery
from pages.ui.choices import Choices, save

EVERY, WANTED = 5.0, 2.0


@dataclass
class Told:
    """What became of everybody's moves."""

    seconds: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    lost: int = 0
    wrong: list[str] = field(default_factory=list)


class Client:
    """One person's page."""

    def __init__(self, url: str, workspace: str) -> None:
        self._url, self._query = url.replace("http", "ws") + "/_stcore/stream", f"ws={workspace}"
        self.slider = ""

    async def visit(self, number: int, seconds: float, shares: list[float], told: Told) -> None:
        """Open *Prune* and move the slider until the time is over."""
        try:
            async with websockets.connect(self._url, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
                begun = time.perf_counter()
                await self._ask(socket, None, told)
                told.opened.append(time.perf_counter() - begun)
                await asyncio.sleep(EVERY * random.Random(number).random())
                until = time.perf_counter() + seconds
                while time.perf_counter() < until:
                    begun = time.perf_counter()
                    await self._ask(socket, shares.pop(), told)
                    told.seconds.append(time.perf_counter() - begun)
                    await asyncio.sleep(max(0.0, EVERY - (time.perf_counter() - begun)))
        except (websockets.ConnectionClosed, OSError):
            told.lost += 1

    async def _ask(self, socket: websockets.ClientConnection, share: float | None, told: Told) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name = self._query, "prune"
        if share is not None:
            moved = state.widget_states.widgets.add()
            moved.id = self.slider
            moved.double_array_value.data.append(share)
        await socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(bytes(await socket.recv(decode=False)))
            kind = answer.WhichOneof("type")
            element = answer.delta.new_element if kind == "delta" else None
            if (
                element is not None
                and element.WhichOneof("type") == "slider"
                and element.slider.label[:8] == "Sparsity"
            ):
                self.slider = element.slider.id
            if element is not None and element.WhichOneof("type") in ("exception", "alert"):
                told.wrong.append(str(element)[:300])
            if kind == "script_finished":
                return


async def visits(url: str, workspaces: list[str], seconds: float, same: bool) -> Told:
    """Everybody at once."""
    told = Told()
    moves = int(seconds / EVERY) + 2
    draws = [random.Random(0 if same else number) for number in range(len(workspaces))]
    shares = [[round(draw.uniform(5, 95), 1) for _ in range(moves)] for draw in draws]
    await asyncio.gather(*(Client(url, name).visit(i, seconds, shares[i], told) for i, name in enumerate(workspaces)))
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--framework", default="pytorch", choices=("pytorch", "keras"))
    parser.add_argument("--same", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TOPIARY_HOME"] = folder
        server = Server(Path(folder))
        server.start()
        plan = Plan(f"sample:digits-lenet5@{given.framework}", DataChoice("digits"), recovery=Recovery(epochs=5))
        workspaces = [new_id() for _ in range(given.clients)]
        for name in workspaces:
            save(name, Choices(plan=plan))
        try:
            asyncio.run(visits(server.url, workspaces[:1], 1, same=True))  # the lab imports its framework
            told = asyncio.run(visits(server.url, workspaces, given.seconds, given.same))
        finally:
            server.kill()
            for process in ours(Path(folder)):
                process.kill()
    ordered = sorted(told.seconds)
    late = ordered[int(0.95 * len(ordered))]
    print(f"{given.framework}, {given.clients} clients, a move every {EVERY:.0f} s: {len(ordered)} moves answered")
    print(f"move to answer: median {statistics.median(ordered):.2f} s, 95th percentile {late:.2f} s", end=" ")
    print(f"(wanted {WANTED:.0f}), slowest {ordered[-1]:.2f} s")
    print(f"first page of each: median {statistics.median(told.opened):.2f} s, slowest {max(told.opened):.2f} s")
    print(f"disconnected: {told.lost}; errors on a page: {len(told.wrong)}")
    for words in told.wrong[:3]:
        print(words)
    return 0 if late <= WANTED and not told.lost and not told.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
