"""The Python that a workflow imports: modules beside its own, packages that it names, wheels that were asked for, and what is lacking."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent.errors import MachineUnable, Problem, UsageError
from the_edge_agent.image.layout import MODULES, PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from the_edge_agent.actions.survey import Survey
    from the_edge_agent.errors import Spot
    from the_edge_agent.image.squashfs import Squashfs

_ENDINGS = (".py", ".so")
_LEFT_OUT = ("__pycache__",)
_HINT = "do without it, or bring pure Python: --requirements FILE; an image holds the standard library and what tea itself needs"


@dataclass(slots=True)
class Imports:
    """What is found of the code that starts in ``own`` files, on an engine that has the modules ``here``.

    ``beside``: modules that lie beside files of the workflow. ``packages``: path below the folder of packages inside → where it lies.
    """

    here: frozenset[str]
    beside: set[Path] = field(default_factory=set)
    packages: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _roots: list[Path] = field(default_factory=list)
    _seen: set[Path] = field(default_factory=set)

    def follow(self, text: str, folders: Sequence[Path], spot: Spot | None, node: str | None, of: str = "") -> None:
        """Find what the code ``text`` imports, in the engine or else in ``folders``, and what that imports."""
        for name in _imported(text):
            if name in self.here:
                continue
            found = _module(name, folders)
            if not found:
                message = f"the Python package {name}{f' (of {of})' if of else ''} is not in the engine"
                self.problems.append(Problem("NOT_IN_ENGINE", message, spot, node, hint=_HINT))
            self.take(found, folders, spot)

    def take(self, files: Iterable[Path], folders: Sequence[Path], spot: Spot | None) -> None:
        """Put in ``files``, of modules that lie in one of ``folders``, and what they import."""
        for path in files:
            if path in self._seen:
                continue
            self._seen.add(path)
            if ".so" in path.suffixes:
                message = f"{path} is made for one kind of machine and Python, and only pure Python can be put in"
                self.problems.append(Problem("NOT_IN_ENGINE", message, spot, hint=_HINT))
                continue
            self._keep(path)
            if path.suffix == ".py":
                self.follow(_text(path), folders, spot, None, of=str(path))

    def _keep(self, path: Path) -> None:
        root = next((root for root in self._roots if root in path.parents), None)
        if root is None:
            self.beside.add(path)
        else:
            self.packages[path.relative_to(root).as_posix()] = path

    def take_package(self, name: str, spot: Spot | None) -> None:
        """Put in the importable package ``name``, whole, from where this Python finds it."""
        top = name.partition(".")[0]
        if top in self.here:
            return
        try:
            spec = find_spec(top)
        except (ImportError, ValueError):
            spec = None
        named = [*(spec.submodule_search_locations or ()), spec.origin] if spec else []
        places = [Path(place) for place in named if place]
        if not places:
            self.problems.append(Problem("NOT_IN_ENGINE", f"the Python package {top} is not in the engine", spot, hint=_HINT))
            return
        root = places[0].parent
        self._roots.append(root)
        self.take(_module(top, [root]), [root], spot)

    def take_wheels(self, folder: Path) -> None:
        """Put in everything that was installed into ``folder``."""
        self._roots.append(folder)
        self.here |= _names(entry.name for entry in folder.iterdir())
        self.take(_below(folder), [folder], None)


def imports(survey: Survey, actions_files: Sequence[Path], engine: Squashfs, wheels: Path | None) -> Imports:
    """The Python that the workflow needs besides the engine's; ``wheels`` is a folder of installed packages that go in whole."""
    found = Imports(_modules(engine))
    if wheels is not None:
        found.take_wheels(wheels)
    named = [(one.path, one.spot) for one in survey.imports if one.path is not None] + [(file, None) for file in actions_files]
    folders = list(dict.fromkeys(path.absolute().parent for path, _ in named))
    for one in survey.imports:
        if one.package is not None:
            found.take_package(one.package, one.spot)
    for path, spot in named:
        found.follow(_text(path), [path.absolute().parent], spot, None, of=str(path))
    for each in survey.code:
        if each.code.language == "python":
            found.follow(each.code.text, folders, each.code.spot, each.node.name)
    return found


def unknown_languages(survey: Survey, features: Sequence[str]) -> list[Problem]:
    """The blocks in languages that are not among what the engine can do."""
    problems = []
    for found in survey.code:
        code, node = found.code, found.node.name
        if code.language not in features:
            message = f"node '{node}' is written in {code.language}, which the engine does not have (it has: {', '.join(features)})"
            problems.append(Problem("NOT_IN_ENGINE", message, code.spot, node, hint="name an engine that has it: --engine FILE.AppImage"))
    return problems


def install(requirements: Path, version: str, target: Path) -> None:
    """Install the pure-Python wheels that the file ``requirements`` names into ``target``, for Python ``version``, by this Python's pip.

    Raises:
        UsageError: the file cannot be read, or a package in it has no such wheel.
        MachineUnable: there is no pip.
    """
    if not requirements.is_file():
        raise UsageError(f"--requirements: there is no file {requirements}")
    if find_spec("pip") is None:
        raise MachineUnable("--requirements takes pip, which this Python does not have", hint="install tea with pip, and bundle with that")
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
    words += ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none", f"--python-version={version}"]
    done = subprocess.run(  # noqa: S603 - words of our own
        [*words, "--target", str(target), "-r", str(requirements)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR:")), done.stderr.strip()[-300:])
        raise UsageError(f"--requirements {requirements}: {reason.removeprefix('ERROR: ')}", hint="only pure-Python wheels can be put in")


def python_version(engine: Squashfs) -> str:
    """Which Python the engine has, such as ``3.11``; this one's where it does not tell."""
    folder = engine.find("usr/lib")
    names = [entry.name.decode() for entry in engine.entries(folder)] if folder else []
    found = [name.removeprefix("python") for name in names if name.startswith("python3.")]
    return found[0] if found else f"{sys.version_info.major}.{sys.version_info.minor}"


def contents(found: Imports) -> Mapping[str, Path]:
    """The packages by their paths inside."""
    return {f"{PACKAGES}/{name}": path for name, path in found.packages.items()}


def _module(name: str, folders: Sequence[Path]) -> list[Path]:
    """The files of the module ``name`` in the first of ``folders`` that has it: one, or all of a package."""
    for folder in folders:
        if (folder / f"{name}.py").is_file():
            return [folder / f"{name}.py"]
        if any((folder / name).glob("*.py")) or (folder / name / "__init__.py").is_file():
            return _below(folder / name)
        if found := sorted(folder.glob(f"{name}.*.so")):
            return found
    return []


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not set(_LEFT_OUT) & set(path.parts))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from problem


def _imported(code: str) -> Iterator[str]:
    """The top-level modules that ``code`` imports; an import that the code itself is prepared to see fail does not count."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return
    guarded = {
        inner
        for node in ast.walk(tree)
        if (isinstance(node, ast.Try) and node.handlers) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        for child in node.body
        for inner in ast.walk(child)
    }
    for node in ast.walk(tree):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _modules(engine: Squashfs) -> frozenset[str]:
    """The modules an engine can import, by the names of its files; the standard library is this Python's."""
    folder = engine.find(MODULES)
    return _names(entry.name.decode() for entry in engine.entries(folder)) | sys.stdlib_module_names if folder else sys.stdlib_module_names


def _names(files: Iterable[str]) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in files if "." not in name or name.endswith(_ENDINGS))
