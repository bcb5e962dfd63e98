"""``checkpoint.*``: the state as a JSON file, written whole or not at all."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from the_edge_agent import writing
from the_edge_agent.actions.needs import Needs, paths
from the_edge_agent.actions.outside.file import local
from the_edge_agent.actions.registry import Json, action, shown
from the_edge_agent.engine.checkpoint import VERSION, Checkpoint, NoCheckpoint, OtherVersion
from the_edge_agent.errors import NodeFailed, Refused

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

_SAVED = Needs(files=paths("path"), access="writes")
_LOADED = Needs(files=paths("path"), access="asks")
_MOST_BYTES = 256 * 1024 * 1024
_PICKLE = b"\x80"


@action("checkpoint.save", returns="{checkpoint_path, saved}", needs=_SAVED)
def save(scope: Scope, /, *, path: str) -> Json:
    """Write ``{state, node, config, timestamp, version}`` to ``path``; missing directories are made."""
    document = Checkpoint(scope.node, "inside", scope.state).document(config=scope.workflow.config, timestamp=time.time())
    try:
        content = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NodeFailed(f"the state cannot be saved, it is not JSON: {error}", error_type="TypeError") from None
    try:
        target = local(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        writing.write(target, content)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise NodeFailed(f"cannot write the checkpoint {path}: {reason}", error_type="CheckpointError") from None
    return {"checkpoint_path": path, "saved": True}


@action(
    "checkpoint.load",
    returns="{checkpoint_state, checkpoint_node, checkpoint_config, checkpoint_timestamp, checkpoint_version} or {error}",
    needs=_LOADED,
)
def load(_: Scope, /, *, path: str) -> Json:
    """Read what ``checkpoint.save`` wrote; the state of the run is not changed."""
    try:
        with local(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return {"error": f"Checkpoint not found: {path}"}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return {"error": f"cannot read the checkpoint {path}: {reason}"}
    if content.startswith(_PICKLE):
        raise Refused(
            f"{path} is a Python pickle, which can run any code when it is read; tea never loads one",
            hint="run the workflow again with tea, which writes its checkpoints as JSON",
        )
    return _read(content, path)


def _read(content: bytes, path: str) -> Json:
    if len(content) > _MOST_BYTES:
        return {"error": f"the checkpoint {path} is larger than {_MOST_BYTES} bytes"}
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        return {"error": f"{path} is not a checkpoint: {error}"}
    try:
        Checkpoint.of(document)
    except NoCheckpoint:
        return {"error": f"{path} is not a checkpoint: expected {{state, node, …}}, found {shown(document)}"}
    except OtherVersion as other:
        return {"error": f"{path} has checkpoint version {other.found!r}, this tea reads {VERSION}"}
    return {f"checkpoint_{key}": document.get(key) for key in ("state", "node", "config", "timestamp", "version")}
