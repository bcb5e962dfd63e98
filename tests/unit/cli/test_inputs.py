from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.cli import inputs
from the_edge_agent.errors import TeaError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_json_text_and_files(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('\ufeff{"a": [1, null]}', encoding="utf-8")
    (tmp_path / "s.yaml").write_text("a: [1, null]\n", encoding="utf-8")
    expected = {"a": [1, None]}
    assert inputs.mapping("--input", ' {"a": [1, null]}') == expected
    assert inputs.mapping("--input", f"@{tmp_path / 's.json'}") == expected
    assert inputs.mapping("--input", f"@{tmp_path / 's.yaml'}") == expected


@pytest.mark.parametrize("text", ['{"a": 1}', "a: 1\n"])
def test_standard_input_may_be_json_or_yaml(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert inputs.mapping("--input", "-") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("[1]", "object"),
        ("[1]", "mapping"),
        ("null", "null"),
        ("3", "a number"),
        ('{"a":\n oops}', "line 2, column 2"),
        ("", "not valid JSON"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('{"a": NaN}', "NaN"),
        ("@missing.json", "no such file"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_mapping_is_refused_with_the_reason(text: str, mentions: str) -> None:
    with pytest.raises(UsageError, match="--input") as caught:
        inputs.mapping("--input", text)
    assert mentions in caught.value.message


def test_a_file_name_without_its_at_sign_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        inputs.mapping("--input", "s.json")
    assert caught.value.hint is not None
    assert "--input @s.json" in caught.value.hint


def test_single_quotes_are_explained() -> None:
    with pytest.raises(UsageError) as caught:
        inputs.mapping("--input", "{'a': 1}")
    assert "double quotes" in str(caught.value.hint)


def test_a_yaml_input_with_a_key_twice_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")
    with pytest.raises(TeaError) as caught:
        inputs.mapping("--input", f"@{tmp_path / 's.yaml'}")
    assert caught.value.spot is not None
    assert caught.value.spot.line == 2


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(UsageError, match="UTF-8"):
        inputs.mapping("--input", f"@{tmp_path / 's.json'}")


def test_secrets_of_the_environment_lose_their_prefix_and_named_ones_win() -> None:
    environ = {"APP_KEY": "from-env", "APP_OTHER": "o", "HOME": "h", "APP_": "no name"}
    assert inputs.secrets('{"key": "named", "port": 5432}', "APP_", environ) == {"key": "named", "other": "o", "port": "5432"}
    assert inputs.secrets(None, None, environ) == {}


@pytest.mark.parametrize("value", ["null", "true", "[]", '{"x": "hush-hush"}'])
def test_a_secret_is_a_text_and_its_value_in_no_message(value: str) -> None:
    with pytest.raises(UsageError, match="'key'") as caught:
        inputs.secrets(f'{{"key": {value}}}', None, {})
    assert "hush-hush" not in f"{caught.value.message}{caught.value.hint}"


def test_an_empty_prefix_would_take_the_whole_environment() -> None:
    with pytest.raises(UsageError, match="--secrets-env"):
        inputs.secrets(None, "", {"A": "b"})


def test_pairs_split_at_the_first_equals_sign() -> None:
    assert inputs.pairs("--fail-on-state", ["a=b=c", "x="]) == (("a", "b=c"), ("x", ""))
    for text in ("xyz", "=x"):
        with pytest.raises(UsageError, match="--fail-on-state"):
            inputs.pairs("--fail-on-state", [text])


def test_names_come_in_comma_lists_and_must_exist() -> None:
    assert inputs.names("--interrupt-before", ["a, b", "c"], ["a", "b", "c"]) == ("a", "b", "c")
    with pytest.raises(UsageError, match="no node 'summarise'") as caught:
        inputs.names("--interrupt-before", ["summarise"], ["summarize", "load"])
    assert caught.value.hint == "did you mean 'summarize'?"


def test_a_file_that_cannot_be_written_is_known_before_anything_runs(tmp_path: Path) -> None:
    inputs.writable("--output", tmp_path / "new.json")
    with pytest.raises(UsageError, match="does not exist"):
        inputs.writable("--output", tmp_path / "no" / "new.json")
    with pytest.raises(UsageError, match="is a folder"):
        inputs.writable("--output", tmp_path)
    with pytest.raises(UsageError) as caught:
        inputs.writable("--output", tmp_path / "two words" / "new.json")
    assert caught.value.hint == f"mkdir -p '{tmp_path / 'two words'}'"


def test_the_home_of_a_user_who_does_not_exist_is_a_missing_file() -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        inputs.mapping("--input", "@~no-such-user/x.json")


def test_a_pipe_can_be_written_to_also_where_its_folder_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(os, "access", lambda path, _mode: path == pipe)
    inputs.writable("--output", pipe)
    monkeypatch.setattr(os, "access", lambda path, _mode: path == tmp_path)
    with pytest.raises(UsageError, match="cannot be written to"):
        inputs.writable("--output", pipe)


def test_what_was_typed_is_utf8_in_every_locale() -> None:
    assert inputs.mapping("--input", '{"q": "gr\udcc3\udcbc\udcc3\udc9f"}') == {"q": "grüß"}
    with pytest.raises(UsageError, match="--input: not UTF-8 text"):
        inputs.mapping("--input", '{"q": "\udcff"}')
