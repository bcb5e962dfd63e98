"""Which backend answers a node: the policy, pure; it loads nothing and opens no connection.

In this order, the first that says something decides:

1. the node's ``provider``, then its ``backend`` (``llm.local.*`` always means local);
2. the command line: ``--backend``, and ``--gguf``, which means local;
3. ``settings.llm.provider``, then ``settings.llm.backend``;
4. a local model that is named anywhere: ``TEA_MODEL_PATH``, ``model_path``, a ``model`` that is a file;
5. an address: ``api_base``, or ``OLLAMA_API_BASE`` or ``OPENAI_BASE_URL`` in the environment;
6. a model found in the search folders, else the built-in one.

A key alone (``OPENAI_API_KEY``) never selects the network, and what cannot be had is an error, never a
reason to take something else.

For embeddings (:func:`choose_embedding`) the same holds of what is said about embeddings: by the node, and by
``settings.llm.embedding_model``. A model named for answers (``--gguf``, ``TEA_MODEL_PATH``, ``settings.llm.model``) makes no
useful vectors and does not count, and an API that answers is sent no texts to embed unless its embedding model is named. Where
nothing is said, the built-in embedding model is taken, always the same one: vectors of two models cannot be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from the_edge_agent import parameters
from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.api import Endpoint, Retry
from the_edge_agent.llm.options import LlmOptions, LoadParameters
from the_edge_agent.llm.shell import Program, program
from the_edge_agent.models import SUFFIX, builtin, find

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["local", "api", "shell"]

PROVIDERS = ("local", "openai", "ollama", "azure", "shell", "api", "auto")
_SPELLINGS = {"azure_openai": "azure"}
PARAMETERS = tuple(name for name, parameter in parameters.PARAMETERS.items() if not parameter.of_request)
"""The parameters of a node, and keys of ``settings.llm``, that :func:`choose` looks at."""

OPENAI_URL = "https://api.openai.com/v1"
OLLAMA_URL = "http://localhost:11434/v1"
AZURE_VERSION = "2024-02-15-preview"
LONGEST_WAIT = 1_000_000.0
"""Seconds; eleven days."""
CHAT_MODEL = "gpt-4o-mini"
"""What ``llm.chat`` asks an API for when nobody names a model; existing workflows rely on it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What answers, and why.

    Attributes:
        backend: ``local``, ``api`` or ``shell``.
        model: the model's file name, the name an API knows it by, or the shell provider's name.
        why: half a sentence for people, such as ``settings.llm.model_path names it``.
        path: the model file, for ``local``.
        load: how it is loaded, for ``local``.
        endpoint: for ``api``.
        program: for ``shell``.
    """

    backend: Kind
    model: str
    why: str
    path: Path | None = None
    load: LoadParameters = field(default_factory=LoadParameters)
    endpoint: Endpoint | None = None
    program: Program | None = None

    @property
    def base_url(self) -> str | None:
        """The address of the API; ``None`` for what is not one."""
        return self.endpoint.base_url if self.endpoint else None


def choose(
    parameters: Mapping[str, Any],
    settings: Mapping[str, Any],
    options: LlmOptions,
    environ: Mapping[str, str],
    base: Path | None,
    *,
    action: str = "llm.call",
    node: str | None = None,
    files: find.Files = find.HERE,
) -> Choice:
    """The backend for one call.

    Args:
        parameters: the node's, rendered; names other than :data:`PARAMETERS` do not matter here.
        settings: the workflow's; its ``llm`` gives defaults for what the node does not.
        options: of the command line.
        environ: the environment.
        base: folder of the workflow file, where relative model paths start.
        action: what the node uses.
        node: its name, for errors.
        files: where models are looked for.

    Raises:
        ModelUnavailable: what was asked for cannot be had; the message says what named it.
    """
    return _chosen(_Asked(parameters, settings, options, environ, base, action, files), node)


def choose_embedding(
    parameters: Mapping[str, Any],
    settings: Mapping[str, Any],
    options: LlmOptions,
    environ: Mapping[str, str],
    base: Path | None,
    *,
    action: str = "llm.embed",
    node: str | None = None,
    files: find.Files = find.HERE,
) -> Choice:
    """The embedding model for one call; arguments and errors are those of :func:`choose`. Never ``shell``."""
    llm = settings.get("llm")
    known = {key: value for key, value in llm.items() if key not in _OF_ANSWERS} if isinstance(llm, Mapping) else {}
    known["model"] = llm.get("embedding_model") if isinstance(llm, Mapping) else None
    if known.get("provider") == "shell":
        del known["provider"]
    silent = {name: value for name, value in environ.items() if name != find.VARIABLE}
    return _chosen(_AskedToEmbed(parameters, {**settings, "llm": known}, replace(options, gguf=None), silent, base, action, files), node)


def _chosen(asked: _Asked, node: str | None) -> Choice:
    """The choice; an error names ``node``."""
    try:
        return asked.choice()
    except ModelUnavailable as problem:
        problem.node = problem.node or node
        raise


_OF_ANSWERS = frozenset({"model", "model_path", "deployment", "n_ctx"})
"""Keys of ``settings.llm`` that describe the model that answers."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One call's question, with everything that may answer it."""

    parameters: Mapping[str, Any]
    all_settings: Mapping[str, Any]
    options: LlmOptions
    environ: Mapping[str, str]
    base: Path | None
    action: str
    files: find.Files

    @property
    def settings(self) -> Mapping[str, Any]:
        found = self.all_settings.get("llm")
        return found if isinstance(found, Mapping) else {}

    def value(self, key: str) -> Any:
        """The node's, else that of the settings; null is as good as absent."""
        own = self.parameters.get(key)
        return own if own is not None else self.settings.get(key)

    def choice(self) -> Choice:
        kind, why = self.named_provider()
        if kind == "local":
            return self.local(why)
        if kind == "shell":
            return self.shell(why)
        if kind is not None:
            return self.api(kind, why)
        found = find.resolve(self.named_models(), self.environ, self.base, self.files)
        if found is not None:
            return self.local_file(found)
        address = self.named_address()
        if address is not None:
            return self.api(*address)
        return self.local("no API is named")

    def named_provider(self) -> tuple[str | None, str]:
        """The provider somebody named and who did; ``None`` when nobody."""
        if self.action.startswith("llm.local."):
            return "local", f"{self.action} means a local model"
        own = self.provider_in(self.parameters, "the node's")
        if own is not None:
            return own
        if self.options.backend != "auto":
            return self.options.backend, f"--backend {self.options.backend}"
        if self.options.gguf is not None:
            return "local", "--gguf names a model"
        return self.provider_in(self.settings, "settings.llm.") or (None, "")

    def provider_in(self, values: Mapping[str, Any], owner: str) -> tuple[str, str] | None:
        for key in ("provider", "backend"):
            value = values.get(key)
            if value is None:
                continue
            name = _SPELLINGS.get(value, value) if isinstance(value, str) else value
            setting = f"{owner}{key}" if owner.endswith(".") else f"{owner} {key}"
            if name not in PROVIDERS:
                self.unknown_provider(setting, value)
            if name != "auto":
                return name, f"{setting} is {name}"
        return None

    def unknown_provider(self, setting: str, value: object) -> NoReturn:
        from difflib import get_close_matches

        near = get_close_matches(str(value), PROVIDERS, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise ModelUnavailable(f"{setting} is {value!r}, which is no provider{meant}", hint=f"use one of {', '.join(PROVIDERS)}")

    def named_models(self) -> find.NamedModels:
        return find.NamedModels(
            gguf=self.options.gguf,
            variable=self.environ.get(find.VARIABLE),
            node_path=_text(self.parameters.get("model_path")),
            node_model=_text(self.parameters.get("model")),
            settings_path=_text(self.settings.get("model_path")),
            settings_model=_text(self.settings.get("model")),
        )

    def local(self, why: str) -> Choice:
        """The model that is named, else the first there is."""
        found = find.resolve(self.named_models(), self.environ, self.base, self.files)
        if found is not None:
            return self.local_file(found)
        model = _text(self.parameters.get("model")) or (None if self.settings_mean_an_api() else _text(self.settings.get("model")))
        if model:
            # Names that other programs and APIs have for their models count only here, where nothing but a local model is left.
            found = find.by_any_name(model, f"model: {model} names it", self.environ, self.files)
            if found is not None:
                return self.local_file(found)
            raise ModelUnavailable(
                f"the model {model!r} is no file on this machine, and {why}", hint=find.pull_hint(model) or self.advice(model)
            )
        return self.local_file(self.unnamed())

    def unnamed(self) -> find.Found:
        """The local model that is taken when nobody named one."""
        found = find.search(self.environ, self.files)
        if found is None:
            raise ModelUnavailable("there is no model on this machine", hint="name one: --gguf FILE, or model_path: in settings.llm")
        return found

    def advice(self, model: str) -> str:
        return (
            "for an API: provider: openai (with OPENAI_API_KEY or api_base:); for a local model: --gguf FILE, or"
            f" model: FILE.gguf; without model: {model} an installed model answers"
        )

    def settings_mean_an_api(self) -> bool:
        """Whether ``settings.llm.model`` is the name of an API's model, which a call that was made local does not ask for."""
        named = self.provider_in(self.settings, "settings.llm.")
        return named is not None and named[0] != "local"

    def local_file(self, found: find.Found) -> Choice:
        said = {name: self.value(name) for name in parameters.numbers(LoadParameters)}
        load = LoadParameters(**{name: value for name, value in said.items() if value is not None})
        return Choice("local", found.name, found.why, path=found.path, load=load)

    def shell(self, why: str) -> Choice:
        providers: dict[str, Any] = {}
        for known in (self.all_settings.get("shell_providers"), self.settings.get("shell_providers")):
            if isinstance(known, Mapping):
                providers.update(known)
        chosen = program(_text(self.value("shell_provider")), providers, self.environ)
        return Choice("shell", chosen.name, why, program=chosen)

    def named_address(self) -> tuple[str, str] | None:
        if _text(self.parameters.get("api_base")):
            return "openai", "the node's api_base names an API"
        if _text(self.settings.get("api_base")):
            return "openai", "settings.llm.api_base names an API"
        if self.environ.get("OLLAMA_API_BASE"):
            return "ollama", "OLLAMA_API_BASE names an API"
        if self.environ.get("OPENAI_BASE_URL"):
            return "openai", "OPENAI_BASE_URL names an API"
        return None

    def api(self, provider: str, why: str) -> Choice:
        if provider == "api":
            provider = self.any_api(why)
        model = self.api_model(provider, why)
        endpoint = Endpoint(
            provider,
            self.base_address(provider, model),
            model,
            key=self.key(provider),
            api_version=(self.environ.get("OPENAI_API_VERSION") or AZURE_VERSION) if provider == "azure" else "",
            timeout=self.seconds("timeout", 300.0, positive=True),
            retry=Retry(self.retries(), self.seconds("base_delay", 1.0), self.seconds("max_delay", 60.0)),
        )
        if provider == "openai" and endpoint.base_url == OPENAI_URL and not endpoint.key:
            raise ModelUnavailable(
                f"{why}, but there is neither a key nor an address for it",
                hint="set OPENAI_API_KEY, or name a server: api_base: http://HOST:PORT/v1; for a local model: provider: local",
            )
        return Choice("api", model, why, endpoint=endpoint)

    def any_api(self, why: str) -> str:
        """``api`` → the one that is configured."""
        address = self.named_address()
        if address is not None:
            return address[0]
        if self.environ.get("AZURE_OPENAI_API_KEY") and self.environ.get("AZURE_OPENAI_ENDPOINT"):
            return "azure"
        if self.key("openai"):
            return "openai"
        raise ModelUnavailable(
            f"{why}, but no API is configured", hint="set OPENAI_BASE_URL, OLLAMA_API_BASE or OPENAI_API_KEY, or name api_base:"
        )

    def api_model(self, provider: str, why: str) -> str:
        wanted = [self.parameters.get("model"), self.settings.get("model")]
        if provider == "azure":
            named = [self.parameters.get("deployment"), self.settings.get("deployment"), self.environ.get("AZURE_OPENAI_DEPLOYMENT")]
            wanted = [named[0], wanted[0], named[1], named[2], wanted[1]]
        else:
            wanted.insert(1, self.settings.get("deployment"))
        # A model file in the settings is the default of local calls.
        model = next((text for one in wanted if (text := _text(one)) and not text.lower().endswith(SUFFIX)), None)
        if model:
            return model
        if self.action == "llm.chat" and provider != "azure":
            return CHAT_MODEL
        raise ModelUnavailable(
            f"{self.action} needs a model to ask the {provider} API for ({why})",
            hint="add model: NAME to the node or to settings.llm; for a local model: provider: local",
        )

    def base_address(self, provider: str, model: str) -> str:
        named = _text(self.value("api_base"))
        if provider == "ollama":
            return self.checked(named or self.environ.get("OLLAMA_API_BASE") or OLLAMA_URL)
        if provider == "openai":
            return self.checked(named or self.environ.get("OPENAI_BASE_URL") or OPENAI_URL)
        address = named or self.environ.get("AZURE_OPENAI_ENDPOINT")
        if not address or not self.key("azure"):
            raise ModelUnavailable("provider azure needs an address and a key", hint="set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY")
        from urllib.parse import quote

        return f"{self.checked(address).rstrip('/')}/openai/deployments/{quote(model, safe='')}"

    def checked(self, address: str) -> str:
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(address)
            valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            valid = False
        if not valid:
            raise ModelUnavailable("the address of the API is not valid", hint="write it as http://HOST:PORT/v1 or https://HOST/v1")
        return address

    def key(self, provider: str) -> str:
        own = _text(self.value("api_key"))
        variable = {"openai": "OPENAI_API_KEY", "azure": "AZURE_OPENAI_API_KEY"}.get(provider)
        return own or (self.environ.get(variable, "") if variable else "")

    def retries(self) -> int:
        value = self.value("max_retries")
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ModelUnavailable(f"max_retries must be a whole number from 0 on, not {value!r}", hint="correct max_retries:")
        return value

    def seconds(self, name: str, default: float, *, positive: bool = False) -> float:
        value = self.value(name)
        if value is None:
            return default
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= LONGEST_WAIT or (positive and not value):
            raise ModelUnavailable(f"{name} must be a number of seconds, not {value!r}", hint=f"correct {name}:")
        return float(value)


class _AskedToEmbed(_Asked):
    """A call that wants vectors; its settings hold the embedding model as ``model``."""

    __slots__ = ()

    def named_models(self) -> find.NamedModels:
        return replace(_Asked.named_models(self), settings_key="settings.llm.embedding_model")

    def choice(self) -> Choice:
        own, _ = self.provider_in(self.parameters, "the node's") or (None, "")
        if own == "shell":
            raise ModelUnavailable("a program cannot embed texts", hint="remove provider: shell from the node")
        elsewhere = own not in {None, "local"} or _text(self.parameters.get("api_base"))
        found = None if elsewhere else find.resolve(self.named_models(), self.environ, self.base, self.files)
        if found is not None:
            return self.local_file(found)
        named = [_text(self.parameters.get(key)) for key in ("model", "deployment")]
        if elsewhere or any(named) or _text(self.settings.get("model")):
            return _Asked.choice(self)
        return self.local_file(self.unnamed())

    def unnamed(self) -> find.Found:
        if self.files.exists(builtin.embedding_path()):
            return find.Found(builtin.embedding_path(), "no embedding model is named; it is the built-in one")
        raise ModelUnavailable(
            "no embedding model is named, and the built-in one is not part of this installation",
            hint="name one: model: FILE.gguf, or embedding_model: in settings.llm",
        )

    def advice(self, model: str) -> str:
        return (
            f"for a local model: model: FILE.gguf, or embedding_model: in settings.llm; for an API: provider: openai (with OPENAI_API_KEY"
            f" or api_base:); without {model} the built-in model embeds"
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
