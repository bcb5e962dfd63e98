"""``python -m release.build``, run in the source tree: the runtime, the images that are released, and the locks of what goes into them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

# This tree's own, whichever is installed; the runtime is built without an environment, by a Python that knows of none.
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from release.build import RUNTIME, WORK, engine, locks, plan, runtime, smoke, variants
from release.build.engine import LEVEL
from release.build.machine import MACHINES, machine_here
from release.command import carry_out
from the_edge_agent import __version__
from the_edge_agent.image.engine import open_engine

if TYPE_CHECKING:
    from collections.abc import Callable


def _runtime(options: argparse.Namespace) -> None:
    for name in options.arch or MACHINES:
        sys.stdout.write(f"{runtime.build(MACHINES[name], options.out)}\n")


def _variant(options: argparse.Namespace) -> None:
    variant = variants.named(options.name)
    machine = MACHINES[options.arch] if options.arch else machine_here()
    if options.engine:
        base = open_engine(options.engine)
    else:
        base = engine.build(machine, name=variant.engine, llm=variant.llm, runtime=options.runtime, work=options.work, level=options.level)
    name = variant.file_name(base.manifest.architecture)
    target = options.output / name if options.output and options.output.is_dir() else options.output or Path(name)
    manifest = variants.write(variant, base, target, options.models)
    sys.stderr.write("\n".join([*manifest.summary(target), ""]))


def _lock(options: argparse.Namespace) -> None:
    for path in locks.update(options.work):
        sys.stderr.write(f"wrote {path}\n")


def _version(_: argparse.Namespace) -> None:
    sys.stdout.write(f"{__version__}\n")


def _matrix(options: argparse.Namespace) -> None:
    found = plan.matrix(options.names, options.arch or ())
    for row in found["include"]:
        sys.stderr.write(f"{plan.summary(row)}\n")
    sys.stdout.write(f"{json.dumps(found)}\n")


def _check(options: argparse.Namespace) -> None:
    need, free = plan.check(options.name, options.work if options.work.is_dir() else Path())
    sys.stderr.write(f"{options.name}: {need / plan.GIB:.1f} GiB needed, {free / plan.GIB:.1f} GiB free\n")


def _smoke(options: argparse.Namespace) -> None:
    for line in smoke.check(options.file, seconds=options.seconds):
        sys.stderr.write(f"ok {line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m release.build", description="Build what is released, in the source tree.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: Callable[[argparse.Namespace], None], line: str, more: str = "") -> argparse.ArgumentParser:
        kind = argparse.RawDescriptionHelpFormatter
        made = verbs.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.", epilog=more, formatter_class=kind)
        made.set_defaults(run=run)
        return made

    one = verb("runtime", _runtime, "build the C side of an image with the standard library and a compiler")
    one.add_argument("--arch", choices=MACHINES, action="append", help="build for this one only; may be given twice")
    one.add_argument(
        "--out", type=Path, metavar="DIR", default=RUNTIME, help="the folder for ARCH/head and the others (default: %(default)s)"
    )

    known = "\n".join(f"  {row.name:<24} {row.summary}" for row in variants.table().values())
    one = verb("variant", _variant, "build an image that is released", f"images:\n{known}")
    one.add_argument("name", metavar="NAME", help="of the image, see below")
    one.add_argument(
        "-m", "--model", dest="models", type=Path, metavar="FILE", action="append", default=[], help="a model; may be repeated"
    )
    one.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the file to write, or the folder for it (default: NAME-VERSION-ARCH.AppImage)"
    )
    one.add_argument("--arch", choices=MACHINES, help="for this architecture (default: this machine's)")
    one.add_argument("--engine", type=Path, metavar="FILE", help="an image whose engine is taken, instead of building one")
    one.add_argument("--runtime", type=Path, metavar="DIR", default=RUNTIME, help="where the runtime was built (default: %(default)s)")
    one.add_argument("--work", type=Path, metavar="DIR", default=WORK, help="where packages and engines are kept (default: %(default)s)")
    one.add_argument(
        "--level", type=int, choices=range(1, 23), metavar="N", default=LEVEL, help="how hard zstd compresses (default: %(default)s)"
    )

    verb("version", _version, "print the version of this tree")

    one = verb("matrix", _matrix, "print the jobs of a release as JSON, one a variant and architecture")
    one.add_argument("names", metavar="NAME", nargs="*", help="only these variants")
    one.add_argument("--arch", choices=MACHINES, action="append", help="only for this one; may be given twice")

    one = verb("check", _check, "check that the disk has room for building a variant, and that its model is locked")
    one.add_argument("name", metavar="NAME", help="of the variant")
    one.add_argument("--work", type=Path, metavar="DIR", default=WORK, help="where it is built (default: %(default)s)")

    one = verb("smoke", _smoke, "start an image with the first commands of a user, and ask the model inside")
    one.add_argument("file", type=Path, metavar="FILE", help="the image")
    one.add_argument("--seconds", type=float, default=smoke.SECONDS, help="that an answer may take (default: %(default)s)")

    one = verb("lock", _lock, "pin the newest packages that images are made of")
    one.add_argument("--work", type=Path, metavar="DIR", default=WORK, help="where packages are kept (default: %(default)s)")
    return parser


def main(words: list[str] | None = None) -> int:
    """Carry out the command line; returns an exit code, which means what one of ``tea`` does."""
    return carry_out(_parser(), words)


if __name__ == "__main__":
    sys.exit(main())
