from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Call = Callable[..., Any]

TEXT = """---
title: From the front
date: 2024-05-01
---
Before any heading.

# Plan #

Intro.

- [x] think
- [ ] write

## Code

```python title="x"
# no heading
- [ ] no task
```

Below
=====

- a list
---
"""


def test_outline(call: Call) -> None:
    result = call("markdown.parse", content=TEXT)
    assert (result["title"], result["success"]) == ("Plan", True)
    assert result["front_matter"] == {"title": "From the front", "date": "2024-05-01"}
    assert [(section["level"], section["title"]) for section in result["sections"]] == [(0, ""), (1, "Plan"), (2, "Code"), (1, "Below")]
    assert result["sections"][0]["content"] == "Before any heading."
    assert result["sections"][1]["content"] == "Intro.\n\n- [x] think\n- [ ] write"
    assert result["sections"][1]["checklist"] == [{"text": "think", "done": True}, {"text": "write", "done": False}]
    assert result["tasks"] == [{"text": "think", "done": True, "section": "Plan"}, {"text": "write", "done": False, "section": "Plan"}]
    assert result["code_blocks"] == [{"language": "python", "code": "# no heading\n- [ ] no task", "section": "Code"}]
    assert result["sections"][3]["content"] == "- a list\n---"


def test_the_front_matter_names_a_document_without_a_heading(call: Call) -> None:
    result = call("markdown.parse", text="---\ntitle: T\n---\ntext")
    assert (result["title"], [section["content"] for section in result["sections"]]) == ("T", ["text"])


def test_a_longer_fence_holds_a_shorter_one_and_an_open_fence_ends_with_the_text(call: Call) -> None:
    result = call("markdown.parse", content="````md\n```\n# x\n```\n````\n~~~\nopen")
    assert [block["code"] for block in result["code_blocks"]] == ["```\n# x\n```", "open"]
    assert [section["level"] for section in result["sections"]] == [0]


def test_what_only_looks_like_a_heading_is_none(call: Call) -> None:
    result = call("markdown.parse", content="#tag\n####### seven\n\n---\n\n| a |\n---")
    assert [section["level"] for section in result["sections"]] == [0]


def test_only_items_of_lists_are_tasks(call: Call) -> None:
    result = call("markdown.parse", content="> [ ] quoted\n\n1. [X] first\n   - [ ] inner\n\n[ ] text\n\n* ```sh\n  # in an item\n  ```\n")
    assert [(task["text"], task["done"]) for task in result["tasks"]] == [("first", True), ("inner", False)]
    assert result["code_blocks"] == [{"language": "sh", "code": "# in an item", "section": ""}]


def test_an_empty_text_and_no_text(call: Call) -> None:
    assert call("markdown.parse", content="")["sections"] == []
    assert call("markdown.parse")["success"] is False


@pytest.mark.parametrize("front", ["a: [", "- list", "a: &x [1]\nb: *x", "a: !!python/object:os.system {}", "1: a", "a: .nan"])
def test_front_matter_that_is_not_plain_data_is_reported(call: Call, front: str) -> None:
    assert call("markdown.parse", content=f"---\n{front}\n---\n")["error_type"] == "front_matter"


def test_a_rule_at_the_start_is_no_front_matter(call: Call) -> None:
    result = call("markdown.parse", content="---\ntext")
    assert (result["front_matter"], result["sections"][0]["content"]) == ({}, "---\ntext")
