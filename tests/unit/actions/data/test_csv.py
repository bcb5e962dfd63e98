from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Call = Callable[..., Any]


def test_rows_become_mappings_of_texts(call: Call) -> None:
    assert call("csv.parse", text='name,n\r\n"A, B",1\r\n\r\nC,"x\ny"\r\n') == {
        "data": [{"name": "A, B", "n": "1"}, {"name": "C", "n": "x\ny"}],
        "headers": ["name", "n"],
        "row_count": 2,
        "success": True,
    }


def test_a_byte_order_mark_is_no_part_of_the_first_name(call: Call) -> None:
    assert call("csv.parse", text="\ufeffid,n\n1,2\n")["headers"] == ["id", "n"]


def test_a_short_row_ends_in_null_and_a_long_one_is_an_error(call: Call) -> None:
    assert call("csv.parse", text="a,b\n1\n")["data"] == [{"a": "1", "b": None}]
    assert "row 2 has 3 cells" in call("csv.parse", text="a,b\n1,2\n1,2,3\n")["error"]


def test_a_header_that_would_lose_a_column_is_an_error(call: Call) -> None:
    assert call("csv.parse", text="a,a\n1,2\n")["error_type"] == "header"


def test_without_header_and_with_another_delimiter(call: Call) -> None:
    assert call("csv.parse", text="1;2\n3;4\n", delimiter=";", has_header=False)["data"] == [["1", "2"], ["3", "4"]]
    assert call("csv.parse", text="a", delimiter=";;")["error_type"] == "delimiter"


def test_unbalanced_quotes_and_no_text_at_all(call: Call) -> None:
    assert call("csv.parse", text='a\n"b')["error_type"] == "parse"
    assert call("csv.parse", text="") == {"data": [], "headers": [], "row_count": 0, "success": True}


def test_stringify_writes_every_key_once(call: Call) -> None:
    assert call("csv.stringify", data=[{"a": 1, "b": "x,y"}, {"a": 2, "c": None}]) == {
        "text": 'a,b,c\r\n1,"x,y",\r\n2,,\r\n',
        "row_count": 2,
        "success": True,
    }


def test_headers_choose_the_columns_and_nothing_is_left_out_silently(call: Call) -> None:
    assert call("csv.stringify", data=[{"b": 1, "a": 2}], headers=["a", "b"])["text"] == "a,b\r\n2,1\r\n"
    assert "'c'" in call("csv.stringify", data=[{"c": 1}], headers=["a"])["error"]


def test_lists_are_written_as_rows(call: Call) -> None:
    assert call("csv.stringify", data=[[1, 2]], headers=["x", "y"])["text"] == "x,y\r\n1,2\r\n"


@pytest.mark.parametrize("data", [[{"a": 1}, [2]], [1]])
def test_mixed_rows_are_an_error(call: Call, data: list[Any]) -> None:
    assert call("csv.stringify", data=data)["success"] is False


def test_what_is_written_reads_back(call: Call) -> None:
    rows = [{"a": 'say "hi"', "b": "1\r\n2"}, {"a": "", "b": "ü"}]
    assert call("csv.parse", text=call("csv.stringify", data=rows)["text"])["data"] == rows
