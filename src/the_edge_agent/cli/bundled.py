"""The agent inside the image that was started: its own command line, and what `tea COMMAND` is about when no file is named.

``./my-agent --question TEXT`` runs it; ``./my-agent tea inspect`` looks at it, ``./my-agent tea resume CHECKPOINT`` goes on with it.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent import directories
from the_edge_agent.bundle.start import Start, read
from the_edge_agent.cli import run
from the_edge_agent.errors import UsageError
from the_edge_agent.image.layout import PACKAGES, WORKFLOW
from the_edge_agent.models import embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from the_edge_agent.actions.interface import Kind, StateKey

_ABOUT_A_WORKFLOW = ("run", "resume", "validate", "inspect")
"""Commands of tea that are about the workflow inside when none is named."""
_METAVARS: Mapping[Kind, str] = {"text": "TEXT", "integer": "N", "number": "NUMBER", "boolean": "true|false", "json": "JSON", "": "VALUE"}
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Bundled:
    """The agent inside the image whose files are seen at ``root``; ``program`` is what a user types to start it, ``image`` its file.

    ``engine`` is where the engine's files are seen: in a cache they are apart, so that other images share them.
    """

    start: Start
    root: Path
    engine: Path
    program: str
    image: Path | None

    @classmethod
    def of(cls, root: str, engine: str) -> Bundled | None:
        """The agent inside the image seen at ``root`` and ``engine``, ``None`` when it holds none; raises :class:`ImageDamaged` as :func:`read`."""
        start = read(Path(root))
        if start is None:
            return None
        image = embedded.image()
        program = quote(embedded.told("ARGV0") or (image.name if image else start.name))
        return cls(start, Path(root), Path(engine), program, image)

    @property
    def version(self) -> str:
        """The workflow's version, if it has one, and the engine's."""
        from the_edge_agent import __version__

        return " ".join(word for word in (self.start.name, self.start.version, f"(tea {__version__})") if word)

    @property
    def places(self) -> Mapping[str, str]:
        """How messages show paths inside: files of the workflow as their author named them, others as workflows name them."""
        seen = f"${embedded.ROOT}/"
        return {f"{self.root / WORKFLOW}/": "", f"{self.root}/": seen, f"{self.engine}/": seen}

    def command(self) -> click.Command:
        """The command line of the agent: that of ``tea run``, with an option for every input and without a file."""
        others = [parameter for parameter in run.command.params if parameter.name != "file"]
        taken = {word for parameter in others for word in parameter.opts} | {"--help", "--version", "--impl"}
        inputs = list(_inputs(self.start.inputs, taken))
        version = click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=self._print_version)
        version.help = "Print the version of the agent and of tea."
        perform = self._completing("run", run.command)

        def callback(**values: Any) -> Any:
            texts = {each: values.pop(each.name) for each in inputs if each.name}
            given = {each.key.name: each.read(text) for each, text in texts.items() if text is not None}
            return perform(file=None, inputs=given, **values)

        return _AgentCommand(self.start, inputs, [*others, version], callback)

    def amended(self, name: str, command: click.Command) -> click.Command:
        """The command of tea called ``name``, which is about the agent inside, or about its image, when no file is named."""
        if name not in (*_ABOUT_A_WORKFLOW, "verify"):
            return command
        made = copy.copy(command)
        made.params = [_optional(each) if each.name in {"file", "files"} else each for each in command.params]
        made.callback = self._completing(name, command)
        return made

    def _completing(self, name: str, command: click.Command) -> Callable[..., Any]:
        def callback(**values: Any) -> Any:
            return command.callback(**self._completed(name, values)) if command.callback else None

        return callback

    def _completed(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        """``values`` with what the image says where they name no file; what the user gave besides comes last, so that it wins."""
        if values.get("file") or values.get("files"):
            return values
        if name == "verify":
            return {**values, "file": self.image or Path(self.program)}
        sources = self.start.sources(self.root, self.engine)
        directories.bundle(self.root / WORKFLOW / folder for folder in self.start.folders)
        sys.path.append(str(self.root / PACKAGES))
        for each in ("overlays", "actions_files"):
            values[each] = (*sources[each], *values.get(each, ()))
        if name == "validate":
            return {**values, "files": (sources["file"],)}
        if name in {"run", "resume"}:
            values |= {"gguf": values["gguf"] or sources["gguf"], "agent": self.program}
        return {**values, "file": sources["file"]}

    def _print_version(self, context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
        if value:
            click.echo(self.version)
            context.exit()


def _optional(parameter: click.Parameter) -> click.Parameter:
    made = copy.copy(parameter)
    made.required = False
    return made


class _Input(click.Option):
    """The option for one key of the state."""

    def __init__(self, key: StateKey, words: Sequence[str], number: int) -> None:
        super().__init__([*words, f"state_{number}"], metavar=_METAVARS[key.kind])
        self.key = key

    def read(self, text: str) -> Any:
        """The value that ``text`` means: ``-`` stands for standard input, ``@FILE`` for a file, and what is not text is JSON.

        Raises:
            UsageError: it is not of the key's kind.
        """
        try:
            said = _content(text)
        except (OSError, UnicodeError) as error:
            raise UsageError(f"{self.opts[0]} {text}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
        if self.key.kind == "text":
            return said
        try:
            value = json.loads(said)
        except ValueError:
            value = said
        kinds: Mapping[Kind, tuple[type, ...]] = {"integer": (int,), "number": (int, float), "boolean": (bool,), "json": (list, dict)}
        wanted = kinds.get(self.key.kind)
        if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted)):
            noun = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "json": "a JSON list or object"}
            raise UsageError(f"{self.opts[0]} takes {noun[self.key.kind]}, got {said!r}")
        return value


def _content(text: str) -> str:
    if text in {"-", "@-"}:
        return sys.stdin.read().removesuffix("\n")
    if text.startswith("@"):
        return Path(text[1:]).read_text(encoding="utf-8")
    text.encode()
    return text


def _inputs(keys: Sequence[StateKey], taken: set[str]) -> Iterator[_Input]:
    """An option for every key whose name can be one and is no other option's; the others are given by ``--input``."""
    for number, key in enumerate(keys):
        words = dict.fromkeys((f"--{key.name.replace('_', '-')}", f"--{key.name}"))
        free = [word for word in words if word not in taken]
        if free and _OPTION.fullmatch(key.name):
            taken |= set(free)
            yield _Input(key, free, number)


