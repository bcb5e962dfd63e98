"""``tea doctor``: what this machine can do, and what is missing."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent import __version__, directories
from the_edge_agent.cli.features import BINDING, binding_version
from the_edge_agent.errors import MachineUnable, ModelUnavailable, TeaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from the_edge_agent.cli.console import Console

_CPU_FEATURES = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16")
_ARM_FEATURES = ("asimd", "asimddp", "i8mm", "sve", "sve2", "bf16")


@dataclass(slots=True)
class Diagnosis:
    """What was found, by subject, and what of it is broken."""

    subjects: dict[str, Any] = field(default_factory=dict)
    broken: list[TeaError] = field(default_factory=list)


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_obj
def command(console: Console, /, *, as_json: bool) -> int:
    """Tell what this machine can do, which models are found, and what is missing.

    Exit code 0, also where something is merely not installed; 8 when something installed does not work, such as a damaged
    model file.
    """
    from the_edge_agent.cli.report import report

    diagnosis = diagnose()
    if as_json:
        broken = [{"code": error.code, "message": error.message, "hint": error.hint} for error in diagnosis.broken]
        click.echo(json.dumps({**diagnosis.subjects, "broken": broken}, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_page(diagnosis.subjects)))
        for error in diagnosis.broken:
            report(error, console)
    return ModelUnavailable.exit_code if diagnosis.broken else 0


def diagnose() -> Diagnosis:
    """Look at everything; starts nothing, opens no socket, writes nothing."""
    diagnosis = Diagnosis()
    diagnosis.subjects = {
        "tea": __version__,
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "system": platform.platform(),
        "cpu": _cpu(),
        "memory": _memory(),
        "languages": {"lua": _lua(), "prolog": _prolog(diagnosis.broken)},
        "local_models": _binding(diagnosis.broken),
        "models": _models(diagnosis.broken),
        "folders": _folders(),
    }
    return diagnosis


def _cpu() -> dict[str, Any]:
    from the_edge_agent.llm.local import machine

    information = _proc("cpuinfo", {"model name", "flags", "features", "cpu model", "hardware"})
    name = next(
        (information[key] for key in ("model name", "cpu model", "hardware") if key in information),
        platform.processor() or platform.machine(),
    )
    flags = set((information.get("flags") or information.get("features") or "").split())
    return {
        "model": name,
        "architecture": platform.machine(),
        "features": [feature for feature in (*_CPU_FEATURES, *_ARM_FEATURES) if feature in flags],
        "processors": machine.logical_cpus(),
        "cores_available": machine.cores(),
    }


def _memory() -> dict[str, int | None]:
    from the_edge_agent.llm.local import machine

    total = _proc("meminfo", {"memtotal"}).get("memtotal", "").partition(" ")[0]
    return {"total": int(total) * 1024 if total.isdigit() else None, "available": machine.available_memory()}


def _proc(name: str, wanted: set[str]) -> Mapping[str, str]:
    """The first value of each wanted field (lower case) of ``/proc/<name>``; empty where there is no such file."""
    found: dict[str, str] = {}
    try:
        text = Path("/proc", name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in wanted:
            found.setdefault(key.strip().lower(), value.strip())
    return found


def _binding(broken: list[TeaError]) -> dict[str, Any]:
    """Whether llama.cpp can be used here; one that is installed and cannot be opened goes to ``broken``."""
    version = binding_version()
    found: dict[str, Any] = {"binding": BINDING, "version": version, "works": False}
    if version is None:
        return found
    from the_edge_agent.llm.local.llama import library

    try:
        library()
    except TeaError as error:
        broken.append(error)
    else:
        found["works"] = True
    return found


def _lua() -> dict[str, Any]:
    try:
        return {"binding": "lupa", "version": metadata.version("lupa")}
    except metadata.PackageNotFoundError:
        return {"binding": "lupa", "version": None}


def _prolog(broken: list[TeaError]) -> dict[str, Any]:
    """Which SWI-Prolog there is; one that cannot be started goes to ``broken``."""
    from the_edge_agent.languages import swipl

    program = swipl.executable()
    version = swipl.version(program) if program else None
    if program and version is None:
        broken.append(MachineUnable(f"SWI-Prolog cannot be started: {program}", hint=f"install it: {swipl.INSTALL}"))
    named = os.environ.get(swipl.VARIABLE)
    if named and program is None:
        broken.append(MachineUnable(f"{swipl.VARIABLE} names no program: {named}", hint="name a swipl, or unset the variable"))
    return {"program": program, "version": version}


def _folders() -> dict[str, str]:
    return {"data": str(directories.data()), "cache": str(directories.cache()), "configuration": str(directories.configuration())}


def _models(broken: list[TeaError]) -> list[dict[str, Any]]:
    """Every model file there is; a damaged one, and a variable that names none, go to ``broken``."""
    from the_edge_agent.models.find import VARIABLE, NamedModels, found, resolve

    environ = dict(os.environ)
    try:
        resolve(NamedModels(variable=environ.get(VARIABLE)), environ, None)
    except ModelUnavailable as error:
        broken.append(error)
        del environ[VARIABLE]
    listed = found(environ)
    broken += [ModelUnavailable(model.problem, hint="get the file again, or remove it") for model in listed if model.problem]
    return [
        {"name": model.name, "path": str(model.path), "size": model.size, "origin": model.origin, "problem": model.problem}
        for model in listed
    ]


def _page(subjects: Mapping[str, Any]) -> Iterator[str]:
    cpu, memory, local = subjects["cpu"], subjects["memory"], subjects["local_models"]
    yield f"tea         {subjects['tea']}, Python {subjects['python']['version']} ({subjects['python']['executable']})"
    yield f"system      {subjects['system']}"
    yield f"cpu         {cpu['model']}, {cpu['cores_available']} of {cpu['processors']} processors to be used"
    yield f"            {' '.join(cpu['features']) or 'no special features'}"
    yield f"memory      {_gib(memory['available'])} available of {_gib(memory['total'])}"
    yield f"languages   {_languages_line(subjects['languages'])}"
    yield f"llama.cpp   {_binding_line(local)}"
    yield "models" + ("" if subjects["models"] else "      none found")
    for model in subjects["models"]:
        yield f"            {model['name']}  {_gib(model['size'])}  {model['origin']}"
        yield f"              {model['path']}"
        if model["problem"]:
            reason = model["problem"].removeprefix(f"cannot use the model {model['path']}: ")
            yield f"              cannot be used: {reason}"
    yield "folders"
    for name, path in subjects["folders"].items():
        yield f"            {name:<14} {path}"


def _languages_line(languages: Mapping[str, Any]) -> str:
    lua, prolog = languages["lua"], languages["prolog"]
    parts = ["Python", f"Lua ({lua['binding']} {lua['version']})" if lua["version"] else "no Lua: pip install lupa"]
    if prolog["version"]:
        parts.append(f"SWI-Prolog {prolog['version']} ({prolog['program']})")
    else:
        parts.append("no Prolog: apt install swi-prolog-nox")
    return ", ".join(parts)


def _binding_line(local: Mapping[str, Any]) -> str:
    if local["version"] is None:
        return "not installed: pip install 'the-edge-agent[llm-local]'"
    return f"{local['binding']} {local['version']}, {'works' if local['works'] else 'does not work'}"


def _gib(size: int | None) -> str:
    if size is None:
        return "unknown"
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"
