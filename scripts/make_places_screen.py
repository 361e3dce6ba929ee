"""Makes the picture of the places where a model could run; as root, since its two machines are network namespaces.

    python scripts/make_places_screen.py

Both are this one under other names, joined as in the tests. The places are those of a toy model, and whether it fits in
them is what the program came to.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sparktop.nodes.place import Place  # noqa: E402
from sparktop.places import Places  # noqa: E402
from sparktop.runner.others import Others  # noqa: E402
from sparktop.scenarios.library import Library  # noqa: E402
from sparktop.ui.application import SparktopApp  # noqa: E402
from sparktop.ui.wiring import real_ports  # noqa: E402

TERMINAL = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
SIZE = (100, 24)
NAMES = ("spark-1", "spark-2")
ON_STAGE = "on-stage"


@contextmanager
def agent(within: list[str], home: Path, name: str) -> Iterator[Path]:
    """Runs the agent of the other machine; gives its socket."""
    socket = home / f"{name}.sock"
    own = home / name
    own.mkdir()
    process = subprocess.Popen(
        [*within, sys.executable, "-m", "sparktop", "node", "--name", name, "--socket", str(socket)],
        env={"HOME": str(own), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it listens
        yield socket
    finally:
        process.terminate()
        process.communicate()


async def shoot(home: Path, socket: Path) -> None:
    """Makes the picture: here, on the other one, on both, and where nobody is connected to yet."""
    places = Places.of({"HOME": str(home)})
    known = {
        NAMES[1]: Place(name=NAMES[1], socket=socket, always=True),
        "spark-3": Place(name="spark-3", ssh="spark-3"),
    }
    others = Others((), known)
    ports = real_ports(Library(ROOT / "scenarios", places.scenarios), places, monotonic, others)
    try:
        async with SparktopApp(ports, environ=TERMINAL).run_test(size=SIZE) as pilot:
            while others.away[0].name == NAMES[1]:
                await pilot.pause(0.1)
            await pilot.pause(0.5)
            await pilot.press("tab", "p", "p", "p")
            await pilot.pause(1.5)
            path = ROOT / "docs" / "screens" / "places.svg"
            assert isinstance(pilot.app, SparktopApp)
            path.write_text(pilot.app.picture(), encoding="utf-8")
            print(path.relative_to(ROOT))
    finally:
        others.stop()


def main() -> None:
    """Makes two machines, and the picture on the first of them."""
    if sys.argv[1:2] == [ON_STAGE]:
        asyncio.run(shoot(Path(sys.argv[2]), Path(sys.argv[3])))
        return
    from tests.nodes.machines import joined

    with joined(2) as (first, second), tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # A host name of its own, which the screen shows.
        named = ["unshare", "--uts", "sh", "-c", f'hostname {NAMES[0]} && exec "$@"', "sh"]
        with agent(second.within, home, NAMES[1]) as socket:
            here = [sys.executable, str(Path(__file__).resolve()), ON_STAGE, folder, str(socket)]
            subprocess.run([*first.within, *named, *here], check=True)


if __name__ == "__main__":
    main()
