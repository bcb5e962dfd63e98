"""The ways out of a Lua block, each tried: into Python, to the machine, around the limits, into a later run."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from the_edge_agent import languages
from the_edge_agent.cancellation import Cancellation
from the_edge_agent.engine.scope import Host, Scope
from the_edge_agent.errors import LimitReached, NodeFailed
from the_edge_agent.languages.lua import LuaInstructionLimit, LuaMemoryLimit, LuaTimeLimit
from the_edge_agent.languages.lua_interpreter import Chunk, Interpreter, Limits, Outcome
from the_edge_agent.workflow.model import Code, Workflow


def run(text: str, state: dict[str, Any] | None = None, **limits: Any) -> Any:
    where = Scope(workflow=Workflow("t", {}, {}, settings={"lua": limits}), host=cast("Host", None), state=state or {}, node="here")
    return languages.program(Code("lua", text)).run(where)


GLOBALS = {
    "_G", "_VERSION", "assert", "collectgarbage", "coroutine", "error", "getmetatable", "ipairs", "load", "math", "next", "pairs", "pcall",
    "print", "rawequal", "rawget", "rawlen", "rawset", "require", "select", "setmetatable", "string", "table", "tonumber", "tostring",
    "type", "utf8", "warn", "xpcall",
}  # fmt: skip


def test_these_names_are_there_and_no_others() -> None:
    assert set(run("local found = {}\nfor name in pairs(_G) do found[#found + 1] = name end\nreturn found")) == GLOBALS


def test_the_environment_holds_no_python() -> None:
    # Everything that can be reached from the globals, through tables and metatables, is a plain Lua value.
    text = """\
