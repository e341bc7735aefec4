"""`sim completion`: the script by which a shell completes commands, options, names and keys."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")
_NO_SPACE = "    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
"""Of bash: what follows a key is its value."""


@click.command(name="completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script for a SHELL that completes what follows `sim`.

    \b
    bash: eval "$(sim completion bash)" in ~/.bashrc
    zsh:  eval "$(sim completion zsh)" in ~/.zshrc, after compinit
    fish: sim completion fish | source, in ~/.config/fish/config.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    from sim.cli.main import main
    from sim.cli.progress import printed

    kind = get_completion_class(shell)
    assert kind is not None
    # Not kind.source: that of bash runs a bash to ask its version.
    script = ShellComplete.source(kind(main, {}, "sim", "_SIM_COMPLETE"))
    printed(script.replace("    return 0\n", f"{_NO_SPACE}    return 0\n", 1) if shell == "bash" else script)
