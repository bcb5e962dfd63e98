"""A parameter of a model is declared once; everyone who knows of it takes it from there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from the_edge_agent import parameters
from the_edge_agent.errors import NodeFailed
from the_edge_agent.parameters import LoadParameters, Sampling, check, given
from the_edge_agent.workflow.dialect import LLM


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", -1, "temperature must be a number from 0 to 100, not -1"),
        ("temperature", True, "temperature must be a number from 0 to 100, not True"),
        ("temperature", float("nan"), "temperature must be a number from 0 to 100, not nan"),
        ("top_k", 1.0, "top_k must be a whole number from 0 to 2147483647, not 1.0"),
        ("seed", 2**32 - 1, "seed must be a whole number from 0 to 4294967294, not 4294967295"),
        ("seed", 10**400, "seed must be a whole number from 0 to 4294967294, not 1000"),
        ("max_tokens", 0, "max_tokens must be a whole number from 1 on, not 0"),
        ("n_ctx", "big", "n_ctx must be a whole number from 0 to 2147483647, not 'big'"),
        ("n_gpu_layers", -2, "n_gpu_layers must be a whole number from -1 to 65536, not -2"),
    ],
)
def test_a_number_that_cannot_be_meant_is_named_with_its_range(name: str, value: object, message: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        check({name: value}, local=True)
    assert caught.value.message.startswith(message)
    assert caught.value.hint == f"correct {name}: or leave it out"


@pytest.mark.parametrize("value", [-1, 2**40, 0])
def test_an_api_has_ranges_of_its_own(value: int) -> None:
    check({"seed": value, "top_k": value, "presence_penalty": value}, local=False)
    for wrong in (1.5, "1", None):
        with pytest.raises(NodeFailed, match="seed must be a whole number, not"):
            check({"seed": wrong}, local=False)
    for infinite in (float("inf"), float("nan")):
        with pytest.raises(NodeFailed, match="presence_penalty must be a number, not"):
            check({"presence_penalty": infinite}, local=False)
    with pytest.raises(NodeFailed, match=r"top_p must be a number from 0 to 1, not 1\.5"):
        check({"top_p": 1.5}, local=False)


def test_only_what_is_said_counts() -> None:
    assert given(Sampling(temperature=0, seed=4)) == {"temperature": 0, "seed": 4}
    assert given(LoadParameters(n_ctx=512)) == {"n_ctx": 512, "n_gpu_layers": -1}


def test_the_settings_have_every_parameter_but_those_of_a_single_request() -> None:
    more = {"system", "shell_providers", "embedding_model"}
    assert {key.name for key in LLM.keys} - more == set(parameters.PARAMETERS) - {"response_format", "extra"}


ONE_LINE = '    typical_p: float | None = _number("how typical a token has to be", 0, 1)\n'

CONSUMERS = """
import json, pathlib, sys, types
import the_edge_agent
place = pathlib.Path(the_edge_agent.__file__).with_name("parameters.py")
module = types.ModuleType("the_edge_agent.parameters")
sys.modules[module.__name__] = the_edge_agent.parameters = module
text = place.read_text(encoding="utf-8")
exec(compile(text.replace("    temperature:", {line!r} + "    temperature:", 1), place, "exec"), module.__dict__)

from the_edge_agent.actions import builtin
from the_edge_agent.llm.api import ApiBackend, Endpoint, _body
from the_edge_agent.llm.local.backend import LocalBackend
from the_edge_agent.llm.protocol import Message, Request
from the_edge_agent.llm.shell import ShellBackend, program
from the_edge_agent.errors import NodeFailed
from the_edge_agent.models import builtin as model
from the_edge_agent.parameters import LoadParameters, Sampling
from the_edge_agent.workflow.schema import json_schema

def refusal(backend, value):
    try:
        backend.chat(Request((Message("user", "x"),), sampling=Sampling(typical_p=value)))
    except NodeFailed as refused:
        return refused.message

actions = builtin()
settings = json_schema()["properties"]["settings"]["properties"]["llm"]["properties"]
local, shell = LocalBackend(model.path(), LoadParameters()), ShellBackend(program("p", {{"p": {{"command": "cat"}}}}, {{}}))
print(json.dumps({{
    "settings": settings["typical_p"]["anyOf"][0],
    "actions": [name for name in ("llm.call", "llm.local.chat", "reason.cot", "agent.dispatch") if actions[name].parameter("typical_p")],
    "kinds": actions["llm.call"].parameter("typical_p").kinds,
    "not": [name for name in ("llm.embed", "llm.local.embed") if actions[name].parameter("typical_p")],
    "body": _body(Endpoint("openai", "http://x/v1", "m"), Request((), sampling=Sampling(typical_p=0.5)), stream=False)["typical_p"],
    "local": refusal(local, 2),
    "api": refusal(ApiBackend(Endpoint("openai", "http://x/v1", "m")), "x"),
    "shell": refusal(shell, 0.5),
}}))
"""


def test_a_further_way_to_sample_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", CONSUMERS.format(line=ONE_LINE)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "settings": {"type": "number", "minimum": 0, "maximum": 1},
        "actions": ["llm.call", "llm.local.chat", "reason.cot", "agent.dispatch"],
        "kinds": ["number", "null"],
        "not": [],
        "body": 0.5,
        "local": "typical_p must be a number from 0 to 1, not 2",
        "api": "typical_p must be a number from 0 to 1, not 'x'",
        "shell": "the shell provider takes no parameter typical_p",
    }
