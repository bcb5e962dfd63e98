"""Characters and stop strings, whatever way an answer is cut into tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from the_edge_agent.llm.local.transcript import Transcript


def run(pieces: list[bytes], stops: tuple[str, ...] = ()) -> tuple[Transcript, list[str]]:
    transcript = Transcript(stops)
    said = [transcript.add(piece) for piece in pieces]
    return transcript, [*said, transcript.finish()]


def test_half_a_character_is_held_back() -> None:
    thumb = "👍".encode()
    _, said = run([thumb[:1], thumb[1:3], thumb[3:], b"!"])
    assert said == ["", "", "👍", "!", ""]


def test_bytes_that_are_no_character_are_shown_as_such() -> None:
    transcript, _ = run([b"a\xff", "é".encode()[:1]])
    assert transcript.text == "a\ufffd\ufffd"


def test_a_stop_string_over_several_tokens_is_not_part_of_the_answer() -> None:
    transcript, said = run([b"yes", b" EN", b"D of", b" it"], (" END",))
    assert said == ["yes", "", "", "", ""]
    assert (transcript.text, transcript.stopped) == ("yes", True)


def test_what_only_looked_like_a_stop_string_is_passed_on() -> None:
    transcript, said = run([b"a E", b"N", b"x"], (" END",))
    assert said == ["a", "", " ENx", ""]
    assert not transcript.stopped


def test_the_beginning_of_a_stop_string_at_the_end_is_text() -> None:
    transcript, said = run([b"a E"], (" END",))
    assert (said, transcript.text) == (["a", " E"], "a E")


def test_the_earliest_stop_string_counts() -> None:
    assert run([b"one two three"], ("three", "two"))[0].text == "one "


@given(st.text(alphabet="ab\né👍", max_size=30), st.lists(st.text(alphabet="ab\né", min_size=1, max_size=4), max_size=3), st.data())
def test_any_cut_gives_the_same_text_as_none(text: str, stops: list[str], data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    transcript, said = run(pieces, tuple(stops))
    positions = [text.find(stop) for stop in stops if stop in text]
    assert transcript.text == "".join(said)
    # A stop string is seen as soon as it is complete, which need not be the one that begins first.
    assert text.startswith(transcript.text)
    assert transcript.stopped is bool(positions)
    assert not any(stop in transcript.text for stop in stops)
