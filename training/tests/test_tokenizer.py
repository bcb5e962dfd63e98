"""The recipe's tokenizer and llama.cpp's give the same tokens."""

from __future__ import annotations

import ctypes
import random
import struct
from typing import TYPE_CHECKING

import pytest

from tea_training.corpus import words
from tea_training.tokenizer import CONTROL, MARKUP, Tokenizer, train
from the_edge_agent.llm.local import llama

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SENTENCES = (
    'Extract the name and the age from the text as JSON: "Alice is 34 years old and lives in Rome."',
    "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\nParis<|im_end|>\n",
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
    "The order was shipped on Monday. What did the customer order? Answer with one word.",
)
SIGNS = "abc XYZ 019 .,;:!?'\"()[]{}<>/\\|@#$%^&*-_=+~`\n\n\t  éüßñçøåÀ€£¥°×÷ΑβγДжзمرحبا你好世界日本語한국어😀🌍\u00a0\u2003\u200bﬁ½²٣"
PARTS = (
    "don't",
    "I'VE",
    "they're",
    "foo_bar",
    "x=1;y=2",
    "3.14159",
    "https://a.b/c?d=e",
    "naïve",
    "東京",
    *MARKUP,
    *CONTROL,
    "\r\n",
    " \t",
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train(SENTENCES * 10, size=600)


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _entry(key: str, kind: int, value: bytes) -> bytes:
    return _string(key) + struct.pack("<I", kind) + value


def _array(key: str, kind: int, values: Sequence[bytes]) -> bytes:
    return _entry(key, 9, struct.pack("<IQ", kind, len(values)) + b"".join(values))


@pytest.fixture
def encode(tokenizer: Tokenizer, tmp_path: Path) -> Callable[[str], list[int]]:
    """llama.cpp's own tokenization, from a GGUF that holds nothing but the vocabulary."""
    kinds = [3] * len(CONTROL) + [4] * len(MARKUP) + [1] * (len(tokenizer.tokens) - len(CONTROL + MARKUP))
    entries = (
        _entry("general.architecture", 8, _string("llama")),
        _entry("tokenizer.ggml.model", 8, _string("gpt2")),
        _entry("tokenizer.ggml.pre", 8, _string("smollm")),
        _array("tokenizer.ggml.tokens", 8, [_string(token) for token in tokenizer.tokens]),
        _array("tokenizer.ggml.token_type", 5, [struct.pack("<i", kind) for kind in kinds]),
        _array("tokenizer.ggml.merges", 8, [_string(" ".join(pair)) for pair in tokenizer.merges]),
    )
    path = tmp_path / "vocabulary.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + b"".join(entries) + bytes(64))
    library = llama.library()
    params = library.llama_model_default_params()
    params.vocab_only = True
    model = llama.load_model(library, path, params)
    assert model, library.last_words()
    vocabulary = library.llama_model_get_vocab(model)

    def tokens(text: str) -> list[int]:
        data = text.encode()
        room = (llama.Token * (len(data) + 16))()
        count = library.llama_tokenize(vocabulary, data, len(data), room, len(room), False, True)  # noqa: FBT003 - a C function
        return list(ctypes.cast(room, ctypes.POINTER(llama.Token))[:count])

    return tokens


@pytest.mark.llm
def test_same_tokens_as_llama_cpp(tokenizer: Tokenizer, encode: Callable[[str], list[int]]) -> None:
    draw = random.Random(5)  # noqa: S311 - test strings
    texts = list(SENTENCES)
    texts += ["".join(draw.choice(SIGNS) for _ in range(draw.randint(1, 60))) for _ in range(300)]
    texts += [draw.choice((" ", "  ", "\n", "")).join(draw.choice(PARTS) for _ in range(draw.randint(1, 20))) for _ in range(300)]
    assert [text for text in texts if tokenizer.encode(text) != encode(text)] == []


def test_text_comes_back(tokenizer: Tokenizer) -> None:
    for text in (*SENTENCES, SIGNS):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_digits_are_tokens_of_their_own(tokenizer: Tokenizer) -> None:
    assert [tokenizer.tokens[each] for each in tokenizer.encode("1234")] == ["1", "2", "3", "4"]


def test_a_value_has_the_same_tokens_wherever_it_stands(tokenizer: Tokenizer) -> None:
    for name in words.FIRST_NAMES:
        after_space = tokenizer.encode(f" {name}")
        assert after_space == tokenizer.encode(" ") + tokenizer.encode(name), name


def test_no_name_is_a_token() -> None:
    learned = train(["Alice and Berlin met. " * 50], size=400)
    assert not {"Alice", "Berlin"} & set(learned.tokens)


def test_it_is_the_same_after_saving(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    assert Tokenizer.load(tmp_path / "tokenizer.json").tokens == tokenizer.tokens
