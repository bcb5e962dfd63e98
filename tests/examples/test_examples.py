"""Runs every command that an example names in the comment on its top, and checks what a user would notice."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
TEA = Path(sys.executable).with_name("tea")
FILES = sorted(EXAMPLES.rglob("*.yaml"))
COMMAND = re.compile(r"^#   (.+)$", re.MULTILINE)
SERVER = "http://localhost:8000"
"""The address in the comments; the test puts its own server's there."""


def commands(file: Path) -> list[str]:
    """The commands in the comment on top of ``file``."""
    head = file.read_text(encoding="utf-8").split("\nname:")[0]
    return COMMAND.findall(head)


State = dict[str, Any]
Check = Callable[[State, Path], None]
EXPECTED: dict[str, Check] = {}


def expect(command: str) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        EXPECTED[command] = check
        return check

    return keep


def expect_values(command: str, **values: Any) -> None:
    """The final state has these values, whatever else there is."""

    def check(state: State, _: Path) -> None:
        assert {key: state.get(key) for key in values} == values

    EXPECTED[command] = check


# Flow

expect_values("tea run examples/flow/paging.yaml", read=["Emma", "Dracula", "Ulysses", "Walden", "Utopia"], offset=5)
expect_values("tea run examples/flow/route-order.yaml --input '{\"total\": 750}'", decision="a person has to approve 750 euros")
expect_values("tea run examples/flow/parallel-steps.yaml", lengths=[3, 6, 0], total=9)
expect_values("tea run examples/flow/invoices.yaml", invoices=["Ada pays 36.00", "Grace pays 6.60"])
expect_values('tea run examples/flow/invoice.yaml --input \'{"customer": "Ada", "prices": [10, 20]}\'', gross=36.0, line="Ada pays 36.00")
expect_values("tea run examples/flow/price-matrix.yaml", table=["small to DE: 5", "small to CH: 8", "large to DE: 9", "large to CH: 12"])
expect_values("tea run examples/flow/savings.yaml --input '{\"goal\": 1500}'", years=9, balance=1551.31)
expect_values("tea run examples/flow/clean-names.yaml", names=["Ada", "Grace"], greeting="Welcome, Ada and Grace!")
expect_values("tea run examples/flow/approve.yaml --auto-continue", published="Release notes")
expect_values(
    'tea run examples/flow/parallel-checks.yaml --input \'{"text": "See http://example.org NOW"}\'',
    accepted=False,
    failed=["no links", "no shouting"],
)
expect_values(
    "tea run examples/flow/fingerprints.yaml",
    lines=[f"{name} {hashlib.sha256(name.encode()).hexdigest()[:8]}" for name in ("alpha", "beta")],
)

expect_values('tea run examples/flow/sort-mail.yaml --input \'{"subject": "Invoice 2044"}\'', kind="bill", folder="accounts")

# Errors

expect_values('tea run examples/errors/fallback.yaml --input \'{"price": "12 euros"}\'', amount=12.0, guessed_because="ValueError")
expect_values("tea run examples/errors/retry.yaml", attempts=3, connected=True)
expect_values("tea run examples/errors/graceful.yaml", problem="FileNotFoundError", cleared=True, text="(empty)")
expect_values("tea run examples/errors/timeout.yaml", answer="the short way")

expect_values("tea run examples/errors/best-effort.yaml", average=21.0, ignored=["broken"])

# Data


@expect('tea run examples/data/sales-report.yaml --input \'{"folder": "report"}\'')
def sales_report(state: State, folder: Path) -> None:
    report = (folder / "report" / "sales.md").read_text(encoding="utf-8")
    assert report == "# Large sales\n\n- Lisbon: 120\n- Lisbon: 80\n- Rome: 95\n\nTotal: 295\n"
    assert state["report"] == "report/sales.md"


@expect('tea run examples/data/check-person.yaml --input \'{"text": "{\\"name\\": \\"Ada\\", \\"age\\": -1}"}\'')
def check_person(state: State, _: Path) -> None:
    assert state["valid"] is False
    assert len(state["problems"]) == 1
    assert "-1" in state["problems"][0]


@expect("tea run examples/data/letter.yaml")
def letter(state: State, _: Path) -> None:
    assert state["values"] == {"tags": ["math", "music"], "count": 4, "nickname": "none"}
    assert state["letter"] == "Dear Ada Lovelace,\n\n1. 3 pens\n2. 1 paper\n\nTags: MATH, MUSIC\n"


