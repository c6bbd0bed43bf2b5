"""Completion in a shell: a script for bash, zsh or fish that knows commands, options, claims and profiles.

The script is made once and answers by itself: Python is not started when a key is pressed. After an upgrade, or for
claims of your own, make it anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from cyclopts import App

Shell = Literal["bash", "zsh", "fish"]
FILES, FOLDERS, FREE = "<files>", "<folders>", "<free>"
"""What a value may be where there is no list of words: a file, a folder, or anything."""
Words = tuple[str, ...] | str


@dataclass(frozen=True)
class Option:
    """An option: its name, what it means, and its values; None where it takes none."""

    name: str
    help: str
    values: Words | None


@dataclass(frozen=True)
class Command:
    """A command by its words, such as "sweep plan"; "" is the program itself.

    Attributes:
        path: the words after escape-ntk.
        commands: those below it, with what each does.
        options: its options.
        values: of what stands without an option; None where nothing does.
    """

    path: str
    commands: tuple[tuple[str, str], ...]
    options: tuple[Option, ...]
    values: Words | None


def script(app: App, shell: Shell, claims: Iterable[str], profiles: Iterable[str]) -> str:
    """The script.

    Args:
        app: the command.
        shell: for which.
        claims: ids that are completed where claims are named, also after a comma.
        profiles: names that are completed where a profile is.
    """
    lists = {"claims": tuple(claims), "profiles": tuple(profiles)}
    found = tuple(commands(app, lists))
    return {"bash": bash, "zsh": zsh, "fish": fish}[shell](found) + "\n"


def commands(app: App, lists: dict[str, tuple[str, ...]], path: str = "") -> Iterator[Command]:
    """Every command of the app, the app itself first."""
    below = [(name, app[name]) for name in app if not name.startswith("-")]
    options, values = [Option("--help", "Display this message and exit", None)], None
    if not path:
        options.append(Option("--version", "Display application version", None))
    if app.default_command is not None:
        for argument in app.assemble_argument_collection(parse_docstring=True):
            kind = _values(argument.field_info, argument.hint, lists)
            names = [name for name in argument.names if name.startswith("--")]
            if names:
                options.append(Option(names[0], _first(argument.parameter.help), kind))
            else:
                values = kind
    yield Command(path, tuple((name, _first(one.help)) for name, one in below), tuple(options), values)
    for name, one in below:
        yield from commands(one, lists, f"{path} {name}".strip())


def _values(field: Any, hint: Any, lists: dict[str, tuple[str, ...]]) -> Words | None:
    """The values of a parameter, by its name, type and default."""
    name = field.name
    kinds = [part for part in (hint, *get_args(hint)) if part is not type(None)]
    if bool in kinds:
        return None
    if name in ("claim", "claims"):
        return lists["claims"]
    if name == "profile":
        return lists["profiles"]
    if name == "claims_from":
        return FILES
    for part in kinds:
        if get_origin(part) is Literal:
            return tuple(map(str, get_args(part)))
    if Path in kinds:
        folder = name == "folder" or (name == "out" and not Path(field.default).suffix)
        return FOLDERS if folder else FILES
    return FREE


def _first(text: str | None) -> str:
    """The first sentence, without markup and without the characters that a shell reads in it."""
    sentence = re.split(r"(?<=[.;:])\s", " ".join((text or "").split()))[0].rstrip(".;:")
    return re.sub(r"[`'\"\\$\[\]]", "", sentence)


def _cases(found: Iterable[Command], indent: str, of: Callable[[Command], Iterator[tuple[str, str]]]) -> str:
    """Branches "pattern) words" of a shell's case."""
    return "\n".join(f"{indent}{pattern}) {action} ;;" for command in found for pattern, action in of(command))


def _action(values: Words) -> str:
    """What a POSIX-like shell does for these values."""
    if isinstance(values, str):
        return f"kind={values.strip('<>')}"
    return f"kind=words offered=({' '.join(values)})"


def _valued(command: Command) -> Iterator[tuple[str, str]]:
    for option in command.options:
        if option.values is not None:
            yield f'"{command.path}:{option.name}"', _action(option.values)


def _plain(command: Command) -> Iterator[tuple[str, str]]:
    names = [name for name, _ in command.commands] or [option.name for option in command.options]
    if command.values is not None:
        yield f'"{command.path}:"', _action(command.values)
    else:
        yield f'"{command.path}:"', f"kind=words offered=({' '.join(names)})"


def _dashed(command: Command) -> Iterator[tuple[str, str]]:
    yield f'"{command.path}:"', f"kind=words offered=({' '.join(option.name for option in command.options)})"


