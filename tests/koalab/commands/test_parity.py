"""What the magics can do the terminal can, and the other way round."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from koalab.cli import WITHOUT_OUTPUT, program
from koalab.commands import NOTEBOOK
from koalab.commands.live.pictures import INSTEAD
from koalab.commands.terminal import common_options

ONLY_IN_A_NOTEBOOK = {"connect", *INSTEAD}
ONLY_IN_A_TERMINAL = {command.name for command in WITHOUT_OUTPUT}
COMMON = {option.name for option in common_options(hidden=False)}
# In a terminal these run until Ctrl-C, or until one of these says; in a notebook in the background.
UNTIL = {
    "watch": {"duration", "count"},
    "collect": {"until_close", "no_fill"},
    "alert": {"stop"},
}


def test_the_same_commands_are_in_both() -> None:
    notebook = {command.name for command in NOTEBOOK} - ONLY_IN_A_NOTEBOOK
    assert notebook == set(program.commands) - ONLY_IN_A_TERMINAL


@pytest.mark.parametrize("name", INSTEAD)
def test_a_terminal_says_what_it_has_in_place_of_a_widget(name: str) -> None:
    ran = CliRunner().invoke(program, [name, "005930"])
    assert ran.exit_code == 1
    assert f"%kiwoom {name}" in ran.output
    assert INSTEAD[name] in ran.output


@pytest.mark.parametrize(
    "command", [one for one in NOTEBOOK if one.name not in ONLY_IN_A_NOTEBOOK], ids=lambda one: one.name
)
def test_a_command_takes_the_same_in_both(command: click.Command) -> None:
    assert command.name is not None
    here = {param.name for param in command.params}
    there = {param.name for param in program.commands[command.name].params} - COMMON
    assert here ^ there == UNTIL.get(command.name, set())