class _AgentCommand(run.RunCommand):
    """Shows what the workflow is, takes and gives, before the options that every workflow has."""

    def __init__(self, start: Start, inputs: Sequence[_Input], others: Sequence[click.Parameter], callback: Callable[..., Any]) -> None:
        names = {"help_option_names": ["-h", "--help"]}
        super().__init__(name=start.name, params=[*inputs, *others], callback=callback, context_settings=names)
        self._start = start
        self._inputs = inputs
        self._others = others

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write name, description, inputs, outputs, the options, and an example."""
        start, program = self._start, ctx.command_path
        formatter.write_usage(program, "[OPTIONS]")
        formatter.write_usage(program, "tea COMMAND ...", prefix="       ")
        formatter.write_paragraph()
        formatter.write_text(" ".join(word for word in (start.name, start.version) if word))
        with formatter.indentation():
            for paragraph in start.description.split("\n\n"):
                formatter.write_text(paragraph)
        _section(formatter, "Inputs", [(f"{', '.join(each.opts)} {each.metavar}", _about(each.key)) for each in self._inputs])
        _section(formatter, "Outputs", [(key.name, " ".join([_METAVARS[key.kind], key.description]).strip()) for key in start.outputs])
        records = [record for each in (*self._others, self.get_help_option(ctx)) if each and (record := each.get_help_record(ctx))]
        _section(formatter, "Options", records)
        _section(formatter, "Example", [(f"{program} {self._example()}".strip(), "")])
        formatter.write_paragraph()
        formatter.write_text(f"`{program} tea` is the full command: {program} tea inspect, {program} tea resume CHECKPOINT, …")

    def _example(self) -> str:
        """Words that give every input without a default, or the first one where all have one."""
        needed = [each for each in self._inputs if each.key.default in (None, "")] or list(self._inputs[:1])
        return " ".join(f"{each.opts[0]} {_sample(each.key)}" for each in needed)


def _section(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def _about(key: StateKey) -> str:
    default = "" if key.default in (None, "") else f"[default: {_shown(key.default)}]"
    return "  ".join(word for word in (key.description, default) if word)


def _sample(key: StateKey) -> str:
    if key.default not in (None, ""):
        return quote(_shown(key.default))
    return {"text": "'...'", "integer": "1", "number": "1.5", "boolean": "true", "json": "'[]'", "": "'...'"}[key.kind]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
