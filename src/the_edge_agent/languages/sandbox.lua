-- The Lua side of lua_interpreter.py: what a block sees, what it costs, and how its result leaves.
--
-- It runs once in a new Lua state, takes every library out of reach, and returns `compile` and `run`.
-- The four functions it is given are Python's. None of them raises, and none gives back more than a
-- boolean: anything else would allocate in Lua, where the memory limit may strike in the middle of Python.

local emit, warning, asked, limit_memory = ...

local type, next, select, error, tostring, tonumber, assert = type, next, select, error, tostring, tonumber, assert
local pcall, xpcall, load, rawget, rawequal, collectgarbage = pcall, xpcall, load, rawget, rawequal, collectgarbage
local getmetatable, setmetatable = getmetatable, setmetatable
local sethook, getinfo, clock = debug.sethook, debug.getinfo, os.clock
local coroutine, format, find, gsub, byte, rep = coroutine, string.format, string.find, string.gsub, string.byte, string.rep
local concat, sort, move, pack = table.concat, table.sort, table.move, table.pack
local math_type, random, randomseed = math.type, math.random, math.randomseed
local utf8_length = utf8.len

-- Limits ------------------------------------------------------------------------------------------

local LIMIT <const> = {} -- raised where a limit is reached; no block ever sees it
local MAIN_STEP <const>, COROUTINE_STEP <const> = 10000, 1000 -- instructions between two looks
local QUESTION <const> = 0.005 -- seconds of processor time between two questions to Python
local UNLIMITED <const> = math.huge

local source -- the name of the chunk that runs
local reached, reached_at -- which limit was, and the line of the block
local used, budget, main_step, coroutine_step, next_question
local seed_after -- what goes on as before, when a block has seeded its random numbers

-- The line of the block that runs, or called what runs.
local function line_of_block()
    local level = 3
    local frame = getinfo(level, "Sl")
    while frame and frame.source ~= source do
        level = level + 1
        frame = getinfo(level, "Sl")
    end
    return frame and frame.currentline
end

local function stop(which)
    if not reached then
        reached, reached_at = which, line_of_block()
    end
    error(LIMIT, 0)
end

-- Account for instructions. Once a limit was reached every call raises again, whoever catches it.
local function spend(instructions)
    if reached then
        stop()
    end
    used = used + instructions
    if used >= budget then
        stop("instructions")
    end
    local now = clock()
    if now >= next_question then
        next_question = now + QUESTION
        if asked() then
            stop("asked")
        end
    end
end

local function main_hook()
    spend(main_step)
end

local function coroutine_hook()
    spend(coroutine_step)
end

-- What a protected call gives, unless it only caught the limit.
local function relay(...)
    if reached then
        stop()
    end
    return ...
end

-- What a block sees -------------------------------------------------------------------------------

local function absent(name, instead)
    return function()
        error(name .. " is not available in a Lua block: " .. instead, 2)
    end
end

-- Text that Python can decode.
local function decodable(text)
    return utf8_length(text) and text or (gsub(text, "[\128-\255]", "?"))
end

local function joined(separator, ...)
    local parts = pack(...)
    for i = 1, parts.n do
        parts[i] = tostring(parts[i])
    end
    return decodable(concat(parts, separator))
end

local base = {
    _VERSION = _VERSION,
    assert = assert,
    error = error,
    getmetatable = getmetatable,
    ipairs = ipairs,
    next = next,
    pairs = pairs,
    rawequal = rawequal,
    rawget = rawget,
    rawlen = rawlen,
    rawset = rawset,
    select = select,
    tonumber = tonumber,
    tostring = tostring,
    type = type,
    load = absent("load", "write the code in the block"),
    require = absent("require", "write the function in the block, or compute the value in a Python block before it"),
}

function base.print(...)
    emit(joined("\t", ...))
end

function base.warn(...)
    warning(joined("", ...))
end

function base.pcall(...)
    return relay(pcall(...))
end

function base.xpcall(call, handler, ...)
    local own = handler
    if type(handler) == "function" then
        -- Inside a hook no hook runs: there a handler of the block could go on for ever.
        own = function(failure)
            return reached and LIMIT or handler(failure)
        end
    end
    return relay(xpcall(call, own, ...))
end

function base.setmetatable(object, metatable)
    -- A finalizer runs whenever memory is collected, unseen by any limit, even in a later run.
    if type(metatable) == "table" and rawget(metatable, "__gc") ~= nil then
        error("a metatable with __gc is not available in a Lua block: free nothing, a block's values end with it", 2)
    end
    return setmetatable(object, metatable)
end

function base.collectgarbage(option)
    if option == nil or option == "collect" or option == "count" then
        return collectgarbage(option)
    end
    error("collectgarbage knows only 'collect' and 'count' in a Lua block", 2)
end

local function copied(original)
    local copy = {}
    for key, value in next, original do
        copy[key] = value
    end
    return copy
end

