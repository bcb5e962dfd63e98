"""What the finished file can do with what it has never seen: asked through ``tea``'s own local backend, greedily."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from the_edge_agent.llm.local import LocalBackend
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.protocol import Message, Request, Sampling
from training.corpus import mixture
from training.corpus.chat import TOOLS_HEAD, TOOLS_TAIL, Chat, Turn, call_text, signature
from training.corpus.draw import Draw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.corpus.draw import Split

_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
LONGEST = 256
"""Tokens of an answer; what has not ended by then is wrong."""

SHOWN = 12
"""Wrong answers a skill that the report shows."""


@dataclass(frozen=True, slots=True)
class Result:
    """One question and what came back."""

    skill: str
    kind: str
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


def questions(count: int, seed: int, split: Split) -> Iterator[tuple[Chat, int]]:
    """``count`` chats a skill from the held-out half, each with the number of every turn that has one right answer."""
    for number, (_, make) in enumerate(mixture.skills().items()):
        draw = Draw(seed * 7919 + number, split)
        for _ in range(count):
            chat = make(draw)
            yield from ((chat, at) for at, turn in enumerate(chat.turns) if turn.role == "assistant" and turn.graded)


def ask(model: Path, *, count: int, seed: int, split: Split = "test") -> list[Result]:
    """Ask ``model`` every question."""
    backend = LocalBackend(model, LoadParameters())
    results: list[Result] = []
    try:
        for chat, at in questions(count, seed, split):
            asked, expected = messages(chat, at), text_of(chat.turns[at])
            reply = backend.chat(Request(asked, max_tokens=LONGEST, sampling=Sampling(temperature=0.0)))
            results.append(Result(chat.skill, chat.kind, asked[-1].content, expected, reply.content, right(expected, reply.content)))
    finally:
        backend.close()
    return results


def report(results: list[Result], out: Path, title: str) -> str:
    """Write ``report.json`` and ``report.md`` into ``out``; returns the table."""
    rows: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    for result in results:
        rows[result.skill, ""].append(result.right)
        if result.kind:
            rows[result.skill, result.kind].append(result.right)
    lines = ["| skill | kind | right | of | share |", "|---|---|--:|--:|--:|"]
    for (skill, kind), marks in sorted(rows.items()):
        lines.append(f"| {skill} | {kind or '**all**'} | {sum(marks)} | {len(marks)} | {sum(marks) / len(marks):.1%} |")
    skills = [sum(marks) / len(marks) for (_, kind), marks in rows.items() if not kind]
    lines.append(f"| **mean of skills** | | | | {sum(skills) / max(1, len(skills)):.1%} |")
    table = "\n".join(lines)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(f"# {title}\n\n{table}\n{_mistakes(results)}", encoding="utf-8")
    shares = [{"skill": skill, "kind": kind, "right": sum(marks), "of": len(marks)} for (skill, kind), marks in sorted(rows.items())]
    data = {"title": title, "shares": shares, "wrong": [asdict(result) for result in results if not result.right]}
    (out / "report.json").write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return table


def _mistakes(results: list[Result]) -> str:
    text = "\n## Some wrong answers\n"
    for skill in dict.fromkeys(result.skill for result in results):
        wrong = [result for result in results if result.skill == skill and not result.right]
        text += f"\n### {skill}\n\n"
        text += "".join(f"- {each.question[-300:]!r}: expected {each.expected!r}, got {each.answer[:300]!r}\n" for each in wrong[:SHOWN])
    return text