expect_values("tea run examples/data/remember.yaml", colour="green", sorted=[1, 2, 3], first_from_cache=False, second_from_cache=True)
expect_values(f'tea run examples/data/weather.yaml --input \'{{"server": "{SERVER}"}}\'', report="Oslo: -3 degrees")

# Extending

expect_values("tea run examples/extend/units.yaml --input '{\"miles\": 26.2}'", km=42.2)
expect_values("tea run examples/extend/deploy.yaml", plan="1 x localhost")
expect_values("tea run examples/extend/deploy.yaml -f examples/extend/deploy.prod.yaml", plan="3 x prod.example", sent=True)


@expect("DEMO_TOKEN=swordfish tea run examples/extend/signed-request.yaml --secrets-env DEMO_")
def signed_request(state: State, _: Path) -> None:
    assert state == {"request": "GET /orders", "signature": hashlib.sha256(b"swordfish GET /orders").hexdigest()[:16]}


# Lua

expect_values("tea run examples/lua/score-applicants.yaml", best="Grace", refused=["row 3 has no name"])


@expect('tea run examples/lua/score-applicants.yaml --input \'{"weights": {"skills": 1, "years": 0, "distance": 0}}\'')
def ranks_by_skills(state: State, _: Path) -> None:
    assert [(one["name"], one["score"]) for one in state["ranking"]] == [("Grace", 1), ("Ada", 0.667), ("Linus", 0)]


# A model


@expect("tea run examples/llm/local-chat.yaml")
def keeps_its_question(state: State, _: Path) -> None:
    assert state["question"] == "What is 2 + 2?"
    assert state["answer"].strip()
    assert state["backend"] == "local"
    assert state["model"] == builtin.FILE_NAME


@expect('tea run examples/llm/local-chat.yaml --input \'{"question": "What is the capital of Japan? Respond with only the city name."}\'')
def knows_tokyo(state: State, _: Path) -> None:
    assert state["answer"] == "Tokyo"
    assert state["backend"] == "local"


expect_values("tea run examples/llm/local-chat.yaml --gguf my-model.gguf", backend="local", model="my-model.gguf")


@expect('tea run examples/llm/hello-world.yaml --input \'{"name": "Ada"}\'')
def greets_by_name(state: State, _: Path) -> None:
    assert "Ada" in state["greeting"]


# Prolog


expect_values(
    "tea run examples/prolog/schedule.yaml",
    possible=True,
    plan=["9:00 Aula: Opening", "9:00 Library: Compilers", "10:00 Aula: Engines", "10:00 Library: Kernels", "11:00 Aula: Closing"],
)
expect_values('tea run examples/prolog/schedule.yaml --input \'{"rooms": ["Aula"], "hours": [9, 10]}\'', possible=False, plan=[])


@expect("tea run examples/prolog/diagnosis.yaml")
def proves_the_fault(state: State, _: Path) -> None:
    assert state["report"] == [
        "the graphics card is broken, because",
        "  the computer has power, because",
        "    fan is loud (observed)",
        "  no picture (observed)",
        "  something burnt, because",
        "    smells burnt (observed)",
    ]


expect_values(
    'tea run examples/prolog/diagnosis.yaml --input \'{"observed": ["no light", "fan is silent"]}\'',
    report=["the power supply is broken, because", "  no light (observed)", "  fan is silent (observed)"],
)
expect_values(
    "tea run examples/prolog/family.yaml",
    parents=[["ada", "ben"], ["ada", "dora"], ["carl", "ben"], ["emil", "dora"]],
    half_siblings=[["ben", "dora", "ada"]],
)
expect_values(
    "tea run examples/prolog/objection.yaml",
    tried=["billing", "accounts"],
    objections=["The customer has no open invoice, so it is not billing."],
    label="accounts",
)
expect_values("tea run examples/prolog/objection.yaml --input '{\"invoices\": 1}'", tried=["billing"], accepted=True, label="billing")


@expect('tea run examples/llm/local-rag.yaml --input \'{"question": "When does the museum open?"}\'')
def answers_from_the_document(state: State, _: Path) -> None:
    assert state["sources"] == ["museum"]
    assert "10:00" in state["answer"]


