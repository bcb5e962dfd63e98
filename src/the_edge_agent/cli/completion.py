"""``tea completion``: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print the completion script of a SHELL.

    \b
    bash: tea completion bash > ~/.local/share/bash-completion/completions/tea
    zsh:  tea completion zsh > a folder of your $fpath, as _tea
    fish: tea completion fish > ~/.config/fish/completions/tea.fish
    """  # noqa: D301 - the backspace is click's mark for text that keeps its lines
    from the_edge_agent.cli.root import COMPLETING, tea

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    # What click hands to fish ends at the first comma, also inside a list of nodes.
    click.echo(completion(tea, {}, "tea", COMPLETING).source().replace('string split ","', 'string split --max 1 ","'))