local seen, foreign = {}, {}
local function look(value, path)
  local kind = type(value)
  if kind == "userdata" then foreign[#foreign + 1] = path end
  if kind ~= "table" or seen[value] then return end
  seen[value] = true
  for key, item in next, value do
    look(key, path .. ".key")
    look(item, path .. "." .. tostring(key))
  end
end
look(_G, "_G")
look(_ENV, "_ENV")
look(getmetatable(""), "string metatable")
look(getmetatable(print), "function metatable")
look(select(2, pcall(print, setmetatable({}, {__tostring = 1}))), "error")
return {foreign = foreign, string = tostring(getmetatable(""))}"""
    assert run(text) == {"foreign": {}, "string": "false"}


@pytest.mark.parametrize(
    "text",
    [
        "return python.eval('1 + 1')",
        "return python.builtins.open('x')",
        "return require('io').open('x')",
        "return require('os')",
        "return package.loaded.os.time()",
        "return package.loadlib('libc.so.6', '*')",
        "return load('return os')()",
        "return load(function() return nil end)",
        "return loadstring('return 1')()",
        "return loadfile('/etc/hostname')",
        "return dofile('/etc/hostname')",
        "return os.getenv('HOME')",
        "return io.read()",
        "return string.dump(print)",
        "return ('').dump(function() end)",
        "return debug.getregistry()",
        "return debug.sethook()",
        "return debug.getinfo(1)",
        "getmetatable('').__index = {}",
        "getmetatable('').__index.upper = nil",
        "setmetatable('', {})",
        "return getmetatable(_ENV).__index",
        "collectgarbage('stop')",
        "collectgarbage('setpause', 1)",
        "collectgarbage('incremental')",
        "setmetatable({}, {__gc = function() while true do end end})",
        "return coroutine.close(coroutine.running())",
        "return coroutine.yield(1)",
    ],
)
def test_there_is_no_way_out(text: str) -> None:
    with pytest.raises(NodeFailed):
        run(text)
    assert run("return 1") == 1


@pytest.mark.parametrize("hidden", ["os", "io", "debug", "package", "python", "loadfile", "dofile"])
def test_an_own_environment_shows_nothing_more(hidden: str) -> None:
    text = f"""\
local function peek() local _ENV = setmetatable({{}}, {{__index = _G}}) return {hidden} end
local inner = coroutine.wrap(function() return _ENV.{hidden} or _G.{hidden} end)()
return {{seen = peek() ~= nil or inner ~= nil or rawget(_G, "{hidden}") ~= nil or string.{hidden} ~= nil}}"""
    assert run(text) == {"seen": False}


def test_load_and_require_say_what_to_do_instead() -> None:
    with pytest.raises(NodeFailed, match="load is not available in a Lua block: write the code in the block"):
        run("load('return 1')")
    with pytest.raises(NodeFailed, match="require is not available in a Lua block"):
        run("require('json')")


def test_results_of_branches_cannot_be_tampered_with() -> None:
    from the_edge_agent.engine.state import BranchResult

    state = {"parallel_results": [BranchResult.of("b", {"v": 1}, 0.1)]}
    with pytest.raises(NodeFailed, match="boolean"):
        run("getmetatable(state.parallel_results[1]).__index = function() return 'forged' end", state)
    with pytest.raises(NodeFailed, match="protected metatable"):
        run("setmetatable(state.parallel_results[1], {})", state)
    assert run("return state.parallel_results[1].v", state) == 1


# Limits

ENDLESS = {
    "loop": "while true do end",
    "caught": "while true do pcall(function() while true do end end) end",
    "caught twice": "while true do pcall(pcall, pcall, function() while true do end end) end",
    "handler": "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "recursion": "local function f() return f() end f()",
    "repeat pcall in handler": "local function f() xpcall(function() while true do end end, f) f() end f()",
    "coroutine": "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "wrapped": "while true do pcall(coroutine.wrap(function() while true do end end)) end",
    "many coroutines": "while true do local c = coroutine.create(function() for i = 1, 900 do end end) coroutine.resume(c) end",
    "nested coroutines": """\
local function nest(depth)
  for i = 1, 80 do
    if depth > 0 then coroutine.wrap(nest)(depth - 1) else for j = 1, 80 do end end
  end
end
while true do nest(100) end""",
    "yielding": "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
    "closing": """\
local function f()
  local x <close> = setmetatable({}, {__close = function() while true do end end})
  while true do end
end
while true do pcall(f) end""",
    "metamethod": "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return t[1] end) end",
    "sorting": "while true do pcall(table.sort, {1, 2, 3, 4}, function() while true do end end) end",
    "replacing": "while true do string.gsub('a', 'a', function() while true do end end) end",
    "told": "error(setmetatable({}, {__tostring = function() while true do end end}))",
    "shown": "print(setmetatable({}, {__tostring = function() while true do end end}))",
    "tracing error": "return setmetatable({}, {__index = function() while true do end end}).x",
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS.keys())
def test_time_ends_every_loop(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(LuaTimeLimit, match=r"did not finish within 0\.2 s") as caught:
        run(text, timeout=0.2)
    assert time.monotonic() - started < 20
    assert "settings.lua.timeout" in str(caught.value.hint)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert run("return 1") == 1


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS.keys())
def test_instructions_end_every_loop(text: str) -> None:
    with pytest.raises(LuaInstructionLimit, match="more than its 200000 instructions") as caught:
        run(text, instructions=200_000, timeout=60)
    assert "settings.lua.instructions" in str(caught.value.hint)
    assert run("return 1") == 1


@pytest.mark.parametrize(
    "text",
    [
        # Each takes hundreds of millions of steps inside one call of a library function.
        "local found = ('a'):rep(300):find('.-.-.-b')",
        "local found = ('a'):rep(300):gsub('.-.-.-b', '')",
        "for _ in ('a'):rep(300):gmatch('.-.-.-b') do end",
        "local found = ('a'):rep(80):match(('a*'):rep(5) .. 'b')",
    ],
)
def test_a_long_search_does_not_hold_up_the_run(text: str) -> None:
    chunk, interpreter = Chunk(text, "block"), Interpreter()
    assert interpreter.compile(chunk) is None
    started = time.monotonic()
    assert interpreter.run(chunk, {}, Limits(0.1, 2**28, None), Cancellation()) == Outcome("limit", "time")
    assert time.monotonic() - started < 20
    assert not interpreter.usable
    # What was left behind ends by itself once the search is over.
    thread = interpreter._thread
    assert thread is not None
    thread.join(100)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "text",
    [
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1 << 40 do t[i] = i end",
        "local s = string.rep('x', 1 << 30)",
        "local s = ('x'):rep(1 << 29, 'y')",
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} while true do t[#t + 1] = function() return t end end",
        "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
        "return table.concat(setmetatable({}, {__index = function() return ('x'):rep(1000) end}), '', 1, 1 << 40)",
        "local s = ('x'):rep(1 << 20) return (s:gsub('', s))",
        "local t = {} for i = 1, 40 do t = {t, t} end return t",
        "local s = ('x'):rep(1 << 20) return {s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s}",
        "print(('x'):rep(1 << 30))",
    ],
)
def test_memory_is_limited(text: str) -> None:
    with pytest.raises(LuaMemoryLimit, match="more than its memory of 8 MiB") as caught:
        run(text, memory=8)
    assert "settings.lua.memory" in str(caught.value.hint)
    assert run("return ('x'):rep(1 << 20)") == "x" * 2**20


def test_a_block_can_live_through_a_lack_of_memory() -> None:
    assert run("local ok, why = pcall(string.rep, 'x', 1 << 30)\nreturn {ok = ok, why = why}", memory=8) == {
        "ok": False,
        "why": "not enough memory",
    }


def test_a_large_state_counts_and_nothing_breaks() -> None:
    state = {"text": "x" * 2**24}
    with pytest.raises(LuaMemoryLimit):
        run("return {n = #(state.text .. 'y')}", state, memory=8)
    assert run("return {n = #(state.text .. 'y')}", state, memory=64) == {"n": 2**24 + 1}


def test_memory_does_not_add_up_over_runs() -> None:
    for _ in range(20):
        assert run("local s = ('x'):rep(6 << 20)\nreturn #s", memory=16) == 6 * 2**20


@pytest.mark.parametrize(
    "text",
    [
        "return (''):rep(math.maxinteger)",
        "return ('x'):rep(-1)",
    ],
)
def test_nothing_is_repeated_in_no_time(text: str) -> None:
    assert run(text, timeout=5) == ""


def test_moving_what_is_not_there_is_refused() -> None:
    with pytest.raises(NodeFailed, match="too many elements to move"):
        run("table.move({}, 1, math.maxinteger - 1, 2)", timeout=5)


def test_enough_instructions_are_enough() -> None:
    text = "local n = 0\nfor i = 1, 1000 do n = n + 1 end\nreturn n"
    assert run(text, instructions=10_000) == 1000
    with pytest.raises(LuaInstructionLimit):
        run(text, instructions=1000)


@pytest.mark.parametrize("budget", [15_000, 30_001, 100_000])
def test_a_limit_of_instructions_is_kept_to_a_few(budget: int) -> None:
    # The loop takes two instructions a pass.
    passes = budget // 2
    assert run(f"for i = 1, {passes - 2000} do local x = i end return 1", instructions=budget) == 1
    with pytest.raises(LuaInstructionLimit):
        run(f"for i = 1, {passes + 2000} do local x = i end return 1", instructions=budget)


def test_every_limit_is_a_limit() -> None:
    assert {kind.exit_code for kind in (LuaTimeLimit, LuaMemoryLimit, LuaInstructionLimit)} == {LimitReached.exit_code}
