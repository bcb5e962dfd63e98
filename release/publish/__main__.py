"""``python -m release.publish``: each step can be called again, and goes on where it stopped."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from release.build import variants
from release.command import carry_out
from release.publish import ROOT, artifact, changelog, installer, listing, notes, parts, sbom, signature, store, sums
from the_edge_agent import __version__
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = """\
In the job that builds an image, beside the file:
  sbom IMAGE        IMAGE.cdx.json
  describe FILE     FILE.artifact.json
  upload FILE       the whole file into S3-compatible storage (only if you have some)
  split FILE        parts, if it is too large for a release
In the job that publishes, in a folder with all descriptions:
  index FOLDER      release.txt, install.sh and SHA256SUMS
  sign FOLDER       SHA256SUMS.minisig
  notes FOLDER      the text of the release
  verify FOLDER     is everything there, and is it right?"""


def _describe(options: argparse.Namespace) -> None:
    for path in options.files:
        found = artifact.describe(path)
        _wrote(artifact.save(found, path.parent))


def _split(options: argparse.Namespace) -> None:
    for path in options.files:
        found = parts.split(_described(path), path.parent, limit=options.limit, largest=options.largest, consume=options.consume)
        for part in found.parts:
            _wrote(path.with_name(part.name))


def _join(options: argparse.Namespace) -> None:
    for path in options.files:
        _wrote(parts.join(_described(path), path.parent, consume=options.consume))


def _upload(options: argparse.Namespace) -> None:
    place = store.Store(store.connect(options.endpoint), options.bucket, piece=options.piece)
    for path in options.files:
        found = _described(path)
        key = f"{options.prefix.strip('/')}/{found.name}".lstrip("/")
        url = _url(f"{options.public_url.rstrip('/')}/{key}")
        place.upload(found, path, key)
        _wrote(artifact.save(replace(found, urls=tuple(dict.fromkeys([*found.urls, url]))), path.parent))


def _sbom(options: argparse.Namespace) -> None:
    for path in options.files:
        target = path.with_name(path.name + sbom.SUFFIX)
        artifact.write(target, sbom.text(path))
        _wrote(target)


def _key(options: argparse.Namespace) -> None:
    _wrote(signature.make_key(options.folder))


def _index(options: argparse.Namespace) -> None:
    folder: Path = options.folder
    found = artifact.load_all(folder)
    key = signature.read_key(options.public_key) if options.public_key else None
    made = [
        listing.write_list(folder, options.version, variants.table(), found),
        installer.write_installer(folder, options.releases, options.version, key),
    ]
    made.append(sums.write_sums(folder, sums.collect(found, made)))
    for path in made:
        _wrote(path)


def _sign(options: argparse.Namespace) -> None:
    key = signature.read_key(options.public_key)
    _wrote(signature.sign(options.folder / sums.NAME, key, f"tea {options.version}"))


def _notes(options: argparse.Namespace) -> None:
    release = notes.Release(
        version=options.version,
        artifacts=artifact.load_all(options.folder),
        releases=_url(options.releases),
        changes=changelog.section(options.changelog, options.version),
        public_key=signature.read_key(options.public_key) if options.public_key else None,
        repository=options.attested,
    )
    made = notes.text(release, variants.table())
    if options.output:
        artifact.write(options.output, made)
        _wrote(options.output)
    else:
        sys.stdout.write(made)


def _verify(options: argparse.Namespace) -> None:
    """Raises ArtifactDamaged with everything that is wrong."""
    folder: Path = options.folder
    known = sums.read(folder / sums.NAME)
    if options.public_key:
        said = signature.verify(folder / sums.NAME, signature.read_key(options.public_key))
        sys.stderr.write(f"signed: {said}\n")
    expected = {name: digest for name, (_, digest) in artifact.published(artifact.load_all(folder)).items()}
    expected |= {name: artifact.digest(folder / name) for name in (listing.NAME, installer.NAME)}
    problems = [f"{name}: {sums.NAME} says something else" for name, digest in expected.items() if known.get(name) != digest]
    there = (
        _assets(options.assets) if options.assets else {name: artifact.digest(folder / name) for name in known if (folder / name).is_file()}
    )
    problems += [f"{name}: missing" for name in expected if name not in there]
    problems += [f"{name}: other bytes" for name, digest in there.items() if name in known and digest != known[name]]
    if problems:
        raise artifact.ArtifactDamaged("; ".join(problems))
    sys.stderr.write(f"{len(expected)} files are right\n")


def _assets(path: Path) -> dict[str, str]:
    """Name → SHA-256 of the files that GitHub says it has; ``gh api repos/OWNER/NAME/releases/tags/TAG --jq .assets`` prints them."""
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return {str(row["name"]): str(row["digest"]).removeprefix("sha256:") for row in rows if row["state"] == "uploaded"}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UsageError(f"{path} is no list of a release's assets: {problem}") from problem


def _described(path: Path) -> artifact.Artifact:
    """The description of ``path``, which may be gone already."""
    return artifact.load(artifact.description_of(path))


def _url(url: str) -> str:
    try:
        return artifact.check_url(url)
    except ValueError as problem:
        raise UsageError(str(problem)) from problem


def _wrote(path: Path) -> None:
    sys.stderr.write(f"wrote {path}\n")


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m release.publish", description="Turn built files into a release.", epilog=STEPS, formatter_class=raw
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: Callable[[argparse.Namespace], None], line: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
        made.set_defaults(run=run)
        return made

    def files(name: str, run: Callable[[argparse.Namespace], None], line: str) -> argparse.ArgumentParser:
        made = verb(name, run, line)
        made.add_argument("files", nargs="+", type=Path, metavar="FILE")
        return made

    def folder(name: str, run: Callable[[argparse.Namespace], None], line: str) -> argparse.ArgumentParser:
        made = verb(name, run, line)
        made.add_argument("folder", type=Path, metavar="FOLDER")
        made.add_argument("--version", default=__version__, help="of the release (default: %(default)s)")
        return made

    def public_key(made: argparse.ArgumentParser, *, required: bool = False) -> None:
        made.add_argument("--public-key", type=Path, metavar="FILE", required=required, help="minisign's public key")

    def address(made: argparse.ArgumentParser) -> None:
        made.add_argument(
            "--releases", required=True, metavar="URL", help="where releases are, such as https://github.com/OWNER/NAME/releases"
        )

    files("describe", _describe, "write down size, SHA-256 and kind of files, in FILE.artifact.json")
    files("sbom", _sbom, "list what is inside images, as CycloneDX, in IMAGE.cdx.json")
    one = files("split", _split, "cut files that are too large for a release into parts")
    one.add_argument("--limit", type=int, default=parts.LIMIT, metavar="BYTES", help="files as long as this are cut (default: %(default)s)")
    one.add_argument("--largest", type=int, default=parts.LARGEST, metavar="BYTES", help="of a part at most (default: %(default)s)")
    one.add_argument("--consume", action="store_true", help="the file is gone afterwards; takes room for one part only")
    one = files("join", _join, "make files of their parts")
    one.add_argument("--consume", action="store_true", help="the parts are gone afterwards; takes room for one part only")
    one = files("upload", _upload, "put files into S3-compatible storage; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say who you are")
    one.add_argument("--bucket", required=True, help="the bucket, which has to exist")
    one.add_argument("--prefix", default="", help="before the file's name in the bucket")
    one.add_argument("--endpoint", metavar="URL", help="of the storage (default: AWS)")
    one.add_argument("--public-url", required=True, metavar="URL", help="where people find what is in the bucket")
    one.add_argument("--piece", type=int, default=store.PIECE, metavar="BYTES", help="sent at a time (default: %(default)s)")
    verb("key", _key, "make a pair of keys for trying a release out").add_argument("folder", type=Path, metavar="FOLDER")
    one = folder("index", _index, "write release.txt, install.sh and SHA256SUMS")
    address(one)
    public_key(one)
    public_key(folder("sign", _sign, f"sign SHA256SUMS with the key in {signature.SECRET}"), required=True)
    one = folder("notes", _notes, "write the text of the release")
    address(one)
    public_key(one)
    one.add_argument("--changelog", type=Path, default=ROOT / "CHANGELOG.md", metavar="FILE", help="(default: CHANGELOG.md)")
    one.add_argument("--attested", metavar="OWNER/NAME", help="the repository on GitHub where the files are attested")
    one.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write (default: standard output)")
    one = folder("verify", _verify, "say whether all files of a release are there and right")
    public_key(one)
    one.add_argument("--assets", type=Path, metavar="FILE", help="what GitHub says it has, as JSON, instead of files in FOLDER")
    return parser


def main(words: list[str] | None = None) -> int:
    """Carry out the command line; returns an exit code, which means what one of ``tea`` does."""
    return carry_out(_parser(), words)


if __name__ == "__main__":
    sys.exit(main())
