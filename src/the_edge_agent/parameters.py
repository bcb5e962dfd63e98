"""What can be said to a model, each parameter once: its kind, its range, what it means and which backends take it.

From here come the keys of ``settings.llm``, the parameters of actions, the check of a number, the body of a request to an API
and what a backend refuses. A further way to draw a token is one field of :class:`Sampling` and its call in the sampler.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Number:
    """A number from ``low`` to ``high``, both included, ``None`` being no limit; a ``whole`` one has no fraction.

    ``everywhere``: no model anywhere takes a number outside. Otherwise that is the range of llama.cpp, and an API has its own.
    """

    meaning: str
    low: float
    high: float | None = None
    whole: bool = False
    everywhere: bool = True

    @property
    def kind(self) -> type:
        """The type of a value; an ``int`` is a ``float`` too."""
        return int if self.whole else float

    def takes(self, value: object, *, local: bool) -> bool:
        """Whether ``value`` can be meant; ``local``: by a model on this machine."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        if not (local or self.everywhere):
            return abs(value) < math.inf
        return value >= self.low and (self.high is None or value <= self.high)

    def noun(self, *, local: bool) -> str:
        """How a message calls it."""
        kind = "a whole number" if self.whole else "a number"
        if not (local or self.everywhere):
            return kind
        return f"{kind} from {self.low} on" if self.high is None else f"{kind} from {self.low} to {self.high}"


def _number(meaning: str, low: float, high: float, *, default: int | None = None, **more: bool) -> Any:
    return field(default=default, metadata={Number: Number(meaning, low, high, **more)})


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn; ``None`` means the backend's documented default.

    ``seed`` makes a draw repeatable. A backend that cannot honour a field that is not ``None`` raises instead of dropping it.
    """

    temperature: float | None = _number("0 always takes the likeliest token", 0, 100)
    top_p: float | None = _number("only the likeliest tokens that have this probability together", 0, 1)
    top_k: int | None = _number("only so many of the likeliest tokens", 0, 2**31 - 1, whole=True, everywhere=False)
    min_p: float | None = _number("only tokens with this part of the likeliest one's probability", 0, 1)
    repeat_penalty: float | None = _number("above 1: repeats are less likely", 0.01, 100, everywhere=False)
    presence_penalty: float | None = _number("above 0: tokens that were there are less likely", -100, 100, everywhere=False)
    frequency_penalty: float | None = _number("above 0: the more often a token was there, the less likely", -100, 100, everywhere=False)
    # One more is llama.cpp's word for a random seed.
    seed: int | None = _number("the same seed draws the same answer", 0, 2**32 - 2, whole=True, everywhere=False)


@dataclass(frozen=True, slots=True)
class LoadParameters:
    """How a local model is loaded; two requests with equal ones share one loaded model.

    Attributes:
        n_ctx: most tokens of prompt and answer together to reserve memory for; ``None``: 4096; 0: all the model was
            trained for. Never more than the model was trained for.
        n_threads: threads that compute, at most the machine's processors; ``None``: the physical cores this process may use,
            or one for a model of less than 64 MiB.
        n_gpu_layers: layers to compute on a GPU; -1: as many as the installed llama.cpp can.
    """

    n_ctx: int | None = _number("context of a local model in tokens; 0: all it was trained for", 0, 2**31 - 1, whole=True)
    n_threads: int | None = _number("threads of a local model", 1, 2**16, whole=True)
    n_gpu_layers: int = _number("layers on the GPU, -1 for all", -1, 2**16, default=-1, whole=True)


def numbers(declaration: type) -> dict[str, Number]:
    """The numbers that the fields of a dataclass declare, by name."""
    return {each.name: each.metadata[Number] for each in fields(declaration)}


NUMBERS: Final[Mapping[str, Number]] = {
    **numbers(Sampling),
    "max_tokens": Number("longest answer in tokens", 1, whole=True),
    **numbers(LoadParameters),
}


def given(said: Sampling | LoadParameters) -> dict[str, Any]:
    """What was said, by name: everything that is not ``None``."""
    return {name: value for name in numbers(type(said)) if (value := getattr(said, name)) is not None}


def check(said: Mapping[str, object], *, local: bool) -> None:
    """Raise :class:`NodeFailed` for the first number of ``said`` that cannot be meant; ``local``: by a model on this machine."""
    for name, value in said.items():
        number = NUMBERS[name]
        if not number.takes(value, local=local):
            message = f"{name} must be {number.noun(local=local)}, not {value!r}"
            raise NodeFailed(message, error_type="ValueError", hint=f"correct {name}: or leave it out")


_LOCAL, _API, _SHELL = frozenset({"local"}), frozenset({"api"}), frozenset({"shell"})
_MODELS = _LOCAL | _API
_ANY = _MODELS | _SHELL


@dataclass(frozen=True, slots=True)
class Parameter:
    """What an action can say to a model.

    Attributes:
        kind: the type of a value.
        answering: the backends that take it with a question.
        embedding: the backends that take it with texts to embed.
        of_request: it is part of the request itself; the others say which model is meant and how it is reached.
    """

    kind: Any
    answering: frozenset[str]
    embedding: frozenset[str] = frozenset()
    of_request: bool = False


PARAMETERS: Final[Mapping[str, Parameter]] = {
    "model": Parameter(str, _MODELS, _MODELS),
    "model_path": Parameter(str, _LOCAL, _LOCAL),
    **{name: Parameter(number.kind, _LOCAL, _LOCAL) for name, number in numbers(LoadParameters).items()},
    "max_tokens": Parameter(int, _MODELS, of_request=True),
    "stop": Parameter(str | list[str], _MODELS, of_request=True),
    **{name: Parameter(number.kind, _MODELS, of_request=True) for name, number in numbers(Sampling).items()},
    "timeout": Parameter(float, _ANY, _MODELS),
    "provider": Parameter(str, _ANY, _MODELS),
    "backend": Parameter(str, _ANY, _MODELS),
    "api_base": Parameter(str, _API, _API),
    "api_key": Parameter(str, _API, _API),
    "deployment": Parameter(str, _API, _API),
    "shell_provider": Parameter(str, _SHELL),
    "response_format": Parameter(dict[str, Any], _API, of_request=True),
    "extra": Parameter(dict[str, Any], _API, _API, of_request=True),
    # Taken by all: a local model has no passing failures, so that none is tried again there.
    "max_retries": Parameter(int, _ANY, _MODELS),
    "base_delay": Parameter(float, _ANY, _MODELS),
    "max_delay": Parameter(float, _ANY, _MODELS),
}


def takers(name: str, *, embedding: bool) -> frozenset[str]:
    """The backends that take the parameter ``name`` with a question, or with texts to embed; none for an unknown one."""
    found = PARAMETERS.get(name)
    return frozenset() if found is None else found.embedding if embedding else found.answering