@expect('tea run examples/llm/local-rag.yaml --input \'{"question": "On which day is the pool closed?"}\'')
def answers_from_another_document(state: State, _: Path) -> None:
    assert state["sources"] == ["pool"]
    assert "Monday" in state["answer"]


expect_values(
    'tea run examples/llm/local-rag.yaml --input \'{"question": "Where does Ada live?"}\'', answer="I don't have enough information."
)


@expect("tea run examples/llm/conversation.yaml")
def takes_turns(state: State, _: Path) -> None:
    assert [turn["role"] for turn in state["messages"]] == ["user", "assistant"] * 2
    assert "Rome" in state["messages"][1]["content"]
    assert "Tokyo" in state["messages"][3]["content"]


@expect("tea run examples/llm/classify-tickets.yaml")
def sorts_tickets(state: State, _: Path) -> None:
    billing, technical, account = state["tickets"]
    assert state["queues"] == {"billing": [billing], "technical": [technical], "account": [account]}


# The tests


class _Weather(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        known = parts.path == "/weather" and parse_qs(parts.query) == {"city": ["Oslo"]}
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"degrees": -3}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Weather) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the commands run: it looks like the project's root, and can be written to."""
    (tmp_path / "examples").symlink_to(EXAMPLES)
    shutil.copy(builtin.path(), tmp_path / "my-model.gguf")
    return tmp_path


def tea(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words[: words.index("tea")])
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [TEA, *words[words.index("tea") + 1 :]],
        cwd=folder,
        env={**kept, **variables, "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def _each_command() -> list[ParameterSet]:
    """Every command of every example, once; the ones that ask a model or run Prolog are marked."""
    named = dict.fromkeys(command for file in FILES for command in commands(file))
    marks = {name: [getattr(pytest.mark, name)] for name in ("llm", "prolog")}
    return [pytest.param(command, marks=marks.get(command.split("examples/")[1].split("/")[0], []), id=command) for command in named]


@pytest.mark.parametrize("command", _each_command())
def test_the_command_does_what_the_example_says(command: str, folder: Path, server: str) -> None:
    assert command in EXPECTED, "write down here what a user sees of this command"
    done = tea(command.replace(SERVER, server), folder)
    assert done.returncode == 0, done.stderr
    EXPECTED[command](json.loads(done.stdout), folder)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(EXAMPLES).as_posix())
def test_the_file_says_how_to_run_it(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("# ")
    path = file.relative_to(ROOT).as_posix()
    assert any(path in shlex.split(command) for command in commands(file))


def test_nothing_is_expected_of_a_command_that_no_example_names() -> None:
    assert set(EXPECTED) == {command for file in FILES for command in commands(file)}


@pytest.mark.parametrize(
    "group", [pytest.param(path.name, marks=[pytest.mark.prolog] if path.name == "prolog" else []) for path in sorted(EXAMPLES.iterdir())]
)
def test_examples_pass_the_strict_check(group: str) -> None:
    names = [file.relative_to(ROOT).as_posix() for file in FILES if file.parent.name == group and file.name != "deploy.prod.yaml"]
    done = tea(shlex.join(["tea", "validate", "--strict", *names]), ROOT)
    assert done.returncode == 0, done.stderr


def test_the_approval_waits_where_nobody_can_be_asked(folder: Path) -> None:
    done = tea("tea run examples/flow/approve.yaml", folder)
    assert (done.returncode, done.stdout) == (10, "")
    assert "--auto-continue" in done.stderr


def test_the_weather_falls_back_where_there_is_no_network(folder: Path) -> None:
    done = tea('tea run examples/data/weather.yaml --input \'{"server": "http://127.0.0.1:9"}\'', folder)
    assert json.loads(done.stdout)["report"] == "no weather for Oslo"


@pytest.mark.parametrize(
    ("given", "decision"),
    [({}, "ship at once"), ({"country": "CH"}, "customs form for CH"), ({"total": 501}, "a person has to approve 501 euros")],
)
def test_orders_take_their_ways(given: State, decision: str, folder: Path) -> None:
    done = tea(shlex.join(["tea", "run", "examples/flow/route-order.yaml", "--input", json.dumps(given)]), folder)
    assert json.loads(done.stdout)["decision"] == decision
