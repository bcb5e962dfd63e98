"""The ``tea`` command itself: which commands there are, and what happens with whatever one of them raises."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.cli.console import Console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.cli.bundled import Bundled

_HERE = "the_edge_agent.cli"

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": (f"{_HERE}.init", "Write a workflow to start from."),
    "run": (f"{_HERE}.run", "Run a workflow and print its final state as JSON."),
    "resume": (f"{_HERE}.resume", "Go on with a run that paused, from its checkpoint."),
    "validate": (f"{_HERE}.validate", "Check workflows without running them."),
    "inspect": (f"{_HERE}.inspect", "Show what a workflow consists of and what code it runs."),
    "actions": (f"{_HERE}.actions", "List what `uses:` can name, or describe one action."),
    "schema": (f"{_HERE}.schema", "Print the JSON Schema of workflow files, or merge JSON files."),
    "bundle": (f"{_HERE}.bundle", "Put a workflow, its model and tea into one file."),
    "models": (f"{_HERE}.models", "List, download and verify models."),
    "verify": (f"{_HERE}.verify", "Check that an image is what it was when it was built."),
    "doctor": (f"{_HERE}.doctor", "Tell what this machine can do and which models are found."),
    "licenses": (f"{_HERE}.licenses", "Tell under which licences everything here stands."),
    "completion": (f"{_HERE}.completion", "Print the completion script of a shell."),
    "help": (f"{_HERE}.help", "Tell how a command is used."),
}
"""Name of a command → the module whose ``command`` it is, and its line of help."""


COMPLETING = "_TEA_COMPLETE"
"""Set by the shell when it asks for completions, which it does without any word."""


class LazyGroup(click.Group):
    """A group that imports the module of a command when that command runs, and none to list them.

    ``agent`` is the one inside the image that was started, if it holds one.
    """

    agent: Bundled | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command, its module imported now; ``None`` when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        command = import_module(COMMANDS[cmd_name][0]).command
        if not isinstance(command, click.Command):
            message = f"{COMMANDS[cmd_name][0]}.command is no click command"
            raise TypeError(message)
        return self.agent.amended(cmd_name, command) if self.agent else command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with a message that helps when the command is not known."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(_unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)


def _unknown(name: str) -> str:
    from the_edge_agent import peers

    elsewhere = peers.command(name)
    if elsewhere is not None:
        return f"There is no command {name!r}: {elsewhere}."
    if name.endswith((".yaml", ".yml")) or os.path.isfile(name):  # noqa: PTH113 - pathlib is not needed for anything else here
        from shlex import quote

        return f"{name!r} is a file, not a command. Did you mean: tea run {quote(name)}"
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(COMMANDS)}.")


def _version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        from the_edge_agent import __version__

        click.echo(f"tea {__version__}")
        context.exit()


@click.group(cls=LazyGroup, name="tea", invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version.")
@click.option("--impl", is_flag=True, help="Print which implementation of the dialect this is.")
@click.option("--features", is_flag=True, help="With --impl: print what this installation can do, one word a line.")
@click.option("--json", "as_json", is_flag=True, help="With --impl: print it as JSON.")
@click.pass_context
def tea(context: click.Context, *, impl: bool, features: bool, as_json: bool) -> None:
    """Run YAML agent workflows offline against a local model.

    The answer goes to standard output as JSON, everything else to standard error.

    Exit codes: 0 done, 1 a bug of tea, 2 usage or input, 3 workflow invalid, 4 a node failed, 5 a limit was reached,
    6 output of the demanded structure could not be had, 7 context overflow, 8 model missing or unusable,
    9 this machine cannot, 10 paused, 11 refused for safety, 130 and 143 interrupted.
    """
    if (features or as_json) and not impl:
        raise click.UsageError("--features and --json go with --impl.", context)
    if impl:
        from the_edge_agent.cli.features import print_implementation

        print_implementation(features=features, as_json=as_json)
        context.exit()
    if context.invoked_subcommand is None:
        raise click.UsageError("A command is missing.", context)


def run_command_line(words: list[str], *, image: tuple[str, str] | None = None, full: bool = False) -> int:
    """Run the command that ``words`` name; everything it raises ends here as a message and an exit code.

    ``image`` says where the files of the image that was started are seen, what was added to its engine first. One that holds a workflow is the command of that, unless ``full``.
    """
    _open_standard_streams()
    console = Console()
    try:
        agent = _agent(image)
    except Exception as error:  # noqa: BLE001 - as below
        return _leave(error, console)
    if agent is not None:
        console.places = agent.places
        if not full and words[:1] != ["--impl"]:
            return _run(agent.command(), agent.program, words, console)
    tea.agent = agent
    if COMPLETING in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(tea, {}, "tea", COMPLETING, os.environ[COMPLETING])
    if not words:
        with click.Context(tea, info_name="tea") as context:
            console.line(tea.get_help(context))
        return 2
    return _run(tea, f"{agent.program} tea" if agent else "tea", words, console)


def _run(command: click.Command, name: str, words: list[str], console: Console) -> int:
    """Run ``command``, which the user knows by ``name``, with ``words``."""
    try:
        # Not command.main(): it turns Ctrl-C into an Abort that no longer knows what was interrupted.
        with command.make_context(name, list(words), obj=console) as context:
            code = command.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where everything ends
        return _leave(error, console)
    return code if isinstance(code, int) else 0


def _agent(image: tuple[str, str] | None) -> Bundled | None:
    if image is None:
        return None
    from the_edge_agent.image.layout import BUNDLE

    if not os.path.lexists(os.path.join(image[0], BUNDLE)):  # noqa: PTH118 - pathlib is not needed for anything else here
        return None
    from the_edge_agent.cli.bundled import Bundled

    return Bundled.of(*image)


def _open_standard_streams() -> None:
    """Open what the caller closed (``>&-``) to nowhere, so that no other file gets the number of a standard stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - a standard stream lives as long as the process


def _leave(error: BaseException, console: Console) -> int:
    from the_edge_agent.cli.report import BROKEN_PIPE, report

    code = report(error, console)
    if code == BROKEN_PIPE:
        _drop_standard_output()
    if isinstance(error, KeyboardInterrupt) and _busy_threads():
        # The user asked to stop now; a thread that sleeps inside a workflow's code would hold the process.
        os._exit(code)
    return code


def _drop_standard_output() -> None:
    """Keep the interpreter from complaining at exit about the reader that has gone."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        return


def _busy_threads() -> list[Any]:
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
