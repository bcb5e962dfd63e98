"""What the built-in model costs through the local backend: loading, the first token, the tokens after it, memory.

Each round starts two processes, so that loading and memory are those of a fresh start, with the file in the page cache.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time

from table import machine, show

ROUNDS = 7
QUESTION = "Write a poem about the sea."
LONG_QUESTION = "What is the topic of this text? " + "The ship left the harbour early in the morning. " * 24
KIB_IN_MIB = 1024


def loading() -> dict[str, float]:
    """In this process: the time to open llama.cpp and load the model."""
    from the_edge_agent.llm.local.llama import Abort
    from the_edge_agent.llm.local.sequence import ChatContext
    from the_edge_agent.llm.options import LoadParameters
    from the_edge_agent.models import builtin, header

    start = time.perf_counter()
    context = ChatContext(header.read(builtin.path()), LoadParameters(), Abort())
    seconds = time.perf_counter() - start
    context.close()
    return {"load": seconds}


def answering() -> dict[str, float]:
    """In this process: three answers, of which the first has to load the model."""
    from the_edge_agent.llm.local.backend import LocalBackend
    from the_edge_agent.llm.options import LoadParameters
    from the_edge_agent.llm.protocol import Message, Request, Sampling, Usage
    from the_edge_agent.models import builtin

    backend = LocalBackend(builtin.path(), LoadParameters())

    def ask(question: str) -> tuple[float, float, Usage]:
        """Seconds to the first piece, and from there to the last."""
        moments: list[float] = []
        request = Request((Message("user", question),), sampling=Sampling(temperature=0), max_tokens=256)
        start = time.perf_counter()
        usage = backend.chat(request, on_token=lambda _: moments.append(time.perf_counter())).usage
        if usage is None:
            message = "the local backend did not count its tokens"
            raise RuntimeError(message)
        return moments[0] - start, moments[-1] - moments[0], usage

    cold, _, _ = ask("Say hello.")
    first, rest, written = ask(QUESTION)
    reading, _, read = ask(LONG_QUESTION)
    backend.close()
    return {
        "cold": cold,
        "first": first,
        "written": (written.completion_tokens - 1) / rest,
        "read": read.prompt_tokens / reading,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_IN_MIB,
    }


PARTS = {"loading": loading, "answering": answering}


def main() -> None:
    """Measure and print the table."""
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for part in PARTS:
            told = subprocess.run([sys.executable, __file__, part], capture_output=True, text=True, check=True).stdout
            for name, value in json.loads(told).items():
                found.setdefault(name, []).append(value)
    middle = {name: statistics.median(values) for name, values in found.items()}
    print(machine("the-edge-agent", "xllamacpp"))
    rows = [
        ["open llama.cpp and load the model, ms", f"{middle['load'] * 1000:.0f}"],
        ["first token, model not loaded yet, ms", f"{middle['cold'] * 1000:.0f}"],
        ["first token, model loaded, ms", f"{middle['first'] * 1000:.0f}"],
        ["reading a prompt, tokens/s", f"{middle['read']:.0f}"],
        ["writing an answer, tokens/s", f"{middle['written']:.0f}"],
        ["peak memory of the process, MiB", f"{middle['memory']:.0f}"],
    ]
    show("Local backend with the built-in model", ["what", "median"], rows, f"{ROUNDS} rounds.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(PARTS[sys.argv[1]]()))
    else:
        main()
