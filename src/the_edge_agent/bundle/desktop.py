"""How an image appears among other programs: its own name, icon and AppStream metadata in the place of the engine's.

The icon is the file that ``metadata.icon`` of the workflow names, a PNG or an SVG; without one it is the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from the_edge_agent.errors import UsageError
from the_edge_agent.image.head import application
from the_edge_agent.image.layout import METAINFO
from the_edge_agent.image.writer import SmallFile

if TYPE_CHECKING:
    from the_edge_agent.image.squashfs import Squashfs
    from the_edge_agent.workflow.model import Workflow

_APPLICATIONS = "usr/share/applications"
_ICON_OF_THE_ENGINE = "tea"
_ICONS = {"png": "usr/share/icons/hicolor/256x256/apps", "svg": "usr/share/icons/hicolor/scalable/apps"}
_LONGEST_SUMMARY = 120


@dataclass(frozen=True, slots=True)
class Appearance:
    """``files`` go in, and the engine's at the paths ``replaced`` go."""

    files: tuple[SmallFile, ...]
    replaced: tuple[str, ...]


def appearance(workflow: Workflow, engine: Squashfs) -> Appearance:
    """How the image of ``workflow`` on ``engine`` appears.

    Raises:
        UsageError: ``metadata.icon`` names no PNG or SVG file.
    """
    name = application(workflow.name)
    icon = _icon(workflow)
    files = list(_icon_files(name, *icon)) if icon else []
    entry = _desktop_entry(workflow, name, name if icon else _ICON_OF_THE_ENGINE).encode()
    files += [SmallFile(path, entry) for path in (f"{name}.desktop", f"{_APPLICATIONS}/{name}.desktop")]
    identity = f"io.github.the_edge_agent.agent.{name.replace('-', '_')}"
    files.append(SmallFile(f"{METAINFO}/{identity}.appdata.xml", _metainfo(workflow, identity, name).encode()))
    put = {file.path for file in files}
    return Appearance(tuple(files), tuple(path for path in _own(engine) if path not in put))


def _own(engine: Squashfs) -> list[str]:
    """The engine's desktop files and metadata."""
    found = []
    for folder, ending in (("", ".desktop"), (_APPLICATIONS, ".desktop"), (METAINFO, ".xml")):
        inode = engine.find(folder) if folder else engine.root
        names = [entry.name.decode() for entry in engine.entries(inode)] if inode else []
        found += [f"{folder}/{name}".lstrip("/") for name in names if name.endswith(ending)]
    return found


def _icon(workflow: Workflow) -> tuple[str, bytes] | None:
    metadata = workflow.document.get("metadata")
    named = metadata.get("icon") if isinstance(metadata, dict) else None
    if named is None:
        return None
    path = (workflow.path or Path()).parent / str(named)
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise UsageError(
            f"cannot read the icon {path}: {(problem.strerror or str(problem)).lower()}",
            hint="metadata.icon is the path of a PNG or SVG file, relative to the workflow",
        ) from problem
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png", content
    if b"<svg" in content[:4096]:
        return "svg", content
    raise UsageError(f"the icon {path} is neither a PNG nor an SVG file", hint="metadata.icon names one, best of 256 x 256 pixels")


def _icon_files(name: str, kind: str, content: bytes) -> tuple[SmallFile, ...]:
    return tuple(SmallFile(path, content) for path in (f"{name}.{kind}", f"{_ICONS[kind]}/{name}.{kind}", ".DirIcon"))


def _summary(workflow: Workflow) -> str:
    """One line about the workflow."""
    return (" ".join(workflow.description.split()) or f"The workflow {workflow.name}")[:_LONGEST_SUMMARY]


def _desktop_entry(workflow: Workflow, name: str, icon: str) -> str:
    return (
        "[Desktop Entry]\nType=Application\n"
        f"Name={_escaped(' '.join(workflow.name.split()))}\nComment={_escaped(_summary(workflow))}\n"
        f"Exec={name}\nIcon={icon}\nTerminal=true\nCategories=Utility;\n"
    )


def _escaped(text: str) -> str:
    """``text`` as a value of a desktop file, in which a backslash begins an escape."""
    return text.replace("\\", "\\\\")


def _metainfo(workflow: Workflow, identity: str, name: str) -> str:
    version = workflow.document.get("version")
    release = (
        "" if version is None else f'  <releases>\n    <release version="{escape(str(version), {chr(34): "&quot;"})}"/>\n  </releases>\n'
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<component type="console-application">\n'
        f"  <id>{identity}</id>\n  <metadata_license>CC0-1.0</metadata_license>\n  <project_license>LicenseRef-unknown</project_license>\n"
        f"  <name>{escape(workflow.name)}</name>\n  <summary>{escape(_summary(workflow))}</summary>\n"
        f"  <description>\n    <p>{escape(workflow.description.strip() or _summary(workflow))}</p>\n  </description>\n"
        f'  <launchable type="desktop-id">{name}.desktop</launchable>\n{release}'
        '  <content_rating type="oars-1.1"/>\n</component>\n'
    )