local math, string, table, threads = copied(math), copied(string), copied(table), {}
local libraries = { coroutine = threads, math = math, string = string, table = table, utf8 = utf8 }
threads.isyieldable, threads.running, threads.status, threads.yield =
    coroutine.isyieldable, coroutine.running, coroutine.status, coroutine.yield

function threads.create(call)
    local thread = coroutine.create(call)
    sethook(thread, coroutine_hook, "", coroutine_step)
    -- Instructions of a thread that ends before its first look are paid here.
    spend(coroutine_step)
    return thread
end

function threads.resume(...)
    return relay(coroutine.resume(...))
end

function threads.close(...)
    return relay(coroutine.close(...))
end

local function resumed(thread, alive, ...)
    if alive then
        return ...
    end
    if coroutine.status(thread) == "dead" then
        threads.close(thread)
    end
    error((...), 0)
end

function threads.wrap(call)
    local thread = threads.create(call)
    return function(...)
        return resumed(thread, threads.resume(thread, ...))
    end
end

string.dump = nil

function string.rep(text, count, separator)
    -- Lua would do nothing, as often as it is told to.
    if text == "" and (separator == nil or separator == "") then
        count = 0
    end
    return rep(text, count, separator)
end

function table.move(from, first, last, ...)
    if math_type(first) == "integer" and math_type(last) == "integer" and last >= first and last - first >= 1 << 28 then
        error("too many elements to move", 2)
    end
    return move(from, first, last, ...)
end

function math.randomseed(...)
    seed_after = seed_after or random(0)
    return randomseed(...)
end

local string_metatable = getmetatable("")
string_metatable.__metatable = false

-- The globals of one run; nothing that a block does to them outlives it.
local function globals()
    local found = copied(base)
    for name, library in next, libraries do
        found[name] = copied(library)
    end
    found._G = found
    string_metatable.__index = found.string
    return found
end

local everything = _G
for name in next, everything do
    everything[name] = nil
end

-- Values in ---------------------------------------------------------------------------------------

-- A key that the result of a branch does not have itself is looked up in its state.
local branch_result = {
    __metatable = false,
    __index = function(result, key)
        local state = rawget(result, "state")
        if type(state) == "table" then
            return rawget(state, key)
        end
        return nil
    end,
}

-- `places` are the paths to the results of branches in `state`.
local function adopt(state, places)
    for i = 1, #places do
        local found = state
        for j = 1, #places[i] do
            found = found[places[i][j]]
        end
        setmetatable(found, branch_result)
    end
end

-- Keys of the state whose values have no Lua form: reading one says why.
local function leave_out(state, reasons)
    if next(reasons) == nil then
        return
    end
    local function refuse(_, key)
        if reasons[key] then
            error(reasons[key], 2)
        end
    end
    local function refuse_all()
        local _, why = next(reasons)
        error(why, 2)
    end
    setmetatable(state, { __metatable = false, __index = refuse, __pairs = refuse_all })
end

-- Values out: JSON text ---------------------------------------------------------------------------

local WHOLE <const> = 2.0 ^ 53 -- up to here every whole float is a different integer
local DEEPEST <const> = 400
local HOLES <const> = 1000

local write

-- `path` holds the keys that lead to the value, `path.n` their number.
local function refuse(path, what, hint)
    local parts = {}
    for i = 1, path.n do
        local key = path[i]
        parts[i] = math_type(key) == "integer" and "[" .. key .. "]" or (i > 1 and "." or "") .. tostring(key)
    end
    local place = decodable(concat(parts))
    error({ place == "" and "result" or place, what, hint }, 0)
end

local function escaped(character)
    return format("\\u%04x", byte(character))
end

local function quoted(text)
    return '"' .. gsub(text, '[\0-\31"\\]', escaped) .. '"'
end

local function write_string(text, path)
    if not utf8_length(text) then
        refuse(path, "text that is not UTF-8", "return its bytes as numbers: {string.byte(text, 1, -1)}")
    end
    return quoted(text)
end

local function write_number(number, path)
    if math_type(number) == "integer" then
        return format("%d", number)
    end
    if number ~= number or number == UNLIMITED or number == -UNLIMITED then
        refuse(path, format("%s, which JSON has no form for", number ~= number and "NaN" or tostring(number)), "return nil instead")
    end
    if number >= -WHOLE and number <= WHOLE and number % 1 == 0 then
        return format("%d", number)
    end
    local text = gsub(format("%.17g", number), ",", ".")
    return find(text, "[.e]") and text or text .. ".0"
end

