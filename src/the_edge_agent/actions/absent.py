"""Actions that workflows written for the peer may name and that are not here, with the reason and what to use instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Absent:
    """Why an action is not here, and what to do instead."""

    reason: str
    instead: str


_OWN = "write it as a custom action and name its file under `imports:`"
_CLOUD = "it needs a service on the network, which is out of scope"
_MEMORY = "use memory.* or ltm.*, which work offline"

_LATER = "it comes with a later version"

_NAMES = {
    "llm.tools": Absent(_LATER, "use reason.react with `tools:`, a list of actions"),
    "llm.structured": Absent(_LATER, "ask for JSON, then json.parse and data.validate"),
    "text.insert_citations": Absent("it needs a language corpus that is not part of tea", _OWN),
    "validate.extraction": Absent("the extraction validator is not implemented", "use data.validate with a JSON Schema"),
    "http.respond": Absent("workflows are not served over HTTP by their own actions", "let the run end; the final state is the answer"),
    "tools.list": Absent("there is no tool bridge", "`tea actions` lists what there is"),
    "cache.get": Absent("results are looked up where they are made", "use cache.wrap"),
}

_PREFIXES = {
    "memory.cloud_": Absent(_CLOUD, _MEMORY),
    "memory.": Absent("this memory action is not implemented", "there are memory.store, retrieve, delete, clear and list"),
    "ltm.": Absent("this long-term memory action is not implemented", "there are ltm.store, retrieve, search, delete and list"),
    "mem0.": Absent(_CLOUD, _MEMORY),
    "web.": Absent(
        "web search and scraping need a service on the network, which is out of scope", "use http.get for a page that gives JSON"
    ),
    "firestore.": Absent(_CLOUD, "use ltm.*, which needs no service"),
    "catalog.": Absent(_CLOUD, "use ltm.*, which needs no service"),
    "cloud.": Absent(_CLOUD, "use file.*"),
    "storage.": Absent("remote and pluggable storage is out of scope", "use file.* for files on this machine"),
    "vector.": Absent("this vector action is not implemented", "there are vector.store, query and delete; read files with file.read"),
    "embedding.": Absent("this embedding action is not implemented", "use embedding.create or llm.embed"),
    "rag.": Absent("there is no action for retrieval and answer together", "use vector.store, vector.query and llm.call"),
    "graph.": Absent("graph databases are out of scope", _OWN),
    "neo4j.": Absent("graph databases are out of scope", _OWN),
    "context.": Absent("context assembly is not implemented", "put the text together in a template or a `run:` block"),
    "session.": Absent("sessions are not implemented", "use ltm.* with a `path`, or checkpoint.*"),
    "git.": Absent("it runs another program", _OWN),
    "github.": Absent(_CLOUD, "use http.get with the service's address"),
    "bmad.": Absent("it belongs to one method of working, not to workflows", _OWN),
    "academic.": Absent(_CLOUD, "use http.get with the service's address"),
    "llamaextract.": Absent(_CLOUD, "ask for JSON, then json.parse and data.validate"),
    "llamaindex.": Absent("it needs a large library that is out of scope", _OWN),
    "dspy.": Absent("it needs a large library that is out of scope", _OWN),
    "textgrad.": Absent("it needs a large library that is out of scope", _OWN),
    "tools.": Absent("bridges to other tool libraries are out of scope", "use reason.react with your actions, or " + _OWN),
    "mcp.": Absent("bridges to other tool libraries are out of scope", "use reason.react with your actions, or " + _OWN),
    "a2a.": Absent("messages between agents are out of scope", "use agent.parallel, agent.sequential or agent.coordinate"),
    "auth.": Absent(_CLOUD, "use secrets.get for a key that the user hands over"),
    "trace.": Absent("a run reports its own events", "use `tea run --stream`"),
    "obs.": Absent("a run reports its own events", "use `tea run --stream`"),
    "opik.": Absent("a run reports its own events", "use `tea run --stream`"),
}


def absent(name: str) -> Absent | None:
    """What is known about an action that is not registered; the longest prefix decides."""
    name = _plain(name)
    if name in _NAMES:
        return _NAMES[name]
    fitting = [prefix for prefix in _PREFIXES if name.startswith(prefix)]
    return _PREFIXES[max(fitting, key=len)] if fitting else None


def _plain(name: str) -> str:
    """``actions.web_scrape``, the peer's second spelling, as ``web.scrape``."""
    return name.removeprefix("actions.").replace("_", ".", 1) if name.startswith("actions.") else name
