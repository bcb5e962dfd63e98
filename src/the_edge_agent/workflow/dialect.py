"""The dialect, written down once: every key a workflow file may have, and what its value may be.

:data:`WORKFLOW` is the root. Two spellings of the same thing (``uses``/``action``) are aliases of one key.
Source of the rules: the observed behaviour of the existing implementations and the decisions listed in
``docs/dialect.md``.
Keys that only other implementations have stand in ``peers.toml``, by the record's title or its ``section``.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final

from the_edge_agent import parameters
from the_edge_agent.errors import Problem
from the_edge_agent.workflow.grammar import (
    Anything,
    Choice,
    Either,
    Flag,
    Key,
    ListOf,
    MapOf,
    Number,
    Record,
    Reference,
    Shape,
    Text,
    Variants,
)
from the_edge_agent.workflow.source import Map, Report, Scalar, Seq, Tree

NAME: Final = Text(empty=False)
TEXT: Final = Text()
FLAG: Final = Flag()
COUNT: Final = Number(1, whole=True)
SECONDS: Final = Number(0, above=True)
TEMPLATED_COUNT: Final = Either((COUNT, NAME))
NAMES: Final = ListOf(NAME)
DATA: Final = MapOf()

_DESCRIPTION = Key("description", TEXT, "what it is for; free text")
_METADATA = Key("metadata", Anything(), "free data of your own")

CONDITION: Final = Either((FLAG, TEXT))
CONDITION_OBJECT: Final = Record(
    "a condition",
    (Key("type", Choice(("expression",)), "always 'expression'"), Key("value", CONDITION, "the expression", required=True)),
)

GOTO_RULE: Final = Record(
    "a goto rule",
    (
        Key("if", CONDITION, "take this rule when the expression is true; without it: always"),
        Key("to", NAME, "the node to go to, or __end__", required=True),
        _DESCRIPTION,
    ),
)

ON_ERROR: Final = Record(
    "on_error",
    (
        Key("mode", Choice(("raise", "graceful", "retry", "collect")), "what happens when the node fails"),
        Key("max_retries", Number(0, whole=True), "tries after the first one", aliases=("retries",)),
        Key("retry_delay", Number(0), "seconds before the first retry"),
        Key("backoff_multiplier", Number(0), "each further delay is longer by this factor"),
        Key("retryable_errors", NAMES, "error class names that are tried again"),
        Key("fallback", NAME, "the node to go to when no try is left"),
        Key("capture_traceback", FLAG, "store the traceback in state.__error__"),
    ),
)
ON_ERROR_MODE: Final = Choice(("raise", "graceful", "retry", "collect"))

ON_ERROR_INNER: Final = Record("on_error", tuple(key for key in ON_ERROR.keys if key.name != "fallback"), section="step.on_error")

RETRY: Final = Record(
    "retry",
    (
        Key("max_retries", Number(0, whole=True), "tries after the first one"),
        Key("base_delay_ms", Number(0), "milliseconds before the first retry"),
        Key("max_delay_ms", Number(0), "longest delay in milliseconds"),
        Key("backoff_multiplier", Number(0), "each further delay is longer by this factor"),
        Key("jitter", FLAG, "vary the delay by up to 10 %"),
    ),
)

RUN_OBJECT: Final = Record(
    "run",
    (
        Key("type", Choice(("python", "lua", "prolog", "expression", "inline")), "language of the code, or 'expression'"),
        Key("code", TEXT, "the code"),
        Key("value", TEXT, "for type 'expression': a Python expression"),
        Key("output_key", NAME, "for type 'expression': the state key of the value"),
        Key("language", TEXT, "language of the code"),
        Key("timeout", SECONDS, "seconds the block may take"),
    ),
)

_COMMON: Final = (
    Key("name", NAME, "unique name of the node", required=True),
    _DESCRIPTION,
    _METADATA,
    Key("goto", Either((NAME, ListOf(GOTO_RULE, least=1))), "where to go next: a node, __end__, or a list of rules {if, to}"),
    Key("on_error", Either((ON_ERROR_MODE, ON_ERROR)), "what happens when the node fails"),
    Key("retry", RETRY, "try the node again when it fails"),
    Key("fallback", NAME, "the node to go to when this one fails"),
    Key("timeout", SECONDS, "seconds the node may take"),
    Key("interrupt", Choice(("before", "after")), "pause the run here"),
)
_FAN_IN_FLAG = Key("fan_in", FLAG, "marks a node where branches meet")
_OUTPUT = Key(
    "output",
    Either((NAME, DATA)),
    "state key for the whole result, or a mapping of templates over 'result'",
    aliases=("outputs", "output_key"),
)
_RUN = Key("run", Either((TEXT, RUN_OBJECT)), "a block of code", required=True, aliases=("script",))
_LANGUAGE = Key("language", TEXT, "python, lua or prolog")
_USES = Key("uses", NAME, "the action to call", required=True, aliases=("action",))
_WITH = Key("with", DATA, "parameters of the action; strings may hold templates", aliases=("params",))

_STEP: Final = Reference("step", lambda: STEP)
ACTION_OBJECT: Final = Record("action", (_USES, _WITH, _OUTPUT))

_BODIES: Final[dict[str, tuple[Key, ...]]] = {
    "nothing": (),
    "code": (_RUN, _LANGUAGE, _OUTPUT),
    "action": (_USES, _WITH, _OUTPUT),
    "steps": (Key("steps", ListOf(_STEP, least=1), "nodes run one after another", required=True), _OUTPUT),
}

_WHILE: Final = (
    Key("type", Choice(("while_loop",)), "the kind of node", required=True),
    Key("condition", CONDITION, "the loop goes on while this is true", required=True),
    Key("max_iterations", Number(1, 1000, whole=True), "passes at most", required=True),
    Key("body", ListOf(_STEP, least=1), "nodes run in each pass", required=True),
    Key("on_limit", Choice(("continue", "error")), "what happens at max_iterations: go on with a warning, or fail"),
    _FAN_IN_FLAG,
    _OUTPUT,
)

_PARALLEL_CONFIG: Final = Record(
    "parallel_config",
    (Key("max_concurrency", TEMPLATED_COUNT, "branches at the same time"), Key("fail_fast", FLAG, "stop at the first failed branch")),
)

_DYNAMIC: Final = (
    Key("type", Choice(("dynamic_parallel",)), "the kind of node", required=True),
    Key(
        "items", Anything(), "a template that gives a list, or a list: one branch an item", required=True, code="DYN_PARALLEL_MISSING_ITEMS"
    ),
    Key("item_var", NAME, "state key of the item in its branch"),
    Key("index_var", NAME, "state key of the item's number"),
    Key("action", ACTION_OBJECT, "what a branch does: one action"),
    Key("steps", ListOf(_STEP, least=1), "what a branch does: steps"),
    Key("subgraph", NAME, "what a branch does: the workflow in this file, relative to this one"),
    Key("input", DATA, "the subgraph's start state, as templates"),
    Key("fan_in", NAME, "the node where the branches meet", required=True, code="DYN_PARALLEL_MISSING_FAN_IN"),
    Key("max_concurrency", TEMPLATED_COUNT, "branches at the same time"),
    Key("fail_fast", FLAG, "stop at the first failed branch"),
    Key("parallel_config", _PARALLEL_CONFIG, "max_concurrency and fail_fast"),
    _OUTPUT,
)

_STRATEGY: Final = Record(
    "strategy",
    (
        Key("matrix", MapOf(Either((ListOf(Anything(), least=1), NAME))), "axes: one branch for each combination", required=True),
        Key("max_parallel", TEMPLATED_COUNT, "branches at the same time"),
        Key("fail_fast", FLAG, "stop at the first failed branch"),
    ),
)
_FAN_IN_NODE = Key("fan_in", NAME, "the node where the branches meet")
_MATRIX: Final = (Key("strategy", _STRATEGY, "a matrix of branches", required=True), _FAN_IN_NODE)
_EACH: Final = (
    Key("parallel_each", Anything(), "a template that gives a list, or a list: one branch an item", required=True),
    _FAN_IN_NODE,
    Key("max_workers", TEMPLATED_COUNT, "branches at the same time"),
    Key("fail_fast", FLAG, "stop at the first failed branch"),
)
_PLAIN_TYPE = Key("type", Choice(("run", "action", "steps", "node", "standard")), "free label of an ordinary node")


def _records() -> dict[str, Record]:
    records = {
        kind: Record(f"a node ({kind})" if kind != "nothing" else "a node", (*_COMMON, _FAN_IN_FLAG, _PLAIN_TYPE, *keys), section="node")
        for kind, keys in _BODIES.items()
    }
    records["while_loop"] = Record("a while_loop", (*_COMMON, *_WHILE), section="node")
    records["dynamic_parallel"] = Record("a dynamic_parallel node", (*_COMMON, *_DYNAMIC), section="node")
    for kind, keys in _BODIES.items():
        if kind != "nothing":
            records[f"matrix {kind}"] = Record("a matrix node", (*_COMMON, *_MATRIX, *keys), section="node")
            records[f"parallel_each {kind}"] = Record("a parallel_each node", (*_COMMON, *_EACH, *keys), section="node")
    # A node that does nothing may be one whose body is misspelt.
    bodies = frozenset(spelling for record in records.values() for key in record.keys for spelling in (key.name, *key.aliases))
    records["nothing"] = replace(records["nothing"], near=bodies)
    return records


_BODY_KEYS: Final = {"run": "code", "script": "code", "uses": "action", "action": "action", "steps": "steps"}
_TYPES: Final = ("while_loop", "dynamic_parallel", "run", "action", "steps", "node", "standard")


def node_kind(tree: Map, where: str, report: Report) -> str | None:
    """Which kind of node a mapping is, from the keys it has; reports what makes that impossible to say."""
    given = tree.get("type")
    word = given.value if isinstance(given, Scalar) else None
    if word in ("while_loop", "dynamic_parallel"):
        return str(word)
    if given is not None and word not in _TYPES:
        close = get_close_matches(str(word), _TYPES, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "known types: while_loop, dynamic_parallel"
        report(Problem("UNKNOWN_TYPE", f"'{where}.type' is {word!r}, which is no kind of node", given.spot, hint=hint))
        return None
    bodies = {_BODY_KEYS[key]: key for key in tree.items if key in _BODY_KEYS}
    if len(bodies) > 1:
        first, second = list(bodies.values())[:2]
        report(
            Problem("AMBIGUOUS_NODE", f"a node has either '{first}' or '{second}', not both", tree.keys[second], hint="make it two nodes")
        )
        return None
    body = next(iter(bodies), "nothing")
    for key, kind in (("strategy", "matrix"), ("parallel_each", "parallel_each")):
        if key in tree.items:
            if body == "nothing":
                report(Problem("MISSING_FIELD", f"a {kind} node needs something to run", tree.spot, hint="add 'run', 'uses' or 'steps'"))
                return None
            return f"{kind} {body}"
    return body


NODE: Final[Variants] = Variants("a node", node_kind, _records())


def _step_key(key: Key) -> Key:
    """A key of a node as it is inside ``steps`` and ``body``."""
    if key.name == "name":
        return replace(key, required=False)
    return replace(key, shape=Either((ON_ERROR_MODE, ON_ERROR_INNER))) if key.name == "on_error" else key


def _step_records() -> dict[str, Record]:
    """Nodes inside ``steps`` and ``body``: the name may be left out, and the flow is not theirs to steer."""
    steering = {"goto", "interrupt", "fallback"}
    found = {}
    for kind, record in NODE.records.items():
        keys = tuple(_step_key(key) for key in record.keys if key.name not in steering and key is not _FAN_IN_FLAG)
        found[kind] = Record(record.title, keys, near=record.near - steering, section="step")
    return found


STEP: Final[Variants] = Variants("a step", node_kind, _step_records())


class _Target:
    """Where an edge leads: one node. A list gets a message that shows how branches are written."""

    def noun(self) -> str:
        return NAME.noun()

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        if not isinstance(tree, Seq):
            return NAME.check(tree, where, report)
        hint = "one edge a branch: {from: …, to: …, type: parallel, fan_in: JOIN}, or {from: …, parallel: [a, b]}"
        report(Problem("EDGE_LIST_TARGET", f"'{where}' must be one node, not a list", tree.spot, hint=hint))
        return False

    def schema(self) -> dict[str, Any]:
        return NAME.schema()


EDGE: Final = Record(
    "an edge",
    (
        Key("from", NAME, "the node it leaves, or __start__"),
        Key("to", _Target(), "the node it leads to, or __end__"),
        Key("when", CONDITION, "take the edge when this is true", aliases=()),
        Key("condition", Either((CONDITION, CONDITION_OBJECT)), "an expression; the edge is taken when it equals 'when' (default true)"),
        Key(
            "type",
            Choice(("entry", "finish", "parallel", "normal", "conditional", "simple")),
            "entry, finish, parallel, or an ordinary edge",
        ),
        Key("fan_in", NAME, "for type 'parallel': the node where the branches meet"),
        Key("parallel", ListOf(NAME, least=1), "nodes that start together, one a branch"),
        Key("targets", MapOf(NAME), "value of the condition → node"),
        _DESCRIPTION,
        _METADATA,
    ),
    section="edge",
)

SHELL_PROVIDER: Final = Record(
    "a shell provider",
    (
        Key("command", NAME, "the program", required=True),
        Key("args", ListOf(TEXT), "its arguments"),
        Key("stdin_mode", Choice(("pipe", "file")), "how the prompt gets there"),
        Key("timeout", SECONDS, "seconds it may take"),
        Key("env", MapOf(TEXT), "its environment"),
        _DESCRIPTION,
    ),
)

_ANY_NUMBER: Final = Either((Number(), NAME))


def _templated(number: parameters.Number) -> Either:
    """A number of a model, or a template that gives it; with its range where every model keeps it."""
    return Either((Number(number.low, number.high, number.whole) if number.everywhere else Number(whole=number.whole), NAME))


LLM: Final = Record(
    "settings.llm",
    (
        Key("backend", Either((Choice(("local", "api", "auto")), NAME)), "local, api or auto"),
        Key("provider", NAME, "local, openai, ollama, azure, shell or auto"),
        Key("model", TEXT, "a GGUF file, or the name an API knows"),
        Key("model_path", NAME, "path of a GGUF file"),
        Key("embedding_model", TEXT, "the same for embeddings; without it: the built-in embedding model"),
        Key("deployment", TEXT, "an Azure deployment; wins over model"),
        Key("api_base", TEXT, "base URL of an OpenAI-compatible API"),
        Key("api_key", TEXT, "its key; better: the environment"),
        Key("shell_provider", NAME, "which of shell_providers to use"),
        Key("shell_providers", MapOf(SHELL_PROVIDER), "programs that answer a prompt"),
        Key("system", TEXT, "system message where a node gives none"),
        *(Key(name, _templated(number), number.meaning) for name, number in parameters.NUMBERS.items()),
        Key("stop", Either((TEXT, ListOf(TEXT))), "texts that end the answer"),
        Key("timeout", Either((SECONDS, NAME)), "seconds an API may take"),
        Key("max_retries", Either((Number(0, whole=True), NAME)), "tries after the first one, for an API"),
        Key("base_delay", _ANY_NUMBER, "seconds before the first retry"),
        Key("max_delay", _ANY_NUMBER, "longest delay in seconds"),
    ),
)

SETTINGS: Final = Record(
    "settings",
    (
        Key("llm", LLM, "defaults of every action that calls a model"),
        Key("shell_providers", MapOf(SHELL_PROVIDER), "programs that answer a prompt"),
        Key(
            "parallel",
            Record(
                "settings.parallel",
                (
                    Key("max_workers", COUNT, "branches at the same time"),
                    Key("strategy", Choice(("thread",)), "branches always run on threads"),
                ),
            ),
            "limits of parallel branches",
        ),
        Key(
            "lua",
            Record(
                "settings.lua",
                (
                    Key("timeout", SECONDS, "seconds a Lua block may take (30)"),
                    Key("memory", COUNT, "MiB a Lua block may use (256)"),
                    Key("instructions", COUNT, "virtual machine instructions a Lua block may take; without it: no limit but time"),
                ),
            ),
            "limits of Lua blocks",
        ),
        Key(
            "prolog",
            Record(
                "settings.prolog",
                (
                    Key("sandbox", FLAG, "false: goals may use files, programs and the network (true)"),
                    Key("timeout", SECONDS, "seconds a Prolog block may take (30)"),
                    Key("stack", COUNT, "MiB its stacks may use (256)"),
                    Key("inferences", COUNT, "inferences it may take; without it: no limit but time"),
                ),
            ),
            "limits and sandbox of Prolog blocks",
        ),
        Key("error_handling", ON_ERROR, "on_error of nodes that have none"),
        Key("max_iterations", COUNT, "visits of one node before the run stops (1000)"),
        Key("allow_cycles", FLAG, "false: a cycle in the graph is an error"),
        Key("agents", MapOf(DATA), "agents of agent.*"),
        Key("rate_limiters", MapOf(DATA), "limiters of ratelimit.wrap"),
        Key("ltm", DATA, "long-term memory: {backend: sqlite, path}"),
        Key(
            "secrets",
            Record(
                "settings.secrets",
                (
                    Key("backend", Choice(("env",)), "secrets come from the environment"),
                    Key("prefix", NAME, "what the variables' names start with; the rest, lowercased, is the secret's name", required=True),
                ),
            ),
            "where secrets come from",
        ),
    ),
    lenient=True,
)

CONFIG: Final = Record(
    "config",
    (
        Key("interrupt_before", Either((NAME, NAMES)), "pause before these nodes"),
        Key("interrupt_after", Either((NAME, NAMES)), "pause after these nodes"),
        Key("checkpoint_dir", TEXT, "where checkpoints go"),
        Key("raise_exceptions", FLAG, "errors always end the run"),
    ),
    lenient=True,
)

IMPORT: Final = Record(
    "an import",
    (
        Key("path", NAME, "a Python file, relative to this one", aliases=("package",), required=True),
        Key("namespace", TEXT, "prefix of its actions' names"),
        _DESCRIPTION,
    ),
    section="import",
)

BUNDLE: Final = Record(
    "bundle",
    (
        Key("include", NAMES, "patterns of files, relative to this one: data/**"),
        Key("exclude", NAMES, "patterns of paths that nodes read and whoever runs the agent brings"),
    ),
)

WORKFLOW: Final = Record(
    "a workflow",
    (
        Key("name", TEXT, "name of the workflow"),
        _DESCRIPTION,
        Key("version", Anything(), "version of the workflow; free"),
        _METADATA,
        Key("nodes", ListOf(Reference("node", lambda: NODE), least=1), "the nodes, in order", required=True),
        Key("edges", ListOf(Reference("edge", lambda: EDGE)), "how nodes follow one another"),
        Key("initial_state", DATA, "start state; --input lies over it"),
        Key("state_schema", DATA, "documentation of the state"),
        Key("variables", DATA, "constants for templates and code"),
        Key("data", DATA, "more constants for templates"),
        Key("settings", SETTINGS, "settings of the engine and of models"),
        Key("config", CONFIG, "interrupts and run options"),
        Key("imports", ListOf(IMPORT), "Python modules with your own actions"),
        Key("bundle", BUNDLE, "which files `tea bundle` puts in besides those that it finds"),
    ),
    section="workflow",
)

DEFINITIONS: Final[dict[str, Shape]] = {"node": NODE, "step": STEP, "edge": EDGE}