local function write_array(array, largest, path, out)
    out[#out + 1] = "["
    local depth = path.n
    path.n = depth + 1
    for i = 1, largest do
        if i > 1 then
            out[#out + 1] = ","
        end
        path[depth + 1] = i
        write(rawget(array, i), path, out)
    end
    path.n = depth
    out[#out + 1] = "]"
end

-- The names of an object in alphabetical order, and the key behind each.
local function names_of(object, path)
    local names, keys = {}, {}
    for key in next, object do
        local name = key
        if type(key) == "number" then
            name = math_type(key) == "integer" and format("%d", key) or (gsub(format("%.14g", key), ",", "."))
        elseif type(key) ~= "string" then
            refuse(path, "a table with a key of type " .. type(key), "use text or numbers as keys")
        elseif not utf8_length(key) then
            refuse(path, "a table with a key that is not UTF-8", "use text or numbers as keys")
        end
        if keys[name] ~= nil then
            refuse(path, format("a table with the key %s as a number and as text", name), "use one of them")
        end
        names[#names + 1], keys[name] = name, key
    end
    sort(names)
    return names, keys
end

local function write_object(object, path, out)
    local names, keys = names_of(object, path)
    local depth = path.n
    path.n = depth + 1
    out[#out + 1] = "{"
    for i = 1, #names do
        local name = names[i]
        out[#out + 1] = (i > 1 and "," or "") .. quoted(name) .. ":"
        path[depth + 1] = name
        write(rawget(object, keys[name]), path, out)
    end
    path.n = depth
    out[#out + 1] = "}"
end

local function write_table(found, path, out)
    if path.open[found] then
        refuse(path, "a table that contains itself", "return the part that is needed")
    end
    if path.n > DEEPEST then
        path.n = 8
        refuse(path, "nested too deeply", "return the part that is needed")
    end
    local count, largest = 0, 0
    for key in next, found do
        if math_type(key) ~= "integer" or key < 1 then
            count = -1
            break
        end
        count, largest = count + 1, key > largest and key or largest
    end
    if count > 0 and largest > HOLES and largest // 2 > count then
        local message = format("a list with %d values and the largest index %d", count, largest)
        refuse(path, message, "close its holes, or use text keys: t[tostring(i)]")
    end
    path.open[found] = true
    if count > 0 then
        write_array(found, largest, path, out)
    else
        write_object(found, path, out)
    end
    path.open[found] = nil
end

function write(value, path, out)
    local kind = type(value)
    if kind == "string" then
        out[#out + 1] = write_string(value, path)
    elseif kind == "number" then
        out[#out + 1] = write_number(value, path)
    elseif kind == "table" then
        write_table(value, path, out)
    elseif kind == "boolean" or kind == "nil" then
        out[#out + 1] = value == nil and "null" or tostring(value)
    else
        refuse(path, "a " .. kind .. ", which JSON has no form for", "return numbers, texts and tables")
    end
end

local function json(value)
    local out = {}
    write(value, { n = 0, open = {} }, out)
    return concat(out)
end

-- Running -----------------------------------------------------------------------------------------

-- A message handler: the failure, and the line of the block it came through.
local function witnessed(failure)
    if rawequal(failure, LIMIT) then
        return LIMIT
    end
    local line = line_of_block()
    if type(failure) == "string" then
        -- A library function that was called by its cover above.
        failure = gsub(failure, "^sandbox:%d+: ", "")
    end
    return { failure, line }
end

-- What was raised, as text.
local function told(failure)
    if type(failure) ~= "table" then
        return decodable(tostring(failure))
    end
    local metatable = getmetatable(failure)
    if type(metatable) == "table" and rawget(metatable, "__tostring") ~= nil then
        return decodable(tostring(failure))
    end
    local written, text = pcall(json, failure)
    return "the block raised a table" .. (relay(written) and ": " .. text or "")
end

-- Returns how it ended, and what goes with that:
-- "value" JSON · "nothing" · "count" n · "error" text line · "refused" place what hint
local function perform(chunk, environment, state)
    local outcome = pack(xpcall(chunk, witnessed, environment, state))
    if not outcome[1] then
        local failure = relay(outcome[2])
        if type(failure) == "table" then
            return "error", told(failure[1]), failure[2]
        end
        return "error", failure
    end
    if outcome.n > 2 then
        return "count", outcome.n - 1
    end
    if outcome[2] == nil then
        return "nothing"
    end
    local written, text = pcall(json, outcome[2])
    if relay(written) then
        return "value", text
    end
    if type(text) == "table" then
        return "refused", text[1], text[2], text[3]
    end
    return "error", text
end

local function run(chunk, name, state, places, left_out, instructions)
    local environment = globals()
    adopt(state, places)
    leave_out(state, left_out)
    source, reached, reached_at, used, next_question = name, nil, nil, 0, 0
    budget = instructions or UNLIMITED
    main_step = MAIN_STEP
    if instructions then
        -- Steps of equal size, the last of which ends at the limit.
        main_step = -(-instructions // -(-instructions // MAIN_STEP))
    end
    coroutine_step = main_step < COROUTINE_STEP and main_step or COROUTINE_STEP
    limit_memory(true)
    sethook(main_hook, "", main_step)
    local done, how, first, second, third = pcall(perform, chunk, environment, state)
    sethook()
    limit_memory(false)
    if seed_after then
        randomseed(seed_after)
        seed_after = nil
    end
    if done then
        return how, first, second, third
    end
    if rawequal(how, LIMIT) then
        return "limit", reached, reached_at
    end
    return "error", type(how) == "string" and how or "an error while the error was told"
end

local function compile(text, name)
    return load(text, name, "t", {})
end

return compile, run
