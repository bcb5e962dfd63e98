"""llama.cpp continues the file in the package as PyTorch does."""

from __future__ import annotations

import pytest

from tea_training import agreement
from the_edge_agent.models.builtin import path


@pytest.mark.llm
def test_llama_cpp_answers_as_pytorch_did() -> None:
    exchanges = agreement.load()
    assert len(exchanges) >= 40
    # Where two tokens are almost equally good, the 8-bit activations of llama.cpp may decide otherwise.
    clear = [exchange for exchange in exchanges if exchange.margin >= agreement.CLEAR]
    assert len(clear) > len(exchanges) * 0.7
    answers = agreement.by_llama(path(), clear)
    assert answers == [exchange.answer for exchange in clear]
