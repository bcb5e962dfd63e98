"""The public API: load, read, invoke, stream, ainvoke, astream, close."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import the_edge_agent
from the_edge_agent import START, StateGraph
from the_edge_agent.agent import Agent, load, read
from the_edge_agent.engine import events
from the_edge_agent.errors import NodeFailed, Refused, UsageError, WorkflowInvalid
from the_edge_agent.llm.options import LlmOptions
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = """
nodes:
  - name: count
    run: 'return {"n": state.get("n", 0) + 1, "trail": state.get("trail", []) + [state["who"]]}'
    goto:
      - {if: state.n < 20, to: count}
      - {to: done}
  - {name: done, run: "return {'done': True}"}
"""
FOREVER = """
settings: {max_iterations: 1000000000}
nodes:
  - {name: spin, run: "state['n'] = state.get('n', 0) + 1; return {}", goto: spin}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "flow.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def no_run_goes_on() -> bool:
    """Whether every run on a thread of its own comes to its end."""
    runs = [thread for thread in threading.enumerate() if thread.name == "tea-run"]
    for thread in runs:
        thread.join(60)
    return not any(thread.is_alive() for thread in runs)


def holding(told: Callable[[], object], release: threading.Event) -> Agent:
    """An agent whose one node calls ``told`` and then holds until ``release``, after which a second node would run."""

    def hold(_: dict[str, Any]) -> None:
        told()
        release.wait(60)

    graph = StateGraph()
    graph.add_node("hold", hold)
    graph.add_node("after", lambda _: {"after": True})
    graph.add_edge(START, "hold")
    graph.add_edge("hold", "after")
    return Agent(graph.workflow())


def test_the_package_offers_what_it_lists() -> None:
    for name in the_edge_agent.__all__:
        assert getattr(the_edge_agent, name) is not None
    assert the_edge_agent.load is load
    assert the_edge_agent.Agent is Agent
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = the_edge_agent.nothing


def test_one_agent_runs_in_several_threads(tmp_path: Path) -> None:
    with load(written(tmp_path, COUNT)) as agent, ThreadPoolExecutor(4) as pool:
        finals = list(pool.map(lambda who: agent.invoke({"who": who}), range(16)))
    assert finals == [{"who": who, "n": 20, "trail": [who] * 20, "done": True} for who in range(16)]


def test_stream_gives_each_event_its_own_state(tmp_path: Path) -> None:
    with load(written(tmp_path, COUNT)) as agent:
        found = list(agent.stream({"who": 1}))
    counts = [event.state["n"] for event in found if isinstance(event, events.NodeCompleted) and event.node == "count"]
    assert counts == list(range(1, 21))
    assert isinstance(found[-1], events.RunCompleted)
    assert found[-1].state["done"] is True


def test_leaving_a_stream_stops_the_run(tmp_path: Path) -> None:
    with load(written(tmp_path, FOREVER)) as agent:
        stream = agent.stream()
        assert next(stream).type == "start"
        stream.close()  # type: ignore[attr-defined]
        assert no_run_goes_on()


def test_a_stream_raises_after_its_last_event(tmp_path: Path) -> None:
    with load(written(tmp_path, "nodes: [{name: a, run: \"raise ValueError('broken')\"}]")) as agent:
        stream = agent.stream()
        assert [next(stream).type for _ in range(4)] == ["start", "node_start", "node_error", "error"]
        with pytest.raises(NodeFailed, match="broken"):
            next(stream)


def test_stream_takes_the_options_of_a_run(tmp_path: Path) -> None:
    with load(written(tmp_path, "nodes: [{name: a}, {name: b}, {name: c}]")) as agent:
        found = list(agent.stream(entry="b", stop_before="c"))
    assert [event.node for event in found if isinstance(event, events.NodeCompleted)] == ["b"]


def test_ainvoke_gives_the_final_state(tmp_path: Path) -> None:
    with load(written(tmp_path, COUNT)) as agent:
        assert asyncio.run(agent.ainvoke({"who": 1}))["n"] == 20


def test_ainvoke_raises_what_the_run_raised(tmp_path: Path) -> None:
    with load(written(tmp_path, "nodes: [{name: a, run: 'raise ValueError'}]")) as agent, pytest.raises(NodeFailed):
        asyncio.run(agent.ainvoke())


@pytest.mark.parametrize("how", ["ainvoke", "astream"])
def test_cancelling_returns_while_a_node_is_at_work_and_ends_the_run_behind_it(how: str) -> None:
    release = threading.Event()
    before = set(threading.enumerate())

    async def listen(agent: Agent) -> None:
        async for event in agent.astream():
            assert event.type != "complete"

    async def main() -> None:
        loop, begun = asyncio.get_running_loop(), asyncio.Event()
        agent = holding(lambda: loop.call_soon_threadsafe(begun.set), release)
        task = asyncio.create_task(agent.ainvoke() if how == "ainvoke" else listen(agent))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not release.is_set()
        left = set(threading.enumerate()) - before
        assert {thread.name for thread in left} == {"tea-run"}, "no thread waits for the run"

    asyncio.run(main())
    release.set()
    assert no_run_goes_on()


