"""Flags out of a file: YAML or JSON, with the names that the command line has."""

import json
import sys
from dataclasses import fields
from pathlib import Path

import yaml


def written_in_yaml(text: str) -> list[tuple[str, object]]:
    """Names and values of a mapping in YAML, scalars as they are written, so that `no` is no boolean and 010 no 8.

    ValueError where it is no mapping.
    """
    document = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(document, yaml.MappingNode):
        raise ValueError("does not consist of `flag: value`")
    return [(name.value, as_written(value)) for name, value in document.value]


def as_written(node: yaml.Node):
    """The value of a node of YAML: a string, None, a list of such, or what YAML makes of a mapping."""
    if isinstance(node, yaml.MappingNode):
        return yaml.safe_load(yaml.serialize(node))
    if isinstance(node, yaml.SequenceNode):
        return [as_written(each) for each in node.value]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def written_in_json(text: str) -> list[tuple[str, object]]:
    """Names and values of an object in JSON. ValueError where it is none."""
    pairs = json.loads(text, object_pairs_hook=list)
    if not (text.lstrip().startswith("{") and isinstance(pairs, list)):
        raise ValueError("does not consist of `flag: value`")
    content = json.loads(text)
    return [(name, content[name]) for name, _ in pairs]


def flags_of(path: Path, without: set[str] = frozenset()) -> list[str]:
    """The content of a YAML or JSON file as a command line, so that it is read and checked like one."""
    read = written_in_json if path.suffix == ".json" else written_in_yaml
    try:
        content = read(path.read_text(encoding="utf-8"))
        names = [name for name, _ in content]
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise ValueError(f"has {', '.join(twice)} twice; which one counts?")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise SystemExit(f"{path}: {' '.join(str(error).split())}") from error
    flags = []
    for name, value in content:
        if value is not None and name.replace("-", "_") not in without:
            values = value if isinstance(value, list) else [value]
            flags += [f"--{name}", *(json.dumps(each) if isinstance(each, dict) else str(each) for each in values)]
    return flags


def names_of(flag: str, dataclasses: tuple) -> set[str]:
    """All names of what a flag of the command line says, which it says in the place of a file: --no_flag, too."""
    name = flag.removeprefix("--").partition("=")[0].replace("-", "_")
    names = {name, name.removeprefix("no_")}
    for each in (each for kind in dataclasses for each in fields(kind)):
        same = {each.name, *(alias.removeprefix("--") for alias in each.metadata.get("aliases", ()))}
        names |= same if names & same else set()
    return names


def spelled_out(argv: list[str] | None = None, *dataclasses) -> list[str]:
    """The flags of `argv` (default: the command line), those of a file before them written out.

    What is given beside a file counts, and not what stands there, by whatever name of a field of the `dataclasses`.
    """
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0].startswith("-") or Path(argv[0]).suffix not in (".yaml", ".yml", ".json"):
        return argv
    beside = [names_of(word, dataclasses) for word in argv[1:] if word.startswith("--")]
    return [*flags_of(Path(argv[0]), set().union(*beside)), *argv[1:]]
