"""One command for a machine with a card: tests, speed, a claim and the authors' figure, with the results in one file.

    python benchmarks/card.py --out out/card                     on one CUDA device, within 25 minutes
    python benchmarks/card.py --device cpu --rehearse            everything at tiny sizes, without a card

Its parts are the CUDA tests, the benchmarks, the 18 runs of the authors' figure (A1), and N10 with its phase diagram by
the gpu profile, each with a time of its own after which it is stopped. ``card.json`` and ``card.md`` in the folder have
the date, the card, driver and versions, what the card can do (a product of matrices, a copy), and how each part ended;
they are written after every part. The same command again goes on: it leaves out what has ended, and the runs of a claim
that was stopped go on from the records that it left. The status is 0 when every part has ended, whatever its verdict, 1
when one was stopped, and 2 without a card.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "import sys; from escape_ntk import main; sys.exit(main())"
TINY = ("strengths=[0.0, 0.01]", "seeds=[1]", "dimension=4", "steps=3", "points=20")
WORKERS = 8
"""Processes that share the card: most steps are launches, between which it would wait for one."""
SHOWN = 15
"""Last lines of what a part wrote that are kept."""


@dataclass(frozen=True)
class Part:
    """One part: its name, the commands' arguments to this interpreter, and the seconds that all of them may take."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    limit: float


def parts(folder: Path, device: str, rehearse: bool) -> tuple[Part, ...]:
    """What is run, in order."""
    several = () if rehearse else ("-n", str(min(12, os.cpu_count() or 1)))
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark", *several)
    speed = [str(ROOT / "benchmarks" / name) for name in ("gradient.py", "gram.py")]
    sized = ("--n", "64", "--m", "64", "--d", "8") if rehearse else ()
    workers = "1" if rehearse else str(min(WORKERS, os.cpu_count() or 1))
    verify = ("-c", COMMAND, "verify", "--quiet", "--workers", workers, "--out", str(folder / "records"))
    own = tuple(f"--set=authors.{one}" for one in TINY) if rehearse else ()
    cases = (
        (str(ROOT / "tests/numerics/test_threads.py"),) if rehearse else ("-k", "cuda", str(ROOT / "tests/numerics"))
    )
    return (
        Part("tests", ((*tests, *cases),), 120),
        Part("speed", tuple((name, "--json", "--device", device, *sized) for name in speed), 120),
        Part(
            "authors",
            ((*verify, "--claims", "A1", "--profile", "authors", f'--set=device="{device}"', *own),),
            540,
        ),
        Part(
            "claim",
            ((*verify, "--claims", *(("O3", "--profile", "quick") if rehearse else ("N10", "--profile", "gpu"))),),
            720,
        ),
    )


def run(part: Part) -> dict[str, Any]:
    """How a part ended: "ended" with the status of each command, or "stopped" after its time; and its last lines."""
    start, statuses, lines = time.monotonic(), list[int](), list[str]()
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    for command in part.commands:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            written, _ = process.communicate(timeout=max(0.0, part.limit - (time.monotonic() - start)))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            written, _ = process.communicate()
        finally:
            if process.poll() is None:  # this command is being stopped: no part outlives it
                os.killpg(process.pid, signal.SIGTERM)
        lines += written.splitlines()
        if time.monotonic() - start >= part.limit:
            return report(part, "stopped", statuses, lines, start)
        statuses.append(process.returncode)
    return report(part, "ended", statuses, lines, start)


def report(part: Part, how: str, statuses: Sequence[int], lines: Sequence[str], start: float) -> dict[str, Any]:
    """What is kept of a part: ratios from its lines of JSON, and the last of the others."""
    found = [json.loads(line) for line in lines if line.startswith('{"name"')]
    text = [line for line in lines if not line.startswith('{"name"')]
    taken = round(time.monotonic() - start, 1)
    return {"name": part.name, "how": how, "statuses": list(statuses), "seconds": taken} | {
        "ratios": [one for one in found if "ratio" in one],
        "last": text[-SHOWN:],
    }


