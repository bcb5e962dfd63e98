"""What the finished file can do with what it has never seen: asked through ``tea``'s own local backend, greedily."""

from __future__ import annotations

import contextlib
import json
import re
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from tea_training.corpus import mixture
from tea_training.corpus.chat import TOOLS_HEAD, TOOLS_TAIL, Chat, Turn, call_text, signature
from tea_training.corpus.draw import Draw
from the_edge_agent.llm.local.backend import LocalBackend
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.protocol import Message, Request, Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tea_training.corpus.draw import Split, Wordings

_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
LONGEST = 256
"""Tokens of an answer; what has not ended by then is wrong."""

WORDINGS: Final[tuple[Wordings, ...]] = ("known", "new")

SHOWN = 12
"""Wrong answers a skill that the report shows."""


@dataclass(frozen=True, slots=True)
class Result:
    """One question and what came back; ``wordings``: whether it was worded as in training."""

    skill: str
    kind: str
    wordings: Wordings
    question: str
    expected: str
    answer: str
    right: bool


def text_of(turn: Turn) -> str:
    """An assistant's turn as it writes it."""
    return "\n".join([*([turn.content] if turn.content else []), *map(call_text, turn.calls)])


def messages(chat: Chat, end: int) -> tuple[Message, ...]:
    """The turns of ``chat`` before number ``end`` as plain messages that render to the same prompt, tools included."""
    turns = list(chat.turns[:end])
    head = turns.pop(0).content if turns and turns[0].role == "system" else ""
    if chat.tools:
        head = (head + "\n\n" if head else "") + TOOLS_HEAD + "".join(map(signature, chat.tools)) + TOOLS_TAIL
    made = [Message("system", head)] if head else []
    for turn in turns:
        if turn.role == "tool":
            made.append(Message("user", f"<tool_response>\n{turn.content}\n</tool_response>"))
        else:
            made.append(Message(turn.role, text_of(turn)))
    return tuple(made)


def right(expected: str, answer: str) -> bool:
    """Equal texts; equal data where JSON is expected; equal calls where a tool is to be called."""
    if _CALL.search(expected):
        return _calls(expected) == _calls(answer)
    if expected[:1] in {"{", "["}:
        try:
            return bool(json.loads(answer) == json.loads(expected))
        except ValueError:
            return expected == answer.strip()
    return expected == answer.strip()


def _calls(text: str) -> list[object] | None:
    try:
        return [json.loads(found) for found in _CALL.findall(text)]
    except ValueError:
        return None


def questions(count: int, seed: int, split: Split, wordings: Wordings = "known") -> Iterator[tuple[Chat, int]]:
    """``count`` chats a skill from one half of the world, each with the number of every turn that has one right answer."""
    for number, (_, make) in enumerate(sorted(mixture.skills().items())):
        draw = Draw(seed * 7919 + number, split, wordings)
        for _ in range(count):
            chat = _made(make, draw)
            yield from ((chat, at) for at, turn in enumerate(chat.turns) if turn.role == "assistant" and turn.graded)


def _made(make: Callable[[Draw], Chat], draw: Draw) -> Chat:
    """A chat; another one where nothing of what it needs next belongs to this half of the world."""
    while True:
        with contextlib.suppress(LookupError):
            return make(draw)


def ask(model: Path, *, count: int, seed: int, split: Split = "test") -> list[Result]:
    """Ask ``model`` every question; of the test half, those in known wordings first, then as many in new ones."""
    backend = LocalBackend(model, LoadParameters())
    results: list[Result] = []
    try:
        for wordings in WORDINGS if split == "test" else WORDINGS[:1]:
            for chat, at in questions(count, seed, split, wordings):
                asked, expected = messages(chat, at), text_of(chat.turns[at])
                answer = backend.chat(Request(asked, max_tokens=LONGEST, sampling=Sampling(temperature=0.0))).content
                results.append(Result(chat.skill, chat.kind, wordings, asked[-1].content, expected, answer, right(expected, answer)))
    finally:
        backend.close()
    return results


def report(results: list[Result], out: Path, title: str) -> str:
    """Write ``report.json`` and ``report.md`` into ``out``; returns the table."""
    marks: defaultdict[tuple[str, str], dict[Wordings, list[bool]]] = defaultdict(lambda: {wordings: [] for wordings in WORDINGS})
    for result in results:
        for kind in {"", result.kind}:
            marks[result.skill, kind][result.wordings].append(result.right)
    shares = [
        {"skill": skill, "kind": kind, **{name: {"right": sum(each), "of": len(each)} for name, each in both.items()}}
        for (skill, kind), both in sorted(marks.items())
    ]
    table = "\n".join(_table(shares))
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(f"# {title}\n\n{table}\n{_mistakes(results)}", encoding="utf-8")
    data = {"title": title, "shares": shares, "wrong": [asdict(result) for result in results if not result.right]}
    (out / "report.json").write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return table


def _table(shares: list[dict[str, Any]]) -> Iterator[str]:
    yield "| skill | kind | right | of | share | in new wordings |"
    yield "|---|---|--:|--:|--:|--:|"
    for row in shares:
        known, new = row["known"], row["new"]
        counts = f"{known['right']} | {known['of']} | {share(known)} | {share(new)}"
        yield f"| {row['skill']} | {row['kind'] or '**all**'} | {counts} |"
    skills = [row for row in shares if not row["kind"]]
    yield f"| **mean of skills** | | | | {mean(skills, 'known')} | {mean(skills, 'new')} |"


def share(counted: dict[str, int]) -> str:
    """``right`` of ``of`` in percent."""
    return f"{100 * counted['right'] / counted['of']:.0f} %" if counted["of"] else "–"


def mean(skills: list[dict[str, Any]], wordings: Wordings) -> str:
    """The mean share of ``skills``, each counted alike."""
    asked = [row[wordings] for row in skills if row[wordings]["of"]]
    return f"{100 * sum(each['right'] / each['of'] for each in asked) / len(asked):.1f} %" if asked else "–"


def _mistakes(results: list[Result]) -> str:
    text = "\n## Some wrong answers\n"
    for skill in dict.fromkeys(result.skill for result in results):
        wrong = [result for result in results if result.skill == skill and not result.right]
        text += f"\n### {skill}\n\n"
        text += "".join(f"- {each.question[-300:]!r}: expected {each.expected!r}, got {each.answer[:300]!r}\n" for each in wrong[:SHOWN])
    return text
