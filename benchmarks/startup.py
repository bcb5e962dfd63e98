"""What it costs to start: wall time and peak memory of commands that do little, beside Python itself.

The commands take turns; a figure is the median of the rounds. Everything was run once before, so files come from the page cache.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from table import machine, show

ROUNDS = 21
KIB_IN_MIB = 1024
METER = Path(__file__).with_name("meter.py")
WORKFLOW = """name: hello
nodes:
  - name: greet
    run: 'return {"greeting": "hello " + state["name"]}'
  - name: shout
    run: 'return {"greeting": state["greeting"].upper()}'
"""
TARGET = "Targets: tea --version in at most 60 ms and 25 MiB on a machine where python -c pass takes 15 to 20 ms"


@dataclass(slots=True)
class Samples:
    """What was measured of one command; seconds and MiB."""

    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def row(self, title: str) -> list[str]:
        """The medians, as a line of the table."""
        return [title, f"{statistics.median(self.seconds) * 1000:.0f}", f"{statistics.median(self.memory):.1f}"]


def measure(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak MiB of one run of ``command``.

    Raises:
        RuntimeError: it did not end with exit code 0.
    """
    told = subprocess.run([sys.executable, "-I", "-S", str(METER), *command], capture_output=True, text=True, check=True).stdout
    seconds, memory, code = told.split()
    if code != "0":
        message = f"exit code {code}: {' '.join(command)}"
        raise RuntimeError(message)
    return float(seconds), int(memory) / KIB_IN_MIB


def main() -> None:
    """Measure and print the table."""
    tea = str(Path(sys.executable).with_name("tea"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "hello.yaml")
        file.write_text(WORKFLOW, encoding="utf-8")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "tea --version": [tea, "--version"],
            "tea --help": [tea, "--help"],
            "tea validate FILE": [tea, "validate", str(file)],
            "tea run FILE": [tea, "run", str(file), "--input", '{"name": "you"}'],
        }
        samples = {title: Samples() for title in commands}
        for counted in (False, *[True] * ROUNDS):
            for title, command in commands.items():
                seconds, memory = measure(command)
                if counted:
                    samples[title].seconds.append(seconds)
                    samples[title].memory.append(memory)
    print(machine("the-edge-agent"))
    rows = [found.row(title) for title, found in samples.items()]
    show("Start: a whole process", ["command", "wall ms", "peak MiB"], rows, f"{ROUNDS} rounds. {TARGET}.")


if __name__ == "__main__":
    main()