def ceilings(device: str, n: int, rounds: int = 7) -> dict[str, float]:
    """What no computation here exceeds: float32 products of n x n in TFLOP/s, copies of the same in GB/s; medians."""

    def rate(work: float, call: Any) -> float:
        times = []
        for _ in range(rounds + 1):
            start = time.perf_counter()
            call()
            if device != "cpu":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - start)
        return work / statistics.median(times[1:])

    a, b, c = (torch.randn(n, n, device=device) for _ in range(3))
    product = rate(2.0 * n**3, lambda: torch.mm(a, b, out=c)) / 1e12
    return {"product TFLOP/s": round(product, 3), "copy GB/s": round(rate(8.0 * n**2, lambda: c.copy_(a)) / 1e9, 1)}


def about(device: str, rehearse: bool) -> dict[str, Any]:
    """Date, card, driver and versions."""
    card, driver = "none", "none"
    if device != "cpu":
        card = torch.cuda.get_device_name(device)
        tool = shutil.which("nvidia-smi")
        asked = [tool or "", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = (
            subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() if tool else "unknown"
        )
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "rehearsal": rehearse,
        "device": device,
        "card": card,
        "driver": driver,
        "cuda": torch.version.cuda or "none",
        "torch": torch.__version__.partition("+")[0],
        "python": platform.python_version(),
        "ceilings": ceilings(device, 128 if rehearse else 8192),
    }


def markdown(found: dict[str, Any]) -> str:
    """The same for a reader."""
    head = [f"# {'Rehearsal without a card' if found['rehearsal'] else found['card']}, {found['date']}", ""]
    names = ("card", "driver", "cuda", "torch", "python")
    head += [", ".join(f"{name} {found[name]}" for name in names) + ".", ""]
    head += [", ".join(f"{name}: {value}" for name, value in found["ceilings"].items()) + ".", ""]
    rows = ["| part | how | statuses | s |", "|---|---|---|---|"]
    rows += [f"| {one['name']} | {one['how']} | {one['statuses']} | {one['seconds']} |" for one in found["parts"]]
    ratios = [one for part in found["parts"] for one in part["ratios"]]
    if ratios:
        rows += ["", "| ratio | against | median | least to largest |", "|---|---|---|---|"]
    rows += [
        f"| {one['name']} | {one['against']} | {one['ratio']:.3g} | {one['low']:.3g} to {one['high']:.3g} |"
        for one in ratios
    ]
    for part in found["parts"]:
        rows += ["", f"## {part['name']}", "", "```", *part["last"], "```"]
    return "\n".join([*head, *rows, ""])


def main() -> int:
    """Run the parts that have not ended, and write both files."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=Path("out/card"))
    options.add_argument("--device", default="cuda")
    options.add_argument("--rehearse", action="store_true", help="tiny sizes")
    options.add_argument("--only", nargs="*", default=["tests", "speed", "authors", "claim"], metavar="PART")
    chosen = options.parse_args()
    if chosen.device != "cpu" and not torch.cuda.is_available():
        sys.stderr.write(
            "torch sees no CUDA device here; use a build of torch for your card, or --device cpu --rehearse\n"
        )
        return 2
    if chosen.device == "cpu" and not chosen.rehearse:
        sys.stderr.write("--device cpu: is for the rehearsal at tiny sizes; add --rehearse\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = chosen.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "card.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    same = (before.get("device"), before.get("rehearsal")) == (chosen.device, chosen.rehearse)
    done = {one["name"]: one for one in before.get("parts", []) if same and one["how"] == "ended"}
    found = about(chosen.device, chosen.rehearse)
    results = dict(done)
    for part in parts(folder, chosen.device, chosen.rehearse):
        if part.name in chosen.only and part.name not in done:
            results[part.name] = run(part)
            print(f"{part.name}: {results[part.name]['how']} after {results[part.name]['seconds']} s", flush=True)
        found["parts"] = list(results.values())
        file.write_text(json.dumps(found, indent=1), encoding="utf-8")
        (folder / "card.md").write_text(markdown(found), encoding="utf-8")
    return int(any(one["how"] == "stopped" for one in results.values()))


if __name__ == "__main__":
    sys.exit(main())
