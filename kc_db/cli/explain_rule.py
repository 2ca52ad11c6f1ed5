"""`kc-db explain-rule`."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    from kc_db.cli.rules import all_descriptions

    return [
        CompletionItem(name, help=rule.documentation.partition("\n")[0])
        for name, rule in all_descriptions().items()
        if name.startswith(begun)
    ]


@click.command(
    short_help="Say what a rule means.",
    epilog="""\b
Examples:
  kc-db explain-rule                    list all rules
  kc-db explain-rule invalid-index      what it means, and how to mend it
""",
)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=_complete)
def explain_rule(name: str | None) -> None:
    """Say what a rule means, what happens if you leave a finding of it, and how to mend it.

    Without NAME, list the rules of every command.
    """
    if name is None:
        click.echo(_list())
    else:
        click.echo(_explain(name))


def _explain(name: str) -> str:
    from kc_db.cli.rules import PACKAGES, all_descriptions, describe_tool
    from kc_db.errors import InputError
    from kc_db.toml.complaints import suggest

    for command in PACKAGES:
        for rule in describe_tool(command):
            if rule.name == name:
                head = f"{click.style(name, bold=True)} ({rule.severity}, {command})"
                return f"{head}\n\n{rule.documentation}"
    raise InputError(f"there is no rule {name}{suggest(name, all_descriptions())}")


def _list() -> str:
    from kc_db.cli.rules import PACKAGES, all_descriptions, describe_tool

    width = max(map(len, all_descriptions()))
    blocks = []
    for command in PACKAGES:
        lines = [
            f"  {rule.name:{width}}  {rule.severity!s:12}  {rule.documentation.partition(chr(10))[0]}"
            for rule in describe_tool(command)
        ]
        blocks.append("\n".join([click.style(command, bold=True), *lines]))
    return "\n\n".join(blocks)
