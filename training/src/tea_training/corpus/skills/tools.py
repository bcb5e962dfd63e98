"""Calls of tools: which one, with which arguments, and what to say when the result is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tea_training.corpus.chat import Chat, ToolCall, Turn, assistant, system, tool, user
from tea_training.corpus.pools import read
from tea_training.corpus.prose import dumps
from tea_training.corpus.skills import offers as known

if TYPE_CHECKING:
    from tea_training.corpus.draw import Draw
    from tea_training.corpus.skills.offers import Offer

NAME = "tools"
_DATA: Final = read(NAME)
NO_TOOL: Final = "I don't have a tool for that."


def _shown(result: Any) -> str:
    return result if isinstance(result, str) else dumps(result)


def _offers(draw: Draw, count: int, *, without: str = "") -> list[Offer]:
    """Tools of different kinds and names, none of the kind ``without``."""
    offers: list[Offer] = []
    while len(offers) < count:
        offer = known.unknown(draw) if draw.chance(0.3) else draw.one(known.KNOWN)(draw)
        if offer.family != without and all(offer.family != other.family and offer.tool.name != other.tool.name for other in offers):
            offers.append(offer)
    return offers


def _opening(draw: Draw) -> list[Turn]:
    return [system(draw.one(_DATA["systems"]))] if draw.chance(0.4) else []


def _chat(turns: list[Turn], offers: list[Offer], kind: str) -> Chat:
    return Chat(tuple(turns), NAME, kind, tuple(offer.tool for offer in offers))


def _call(draw: Draw) -> Chat:
    """Request, call, result and answer; often another request afterwards."""
    offers = _offers(draw, draw.one((1, 2, 2, 3, 3, 4, 5)))
    offer = draw.one(offers)
    use, name = offer.use, offer.tool.name
    turns = [*_opening(draw), user(use.request), assistant("", ToolCall(name, use.arguments))]
    if draw.chance(0.85):
        turns += [tool(_shown(use.result)), assistant(use.answer)]
        if use.again and draw.chance(0.35):
            more = use.again
            turns += [user(more.request), assistant("", ToolCall(name, more.arguments)), tool(_shown(more.result)), assistant(more.answer)]
        elif len(offers) > 1 and draw.chance(0.4):
            other = draw.one([one for one in offers if one is not offer])
            turns += [user(other.use.request), assistant("", ToolCall(other.tool.name, other.use.arguments))]
            turns += [tool(_shown(other.use.result)), assistant(other.use.answer)]
        elif draw.chance(0.08):
            turns += [user("Thanks!"), assistant("You're welcome!")]
    return _chat(turns, offers, "call")


def _absent(draw: Draw) -> Chat:
    """A request for which none of the tools is there."""
    wanted = draw.one(known.KNOWN)(draw) if draw.chance(0.75) else known.unknown(draw)
    # A search would find something about nearly everything, so it is not beside a request that nothing fits.
    offers = [offer for offer in _offers(draw, draw.number(2, 5), without=wanted.family) if offer.family != "search"]
    return _chat([*_opening(draw), user(wanted.use.request), assistant(NO_TOOL)], offers, "no tool")


def _vague(draw: Draw) -> Chat:
    """A request that leaves a needed argument out: it is asked for, then the call is made."""
    while True:
        offers = _offers(draw, draw.one((1, 2, 3)))
        fitting = [offer for offer in offers if offer.use.vague]
        if fitting:
            break
    offer = draw.one(fitting)
    use = offer.use
    request, missing = use.vague or ("", "")
    turns = [*_opening(draw), user(request), assistant(f"Please tell me the {missing.replace('_', ' ')}.")]
    return _chat(turns, offers, "missing argument")


def _both(draw: Draw) -> Chat:
    """Two calls, one after the other, for one request about two things."""
    offer = draw.one((known.weather, known.time, known.stock, known.calculator))(draw)
    use = offer.use
    if not use.again:
        return _call(draw)
    key, more = next(iter(use.arguments)), use.again
    request = _DATA["both"][offer.family]
    others = _offers(draw, draw.number(0, 3), without=offer.family)
    name = offer.tool.name
    turns = [
        *_opening(draw),
        user(draw.one(request).format(a=use.arguments[key], b=more.arguments[key])),
        assistant("", ToolCall(name, use.arguments)),
        tool(_shown(use.result)),
    ]
    turns += [assistant("", ToolCall(name, more.arguments)), tool(_shown(more.result)), assistant(f"{use.answer} {more.answer}")]
    return _chat(turns, draw.shuffled([offer, *(other for other in others if other.tool.name != name)]), "two calls")


def _failed(draw: Draw) -> Chat:
    """The tool's result is an error, which the answer says."""
    offers = _offers(draw, draw.number(1, 3))
    offer = draw.one(offers)
    fault = draw.one(_DATA["faults"]) if draw.chance(0.7) else f"{draw.invented()} not found"
    turns = [*_opening(draw), user(offer.use.request), assistant("", ToolCall(offer.tool.name, offer.use.arguments))]
    turns += [tool(dumps({"error": fault}) if draw.chance(0.8) else f"error: {fault}"), assistant(f"The tool failed: {fault}.")]
    return _chat(turns, offers, "error")


def _talk(draw: Draw) -> Chat:
    """Small talk although tools are there: no call."""
    said, answer = draw.one(_DATA["talk"])
    return _chat([*_opening(draw), user(said), assistant(answer, graded=False)], _offers(draw, draw.number(1, 4)), "talk")


_KINDS = (*[_call] * 11, *[_absent] * 8, *[_vague] * 2, *[_both] * 2, _failed, _talk)


def chat(draw: Draw) -> Chat:
    """A request with tools at hand, up to the answer."""
    return draw.one(_KINDS)(draw)
