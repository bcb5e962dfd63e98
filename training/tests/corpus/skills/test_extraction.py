"""Extracted values stand in the text, under the keys that were asked for."""

from __future__ import annotations

import json

from tea_training.corpus.skills import extraction
from training.tests.corpus.skills.chats import JSON_TYPES, answers, asked, both, leaves


def test_extracted_values_stand_in_the_text() -> None:
    for chat in both(extraction):
        for answer in answers(chat):
            value = json.loads(answer)
            assert json.dumps(value, ensure_ascii=False) == answer
            for leaf in leaves(value):
                if leaf is not None and not isinstance(leaf, bool):
                    assert str(leaf) in asked(chat), (answer, asked(chat))


def test_extracted_keys_were_asked_for_in_that_order() -> None:
    for chat in both(extraction):
        if chat.kind not in {"keys", "schema", "example", "missing", "unknown keys", "standing", "invoice", "signature"}:
            continue
        prompt = asked(chat)
        keys = list(json.loads(answers(chat)[0]))
        assert all(key in prompt for key in keys)
        if chat.kind == "schema" and '{"type": "object"' in prompt:
            start = prompt.index('{"type": "object"')
            schema, _ = json.JSONDecoder().raw_decode(prompt[start:])
            assert list(schema["properties"]) == keys
            for key, value in json.loads(answers(chat)[0]).items():
                kind = schema["properties"][key]["type"]
                assert value is None or isinstance(value, JSON_TYPES[kind])


def test_what_a_text_does_not_say_is_null() -> None:
    missing = [chat for chat in both(extraction) if chat.kind == "missing"]
    assert len(missing) > 100
    assert all(None in json.loads(answers(chat)[0]).values() for chat in missing)