def test_astream_gives_the_events(tmp_path: Path) -> None:
    async def main(agent: Agent) -> list[str]:
        return [event.type async for event in agent.astream({"who": 1})]

    with load(written(tmp_path, COUNT)) as agent:
        types = asyncio.run(main(agent))
    assert types[0] == "start"
    assert types[-1] == "complete"
    assert types.count("node_complete") == 21


def test_leaving_astream_stops_the_run(tmp_path: Path) -> None:
    async def main(agent: Agent) -> None:
        stream = agent.astream()
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]

    with load(written(tmp_path, FOREVER)) as agent:
        asyncio.run(main(agent))
        assert no_run_goes_on()


def test_astream_raises_what_the_run_raised(tmp_path: Path) -> None:
    async def main(agent: Agent) -> None:
        async for _ in agent.astream():
            pass

    with load(written(tmp_path, "nodes: [{name: a, run: 'raise ValueError'}]")) as agent, pytest.raises(NodeFailed):
        asyncio.run(main(agent))


def test_closing_is_idempotent(tmp_path: Path) -> None:
    agent = load(written(tmp_path, COUNT))
    agent.close()
    agent.close()


def test_a_run_leaves_the_constants_of_the_workflow_alone(tmp_path: Path) -> None:
    text = """
variables: {list: [1]}
data: {list: [1]}
nodes:
  - name: change
    run: |
      variables["list"].append(2)
      config["more"] = 1
  - {name: take, uses: json.stringify, with: {data: 1}, output: {taken: "{{ data.list }}"}}
  - {name: push, run: "state['taken'].append(2); return {'seen': variables['list'], 'config': config}"}
"""
    agent = load(written(tmp_path, text))
    first, second = agent.invoke(), agent.invoke()
    assert first == second == {"taken": [1, 2], "seen": [1, 2], "config": {}}


def test_a_closed_agent_runs_with_the_same_options(tmp_path: Path) -> None:
    settings = "settings: {llm: {api_base: 'http://127.0.0.1:9/v1', model: none, max_retries: 0, max_tokens: 1}}"
    flow = written(tmp_path, f"{settings}\nnodes: [{{name: ask, uses: llm.call, with: {{prompt: hi}}}}]")
    with load(flow, llm=LlmOptions(gguf=builtin.path(), backend="local")) as agent:
        agent.close()
        assert agent.invoke()["backend"] == "local"


def test_what_is_remembered_lives_as_long_as_the_agent(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
nodes:
  - {name: look, uses: memory.retrieve, with: {key: k, default: none}, output: {before: "{{ result.value }}"}}
  - {name: keep, uses: memory.store, with: {key: k, value: "{{ state.value }}"}, output: stored}
""",
    )
    with load(path) as agent:
        assert [agent.invoke({"value": value})["before"] for value in ("a", "b")] == ["none", "a"]
    with load(path) as agent:
        assert agent.invoke({"value": "c"})["before"] == "none"


def test_read_runs_nothing_of_the_workflow(tmp_path: Path) -> None:
    workflow, problems = read(written(tmp_path, f"nodes: [{{name: a, run: \"open({str(tmp_path / 'ran')!r}, 'w')\"}}]"))
    assert workflow is not None
    assert problems == ()
    assert not (tmp_path / "ran").exists()


def test_read_gives_warnings_with_the_workflow(tmp_path: Path) -> None:
    workflow, problems = read(written(tmp_path, "nodes: [{name: a, goto: __end__}, {name: b}]"))
    assert workflow is not None
    assert [(problem.code, problem.severity) for problem in problems] == [("UNREFERENCED_NODE", "warning")]


def test_an_actions_file_adds_actions(tmp_path: Path) -> None:
    actions = tmp_path / "mine.py"
    actions.write_text(
        "def hi(state, name):\n    return {'said': 'hi ' + name}\n\ndef register_actions(registry, engine):\n    registry['my.hi'] = hi\n"
    )
    path = written(tmp_path, "nodes: [{name: a, uses: my.hi, with: {name: Ada}}]")
    with pytest.raises(WorkflowInvalid):
        load(path)
    with load(path, actions_files=[actions]) as agent:
        assert agent.invoke() == {"said": "hi Ada"}


def test_refusing_code_refuses_imports_before_they_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    path = written(tmp_path, "imports: [{path: mine.py}]\nnodes: [{name: a}]")
    with pytest.raises(Refused, match="import of"):
        load(path, allow_code=False)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not found"),
        ("folder", "is a folder"),
        (b"\xff\xfe\x00n", "not UTF-8 text: byte 0xff at offset 0"),
        (b"nodes: caf\xe9", "byte 0xe9 at offset 10"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | str | None, message: str) -> None:
    path = tmp_path / "flow.yaml"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    for function in (load, read):
        with pytest.raises(UsageError, match=message) as caught:
            function(path)
        assert caught.value.hint


def test_a_file_not_found_offers_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "workflow.yaml").write_text("nodes: [{name: a}]")
    with pytest.raises(UsageError) as caught:
        load(tmp_path / "workfow.yaml")
    assert caught.value.hint == f"did you mean {tmp_path / 'workflow.yaml'}?"


def test_a_missing_overlay_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"more\.yaml"):
        load(written(tmp_path, COUNT), overlays=[tmp_path / "more.yaml"])
