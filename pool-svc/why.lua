#!lua flags=no-writes
-- Which number would this pair get now, and why not the others? Writes nothing.
-- KEYS[1] pool:{P}:numbers      KEYS[2] pool:{P}:held:<customer>
-- KEYS[3] pool:{P}:held:<driver>  KEYS[4] pool:{P}:index
-- KEYS[5] pool:{P}:about
-- ARGV[1] the most numbers in the answer
-- Returns {now, the number or '', when the next comes free or 0, looked at but
--   left out, not looked at, number, verdict, until (ms; 0: none; -1: for good),
--   …}: the chosen one first, then what was passed over, as it was, then some of
--   those that take no new rides.
local INDEX_LOOKED_AT = 1000
local function text(n) return string.format('%.0f', n) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- include walk.inc

local function verdict_of(n)
  local customer, driver = (a[n] or 0) > now, (b[n] or 0) > now
  if customer and driver then return 'held_by_both' end
  if customer then return 'held_by_customer' end
  return driver and 'held_by_driver' or 'remembered'
end

-- draining, set_aside, …
local function state_of(n)
  local packed = redis.call('HGET', KEYS[5], n)
  local state = packed and cmsgpack.unpack(packed)[1] or 'active'
  return state ~= 'active' and state or 'draining'
end

local room, left_out, listed = tonumber(ARGV[1]), 0, {}
local function list(n, verdict, is_out)
  if room == 0 then
    left_out = left_out + 1
    return
  end
  room = room - 1
  local last = held_until(n)
  -- What it was before it took no new rides is nobody's business any more.
  if is_out and last <= now then last = 0 end
  listed[#listed + 1] = n
  listed[#listed + 1] = verdict
  listed[#listed + 1] = last == math.huge and '-1' or text(last)
end

local seen = {}
local number, next_free = walk('', function(n) seen[#seen + 1] = n end)
if number then list(number, 'chosen') end
for i = 1, #seen do
  if seen[i] ~= number then list(seen[i], verdict_of(seen[i])) end
end

local taking = redis.call('ZCARD', KEYS[1])
local out = redis.call('ZCARD', KEYS[4]) - taking
local found = 0
if out > 0 and room > 0 then
  local some = redis.call('ZRANGE', KEYS[4], 0, INDEX_LOOKED_AT - 1)
  local takes = redis.call('ZMSCORE', KEYS[1], unpack(some))
  for i = 1, #some do
    if not takes[i] and room > 0 then
      list(some[i], state_of(some[i]), true)
      found = found + 1
    end
  end
end
left_out = left_out + math.max(out - found, 0)

local answer = {text(now), number or '', text(not number and next_free or 0),
                text(left_out), text(taking - #seen)}
for i = 1, #listed do answer[#answer + 1] = listed[i] end
return answer
