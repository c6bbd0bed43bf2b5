"""What it costs to start: CPU time of the commands and imports that a user waits for, beside a bare interpreter.

Run as ``python benchmarks/startup.py [--repeats 7]``. Each line is the median over fresh processes of user and system
time, its spread (least and largest), and the ratio to ``python -c pass`` of the same round. The rounds take the lines
by turns, so that a load on the machine falls on all of them alike. Bytecode is compiled before, as it is where the
package is installed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "import sys; sys.argv[:] = ['escape-ntk', *{words!r}]; from escape_ntk import main; sys.exit(main())"
BARE = "python -c pass"
STARTS = {
    BARE: "pass",
    "import numpy": "import numpy",
    "import theory": "import theory",
    "import verify": "import verify",
    "import verify.registry": "import verify.registry",
    "escape-ntk --help": COMMAND.format(words=["--help"]),
    "escape-ntk verify --help": COMMAND.format(words=["verify", "--help"]),
    "escape-ntk claims": COMMAND.format(words=["claims"]),
    "escape-ntk completion bash": COMMAND.format(words=["completion", "bash"]),
    "escape-ntk explain S1": COMMAND.format(words=["explain", "S1"]),
    "escape-ntk spectrum 'tanh(z + 1)' --d 20": COMMAND.format(words=["spectrum", "tanh(z + 1)", "--d", "20"]),
}
GOALS = {"import theory": 0.35, "escape-ntk --help": 0.6, "escape-ntk claims": 0.6}
"""Seconds of CPU time that a start may take."""


def seconds(code: str, environment: dict[str, str], folder: str) -> float:
    """CPU seconds of a fresh interpreter that runs this code; what it prints is dropped."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print the table; the status is 1 where a median is above its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for code in STARTS.values():  # compiles what it loads
            seconds(code, environment, folder)
        rounds = [{name: seconds(code, environment, folder) for name, code in STARTS.items()} for _ in range(repeats)]
    print(f"{'start':<42} {'median':>8} {'least':>7} {'most':>7} {'ratio':>6}")
    missed = False
    for name in STARTS:
        times = [one[name] for one in rounds]
        ratio = statistics.median(one[name] / one[BARE] for one in rounds)
        middle = statistics.median(times)
        missed |= middle > GOALS.get(name, middle)
        print(f"{name:<42} {middle:>6.2f} s {min(times):>7.2f} {max(times):>7.2f} {ratio:>6.1f}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