def _path(found: Iterable[Command]) -> str:
    """Patterns of the words that lead from a command to one below it."""
    return " | ".join(f'"{c.path}"' for c in found if c.path)


def _body(found: tuple[Command, ...]) -> str:
    """What bash and zsh share: the command from the words so far, and what may stand at the cursor.

    Before it ``line`` holds the words, ``at`` the place of the cursor's own counted from 0, ``current`` and ``before``
    that word and the one before; after it ``kind`` says what is offered, and ``offered`` the words.
    """
    return f"""\
    local reached="" word tried kind=free
    local -a offered=()
    for word in "${{line[@]:1:$at-1}}"; do
        tried="${{reached:+$reached }}$word"
        case "$tried" in
            {_path(found)}) reached=$tried ;;
        esac
    done
    case "$reached:$before" in
{_cases(found, " " * 8, _valued)}
        *)
            case "$current" in
                -*)
                    case "$reached:" in
{_cases(found, " " * 24, _dashed)}
                    esac ;;
                *)
                    case "$reached:" in
{_cases(found, " " * 24, _plain)}
                    esac ;;
            esac ;;
    esac"""


def bash(found: tuple[Command, ...]) -> str:
    """For bash, 3.2 or later."""
    return f"""\
# Completion of escape-ntk in bash: eval "$(escape-ntk completion bash)"
_escape_ntk() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" at=$COMP_CWORD kept=""
    local -a line=("${{COMP_WORDS[@]}}")
{_body(found)}
    COMPREPLY=()
    case "$kind" in
        words)
            if [[ $current == *,* ]]; then
                kept="${{current%,*}},"
                current="${{current##*,}}"
            fi
            local -a near=($(compgen -W "${{offered[*]}}" -- "$current"))
            COMPREPLY=("${{near[@]/#/$kept}}") ;;
        files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")) ;;
        folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")) ;;
    esac
}}
complete -F _escape_ntk escape-ntk"""


def zsh(found: tuple[Command, ...]) -> str:
    """For zsh: to be sourced after compinit, or a file _escape-ntk in a folder of fpath."""
    return f"""\
#compdef escape-ntk
# Completion of escape-ntk in zsh: source <(escape-ntk completion zsh)
_escape_ntk() {{
    local current="${{words[CURRENT]}}" before="${{words[CURRENT-1]}}" at=$((CURRENT - 1))
    local -a line=("${{words[@]}}")
{_body(found)}
    case "$kind" in
        words)
            compset -P '*,'
            compadd -- "${{offered[@]}}" ;;
        files) _files ;;
        folders) _files -/ ;;
    esac
}}
if [[ "$funcstack[1]" == "_escape-ntk" ]]; then
    _escape_ntk "$@"
else
    compdef _escape_ntk escape-ntk
fi"""


def fish(found: tuple[Command, ...]) -> str:
    """For fish: to be sourced, or kept as escape-ntk.fish in its folder of completions."""
    lines = [
        "# Completion of escape-ntk in fish: escape-ntk completion fish | source",
        "function __escape_ntk_at",
        "    set -l reached",
        "    for word in (commandline -opc)[2..]",
        "        set -l tried (string join -- ' ' $reached $word)",
        f"        contains -- $tried {' '.join(repr(c.path) for c in found if c.path)}; and set reached $reached $word",
        "    end",
        "    set -l words (string join -- ' ' $reached)",
        '    test "$words" = "$argv[1]"',
        "end",
        "function __escape_ntk_listed",
        "    set -l kept (string replace -r '[^,]*$' '' -- (commandline -ct))",
        "    printf '%s\\n' $kept$argv",
        "end",
        "complete -c escape-ntk -f",
    ]
    for command in found:
        head = f"complete -c escape-ntk -n '__escape_ntk_at \"{command.path}\"'"
        lines += [f"{head} -a {name} -d '{text}'" for name, text in command.commands]
        if command.values is not None:
            lines.append(f"{head}{_fish(command.values)}")
        for option in command.options:
            taken = "" if option.values is None else f" -r{_fish(option.values)}"
            lines.append(f"{head} -l {option.name.removeprefix('--')}{taken} -d '{option.help}'")
    return "\n".join(lines)


def _fish(values: Words) -> str:
    if values == FILES:
        return " -F"
    if values == FOLDERS:
        return " -a '(__fish_complete_directories)'"
    return "" if isinstance(values, str) else f" -a '(__escape_ntk_listed {' '.join(values)})'"
